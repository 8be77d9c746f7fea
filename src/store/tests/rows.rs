//! Every kind of row, there and back.

use std::net::IpAddr;

use futures_util::future::join_all;
use ipnet::IpNet;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::Connection;

use super::*;
use crate::book::TraceRecord;
use crate::node::row::{Ban, BanScope, BanTarget, Delta, EventMark, ListItem, SeedHealth, Setting};
use crate::types::PeerAddress;

fn id() -> impl Strategy<Value = NodeId> {
    any::<[u8; 20]>().prop_map(NodeId::from_bytes)
}

fn wall() -> impl Strategy<Value = Wall> {
    prop_oneof![Just(Wall::NEVER), any::<i64>().prop_map(Wall::from_millis)]
}

/// From few, so that groups meet in the same keys.
fn address() -> impl Strategy<Value = NetAddress> {
    let ids = select(vec![NodeId::from_bytes([0; 20]), NodeId::from_bytes([0xab; 20])]);
    let ips = select(vec!["1.2.3.4", "2a00::1:0:0:2", "::2:1"]).prop_map(|ip| ip.parse::<IpAddr>().unwrap());
    (ids, ips, select(vec![1, u16::MAX])).prop_map(|(id, ip, port)| NetAddress::new(id, ip, port).unwrap())
}

fn seed() -> impl Strategy<Value = PeerAddress> {
    let named =
        (id(), "[a-z]{1,8}\\.example\\.org\\.?").prop_map(|(id, name)| format!("{id}@{name}:1").parse().unwrap());
    prop_oneof![address().prop_map(PeerAddress::from), named]
}

fn target() -> impl Strategy<Value = BanTarget> {
    let range = (any::<IpAddr>(), 0..=128_u8).prop_map(|(ip, prefix)| {
        let most = if ip.is_ipv4() { 32 } else { 128 };
        BanTarget::Range(IpNet::new(ip, prefix.min(most)).unwrap())
    });
    prop_oneof![Just(BanTarget::ip(IpAddr::from([1, 2, 3, 4]))), range, id().prop_map(BanTarget::Id)]
}

prop_compose! {
    fn any_record()(
        address in address(),
        state in select(State::ALL.to_vec()),
        reliability in any::<[u8; Reliability::LEN]>(),
        source in (id(), any::<IpAddr>()),
        walls in [wall(), wall(), wall(), wall()],
        attempts in any::<u16>(),
        outcome in (0..=9_u8).prop_map(|byte| DialOutcome::from_u8(byte).unwrap()),
        verified in any::<bool>(),
    ) -> Record {
        let source = Source { id: source.0, ip: source.1 };
        let [added, last_attempt, last_success, reached_since] = walls;
        Record {
            address, state, source, added, attempts, outcome, last_attempt, last_success, reached_since,
            reliability: Reliability::from_bytes(&reliability), verified,
        }
    }
}

prop_compose! {
    fn any_ban()(
        target in target(), scope in select(BanScope::ALL.to_vec()), reason in any::<String>(), since in wall(),
        until in wall(), by_operator in any::<bool>(),
        author in any::<String>(),
    ) -> Ban {
        Ban { target, scope, reason, since, until, by_operator, author: author.into() }
    }
}

prop_compose! {
    fn any_health()(
        seed in seed(),
        walls in [wall(), wall(), wall()],
        last_fault in any::<String>(),
        latency_ms in any::<u32>(),
        actual_id in option::of(id()),
        actual_network in option::of(any::<String>()),
        addresses in any::<u32>(),
    ) -> SeedHealth {
        let [last_dialled, last_success, last_answer] = walls;
        SeedHealth {
            seed, last_dialled, last_success, last_fault, latency_ms, actual_id, actual_network, addresses, last_answer,
        }
    }
}

fn list_item() -> impl Strategy<Value = ListItem> {
    prop_oneof![
        seed().prop_map(ListItem::Seed),
        seed().prop_map(ListItem::Persistent),
        id().prop_map(ListItem::Unconditional),
        id().prop_map(ListItem::Private),
    ]
}

prop_compose! {
    fn any_delta()(item in list_item(), added in any::<bool>(), author in any::<String>(), at in wall()) -> Delta<ListItem> {
        Delta { item, added, author: author.into(), at }
    }
}

prop_compose! {
    fn any_setting()(key in "[a-c]", value in any::<String>(), author in any::<String>(), at in wall()) -> Setting {
        Setting { key: key.into(), value: value.into(), author: author.into(), at }
    }
}

prop_compose! {
    fn any_mark()(epoch in any::<String>(), numbers in [0..=i64::MAX as u64, 0..=i64::MAX as u64], clean in any::<bool>()) -> EventMark {
        EventMark { epoch: epoch.into(), reserved: numbers[0], clean, uncertain: numbers[1] }
    }
}

prop_compose! {
    fn any_trace()(
        hash in prop_oneof![0..4_u64, any::<u64>()], last_attempt in wall(), attempts in any::<u16>(),
        outcome in (0..=9_u8).prop_map(|byte| DialOutcome::from_u8(byte).unwrap()),
    ) -> TraceRecord {
        TraceRecord { hash, last_attempt, attempts, outcome }
    }
}

