//! What was written down, read back by a connection of its own.

use std::net::SocketAddr;

use rusqlite::Connection;

use super::*;
use crate::node::row::{AuditEntry, DialEntry};
use crate::store::history::{self, AuditQuery, DialQuery, HistoryError, HistoryPage, HistoryRange, QueryInterrupt};
use crate::types::{DialOutcome, Purpose};

fn id(n: u8) -> NodeId {
    NodeId::from_bytes([n; 20])
}

/// Dial `number` goes to host `number % 5` of ID `number % 3`, and reaches it when the number is even.
fn dial(number: u64) -> DialEntry {
    let place = SocketAddr::from(([10, 0, 0, (number % 5) as u8], 26_656));
    let reached = number.is_multiple_of(2);
    DialEntry {
        number,
        at: Wall::from_secs(number as i64),
        target: format!("{}@{place}", id((number % 3) as u8)).parse().unwrap(),
        remote: Some(place),
        purpose: Purpose::Visit,
        outcome: Some(if reached { DialOutcome::Reached } else { DialOutcome::Refused }),
        fault: if reached { "" } else { "refused" }.into(),
        detail: if reached { "" } else { "connection refused" }.into(),
    }
}

async fn write_dials(store: &Store, numbers: std::ops::RangeInclusive<u64>, slots: u64) {
    let row = |n| RowChange { key: Key::Dial((n % slots) as u32), row: Some(Row::Dial(dial(n))) };
    store.write(numbers.map(row).collect()).await.unwrap();
}

fn part(path: &Path, query: &DialQuery, before: Option<u64>, max: usize) -> HistoryPage<DialEntry> {
    history::dials(path, query, HistoryRange { before, max }, &QueryInterrupt::default()).unwrap()
}

/// All of a query, `max` at a time.
fn walk(path: &Path, query: &DialQuery, max: usize) -> Vec<DialEntry> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let part = part(path, query, before, max);
        assert!(part.entries.len() <= max);
        all.extend(part.entries);
        before = part.next;
        if before.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn dials_come_back_as_they_were_the_latest_first_in_parts_of_any_size() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    write_dials(&store, 1..=20, 100).await;
    let unresolved = DialEntry {
        target: format!("{}@seed.example.org:1", id(9)).parse().unwrap(),
        remote: None,
        outcome: None,
        fault: "unresolved".into(),
        purpose: Purpose::Seed,
        ..dial(21)
    };
    let change = RowChange { key: Key::Dial(21), row: Some(Row::Dial(unresolved.clone())) };
    store.write(vec![change]).await.unwrap();
    let all: Vec<_> = [unresolved].into_iter().chain((1..=20).rev().map(dial)).collect();
    for max in [1, 3, 7, 20, 21, 1_000] {
        assert_eq!(walk(&path, &DialQuery::default(), max), all, "{max} at a time");
    }
    assert_eq!(part(&path, &DialQuery::default(), None, 21).next, None, "the last part says so");
}

#[tokio::test]
async fn what_comes_between_two_parts_shifts_nothing() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    write_dials(&store, 1..=30, 30).await;
    let first = part(&path, &DialQuery::default(), None, 10);
    // The ring is full: the ten newest take the places of the ten oldest.
    write_dials(&store, 31..=40, 30).await;
    let rest = part(&path, &DialQuery::default(), first.next, 100);
    let numbers: Vec<u64> = first.entries.iter().chain(&rest.entries).map(|entry| entry.number).collect();
    assert_eq!(numbers, (11..=30).rev().collect::<Vec<_>>());
    assert_eq!(rest.next, None);
}

#[tokio::test]
async fn dials_are_found_by_host_range_id_time_and_outcome() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    write_dials(&store, 1..=60, 100).await;
    let time = (Some(Wall::from_secs(10)), Some(Wall::from_secs(20)));
    let (host, range) = ("10.0.0.2/32".parse().ok(), "10.0.0.2/31".parse().ok());
    let any = DialQuery::default;
    type Wanted = fn(u64) -> bool;
    let cases: [(DialQuery, Wanted); 8] = [
        (DialQuery { range: host, ..any() }, |n| n % 5 == 2),
        (DialQuery { range, ..any() }, |n| matches!(n % 5, 2 | 3)),
        (DialQuery { range: "::/0".parse().ok(), ..any() }, |_| false),
        (DialQuery { id: Some(id(1)), ..any() }, |n| n % 3 == 1),
        (DialQuery { time, ..any() }, |n| (10..20).contains(&n)),
        (DialQuery { reached: Some(true), ..any() }, |n| n % 2 == 0),
        (DialQuery { reached: Some(false), ..any() }, |n| n % 2 == 1),
        (DialQuery { range, id: Some(id(1)), time, reached: Some(false) }, |n| n == 13),
    ];
    for (query, expected) in cases {
        let numbers: Vec<u64> = walk(&path, &query, 4).into_iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, (1..=60).rev().filter(|&n| expected(n)).collect::<Vec<_>>(), "{query:?}");
    }
}

