//! What is reported as saved is on disk, and what is not is reported and saved later.

use rusqlite::Connection;

use super::*;
use crate::book::{HashKey, Record};
use crate::network::actor::saving::{GROUP, INTERVAL, Saving};
use crate::network::scripted::by;
use crate::network::{Applied, AuditQuery, HistoryRange, Saved};
use crate::node::Node;
use crate::node::row::{BanTarget, ListItem, Rows};
use crate::types::PeerAddress;

const NOBODY: &str = "0101010101010101010101010101010101010101@127.0.0.1:1";

fn unsaved(applied: &Applied) -> bool {
    matches!(applied.saved, Saved::No(_))
}

#[tokio::test]
async fn a_change_that_could_not_be_saved_is_told_until_it_is() {
    let process = Process::new();
    let mut config = process.seed("busy-1");
    config.store.busy_timeout = Duration::from_millis(20);
    let path = config.book.clone();
    // It is not even started: nothing but the change itself makes it write.
    let network = process.spawn(config).await.handle;
    let seed: PeerAddress = NOBODY.parse().unwrap();

    let other_program = Connection::open(&path).unwrap();
    other_program.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = network.add_seed(by(), seed.clone()).await.unwrap();
    assert!(first.changed && unsaved(&first), "{first:?}");
    until("the status says so", async || network.status().await.unwrap().unsaved.is_some()).await;
    let again = network.add_seed(by(), seed.clone()).await.unwrap();
    assert!(!again.changed && unsaved(&again), "to repeat it does not save it: {again:?}");
    assert!(on_disk(&path, "busy-1").rows.deltas.is_empty());

    other_program.execute_batch("ROLLBACK").unwrap();
    until("it is tried again by itself", async || network.status().await.unwrap().unsaved.is_none()).await;
    let deltas = on_disk(&path, "busy-1").rows.deltas;
    let items: Vec<_> = deltas.into_iter().map(|delta| delta.item).collect();
    assert_eq!(items, [ListItem::Seed(seed.clone())]);
    let last = network.add_seed(by(), seed).await;
    assert_eq!(last, Ok(Applied { changed: false, saved: Saved::Yes }));
}

#[tokio::test]
async fn a_full_database_is_told_and_what_was_saved_before_stays() {
    let process = Process::new();
    let mut config = process.seed("full-1");
    config.store.max_pages = 24;
    let (path, seed, known) = (config.book.clone(), address(&config), addresses(1, 20));
    let network = process.serve(config, &known).await;
    let mut saved = Vec::new();
    let lost = loop {
        let target = BanTarget::ip([10, 0, saved.len() as u8, 1].into());
        let applied = network.ban(by(), target, "x".repeat(256), None).await.unwrap();
        if unsaved(&applied) {
            break target;
        }
        saved.push(target);
        assert!(saved.len() < 250, "24 pages hold less");
    };
    assert!(!saved.is_empty());
    until("the status says so", async || network.status().await.unwrap().unsaved.is_some()).await;
    // In force all the same, and served all the same.
    assert!(network.bans().await.unwrap().iter().any(|ban| ban.target == lost && ban.until == FOR_GOOD));
    assert_eq!(session::ask(&process.dialler, seed, "full-1").await, Ok(known));
    let on_disk: Vec<_> = on_disk(&path, "full-1").rows.bans.into_iter().map(|ban| ban.target).collect();
    assert!(saved.iter().all(|target| on_disk.contains(target)));
}

#[tokio::test]
async fn whatever_an_operator_did_is_in_the_audit_on_disk_when_it_is_answered() {
    let process = Process::new();
    let network = process.serve(process.seed("noted-1"), &addresses(1, 4)).await;
    // Read from the file, as a next start would.
    let range = HistoryRange { before: None, max: 9 };
    let noted = async || network.audit(AuditQuery::default(), range).await.unwrap().entries.len();
    assert!(network.stop(by()).await.unwrap());
    assert_eq!(noted().await, 1);
    assert!(!network.stop(by()).await.unwrap(), "nothing was done");
    assert_eq!(network.start(Some(by())).await, Ok(true));
    assert_eq!(noted().await, 2);
    let applied = network.note(by(), "reloaded the files".into()).await.unwrap();
    assert_eq!((applied.saved, noted().await), (Saved::Yes, 3));
    network.dial(by(), NOBODY.parse().unwrap()).await.unwrap();
    assert_eq!(noted().await, 4);
}

