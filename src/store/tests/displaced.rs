//! A book whose files are removed or replaced while it is open.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use rusqlite::Connection;

use super::super::in_place::{OpenFiles, Place};
use super::*;
use crate::node::row::AuditEntry;

/// The error of a write that was not saved because the files are not in their place.
fn why(result: Result<(), WriteError>) -> String {
    match result {
        Err(WriteError::NotSaved { failure: Failure::Displaced | Failure::Lost, why }) => why,
        Err(WriteError::SetAside { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

/// A store that writes its book anew at the next attempt, without waiting for the dust to settle.
fn open(path: &Path) -> (Store, Loaded) {
    open_with(path, false)
}

fn open_with(path: &Path, make_folder: bool) -> (Store, Loaded) {
    let settings = StoreSettings { make_folder, settle: Duration::ZERO, ..StoreSettings::default() };
    Store::open_with(path, CHAIN, KEY, &settings).unwrap()
}

/// The next attempt saves all.
async fn until_saved(store: &Store) {
    store.retry().await.unwrap();
    assert_eq!(store.unsaved(), 0);
}

fn audit(number: u64) -> RowChange {
    let entry = AuditEntry {
        number,
        at: Wall::from_secs(1),
        author: "ops".into(),
        method: "BanService.Ban".into(),
        summary: "banned".into(),
    };
    RowChange { key: Key::Audit(number as u32), row: Some(Row::Audit(entry)) }
}

/// What a next start would find, read from a copy while the book is open.
async fn found(path: &Path) -> (Vec<Record>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("book.db");
    for suffix in ["", "-wal"] {
        fs::copy(lock::beside(path, suffix), lock::beside(&copy, suffix)).unwrap();
    }
    let loaded = reopen(&copy).await;
    (loaded.rows.addresses, loaded.rows.last_audit)
}

#[tokio::test]
async fn whichever_file_is_removed_nothing_is_called_saved_until_all_of_it_is_there_again() {
    for gone in [&["", "-wal", "-shm", ".lock"][..], &[""], &["-wal"], &["-shm"], &["-wal", "-shm"]] {
        let (_folder, path) = folder();
        let (store, _) = open(&path);
        store.write(vec![set(record(1)), audit(1)]).await.unwrap();
        gone.iter().for_each(|suffix| fs::remove_file(lock::beside(&path, suffix)).unwrap());
        let why = why(store.write(vec![set(record(2))]).await);
        assert!(why.contains("was removed while pexd runs") && why.contains("book.db"), "{gone:?}: {why}");
        assert_eq!(store.unsaved(), 1);
        until_saved(&store).await;
        assert_eq!(found(&path).await, (vec![record(1), record(2)], 1), "{gone:?}: the audit too");
        // From here on it is a book like any other.
        store.write(vec![set(record(3))]).await.unwrap();
        assert!(matches!(Store::open(&path, CHAIN, KEY), Err(OpenError::Locked { .. })), "{gone:?}");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        store.close().await.unwrap();
        let loaded = reopen(&path).await;
        assert_eq!((loaded.rows.addresses.len(), loaded.rows.last_audit, loaded.hash_key), (3, 1, KEY), "{gone:?}");
        let mut left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["book.db", "book.db.lock"], "{gone:?}");
    }
}

#[tokio::test]
async fn an_idle_look_notices_it_too() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    store.retry().await.unwrap();
    fs::remove_file(&path).unwrap();
    why(store.retry().await);
    until_saved(&store).await;
    assert_eq!(found(&path).await.0, [record(1)]);
}

#[tokio::test]
async fn files_that_come_back_are_written_on() {
    let (folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    let before = fs::metadata(&path).unwrap().ino();
    let away = folder.path().join("away");
    fs::create_dir(&away).unwrap();
    let all = ["book.db", "book.db-wal", "book.db-shm"];
    let swap = |from: &Path, to: &Path| all.iter().for_each(|name| fs::rename(from.join(name), to.join(name)).unwrap());
    swap(folder.path(), &away);
    why(store.write(vec![set(record(2))]).await);
    swap(&away, folder.path());
    store.retry().await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), before);
    assert_eq!(found(&path).await.0, [record(1), record(2)]);
    store.close().await.unwrap();
    assert!(!lock::beside(&path, "-wal").exists(), "a stop folds the log again");
}

#[tokio::test]
async fn what_others_put_in_its_place_keeps_every_byte_and_what_pexd_had_is_in_another_file() {
    let other = tempfile::tempdir().unwrap();
    let restored = other.path().join("book.db");
    book_of(&restored, 7).await;
    let another_chain = other.path().join("other.db");
    fs::copy(&restored, &another_chain).unwrap();
    let conn = Connection::open(&another_chain).unwrap();
    conn.execute_batch("UPDATE meta SET value = 'other-2' WHERE name = 'chain_id'; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    drop(conn);
    let cases = [
        (fs::read(&restored).unwrap(), "another book of this chain", true),
        (fs::read(&another_chain).unwrap(), "the book of \"other-2\"", true),
        (b"a letter".to_vec(), "no address book", true),
        (b"".to_vec(), "no address book", true),
        // With the log left there, which is of another file now.
        (fs::read(&restored).unwrap(), "another book of this chain", false),
    ];
    for (content, expected, with_log) in cases {
        let (folder, path) = folder();
        let (store, _) = open(&path);
        store.write(vec![set(record(1)), audit(1)]).await.unwrap();
        fs::remove_file(&path).unwrap();
        if with_log {
            ["-wal", "-shm"].iter().for_each(|suffix| fs::remove_file(lock::beside(&path, suffix)).unwrap());
        }
        fs::write(&path, &content).unwrap();
        let told = why(store.write(vec![set(record(2))]).await);
        assert!(told.contains(expected) && told.contains("pexd writes nothing there"), "{told}");
        assert_eq!(why(store.retry().await), told, "and so it stays");
        assert_eq!(why(store.close().await), told);
        assert!(fs::read(&path).unwrap() == content, "{expected}");
        let kept = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path());
        let kept: Vec<_> = kept.filter(|path| path.to_string_lossy().contains(".unsaved-")).collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        let loaded = reopen(&kept[0]).await;
        assert_eq!((loaded.rows.addresses, loaded.rows.last_audit), (vec![record(1), record(2)], 1));
    }
}

#[tokio::test]
async fn once_the_other_file_is_moved_away_the_book_is_there_again() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "a letter").unwrap();
    why(store.write(vec![set(record(2))]).await);
    let elsewhere = lock::beside(&path, ".letter");
    fs::rename(&path, &elsewhere).unwrap();
    until_saved(&store).await;
    assert_eq!(found(&path).await.0, [record(1), record(2)]);
    assert_eq!(fs::read_to_string(elsewhere).unwrap(), "a letter");
}

