//! Which file or folder it is, whatever its name.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A file or folder as the system knows it: no two that are there at a time have the same. One that is gone keeps its own for
/// as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(data: &Metadata) -> Self {
        Identity { device: data.dev(), inode: data.ino() }
    }

    /// Of what is at a path; `None` when nothing is.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(data) => Ok(Some(Identity::of(&data))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether two are on one device.
    pub(super) fn is_on_device_of(self, other: Identity) -> bool {
        self.device == other.device
    }

    /// Of an open file.
    pub(super) fn of_file(file: &File) -> io::Result<Self> {
        file.metadata().map(|data| Identity::of(&data))
    }
}
