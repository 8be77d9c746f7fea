//! Files that are refused, and that they keep every byte.

use std::fs;

use rusqlite::Connection;

use super::*;

/// Opens `path`, which must fail, and asserts that the file and its log are what they were.
fn refused(path: &Path) -> OpenError {
    let wal = lock::beside(path, "-wal");
    let bytes = || (fs::read(path).ok(), fs::read(&wal).unwrap_or_default());
    let before = bytes();
    let Err(error) = Store::open(path, CHAIN, KEY) else { panic!("it opened") };
    assert!(bytes() == before, "the file changed: {error}");
    error
}

fn change(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn an_absent_or_empty_file_is_a_new_book_with_the_key_handed_in() {
    let (_folder, path) = folder();
    let (store, loaded) = open(&path);
    assert_eq!(loaded, Loaded { rows: Rows::default(), hash_key: KEY, skipped: Skipped::default() });
    store.close().await.unwrap();

    fs::write(&path, "").unwrap();
    let (store, loaded) = Store::open(&path, CHAIN, [1; 32]).unwrap();
    assert_eq!(loaded.hash_key, [1; 32]);
    store.close().await.unwrap();
    assert_eq!(reopen(&path).await.hash_key, [1; 32], "the key of the first start stays");
}

/// A kill does not show whether commits reach the disk; only a power cut would.
#[test]
fn commits_are_synced() {
    let (_folder, path) = folder();
    let (conn, _lock, _) = super::super::open::open(&path, CHAIN, KEY, &StoreSettings::default()).unwrap();
    let synchronous: i64 = conn.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!((synchronous, mode.as_str()), (2, "wal"), "2 is FULL");
}

#[cfg(unix)]
#[test]
fn a_new_book_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = folder();
    let (_store, _) = open(&path);
    for suffix in ["", "-wal"] {
        let mode = fs::metadata(lock::beside(&path, suffix)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "book.db{suffix}");
    }
}

#[tokio::test]
async fn a_book_half_made_by_a_crash_is_made_anew() {
    let (_folder, path) = folder();
    fs::write(lock::beside(&path, ".new"), "half a book").unwrap();
    fs::write(lock::beside(&path, ".new-journal"), "its journal").unwrap();
    book_of(&path, 1).await;
    assert_eq!(reopen(&path).await.rows.addresses.len(), 1);
}

#[test]
fn files_of_others_are_foreign() {
    let (folder, path) = folder();
    for content in ["x".to_owned(), "not a database ".repeat(1000)] {
        fs::write(&path, content).unwrap();
        assert!(matches!(refused(&path), OpenError::Foreign { .. }));
    }
    fs::remove_file(&path).unwrap();
    change(&path, "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    assert!(matches!(refused(&path), OpenError::Foreign { .. }));
    assert!(matches!(Store::open(folder.path(), CHAIN, KEY), Err(OpenError::Foreign { .. })), "a folder");
}

#[tokio::test]
async fn a_newer_book_is_refused_also_when_only_its_log_says_so() {
    let (folder, path) = folder();
    book_of(&path, 3).await;
    change(&path, "UPDATE meta SET value = 2 WHERE name = 'format'");
    assert!(matches!(refused(&path), OpenError::Newer { what: "format", found: 2, known: 1, .. }));
    change(&path, "UPDATE meta SET value = 1 WHERE name = 'format'; PRAGMA user_version = 1000");
    assert!(matches!(refused(&path), OpenError::Newer { what: "schema", found: 1000, .. }));

    // A crash right after the migration: the copy has the new version in its log.
    change(&path, &format!("PRAGMA user_version = {}", schema::latest()));
    let newer = Connection::open(&path).unwrap();
    newer.execute_batch("PRAGMA user_version = 1001").unwrap();
    let copy = folder.path().join("copy.db");
    for suffix in ["", "-wal"] {
        fs::copy(lock::beside(&path, suffix), lock::beside(&copy, suffix)).unwrap();
    }
    assert!(matches!(refused(&copy), OpenError::Newer { found: 1001, .. }));
}

#[tokio::test]
async fn another_chain_s_book_is_refused_by_name() {
    let (_folder, path) = folder();
    book_of(&path, 3).await;
    change(&path, "UPDATE meta SET value = 'other-2' WHERE name = 'chain_id'");
    let error = refused(&path);
    assert!(matches!(&error, OpenError::OtherChain { found, .. } if found == "other-2"), "{error}");
    assert!(error.to_string().contains("\"other-2\""));
}

#[tokio::test]
async fn damage_is_told_apart() {
    let (_folder, path) = folder();
    book_of(&path, 500).await;
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 20);

    for length in [100, 4096, 4097, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = refused(&path);
        assert!(matches!(error, OpenError::Damaged { .. }), "cut to {length}: {error}");
    }
    for page in 1..pages {
        let mut bytes = whole.clone();
        bytes[page * 4096..][..64].fill(0xee);
        fs::write(&path, &bytes).unwrap();
        let error = refused(&path);
        assert!(matches!(error, OpenError::Damaged { .. }), "page {page}: {error}");
    }
    for sql in [
        "DROP TABLE ban",
        "DELETE FROM meta WHERE name = 'hash_key'",
        "UPDATE meta SET value = x'01' WHERE name = 'hash_key'",
    ] {
        fs::write(&path, &whole).unwrap();
        change(&path, sql);
        let error = refused(&path);
        assert!(matches!(error, OpenError::Damaged { .. }), "{sql}: {error}");
    }
}