#[tokio::test]
async fn attempts_are_those_at_an_id_and_at_its_places() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    write_dials(&store, 1..=60, 100).await;
    let places = ["10.0.0.2:26656".parse().unwrap(), "10.0.0.3:1".parse().unwrap()];
    let found = history::attempts(&path, id(1), &places, 16, &QueryInterrupt::default()).unwrap();
    let expected: Vec<_> = (1..=60).rev().filter(|n| n % 3 == 1 || n % 5 == 2).take(16).map(dial).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_audit_is_found_by_author_method_and_time() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    let entry = |number: u64| AuditEntry {
        number,
        at: Wall::from_secs(number as i64),
        author: if number.is_multiple_of(2) { "token Ops from 10.0.0.7:1" } else { "127.0.0.1:9" }.into(),
        method: if number.is_multiple_of(3) { "BanService.Ban" } else { "SeedService.AddSeed" }.into(),
        summary: "did something".into(),
    };
    let row = |n| RowChange { key: Key::Audit(n as u32), row: Some(Row::Audit(entry(n))) };
    store.write((1..=12).map(row).collect()).await.unwrap();
    let audit = |query: AuditQuery, before, max| {
        history::audit(&path, &query, HistoryRange { before, max }, &QueryInterrupt::default()).unwrap()
    };
    let numbers = |part: HistoryPage<AuditEntry>| part.entries.iter().map(|entry| entry.number).collect::<Vec<_>>();
    let first = audit(AuditQuery::default(), None, 5);
    assert_eq!((first.entries[0].clone(), first.next), (entry(12), Some(8)));
    assert_eq!(numbers(audit(AuditQuery::default(), first.next, 5)), [7, 6, 5, 4, 3]);
    let ops = AuditQuery { author: Some("token ops".into()), ..AuditQuery::default() };
    assert_eq!(numbers(audit(ops, None, 100)), [12, 10, 8, 6, 4, 2]);
    let method = Some("BanService.Ban".to_owned());
    let time = (Some(Wall::from_secs(4)), None);
    assert_eq!(numbers(audit(AuditQuery { method, time, ..AuditQuery::default() }, None, 100)), [12, 9, 6]);
}

#[tokio::test]
async fn a_ring_of_another_size_keeps_the_latest_in_their_slots() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    write_dials(&store, 1..=100, 40).await;
    store.close().await.unwrap();
    for (slots, kept) in [(40, 61..101), (10, 91..101), (25, 91..101), (0, 0..0)] {
        let settings = StoreSettings { dial_log: slots, ..StoreSettings::default() };
        let (store, loaded) = Store::open_with(&path, CHAIN, KEY, &settings).unwrap();
        assert_eq!(loaded.rows.last_dial, 100);
        let numbers: Vec<u64> = walk(&path, &DialQuery::default(), 7).into_iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, kept.rev().collect::<Vec<_>>(), "{slots}");
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_row_that_does_not_read_is_left_out_and_the_walk_goes_on() {
    let (_folder, path) = folder();
    let (store, _) = open(&path);
    write_dials(&store, 1..=9, 100).await;
    store.close().await.unwrap();
    Connection::open(&path).unwrap().execute("UPDATE dial SET purpose = 'x' WHERE number > 3", []).unwrap();
    let (_store, _) = open(&path);
    let numbers: Vec<u64> = walk(&path, &DialQuery::default(), 2).into_iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [3, 2, 1]);
}

#[tokio::test]
async fn a_query_ends_when_it_is_told_to_and_a_file_that_is_not_there_is_an_error() {
    let (_folder, path) = folder();
    let portion = HistoryRange { before: None, max: 10 };
    let absent = history::dials(&path, &DialQuery::default(), portion, &QueryInterrupt::default());
    assert!(matches!(absent, Err(HistoryError::Unreadable(_))), "{absent:?}");
    assert!(!path.exists(), "a question makes no file");
    let (store, _) = open(&path);
    write_dials(&store, 1..=5_000, 100_000).await;
    let stop = QueryInterrupt::default();
    stop.now();
    let query = DialQuery { range: "192.0.2.0/24".parse().ok(), ..DialQuery::default() };
    assert_eq!(history::dials(&path, &query, portion, &stop), Err(HistoryError::Stopped));
}
