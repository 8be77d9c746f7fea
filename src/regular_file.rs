//! Files that somebody else may have put there, or may change at any time: a pipe in a file's place would have its reader wait
//! for ever, and a stamp tells that a file is another one by now.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;

/// Opens a file to read it, and waits for nobody.
///
/// # Errors
/// When it cannot be opened, or is something else than a file, such as a pipe or a device.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let kind = file.metadata()?;
    if kind.is_file() {
        return Ok(file);
    }
    Err(if kind.is_dir() { io::ErrorKind::IsADirectory.into() } else { io::Error::other("it is no regular file") })
}

/// What tells that a file was changed, replaced, or may be read by others than before. Equal stamps mean that reading again would
/// find the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileStamp {
    /// The stamp of a file now; `None` when it cannot be looked at.
    pub fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        Some(FileStamp {
            device: meta.dev(),
            inode: meta.ino(),
            length: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        assert!(open_regular(&path).unwrap_err().to_string().contains("no regular file"));
        assert_eq!(open_regular(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        fs::write(folder.path().join("b"), "text").unwrap();
        assert!(open_regular(&folder.path().join("b")).is_ok());
    }
}
