//! Whether a file is a book of ours that is whole: its header without SQLite, then SQLite's own check, versions and chain.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::lock::beside;
use super::{OpenError, StoreSettings, schema};

/// What [`check_head`] reads: SQLite's own header.
const HEADER: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where the header has the bytes of a page (1 stands for 65,536) and the application's ID, both big-endian.
const PAGE_SIZE_AT: usize = 16;
const APPLICATION_ID_AT: usize = 68;

/// Whether a file begins as a book of ours does; one that is not there will be made.
///
/// # Errors
/// What is wrong with it, with the fix.
pub fn check_header(path: &Path) -> Result<(), OpenError> {
    if path.exists() { check_head(path) } else { Ok(()) }
}

/// Looks for our mark without SQLite, which may roll back or checkpoint a file that is not ours to touch.
///
/// It comes before the connection: closing a plain handle releases the locks that this process has on the file.
pub(super) fn check_head(path: &Path) -> Result<(), OpenError> {
    let mut file = File::open(path).map_err(OpenError::io(path, "open the file"))?;
    let mut head = Vec::with_capacity(HEADER);
    let read = file.by_ref().take(HEADER as u64).read_to_end(&mut head).and_then(|_| file.metadata());
    let length = read.map_err(OpenError::io(path, "read the file"))?.len();
    if !is_book(&head) {
        return Err(OpenError::Foreign { path: path.to_path_buf() });
    }
    // SQLite reads what is missing of the last page as zeros. A log repairs a page that was cut off while it was written.
    if length % page_size(&head) != 0 && !has_content(&beside(path, "-wal")) {
        return Err(damaged(path, "its last page is cut off"));
    }
    Ok(())
}

/// Whether the first bytes of a file are those of a book.
pub(super) fn is_book(head: &[u8]) -> bool {
    let application_id = head.get(APPLICATION_ID_AT..APPLICATION_ID_AT + 4);
    head.starts_with(MAGIC) && application_id == Some(&schema::APPLICATION_ID.to_be_bytes())
}

fn page_size(head: &[u8]) -> u64 {
    match u16::from_be_bytes([head[PAGE_SIZE_AT], head[PAGE_SIZE_AT + 1]]) {
        0 | 1 => 65_536,
        size => u64::from(size),
    }
}

pub(super) fn has_content(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.len() > 0)
}

/// A connection that writes nothing by itself, not even a checkpoint when it is dropped.
pub(super) fn connect(path: &Path, settings: &StoreSettings) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.busy_timeout(settings.busy_timeout)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    Ok(conn)
}

/// A connection that only reads the file itself: it takes no locks, and leaves nothing beside the file and everything in it as it
/// is, whoever's it is. What it reads may be half of a change.
pub(super) fn connect_immutable(path: &Path) -> rusqlite::Result<Connection> {
    // A name is part of a URI here: whatever could have a meaning in one is written in hex. Behind `file:` alone, two slashes would
    // begin the name of a host.
    let name: String = path.as_os_str().as_bytes().iter().map(|byte| in_uri(*byte)).collect();
    let host = if path.is_absolute() { "//" } else { "" };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{host}{name}?immutable=1"), flags)
}

fn in_uri(byte: u8) -> String {
    let stays = byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_');
    if stays { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

/// SQLite's own check, and whether we know this version of the tables. The version comes first: what a newer one means by
/// its tables is not for us to judge.
pub(super) fn check_content(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    let known = schema::latest();
    if version > known {
        return Err(OpenError::Newer { path: path.to_path_buf(), what: "schema", found: version, known });
    }
    if version < 1 {
        return Err(damaged(path, &format!("its schema version is {version}")));
    }
    let finding: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if finding == "ok" { Ok(()) } else { Err(damaged(path, &finding)) }
}

/// Gives the book's hash key.
pub(super) fn check_meta(conn: &Connection, path: &Path, chain_id: &str) -> Result<[u8; 32], OpenError> {
    let found: i64 = meta(conn, path, "format")?;
    if found > schema::FORMAT {
        return Err(OpenError::Newer { path: path.to_path_buf(), what: "format", found, known: schema::FORMAT });
    }
    let found: String = meta(conn, path, "chain_id")?;
    if found != chain_id {
        return Err(OpenError::OtherChain { path: path.to_path_buf(), found, expected: chain_id.to_owned() });
    }
    meta(conn, path, "hash_key")
}

fn meta<T: FromSql>(conn: &Connection, path: &Path, name: &str) -> Result<T, OpenError> {
    let query = conn.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get::<_, Value>(0));
    let value = query.optional().map_err(|error| OpenError::sqlite(path, error))?;
    let value = value.and_then(|value| T::column_result((&value).into()).ok());
    value.ok_or_else(|| damaged(path, &format!("meta has no {name} that reads")))
}

pub(super) fn damaged(path: &Path, detail: &str) -> OpenError {
    OpenError::Damaged { path: path.to_path_buf(), detail: detail.to_owned() }
}
