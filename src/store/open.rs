//! Opens a book: looks at the file before anything may change it, then brings it up to date.

use std::path::Path;
use std::{fs, io};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB};

use super::check::{check_content, check_head, check_meta, connect, damaged, has_content};
use super::create::{create, create_private, remove, sync_folder};
use super::load::load;
use super::lock::{Lock, beside, pending};
use super::{Loaded, OpenError, StoreSettings, dial_ring, schema};

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
    keep_copy(&conn, path)?;
    schema::migrate(&mut conn).map_err(|error| migration_error(path, error))?;
    let (rows, skipped) = load(&conn).map_err(sqlite)?;
    prepare(&conn, path)?;
    // What does not fit the ring any more does no harm; a disk that takes nothing now must not keep pexd from starting.
    if let Err(error) = dial_ring::fit(&mut conn, settings.dial_log) {
        tracing::warn!(path = %path.display(), %error, "the dial log keeps more than book.dial_log says");
    }
    Ok((conn, lock, Loaded { rows, hash_key, skipped }))
}

/// Before a migration: a copy of the book as the older program knows it, so that it can be put back. A copy that a crash
/// left behind is made anew; one of an earlier migration has another name.
fn keep_copy(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    if version >= schema::latest() {
        return Ok(());
    }
    let copy = beside(path, &format!(".version-{version}"));
    remove(&copy)?;
    create_private(&copy).map_err(OpenError::io(&copy, "create the file"))?;
    conn.execute("VACUUM INTO ?1", [copy.display().to_string()]).map_err(sqlite)?;
    sync_folder(path).map_err(OpenError::io(path, "make the copy durable in its folder"))?;
    tracing::info!(path = %path.display(), copy = %copy.display(), "the book is brought up to date; a copy of it is kept");
    Ok(())
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

/// SQLite opens for reading alone what it may not write, and says so at the first write only.
fn check_writable(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    match conn.is_readonly(MAIN_DB) {
        Ok(false) => Ok(()),
        Ok(true) => Err(OpenError::ReadOnly { path: path.to_path_buf() }),
        Err(error) => Err(OpenError::sqlite(path, error)),
    }
}

/// Makes the connection one that writes: a copy that came from elsewhere may be in another journal mode.
pub(super) fn prepare(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |error| OpenError::sqlite(path, error);
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(sqlite)?;
    if mode != "wal" {
        return Err(damaged(path, &format!("its journal mode stays {mode}")));
    }
    // What a process that was killed left in the log; whoever reads the book meanwhile leaves some of it there, which is no matter.
    if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        tracing::debug!(path = %path.display(), %error, "the log is not folded into the book yet");
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