fn any_change() -> impl Strategy<Value = RowChange> {
    let set = prop_oneof![
        any_record().prop_map(|row| (Key::Address(row.address), Row::Address(row))),
        any_trace().prop_map(|row| (Key::Trace(row.hash), Row::Trace(row))),
        any_ban().prop_map(|row| (Key::Ban(row.target), Row::Ban(row))),
        any_delta().prop_map(|row| (Key::Delta(row.item.clone()), Row::Delta(row))),
        any_setting().prop_map(|row| (Key::Setting(row.key.clone()), Row::Setting(row))),
        any_mark().prop_map(|row| (Key::EventMark, Row::EventMark(row))),
        any_health().prop_map(|row| (Key::SeedHealth(row.seed.clone()), Row::SeedHealth(row))),
    ];
    (set, prop::bool::weighted(0.7)).prop_map(|((key, row), kept)| RowChange { key, row: kept.then_some(row) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_set_last_is_there_after_each_start(runs in vec(vec(vec(any_change(), 0..12), 0..6), 1..3)) {
        let (_folder, path) = folder();
        let mut model = BTreeMap::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for groups in runs {
            for change in groups.iter().flatten().cloned() {
                match change.row {
                    Some(row) => model.insert(change.key, row),
                    None => model.remove(&change.key),
                };
            }
            let (store, _) = open(&path);
            let writes: Vec<_> = groups.into_iter().map(|group| store.write(group)).collect();
            prop_assert!(runtime.block_on(join_all(writes)).into_iter().all(|result| result.is_ok()));
            prop_assert_eq!(store.unsaved(), 0);
            runtime.block_on(store.close()).unwrap();
            let loaded = runtime.block_on(reopen(&path));
            prop_assert_eq!(&loaded.skipped, &Skipped::default());
            prop_assert_eq!(by_key(loaded.rows), model.clone());
        }
    }
}

#[tokio::test]
async fn a_row_that_does_not_read_is_left_out_counted_and_kept() {
    let spoil = [
        ("state = 'ancient'", "state"),
        ("reliability = x'0102'", "reliability"),
        ("ip = '1.2.3'", "ip"),
        ("ip = '::ffff:1.2.3.4'", "ip"),
        ("ip = '224.0.0.1'", "ip"),
        ("id = upper(id) || 'x'", "id"),
        ("port = 65536", "port"),
        ("source_ip = CAST(x'ff' AS TEXT)", "source_ip"),
        ("attempts = -1", "attempts"),
        ("outcome = 'bored'", "outcome"),
        ("verified = 2", "verified"),
    ];
    let (_folder, path) = folder();
    book_of(&path, spoil.len() as u32 + 1).await;
    let conn = Connection::open(&path).unwrap();
    for (number, (what, _)) in spoil.iter().enumerate() {
        let id = record(number as u32).address.id().to_string();
        assert_eq!(conn.execute(&format!("UPDATE address SET {what} WHERE id = ?1"), [id]).unwrap(), 1);
    }
    conn.execute("INSERT INTO ban VALUES ('10.0.0.0', '', 0, 0, 0, '', 'all')", []).unwrap();
    conn.execute("INSERT INTO list_delta VALUES ('seeds', 'nobody', 1, '', 0)", []).unwrap();
    drop(conn);

    for _start in 0..2 {
        let loaded = reopen(&path).await;
        assert_eq!(loaded.rows.addresses, [record(spoil.len() as u32)]);
        assert_eq!(loaded.skipped.count, spoil.len() + 2);
        assert_eq!(loaded.skipped.notes.len(), 8, "{:?}", loaded.skipped.notes);
        for (_, column) in spoil.iter().take(2) {
            let reported = format!("column {column} does not read");
            assert!(
                loaded.skipped.notes.iter().any(|note| note.contains(&reported)),
                "{reported}: {:?}",
                loaded.skipped.notes
            );
        }
    }
}

#[tokio::test]
async fn a_reader_does_not_stop_the_writer_and_keeps_its_view() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    store.write(vec![set(record(1))]).await.unwrap();
    let reader = Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let count = || reader.query_row("SELECT count(*) FROM address", [], |row| row.get::<_, i64>(0)).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(), 1);
    store.write(vec![set(record(2))]).await.unwrap();
    assert_eq!(count(), 1);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(count(), 2);
    store.close().await.unwrap();
    assert_eq!(count(), 2);
}

#[tokio::test]
async fn another_writer_is_waited_for_within_bounds() {
    let (_folder, path) = folder();
    let settings = StoreSettings { busy_timeout: Duration::from_millis(20), ..StoreSettings::default() };
    let (store, _) = Store::open_with(&path, CHAIN, KEY, &settings).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let result = store.write(vec![set(record(1))]).await;
    assert!(matches!(result, Err(WriteError::NotSaved { failure: Failure::Busy, .. })), "{result:?}");
    other.execute_batch("ROLLBACK").unwrap();
    store.retry().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(reopen(&path).await.rows.addresses, [record(1)]);
}
