//! Copies of a book, and what is put back.

use super::*;
use crate::store::{CopyError, back_up, restore};

#[tokio::test]
async fn a_copy_has_what_is_in_the_log_alone_and_overwrites_nothing() {
    let (folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    assert!(std::fs::metadata(lock::beside(&path, "-wal")).unwrap().len() > 0);
    let copy = folder.path().join("copy.db");
    back_up(&path, &copy).unwrap();
    assert!(matches!(back_up(&path, &copy), Err(CopyError::Exists(file)) if file == copy));
    store.write(vec![set(record(2))]).await.unwrap();
    store.close().await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(reopen(&copy).await.rows.addresses, [record(1)]);
    assert_eq!(reopen(&path).await.rows.addresses, [record(1), record(2)]);
}

#[tokio::test]
async fn a_copy_is_put_back_whatever_a_crash_left_behind() {
    let (folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    let copy = folder.path().join("copy.db");
    back_up(&path, &copy).unwrap();
    assert!(matches!(restore(&copy, &path, CHAIN, 7), Err(CopyError::Open(OpenError::Locked { .. }))), "it is in use");
    (2..200).for_each(|n| drop(store.write(vec![set(record(n))])));
    store.write(vec![set(record(200))]).await.unwrap();
    let left = ["", "-wal"].map(|suffix| std::fs::read(lock::beside(&path, suffix)).unwrap());
    store.close().await.unwrap();
    // As after a crash: the log has changes of the old book.
    std::fs::write(&path, &left[0]).unwrap();
    std::fs::write(lock::beside(&path, "-wal"), &left[1]).unwrap();

    let old = restore(&copy, &path, CHAIN, 7).unwrap().unwrap();
    assert_eq!(reopen(&path).await.rows.addresses, [record(1)]);
    let again = restore(&copy, &path, CHAIN, 7).unwrap().unwrap();
    assert_ne!(again, old, "a second one overwrites nothing");
    assert!(reopen(&old).await.rows.addresses.len() > 1, "the old book is whole, with its log");
}

#[tokio::test]
async fn what_is_no_copy_of_this_book_changes_nothing() {
    let (folder, path) = folder();
    book_of(&path, 3).await;
    let before = std::fs::read(&path).unwrap();
    let (foreign, other) = (folder.path().join("foreign.db"), folder.path().join("other.db"));
    std::fs::write(&foreign, b"not a book").unwrap();
    let (store, _) = Store::open(&other, "other-1", KEY).unwrap();
    store.close().await.unwrap();
    let failed = |from: &Path| restore(from, &path, CHAIN, 7).unwrap_err();
    assert!(matches!(failed(&foreign), CopyError::Open(OpenError::Foreign { .. })));
    assert!(matches!(failed(&other), CopyError::Open(OpenError::OtherChain { .. })));
    assert!(matches!(failed(&folder.path().join("nothing.db")), CopyError::Missing(_)));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.contains("restored")), "nothing is left behind");
}

#[tokio::test]
async fn after_an_interrupted_restore_no_book_is_made_up() {
    let (folder, path) = folder();
    book_of(&path, 3).await;
    let copy = folder.path().join("copy.db");
    back_up(&path, &copy).unwrap();
    // It ended when the old book was moved and the new one not yet there.
    std::fs::copy(&copy, crate::store::lock::pending(&path)).unwrap();
    std::fs::rename(&path, folder.path().join("book.db.before-1")).unwrap();
    let refused = Store::open(&path, CHAIN, KEY).unwrap_err();
    assert!(matches!(refused, OpenError::Restoring { .. }), "{refused}");
    assert!(!path.exists());
    assert_eq!(restore(&copy, &path, CHAIN, 7).unwrap(), None);
    assert_eq!(reopen(&path).await.rows.addresses.len(), 3);
}
