//! Reading bounded files and writing files whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::regular_file::open_regular;

/// Bytes of a file of ours at most; a node's whole config.toml has 30,000.
const MAX_FILE: u64 = 1 << 20;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everyone.
    Public,
    /// Its owner alone.
    Private,
}

/// The text of a file.
///
/// # Errors
/// When it cannot be read, is no regular file, has more than 1 MiB, or is not UTF-8.
pub fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open_regular(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file has more than 1 MiB"));
    }
    Ok(text)
}

/// Writes a file that does not exist yet: it appears whole or not at all, and nothing is overwritten.
///
/// # Errors
/// `AlreadyExists` when it is there, else what the system says; nothing is left behind then.
pub fn create(path: &Path, text: &str, mode: Mode) -> io::Result<()> {
    let unfinished = unfinished(path);
    let result = write(&unfinished, text, mode).and_then(|_| fs::hard_link(&unfinished, path));
    let removed = fs::remove_file(&unfinished);
    result?;
    removed?;
    sync_parent(path)
}

/// A name beside `path` that no other process takes.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.new", std::process::id()))
}

/// Writes a new file and has it on the disk; open, to be given to its owner.
pub(super) fn write(path: &Path, text: &str, mode: Mode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if mode == Mode::Private { 0o600 } else { 0o644 });
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(file)
}

/// Makes a folder that only its owner may enter. Missing parents are made as usual.
pub(super) fn create_private_folder(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Has a new name in a folder on the disk.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        create(&path, "one", Mode::Public).unwrap();
        assert_eq!(create(&path, "two", Mode::Public).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path).unwrap(), "one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_huge_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        File::create(&path).unwrap().set_len(MAX_FILE + 1).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
