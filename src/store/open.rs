//! Opens a book: looks at the file before anything may change it, then brings it up to date.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, MAIN_DB, OpenFlags, OptionalExtension as _};

use super::backup::pending;
use super::create::create;
use super::load::load;
use super::lock::{Lock, beside};
use super::{Loaded, OpenError, StoreSettings, dial_ring, schema};

/// What [`check_head`] reads: SQLite's own header.
const HEADER: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where the header has the bytes of a page (1 stands for 65,536) and the application's ID, both big-endian.
const PAGE_SIZE_AT: usize = 16;
const APPLICATION_ID_AT: usize = 68;

/// Bytes that the write-ahead log keeps when it is empty, so that one burst does not hold the disk for ever.
const MAX_IDLE_LOG: i64 = 4 << 20;

/// Opens or creates, checks, migrates and loads. Whatever fails before the migration leaves every byte as it was.
pub(super) fn open(
    path: &Path,
    chain_id: &str,
    fresh_key: [u8; 32],
    settings: &StoreSettings,
) -> Result<(Connection, Lock, Loaded), OpenError> {
    let lock = Lock::take(path)?;
    if pending(path).exists() {
        return Err(OpenError::Restoring { path: path.to_path_buf() });
    }
    if is_new(path)? {
        create(path, chain_id, fresh_key)?;
    } else {
        check_head(path)?;
    }
    let sqlite = |error| OpenError::sqlite(path, error);
    let mut conn = connect(path, settings).map_err(sqlite)?;
    check_content(&conn, path)?;
    let hash_key = check_meta(&conn, path, chain_id)?;
    check_writable(&conn, path)?;
    schema::migrate(&mut conn).map_err(|error| migration_error(path, error))?;
    let (rows, skipped) = load(&conn).map_err(sqlite)?;
    prepare(&conn, path)?;
    // What does not fit the ring any more does no harm; a disk that takes nothing now must not keep pexd from starting.
    if let Err(error) = dial_ring::fit(&mut conn, settings.dial_log) {
        tracing::warn!(path = %path.display(), %error, "the dial log keeps more than book.dial_log says");
    }
    Ok((conn, lock, Loaded { rows, hash_key, skipped }))
}

/// Whether there is no book yet. What an absent book left behind must not meet a new one: SQLite would replay it.
fn is_new(path: &Path) -> Result<bool, OpenError> {
    match fs::metadata(path) {
        Ok(meta) if !meta.is_file() => Err(OpenError::Foreign { path: path.to_path_buf() }),
        Ok(meta) if meta.len() > 0 => Ok(false),
        Ok(_) => no_orphan(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => no_orphan(path).map(|()| true),
        Err(error) => Err(OpenError::io(path, "look at the file")(error)),
    }
}

fn no_orphan(path: &Path) -> Result<(), OpenError> {
    for suffix in ["-wal", "-journal"] {
        let left = beside(path, suffix);
        if has_content(&left) {
            return Err(OpenError::Orphan { path: left });
        }
    }
    Ok(())
}

/// Looks for our mark without SQLite, which may roll back or checkpoint a file that is not ours to touch.
///
/// It comes before the connection: closing a plain handle lets go of the locks that this process has on the file.
pub(super) fn check_head(path: &Path) -> Result<(), OpenError> {
    let mut file = File::open(path).map_err(OpenError::io(path, "open the file"))?;
    let mut head = Vec::with_capacity(HEADER);
    let read = file.by_ref().take(HEADER as u64).read_to_end(&mut head).and_then(|_| file.metadata());
    let length = read.map_err(OpenError::io(path, "read the file"))?.len();
    let application_id = head.get(APPLICATION_ID_AT..APPLICATION_ID_AT + 4);
    if !head.starts_with(MAGIC) || application_id != Some(&schema::APPLICATION_ID.to_be_bytes()) {
        return Err(OpenError::Foreign { path: path.to_path_buf() });
    }
    // SQLite reads what is missing of the last page as zeros. A log mends a page that was cut off while it was written.
    if length % page_size(&head) != 0 && !has_content(&beside(path, "-wal")) {
        return Err(damaged(path, "its last page is cut off"));
    }
    Ok(())
}

fn page_size(head: &[u8]) -> u64 {
    match u16::from_be_bytes([head[PAGE_SIZE_AT], head[PAGE_SIZE_AT + 1]]) {
        0 | 1 => 65_536,
        size => u64::from(size),
    }
}

fn has_content(path: &Path) -> bool {
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

/// SQLite opens for reading alone what it may not write, and says so at the first write only.
fn check_writable(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    match conn.is_readonly(MAIN_DB) {
        Ok(false) => Ok(()),
        Ok(true) => Err(OpenError::ReadOnly { path: path.to_path_buf() }),
        Err(error) => Err(OpenError::sqlite(path, error)),
    }
}

/// Makes the connection one that writes: a copy that came from elsewhere may be in another journal mode.
fn prepare(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(sqlite)?;
    if mode != "wal" {
        return Err(damaged(path, &format!("its journal mode stays {mode}")));
    }
    let _: i64 =
        conn.pragma_update_and_check(None, "journal_size_limit", MAX_IDLE_LOG, |row| row.get(0)).map_err(sqlite)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(sqlite)?;
    Ok(())
}

fn migration_error(path: &Path, error: rusqlite_migration::Error) -> OpenError {
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => OpenError::sqlite(path, err),
        other => damaged(path, &other.to_string()),
    }
}

fn damaged(path: &Path, detail: &str) -> OpenError {
    OpenError::Damaged { path: path.to_path_buf(), detail: detail.to_owned() }
}