#[tokio::test]
async fn a_book_that_is_removed_is_told_and_written_anew_with_all_that_it_had() {
    let process = Process::new();
    let mut config = process.seed("gone-1");
    config.store.settle = Duration::ZERO;
    let (path, known) = (config.book.clone(), addresses(1, 20));
    let network = process.serve(config, &known).await;
    let ban = |n| BanTarget::ip([203, 0, 113, n].into());
    assert_eq!(network.ban(by(), ban(1), "a".into(), None).await.unwrap().saved, Saved::Yes);
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{suffix}", path.display())).unwrap();
    }
    let applied = network.ban(by(), ban(2), "b".into(), None).await.unwrap();
    assert!(matches!(&applied.saved, Saved::No(why) if why.contains("was removed while pexd runs")), "{applied:?}");
    let mut last = network.ban(by(), ban(3), "c".into(), None).await.unwrap();
    while last.saved != Saved::Yes {
        last = network.ban(by(), ban(3), "c".into(), None).await.unwrap();
    }
    until("it is written anew", async || network.status().await.unwrap().unsaved.is_none()).await;
    let loaded = on_disk(&path, "gone-1");
    let bans: Vec<_> = loaded.rows.bans.iter().map(|ban| ban.target).collect();
    assert_eq!(bans, [ban(1), ban(2), ban(3)]);
    assert_eq!((loaded.rows.addresses.len(), loaded.rows.last_audit >= 3), (known.len(), true));
}

#[tokio::test]
async fn an_idle_network_notices_that_its_book_is_gone() {
    let process = Process::new();
    let mut config = process.seed("idle-1");
    config.store.settle = Duration::from_secs(3_600);
    let path = config.book.clone();
    let network = process.spawn(config).await.handle;
    assert_eq!(
        network.ban(by(), BanTarget::ip([203, 0, 113, 1].into()), "a".into(), None).await.unwrap().saved,
        Saved::Yes
    );
    std::fs::remove_file(&path).unwrap();
    until("the status says so", async || network.status().await.unwrap().unsaved.is_some()).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_book_that_was_emptied_is_written_anew_from_memory() {
    let process = Process::new();
    let mut config = process.seed("empty-1");
    config.store.settle = Duration::ZERO;
    let (path, known) = (config.book.clone(), addresses(1, 20));
    let network = process.serve(config, &known).await;
    let (ban, seed) = (BanTarget::ip([203, 0, 113, 1].into()), NOBODY.parse::<PeerAddress>().unwrap());
    network.ban(by(), ban, "a".into(), None).await.unwrap();
    network.add_seed(by(), seed.clone()).await.unwrap();
    std::fs::write(&path, "").unwrap();
    let other = BanTarget::ip([203, 0, 113, 2].into());
    let applied = network.ban(by(), other, "b".into(), None).await.unwrap();
    assert!(unsaved(&applied), "{applied:?}");
    until("it is written anew", async || std::fs::metadata(&path).unwrap().len() > 0).await;
    until("it is saved", async || network.status().await.unwrap().unsaved.is_none()).await;
    let rows = on_disk(&path, "empty-1").rows;
    assert_eq!(rows.bans.iter().map(|ban| ban.target).collect::<Vec<_>>(), [ban, other]);
    assert_eq!(rows.deltas.iter().map(|delta| delta.item.clone()).collect::<Vec<_>>(), [ListItem::Seed(seed)]);
    assert_eq!(rows.addresses.len(), known.len());
    assert!(rows.event_mark.is_some(), "the numbers of events go on after a crash");
}

/// A flood of changes must not pile up behind the pause between two writes.
#[tokio::test]
async fn there_is_no_pause_while_more_is_left_than_one_write_takes() {
    let folder = tempfile::tempdir().unwrap();
    let (store, loaded) = Store::open(&folder.path().join("book.db"), "much-1", [7; 32]).unwrap();
    let mut key = [0; HashKey::LEN];
    key.copy_from_slice(&loaded.hash_key[..HashKey::LEN]);
    // Records from the future are repaired, and what is repaired is to be written.
    let future = Clock.now().wall + std::time::Duration::from_secs(9_999);
    let known = (0..3).flat_map(|series| (0..=255).flat_map(move |n| many(series, n)));
    let rows = Rows {
        addresses: known.map(|address| Record { added: future, ..verified(address) }).collect(),
        ..Rows::default()
    };
    let (own_id, at) = (NodeId::from_bytes([9; NodeId::LEN]), SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
    let now = Clock.now();
    let (mut node, _) = Node::new(params(own_id, at), HashKey::from_bytes(key), rows, now, crate::clock::seeded_rng());
    let mut saving = Saving::new(store, Clock);
    let mut writes = 0;
    while node.has_dirty() {
        assert_eq!(saving.due(true, now.mono), Some(now.mono), "after {writes} writes of {GROUP}");
        let changes = node.take_dirty(GROUP);
        saving.save(changes, node.has_dirty(), now.mono);
        assert_eq!(saving.due(true, now.mono), None, "one at a time");
        let written = saving.written().await;
        saving.finished(written);
        writes += 1;
    }
    assert!(writes > 2);
    assert_eq!(saving.due(true, now.mono), Some(now.mono + INTERVAL));
}

/// Eight addresses of their own ranges.
fn many(series: u8, n: u8) -> impl Iterator<Item = NetAddress> {
    (0..8)
        .map(move |m| {
            let id = NodeId::from_bytes(std::array::from_fn(|at| [series, n, m].get(at).copied().unwrap_or(1)));
            NetAddress::new(id, Ipv4Addr::new(1 + n % 200, 10 * m + series, 1, 1).into(), 26656)
        })
        .filter_map(Result::ok)
}