#[tokio::test]
async fn a_log_of_another_book_keeps_the_book_from_being_written_beside_it() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    for suffix in ["", "-wal"] {
        fs::remove_file(lock::beside(&path, suffix)).unwrap();
    }
    fs::write(lock::beside(&path, "-wal"), "changes of somebody").unwrap();
    let told = why(store.write(vec![set(record(2))]).await);
    assert!(told.contains("book.db-wal is of another book"), "{told}");
    why(store.retry().await);
    assert_eq!(fs::read_to_string(lock::beside(&path, "-wal")).unwrap(), "changes of somebody");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_stop_leaves_a_log_of_others_beside_our_book_alone() {
    let (folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1)), audit(1)]).await.unwrap();
    let log = lock::beside(&path, "-wal");
    fs::remove_file(&log).unwrap();
    fs::write(&log, "changes of somebody").unwrap();
    let told = why(store.write(vec![set(record(2))]).await);
    assert!(told.contains("book.db-wal is of another book"), "{told}");
    let end = store.close().await.unwrap_err();
    assert_eq!(fs::read_to_string(&log).unwrap(), "changes of somebody");
    let WriteError::SetAside { why, aside } = &end else { panic!("{end}") };
    assert!(*why == told && aside.starts_with(folder.path()), "{end}");
    assert!(end.to_string().starts_with(&format!("saved in {}, which `pexd restore` takes", aside.display())), "{end}");
    let loaded = reopen(aside).await;
    assert_eq!((loaded.rows.addresses, loaded.rows.last_audit), (vec![record(1), record(2)], 1));
}

