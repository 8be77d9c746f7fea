//! What saving and opening a full book costs. Each save ends with a sync, so the figures are mostly the disk's.
#![allow(missing_docs)]

use std::net::IpAddr;
use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pexd::book::params::SEED_CAPACITY;
use pexd::book::{Book, HashKey, Params, Record, Reliability, Source, State, StoredBook};
use pexd::node::row::{Key, Row, RowChange};
use pexd::store::{Loaded, Store};
use pexd::types::{DialOutcome, Mono, NetAddress, NodeId, Now, Wall};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// As many addresses as a seed's book holds.
const FULL: u32 = SEED_CAPACITY as u32;

fn change(number: u32, attempts: u16) -> RowChange {
    // Spread like hashes are, so that the rows land all over the table.
    let mut id = [0; 20];
    id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_be_bytes());
    let id = NodeId::from_bytes(id);
    let ip = IpAddr::from((0x0b00_0000 + number).to_be_bytes());
    let address = NetAddress::new(id, ip, 26656).expect("11.0.0.0/8 can be dialled");
    let record = Record {
        address,
        state: State::New,
        reliability: Reliability::default(),
        source: Source { id, ip },
        added: Wall::from_secs(1_700_000_000),
        attempts,
        outcome: DialOutcome::TimedOut,
        last_attempt: Wall::from_secs(1_700_000_100),
        last_success: Wall::NEVER,
        reached_since: Wall::NEVER,
        verified: false,
    };
    RowChange { key: Key::Address(address), row: Some(Row::Address(record)) }
}

fn open(path: &Path) -> (Store, Loaded) {
    Store::open(path, "bench-1", [7; 32]).expect("a folder of our own")
}

fn save(runtime: &Runtime, store: &Store, changes: Vec<RowChange>) {
    runtime.block_on(store.write(changes)).expect("the disk has room");
}

fn store(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut group = criterion.benchmark_group("store");
    group.sample_size(10);

    let fresh = || {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(&folder.path().join("book.db")).0;
        let changes: Vec<RowChange> = (0..FULL).map(|number| change(number, 0)).collect();
        (folder, store, changes)
    };
    group.bench_function("first save of 131,072", |bencher| {
        let first = |(folder, store, changes): (TempDir, Store, Vec<RowChange>)| {
            save(&runtime, &store, changes);
            (folder, store)
        };
        bencher.iter_batched(fresh, first, BatchSize::PerIteration);
    });

    let (folder, book, changes) = fresh();
    save(&runtime, &book, changes);
    for count in [1, 1000] {
        let mut round: u16 = 0;
        let mut changed = || {
            round = round.wrapping_add(1);
            (0..count).map(|number| change(number * (FULL / count), round)).collect()
        };
        group.bench_function(format!("{count} changed of 131,072"), |bencher| {
            bencher.iter_batched(&mut changed, |changes| save(&runtime, &book, changes), BatchSize::PerIteration);
        });
    }

    runtime.block_on(book.close()).expect("closed");
    group.bench_function("open, load into a book and close 131,072", |bencher| {
        bencher.iter(|| {
            let (store, loaded) = open(&folder.path().join("book.db"));
            let key = HashKey::from_bytes([7; HashKey::LEN]);
            let now = Now { mono: Mono::ZERO, wall: Wall::from_secs(1_700_000_200) };
            let params = Params::new(NodeId::from_bytes([0xff; 20]), true);
            let stored = StoredBook { records: loaded.rows.addresses, ..StoredBook::default() };
            let (book, report) = Book::load(params, key, stored, now);
            assert_eq!((report.loaded, book.counts().addresses), (FULL as usize, FULL as usize));
            runtime.block_on(store.close()).expect("closed");
        });
    });
    group.finish();
}

criterion_group!(benches, store);
criterion_main!(benches);
