//! Whole copies of a book: taken while it is in use, and put back in its place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::check::{check_content, check_head, check_meta, connect};
use super::create::{create_private, remove, sync_folder};
use super::lock::{FILES, Lock, beside, pending};
use super::{OpenError, StoreSettings};
use crate::file_owner::FileOwner;

/// Why there is no copy, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A copy overwrites nothing.
    #[error("{} exists already: name another file", .0.display())]
    Exists(PathBuf),
    /// There is no book to copy.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// One of the two is no book, or cannot be read or written.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Writes all of a book, with the changes that are in its log alone, to a new file. The book may be in use.
///
/// # Errors
/// Nothing is left of the copy then.
pub fn back_up(book: &Path, to: &Path) -> Result<(), CopyError> {
    if !book.exists() {
        return Err(CopyError::Missing(book.to_path_buf()));
    }
    check_head(book)?;
    create_private(to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CopyError::Exists(to.to_path_buf()),
        _ => OpenError::io(to, "create the file")(error).into(),
    })?;
    let copied = copy(book, to);
    if copied.is_err() {
        remove(to)?;
    }
    Ok(copied?)
}

fn copy(book: &Path, to: &Path) -> Result<(), OpenError> {
    let conn = connect(book, &StoreSettings::default()).map_err(|error| OpenError::sqlite(book, error))?;
    check_content(&conn, book)?;
    vacuum_into(&conn, to)
}

fn vacuum_into(conn: &Connection, to: &Path) -> Result<(), OpenError> {
    let target = to
        .to_str()
        .ok_or_else(|| OpenError::io(to, "use a name that is no text")(io::ErrorKind::InvalidInput.into()))?;
    conn.execute("VACUUM INTO ?1", [target]).map_err(|error| OpenError::sqlite(to, error))?;
    let synced = File::open(to).and_then(|file| file.sync_all()).and_then(|()| sync_folder(to));
    synced.map_err(OpenError::io(to, "make the copy durable"))
}

/// Puts a copy in the place of a book that is not in use, after it was looked at. The old book is moved beside, with its
/// log, to the name that is given back; `stamp` distinguishes it from others.
///
/// # Errors
/// Until the old book is moved it is as it was. From then on no book is opened here before a restore has ended: half of the
/// old one, or an empty one, would be taken for it.
pub fn restore(from: &Path, book: &Path, chain_id: &str, stamp: u64) -> Result<Option<PathBuf>, CopyError> {
    let _lock = Lock::take(book)?;
    take_owner(book, &beside(book, ".lock"))?;
    let (staged, pending) = (beside(book, ".restored"), pending(book));
    remove(&staged)?;
    back_up(from, &staged)?;
    let ready = check(&staged, chain_id).and_then(|()| take_owner(book, &staged));
    if ready.is_err() {
        remove(&staged)?;
    }
    ready?;
    fs::rename(&staged, &pending).map_err(OpenError::io(&staged, "rename the file"))?;
    let old = move_away(book, stamp)?;
    fs::rename(&pending, book).map_err(OpenError::io(&pending, "rename the file"))?;
    sync_folder(book).map_err(OpenError::io(book, "make the file durable in its folder"))?;
    Ok(old)
}

/// Whether a copy is a whole book of this chain, which a restore could put in place.
///
/// # Errors
/// What is wrong with it.
pub fn check_copy(copy: &Path, chain_id: &str) -> Result<(), CopyError> {
    check_head(copy)?;
    Ok(check(copy, chain_id)?)
}

/// Whether nobody has the book open. One that never was there is nobody's.
///
/// # Errors
/// When a process has it, or that cannot be found out.
pub fn check_unused(book: &Path) -> Result<(), CopyError> {
    if beside(book, ".lock").exists() {
        Lock::take(book)?;
    }
    Ok(())
}

/// Writes all of another SQLite database than a book, with what is in its log alone, to a new file.
///
/// # Errors
/// Nothing is left of the copy then.
pub fn copy_database(from: &Path, to: &Path) -> Result<(), CopyError> {
    create_private(to).map_err(OpenError::io(to, "create the file"))?;
    let conn = connect(from, &StoreSettings::default()).map_err(|error| OpenError::sqlite(from, error))?;
    let copied = vacuum_into(&conn, to);
    if copied.is_err() {
        remove(to)?;
    }
    Ok(copied?)
}

fn check(path: &Path, chain_id: &str) -> Result<(), OpenError> {
    let conn = Connection::open(path).map_err(|error| OpenError::sqlite(path, error))?;
    check_content(&conn, path)?;
    check_meta(&conn, path, chain_id).map(drop)
}

/// Whoever restores, the book and its lock belong to the owner of its folder: the user that runs pexd.
fn take_owner(book: &Path, path: &Path) -> Result<(), OpenError> {
    let folder = book.parent().unwrap_or(Path::new("."));
    FileOwner::of(folder).and_then(|owner| owner.give(path)).map_err(OpenError::io(path, "give to the folder's owner"))
}

/// The log goes first: left alone beside the new book it would be applied to that.
fn move_away(book: &Path, stamp: u64) -> Result<Option<PathBuf>, OpenError> {
    let name = |stamp| beside(book, &format!(".before-{stamp}"));
    let is_free = |away: &PathBuf| FILES.into_iter().all(|suffix| !beside(away, suffix).exists());
    let away = (stamp..).map(name).find(is_free).unwrap_or_else(|| name(stamp));
    let mut moved = None;
    for suffix in FILES {
        let (from, to) = (beside(book, suffix), beside(&away, suffix));
        match fs::rename(&from, &to) {
            Ok(()) if suffix.is_empty() => moved = Some(to),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(OpenError::io(&from, "move the file away")(error)),
        }
    }
    Ok(moved)
}
