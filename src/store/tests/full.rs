//! A database without room.

use super::*;

#[tokio::test]
async fn what_has_no_room_is_kept_and_saved_once_there_is() {
    let (_folder, path) = folder();
    let (store, _) =
        Store::open_with(&path, CHAIN, KEY, &StoreSettings { max_pages: 16, ..StoreSettings::default() }).unwrap();
    store.write(vec![set(record(0))]).await.unwrap();
    let many = (1..2000).map(|number| set(record(number))).collect();
    let result = store.write(many).await;
    assert!(matches!(result, Err(WriteError::NotSaved { failure: Failure::Full, .. })), "{result:?}");
    assert_eq!(store.unsaved(), 1999);

    let newer = Record { attempts: 77, ..record(5) };
    assert!(store.write(vec![set(newer.clone())]).await.is_err(), "the whole of it is tried again");
    assert!(store.retry().await.is_err());
    assert_eq!(store.unsaved(), 1999);

    store.set_max_pages(0);
    store.retry().await.unwrap();
    assert_eq!(store.unsaved(), 0);
    store.close().await.unwrap();
    let rows = reopen(&path).await.rows.addresses;
    assert_eq!(rows.len(), 2000);
    assert_eq!(rows[5], newer);
}

#[tokio::test]
async fn closing_without_room_says_so_and_keeps_what_was_saved() {
    let (_folder, path) = folder();
    let (store, _) =
        Store::open_with(&path, CHAIN, KEY, &StoreSettings { max_pages: 16, ..StoreSettings::default() }).unwrap();
    store.write(vec![set(record(0))]).await.unwrap();
    drop(store.write((1..2000).map(|number| set(record(number))).collect()));
    assert!(matches!(store.close().await, Err(WriteError::NotSaved { failure: Failure::Full, .. })));
    assert_eq!(reopen(&path).await.rows.addresses, [record(0)]);
}