/// One byte in a text may well read; whatever is found, nothing panics and a refused file is kept.
#[tokio::test]
async fn any_single_byte_may_be_wrong() {
    let (_folder, path) = folder();
    book_of(&path, 60).await;
    let whole = fs::read(&path).unwrap();
    let everywhere = (0..128).chain((128..whole.len()).step_by(whole.len() / 200 - 1));
    for at in everywhere {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        fs::write(&path, &bytes).unwrap();
        match Store::open(&path, CHAIN, KEY) {
            Ok((store, loaded)) => {
                assert!(loaded.rows.addresses.len() + loaded.skipped.count <= 60, "byte {at}");
                store.close().await.unwrap();
            }
            Err(_) => assert!(fs::read(&path).unwrap() == bytes, "byte {at}: the file changed"),
        }
    }
}

#[tokio::test]
async fn a_log_without_its_book_is_not_replayed_over_a_new_one() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    let log = fs::read(lock::beside(&path, "-wal")).unwrap();
    store.close().await.unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(lock::beside(&path, "-wal"), log).unwrap();
    assert!(matches!(refused(&path), OpenError::Orphan { .. }));
}

#[tokio::test]
async fn a_book_in_use_is_locked_until_it_is_closed() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    let error = Store::open(&path, CHAIN, KEY).unwrap_err();
    let own = std::process::id();
    assert!(matches!(error, OpenError::Locked { pid: Some(pid), .. } if pid == own), "{error}");
    store.close().await.unwrap();
    reopen(&path).await;
}

#[tokio::test]
async fn a_copy_taken_while_in_use_opens() {
    let (folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    let copy = folder.path().join("copy.db");
    change(&path, &format!("VACUUM INTO '{}'", copy.display()));
    store.write(vec![set(record(2))]).await.unwrap();
    assert_eq!(reopen(&copy).await.rows.addresses, [record(1)]);
    store.close().await.unwrap();
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let (folder, _) = folder();
    let error = Store::open(&folder.path().join("none/book.db"), CHAIN, KEY).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }));
    assert!(error.to_string().contains("none/book.db.lock"), "{error}");
}

#[tokio::test]
async fn a_book_of_an_older_program_is_brought_up_to_date_and_a_copy_is_kept() {
    let (_folder, path) = folder();
    let mut old = Connection::open(&path).unwrap();
    schema::migrate_to(&mut old, 2).unwrap();
    let id = "0a".repeat(20);
    old.execute_batch(&format!(
        "PRAGMA application_id = {}; INSERT INTO meta VALUES ('chain_id', '{CHAIN}'), ('hash_key', zeroblob(32)), ('format', 1);
         INSERT INTO address VALUES ('{id}', '1.2.3.4', 26656, 'old', '7', '{id}', '1.2.3.4', 1000, 0, 'reached',
            20000000, 20000000, 5600000, 1);
         INSERT INTO ban VALUES ('10.0.0.0/8', 'why', 1, 0, 1, 'ops')",
        schema::APPLICATION_ID
    ))
    .unwrap();
    drop(old);

    let loaded = reopen(&path).await;
    let record = &loaded.rows.addresses[0];
    assert_eq!((record.state, record.verified, record.last_success.as_millis()), (State::Old, true, 20_000_000));
    // Four hours of answers in a row.
    assert!(record.reliability.watched(1) > 0.39 && record.reliability.answered(1) > 0.39);
    assert_eq!(loaded.rows.bans.len(), 1);

    let copy = Connection::open(lock::beside(&path, ".version-2")).unwrap();
    let (version, buckets): (i64, String) = copy
        .query_row("SELECT user_version, buckets FROM pragma_user_version, address", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((version, buckets.as_str()), (2, "7"), "the older program can be put back");
}