/// Until the new book is in place, a crash leaves the old one, which must have all.
#[tokio::test]
async fn a_log_that_a_reader_keeps_from_being_folded_is_not_taken_away() {
    let (_folder, path) = folder();
    let busy_timeout = Duration::from_millis(20);
    let settings = StoreSettings { settle: Duration::ZERO, busy_timeout, ..StoreSettings::default() };
    let (store, _) = Store::open_with(&path, CHAIN, KEY, &settings).unwrap();
    store.write(vec![set(record(1))]).await.unwrap();
    let reader = Connection::open(&path).unwrap();
    let count = "BEGIN; SELECT count(*) FROM address;";
    reader.execute_batch(count).unwrap();
    store.write(vec![set(record(2))]).await.unwrap();
    fs::remove_file(lock::beside(&path, "-shm")).unwrap();
    why(store.write(vec![set(record(3))]).await);
    let refused = store.retry().await.unwrap_err();
    assert!(matches!(refused, WriteError::NotSaved { failure: Failure::Busy, .. }), "{refused}");
    assert!(refused.to_string().contains("a reader"), "{refused}");
    assert_eq!(found(&path).await.0, [record(1), record(2)], "what was called saved");
    drop(reader);
    until_saved(&store).await;
    assert_eq!(found(&path).await.0, [record(1), record(2), record(3)]);
}

#[tokio::test]
async fn an_emptied_file_is_written_anew_from_all_rows_and_says_that_it_needs_them() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1)), audit(1)]).await.unwrap();
    fs::write(&path, "").unwrap();
    let told = why(store.write(vec![set(record(2))]).await);
    assert!(told.contains("what was in the book's file is gone"), "{told}");
    let lost = store.retry().await.unwrap_err();
    assert!(matches!(lost, WriteError::NotSaved { failure: Failure::Lost, .. }), "{lost}");
    store.write_all(vec![set(record(1)), set(record(2)), set(record(3))]).await.unwrap();
    assert_eq!(store.unsaved(), 0);
    let (rows, last_audit) = found(&path).await;
    assert_eq!((rows, last_audit), (vec![record(1), record(2), record(3)], 0), "the audit was in the file alone");
    store.close().await.unwrap();
    assert_eq!(reopen(&path).await.hash_key, KEY);
}

#[tokio::test]
async fn a_folder_of_the_book_alone_is_made_anew_and_one_with_the_configuration_is_not() {
    for make_folder in [true, false] {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("books");
        fs::create_dir(&folder).unwrap();
        let path = folder.join("book.db");
        let (store, _) = open_with(&path, make_folder);
        store.write(vec![set(record(1))]).await.unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let told = why(store.write(vec![set(record(2))]).await);
        if make_folder {
            store.retry().await.unwrap();
        } else {
            assert_eq!(why(store.retry().await), told);
            assert!(told.contains("bring it back") && !folder.exists(), "{told}");
            fs::create_dir(&folder).unwrap();
            store.retry().await.unwrap();
        }
        assert_eq!(found(&path).await.0, [record(1), record(2)]);
        assert!(matches!(Store::open(&path, CHAIN, KEY), Err(OpenError::Locked { .. })), "the lock is there again");
    }
}

