//! What saving and opening a full book costs. Each save ends with a sync, so the figures are mostly the disk's.
#![allow(missing_docs)]

use std::net::IpAddr;
use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pexd::book::{Record, Source, State};
use pexd::node::row::{Key, Row, RowChange};
use pexd::store::{Loaded, Store};
use pexd::types::{DialOutcome, NetAddress, NodeId, Wall};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// All slots: 256 new buckets and 64 old ones of 64.
const FULL: u32 = 20_480;

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
        buckets: vec![(number % 256) as u16],
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
    group.bench_function("first save of 20,480", |bencher| {
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
        group.bench_function(format!("{count} changed of 20,480"), |bencher| {
            bencher.iter_batched(&mut changed, |changes| save(&runtime, &book, changes), BatchSize::PerIteration);
        });
    }

    runtime.block_on(book.close()).expect("closed");
    group.bench_function("open, load and close 20,480", |bencher| {
        bencher.iter(|| {
            let (store, loaded) = open(&folder.path().join("book.db"));
            assert_eq!(loaded.rows.addresses.len(), FULL as usize);
            runtime.block_on(store.close()).expect("closed");
        });
    });
    group.finish();
}

criterion_group!(benches, store);
criterion_main!(benches);
