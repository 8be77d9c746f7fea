//! The versions of the tables, and what marks a file as ours.

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use rusqlite::Connection;
use rusqlite_migration::Migrations;

/// SQLite's `application_id` of a book: "pexd". `file book.db` shows it.
pub(super) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"pexd");

/// Raised when stored values come to mean something else while the tables stay, such as another hash for the buckets.
pub(super) const FORMAT: i64 = 1;

static FOLDER: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| {
    Migrations::from_directory(&FOLDER).expect("the migrations that were compiled in are numbered from 1")
});

/// The version that this program knows: each folder of `migrations/` is one.
pub(super) fn latest() -> i64 {
    FOLDER.dirs().fold(0, |count, _| count + 1)
}

/// Brings the tables up to date in one transaction.
pub(super) fn migrate(conn: &mut Connection) -> rusqlite_migration::Result<()> {
    MIGRATIONS.to_latest(conn)
}

/// Brings the tables of a new file to an older version, for tests of migrations.
#[cfg(test)]
pub(super) fn migrate_to(conn: &mut Connection, version: usize) -> rusqlite_migration::Result<()> {
    MIGRATIONS.to_version(conn, version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_apply_from_nothing() {
        MIGRATIONS.validate().unwrap();
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, latest());
    }
}