#[tokio::test]
async fn what_pexd_had_is_kept_elsewhere_when_it_stops_without_the_books_folder() {
    let outside = tempfile::tempdir().unwrap();
    let (folder, home) = (outside.path().join("books"), outside.path().join("home/networks/test-1"));
    fs::create_dir(&folder).unwrap();
    fs::create_dir_all(&home).unwrap();
    for rescue in [home.as_path(), home.parent().unwrap()] {
        fs::create_dir_all(&folder).unwrap();
        let settings = StoreSettings { rescue: Some(home.clone()), ..StoreSettings::default() };
        let (store, _) = Store::open_with(&folder.join("book.db"), CHAIN, KEY, &settings).unwrap();
        store.write(vec![set(record(1)), audit(1)]).await.unwrap();
        fs::remove_dir_all(&folder).unwrap();
        why(store.write(vec![set(record(2))]).await);
        why(store.close().await);
        assert!(!folder.exists());
        let names: Vec<_> = fs::read_dir(rescue).unwrap().map(|entry| entry.unwrap().path()).collect();
        let aside = names.iter().find(|path| path.is_file()).unwrap();
        assert!(aside.to_string_lossy().contains("test-1-book.db.unsaved-"), "{aside:?}");
        let loaded = reopen(aside).await;
        assert_eq!((loaded.rows.addresses, loaded.rows.last_audit), (vec![record(1), record(2)], 1));
        // The next time the network's own folder is gone as well.
        let _ = fs::remove_dir_all(&home);
    }
}

/// Another device in the place of the folder, as an unmounted volume leaves it, by a link to what is always another one.
#[test]
fn another_device_where_the_folder_was_is_told_apart() {
    let outside = tempfile::tempdir().unwrap();
    let (shm, folder) = (Path::new("/dev/shm"), outside.path().join("books"));
    let device = |path: &Path| fs::metadata(path).map(|data| data.dev()).ok();
    assert_ne!(device(shm), device(outside.path()), "this test needs two devices");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("book.db");
    let (_conn, _lock, _) = super::super::open::open(&path, CHAIN, KEY, &StoreSettings::default()).unwrap();
    let mut files = OpenFiles::of(&path).unwrap();
    assert_eq!(files.look(CHAIN), Place::Ours);
    fs::rename(&folder, outside.path().join("away")).unwrap();
    assert_eq!(files.look(CHAIN), Place::NoFolder { folder: folder.clone(), on_same_device: true });
    std::os::unix::fs::symlink(shm, &folder).unwrap();
    assert_eq!(files.look(CHAIN), Place::OtherDevice(folder));
}

#[tokio::test]
async fn behind_a_link_the_file_is_written_anew_where_the_link_leads() {
    let (folder, path) = folder();
    let elsewhere = folder.path().join("volume");
    fs::create_dir(&elsewhere).unwrap();
    book_of(&elsewhere.join("real.db"), 1).await;
    std::os::unix::fs::symlink(elsewhere.join("real.db"), &path).unwrap();
    let (store, _) = open(&path);
    fs::remove_file(elsewhere.join("real.db")).unwrap();
    why(store.write(vec![set(record(5))]).await);
    until_saved(&store).await;
    // The link is still what a next start goes by.
    book_of(&elsewhere.join("other.db"), 1).await;
    let lead = |to: &str| {
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(elsewhere.join(to), &path).unwrap();
    };
    lead("other.db");
    let told = why(store.write(vec![set(record(6))]).await);
    assert!(told.contains("does not lead to the book any more"), "{told}");
    lead("real.db");
    until_saved(&store).await;
    store.close().await.unwrap();
    assert_eq!(reopen(&path).await.rows.addresses.len(), 3);
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
}

