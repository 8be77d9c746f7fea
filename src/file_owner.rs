//! Whose a new file is: what root makes belongs to the owner of the folder that it is for, the user that runs pexd. That user may
//! put links into the folder, so no link is ever followed to give a file away, nor a file given that has another name elsewhere.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

/// Who gets what is made; nobody when it is not root who makes it, since no other user could give anything away.
#[derive(Clone, Debug)]
pub struct FileOwner {
    owner: Option<(u32, u32)>,
}

impl FileOwner {
    /// The owner of this folder; of the folder that it will be made in while there is none.
    ///
    /// # Errors
    /// When the folder cannot be looked at.
    pub fn of(folder: &Path) -> io::Result<Self> {
        FileOwner::as_user(folder, geteuid().is_root())
    }

    fn as_user(folder: &Path, is_root: bool) -> io::Result<Self> {
        if !is_root {
            return Ok(FileOwner { owner: None });
        }
        for folder in folder.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
            match fs::metadata(folder) {
                Ok(metadata) => return Ok(FileOwner { owner: Some((metadata.uid(), metadata.gid())) }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(FileOwner { owner: None })
    }

    /// Gives a file or folder that was just made to the owner.
    ///
    /// # Errors
    /// When it is a link, or as [`FileOwner::give_open`].
    pub fn give(&self, path: &Path) -> io::Result<()> {
        if self.owner.is_none() {
            return Ok(());
        }
        self.give_open(&options_no_link().read(true).open(path)?)
    }

    /// As [`FileOwner::give`], what is open: its name may lead elsewhere by now.
    ///
    /// # Errors
    /// When the file has other names, or the system refuses.
    pub fn give_open(&self, file: &File) -> io::Result<()> {
        let Some((uid, gid)) = self.owner else { return Ok(()) };
        let made = file.metadata()?;
        if (made.uid(), made.gid()) == (uid, gid) {
            return Ok(());
        }
        let refused = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("cannot give it to the owner of its folder (uid {uid}, gid {gid}): {error}"),
            )
        };
        if made.is_file() && made.nlink() > 1 {
            return Err(refused(io::Error::other("it has other names (hard links): remove them")));
        }
        fchown(file, Some(uid), Some(gid)).map_err(refused)
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

/// Options with which a link is refused, and what would be waited for (a pipe) is not.
pub fn options_no_link() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// An owner that no temporary folder has.
    const OTHER: (u32, u32) = (54_321, 54_321);

    fn owner_of(path: &Path) -> (u32, u32) {
        let metadata = fs::metadata(path).unwrap();
        (metadata.uid(), metadata.gid())
    }

    #[test]
    fn who_is_not_root_gives_nothing_away() {
        let folder = tempfile::tempdir().unwrap();
        let owner = FileOwner::as_user(folder.path(), false).unwrap();
        owner.make_folders(&folder.path().join("a/b")).unwrap();
        assert!(owner.owner.is_none() && folder.path().join("a/b").is_dir());
    }

    #[test]
    fn the_owner_is_that_of_the_home_or_of_where_it_will_be() {
        let folder = tempfile::tempdir().unwrap();
        let metadata = fs::metadata(folder.path()).unwrap();
        for home in [folder.path().to_owned(), folder.path().join("not/there/yet")] {
            let owner = FileOwner::as_user(&home, true).unwrap();
            assert_eq!(owner.owner, Some((metadata.uid(), metadata.gid())), "{}", home.display());
        }
    }

    #[test]
    fn what_a_link_leads_to_is_not_given_away() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("precious"), "x").unwrap();
        symlink(at("precious"), at("link")).unwrap();
        let before = owner_of(&at("precious"));
        let owner = FileOwner { owner: Some(OTHER) };
        owner.give(&at("link")).unwrap_err();
        fs::hard_link(at("precious"), at("name")).unwrap();
        let refused = owner.give(&at("name")).unwrap_err().to_string();
        assert!(refused.contains("hard links"), "{refused}");
        assert_eq!(owner_of(&at("precious")), before);
    }

    #[test]
    fn root_gives_what_it_made() {
        if !geteuid().is_root() {
            let skip = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/skip");
            let lines = ["only root can give files away, and the tests are not run by root."];
            let _ = std::process::Command::new(skip).args(lines).status();
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (made, file) = (folder.path().join("a/b"), folder.path().join("a/b/c"));
        let owner = FileOwner { owner: Some(OTHER) };
        owner.make_folders(&made).unwrap();
        fs::write(&file, "x").unwrap();
        owner.give(&file).unwrap();
        assert_eq!((owner_of(&made), owner_of(&file)), (OTHER, OTHER));
    }
}
