//! Whose the files of a home are: what root makes in it belongs to the home's owner, the user that runs pexd, as a book that root
//! restores does.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

/// Who gets what is made; nobody when it is not root who makes it, since no other user could give anything away.
#[derive(Clone, Debug)]
pub struct HomeOwner {
    owner: Option<(u32, u32)>,
}

impl HomeOwner {
    /// The owner of this folder; of the folder that it will be made in while there is none.
    ///
    /// # Errors
    /// When the folder cannot be looked at.
    pub fn of(home: &Path) -> io::Result<Self> {
        HomeOwner::as_user(home, geteuid().is_root())
    }

    fn as_user(home: &Path, is_root: bool) -> io::Result<Self> {
        if !is_root {
            return Ok(HomeOwner { owner: None });
        }
        for folder in home.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
            match fs::metadata(folder) {
                Ok(metadata) => return Ok(HomeOwner { owner: Some((metadata.uid(), metadata.gid())) }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(HomeOwner { owner: None })
    }

    /// Gives a file or folder that was just made to the owner. A link itself is given, never what it leads to.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        let Some((uid, gid)) = self.owner else { return Ok(()) };
        let made = fs::symlink_metadata(path)?;
        if (made.uid(), made.gid()) == (uid, gid) {
            return Ok(());
        }
        let refused = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("cannot give it to the owner of the home (uid {uid}, gid {gid}): {error}"),
            )
        };
        lchown(path, Some(uid), Some(gid)).map_err(refused)
    }

    /// Makes a folder and those that are missing above it, all of them the owner's.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn make_folders(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<PathBuf> = folder.ancestors().take_while(|folder| !folder.exists()).map(Into::into).collect();
        fs::create_dir_all(folder)?;
        missing.iter().try_for_each(|folder| self.give(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_root_gives_nothing_away() {
        let folder = tempfile::tempdir().unwrap();
        let owner = HomeOwner::as_user(folder.path(), false).unwrap();
        owner.make_folders(&folder.path().join("a/b")).unwrap();
        assert!(owner.owner.is_none() && folder.path().join("a/b").is_dir());
    }

    #[test]
    fn the_owner_is_that_of_the_home_or_of_where_it_will_be() {
        let folder = tempfile::tempdir().unwrap();
        let metadata = fs::metadata(folder.path()).unwrap();
        for home in [folder.path().to_owned(), folder.path().join("not/there/yet")] {
            let owner = HomeOwner::as_user(&home, true).unwrap();
            assert_eq!(owner.owner, Some((metadata.uid(), metadata.gid())), "{}", home.display());
        }
    }
}
