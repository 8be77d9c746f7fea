//! Makes a new book, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use rusqlite::{Connection, params};

use super::lock::{FILES, beside};
use super::{OpenError, schema};

/// Makes the book under another name and then renames it, so that a crash never leaves half a book under `path`.
pub(super) fn create(path: &Path, chain_id: &str, hash_key: [u8; 32]) -> Result<(), OpenError> {
    let fresh = beside(path, ".new");
    for suffix in FILES {
        remove(&beside(&fresh, suffix))?;
    }
    create_private(&fresh).map_err(OpenError::io(&fresh, "create the file"))?;
    fill(&fresh, chain_id, hash_key).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => OpenError::sqlite(&fresh, err),
        other => OpenError::Damaged { path: fresh.clone(), detail: other.to_string() },
    })?;
    fs::rename(&fresh, path).map_err(OpenError::io(&fresh, "rename the file"))?;
    sync_folder(path).map_err(OpenError::io(path, "make the new file durable in its folder"))
}

/// Makes an empty file that nobody else may read: the hash key is a secret. What SQLite puts beside the file gets the file's
/// own mode.
///
/// # Errors
/// When it exists or cannot be made.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OpenError::io(path, "remove the file")(error)),
        _ => Ok(()),
    }
}

/// Writes with a rollback journal: our mark is then in the file itself from the start, and never in a log alone.
pub(super) fn fill(path: &Path, chain_id: &str, hash_key: [u8; 32]) -> Result<(), rusqlite_migration::Error> {
    let mut conn = Connection::open(path)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    schema::migrate(&mut conn)?;
    const SQL: &str = "INSERT INTO meta (name, value) VALUES ('chain_id', ?1), ('hash_key', ?2), ('format', ?3)";
    conn.execute(SQL, params![chain_id, hash_key, schema::FORMAT])?;
    conn.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    let _: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    conn.close().map_err(|(_, error)| error.into())
}

/// A rename is durable once the folder is.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