#[tokio::test]
async fn whoever_is_moving_files_about_is_not_run_over() {
    let (_folder, path) = folder();
    let settings = StoreSettings { settle: Duration::from_secs(3_600), ..StoreSettings::default() };
    let (store, _) = Store::open_with(&path, CHAIN, KEY, &settings).unwrap();
    fs::remove_file(&path).unwrap();
    for _ in 0..3 {
        why(store.write(vec![set(record(1))]).await);
        assert!(!path.exists());
    }
    // A stop does not wait for anybody.
    store.close().await.unwrap();
    assert_eq!(reopen(&path).await.rows.addresses, [record(1)]);
}

#[tokio::test]
async fn a_copy_that_is_written_over_the_open_file_keeps_every_byte_and_is_what_the_next_start_reads() {
    let other = tempfile::tempdir().unwrap();
    let copy = other.path().join("copy.db");
    book_of(&copy, 7).await;
    for content in [fs::read(&copy).unwrap(), b"a letter".to_vec()] {
        let (folder, path) = folder();
        book_of(&path, 300).await;
        let (store, _) = open(&path);
        store.write(vec![set(record(900))]).await.unwrap();
        fs::write(&path, &content).unwrap();
        let told = why(store.write(vec![set(record(901))]).await);
        assert!(told.contains("was written over while pexd runs"), "{told}");
        assert_eq!(why(store.retry().await), told);
        // It is in memory alone, and asked for.
        let all = (0..300).chain([900, 901]).map(|number| set(record(number))).collect();
        assert_eq!(why(store.write_all(all).await), told);
        assert_eq!(why(store.close().await), told);
        assert!(fs::read(&path).unwrap() == content);
        assert!(!lock::beside(&path, "-wal").exists(), "the old log would be applied to it");
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let aside: Vec<_> = names.filter(|path| path.to_string_lossy().contains(".unsaved-")).collect();
        assert_eq!(reopen(&aside[0]).await.rows.addresses.len(), 302);
        if content.len() > 100 {
            assert_eq!(reopen(&path).await.rows.addresses.len(), 7);
        }
    }
}

#[tokio::test]
async fn what_was_written_over_is_written_anew_once_it_is_moved_away() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    fs::write(&path, "a letter").unwrap();
    why(store.write(vec![set(record(2))]).await);
    fs::rename(&path, lock::beside(&path, ".letter")).unwrap();
    let lost = store.retry().await.unwrap_err();
    assert!(matches!(lost, WriteError::NotSaved { failure: Failure::Lost, .. }), "{lost}");
    store.write_all(vec![set(record(1)), set(record(2))]).await.unwrap();
    assert_eq!(found(&path).await.0, [record(1), record(2)]);
}

/// Litestream and the like read the book and fold its log.
#[tokio::test]
async fn programs_that_read_the_book_and_fold_its_log_are_no_matter() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    let other = Connection::open(&path).unwrap();
    for number in 0..30 {
        store.write(vec![set(record(number))]).await.unwrap();
        let mode = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"][number as usize % 4];
        other.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())).unwrap();
        store.retry().await.unwrap();
    }
    other.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    store.write(vec![set(record(31))]).await.unwrap();
    drop(other);
    // Enough for checkpoints of our own.
    for round in 0..4 {
        store.write((0..2_000).map(|number| set(record(round * 2_000 + number))).collect()).await.unwrap();
        store.retry().await.unwrap();
    }
    // As `touch` does it.
    let earlier = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(earlier).unwrap();
    store.retry().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(reopen(&path).await.rows.addresses.len(), 8_000);
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_told_of() {
    let (folder, path) = folder();
    for name in ["one", "two"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        book_of(&folder.path().join(name).join("book.db"), 1).await;
    }
    std::os::unix::fs::symlink(folder.path().join("one/book.db"), &path).unwrap();
    let (store, _) = open(&path);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(folder.path().join("two/book.db"), &path).unwrap();
    let told = why(store.write(vec![set(record(5))]).await);
    assert!(told.contains("does not lead to the book any more"), "{told}");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(folder.path().join("one/book.db"), &path).unwrap();
    store.retry().await.unwrap();
    assert_eq!(store.unsaved(), 0);
}
