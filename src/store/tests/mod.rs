//! The store from outside: what was written is there, and what is not ours stays untouched.

mod backup;
mod displaced;
mod files;
mod full;
mod history;
mod kill;
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::book::{Record, Reliability, Source, State};
use crate::node::row::{Key, Row};
use crate::types::{DialOutcome, NetAddress, NodeId, Wall};

const CHAIN: &str = "test-1";
const KEY: [u8; 32] = [9; 32];

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    (folder, path)
}

fn open(path: &Path) -> (Store, Loaded) {
    Store::open(path, CHAIN, KEY).unwrap()
}

/// Opens, closes, and gives what was there.
async fn reopen(path: &Path) -> Loaded {
    let (store, loaded) = open(path);
    store.close().await.unwrap();
    loaded
}

/// A book with `count` addresses, closed.
async fn book_of(path: &Path, count: u32) {
    let (store, _) = open(path);
    store.write((0..count).map(|number| set(record(number))).collect()).await.unwrap();
    store.close().await.unwrap();
}

fn record(number: u32) -> Record {
    let mut id = [7; 20];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let id = NodeId::from_bytes(id);
    let ip = std::net::IpAddr::from((0x0b00_0000 + number).to_be_bytes());
    Record {
        address: NetAddress::new(id, ip, 26656).unwrap(),
        state: State::New,
        reliability: Reliability::default(),
        source: Source { id, ip },
        added: Wall::from_secs(1_700_000_000),
        attempts: 3,
        outcome: DialOutcome::TimedOut,
        last_attempt: Wall::from_secs(1_700_000_100),
        last_success: Wall::NEVER,
        reached_since: Wall::NEVER,
        verified: false,
    }
}

fn set(record: Record) -> RowChange {
    RowChange { key: Key::Address(record.address), row: Some(Row::Address(record)) }
}

/// Rows by key; two rows of one key are a failure.
fn by_key(rows: Rows) -> BTreeMap<Key, Row> {
    let mut map = BTreeMap::new();
    let mut add = |key, row| assert_eq!(map.insert(key, row), None);
    rows.addresses.into_iter().for_each(|row| add(Key::Address(row.address), Row::Address(row)));
    rows.bans.into_iter().for_each(|row| add(Key::Ban(row.target), Row::Ban(row)));
    rows.deltas.into_iter().for_each(|row| add(Key::Delta(row.item.clone()), Row::Delta(row)));
    rows.settings.into_iter().for_each(|row| add(Key::Setting(row.key.clone()), Row::Setting(row)));
    rows.traces.into_iter().for_each(|row| add(Key::Trace(row.hash), Row::Trace(row)));
    rows.event_mark.into_iter().for_each(|row| add(Key::EventMark, Row::EventMark(row)));
    rows.seed_health.into_iter().for_each(|row| add(Key::SeedHealth(row.seed.clone()), Row::SeedHealth(row)));
    map
}
