//! The lock file beside a book: two processes that both hold a book in memory would overwrite each other's rows.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::OpenError;
use super::identity::Identity;
use crate::file_owner::options_no_link;

/// Bytes of a lock file that are read for the process number.
const MAX_PID: u64 = 16;

/// Held while a book is open; the system releases it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// The files of a book, by what stands behind its name, the book itself last. Without its log a book lacks the latest
/// changes; beside another book the log would be applied to that.
pub(super) const FILES: [&str; 4] = ["-journal", "-wal", "-shm", ""];

/// `path` with `suffix` behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// What a restore puts in the book's place; it is there while the old book is moved away.
pub(super) fn pending(book: &Path) -> PathBuf {
    beside(book, ".restoring")
}

impl Lock {
    /// Locks the book at `path`. The file stays when the lock is gone: to remove it would let a third process lock another
    /// file of the same name. It cannot be a link: our number would take the place of what is in the file that it leads to.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another process or handle has it, [`OpenError::Io`] when there can be no lock file.
    pub(super) fn take(path: &Path) -> Result<Lock, OpenError> {
        let lock_path = beside(path, ".lock");
        let open = options_no_link().read(true).write(true).create(true).truncate(false).open(&lock_path);
        let mut file = open.map_err(OpenError::io(&lock_path, "open the lock file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Locked { path: path.to_path_buf(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(OpenError::io(lock_path, "lock the file")(source)),
        }
        // The number only helps a reader; a full disk must not keep pexd from starting.
        if let Err(error) = write_pid(&mut file) {
            tracing::debug!(path = %lock_path.display(), %error, "the lock file does not name this process");
        }
        Ok(Lock { file })
    }
}

impl Lock {
    /// Whether the lock file is still the one beside the book: behind another one, another process could open it too.
    pub(super) fn is_in_place(&self, path: &Path) -> std::io::Result<bool> {
        Ok(Identity::at(&beside(path, ".lock"))? == Some(Identity::of_file(&self.file)?))
    }
}

impl Drop for Lock {
    /// Unlocks and does not only close: a process that is just being started still has a copy of the handle.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock file was closed without unlocking it");
        }
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
