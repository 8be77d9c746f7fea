//! The invariants of the book (see the top of `book/mod.rs`), recounted the slow way.

use std::collections::{BTreeMap, BTreeSet};

use super::super::buckets::EvictionKeys;
use super::super::entry_index::SlotAt;
use super::*;

/// Checks everything that can be recounted.
pub(super) fn check(book: &Book) {
    let records = book.page(None, usize::MAX);
    assert!(records.is_sorted_by(|a, b| a.address < b.address));
    assert_eq!(records.len(), book.slab.live().count());
    let mut ids: BTreeMap<NodeId, Vec<&Record>> = BTreeMap::new();
    for record in &records {
        ids.entry(record.address.id()).or_default().push(record);
    }
    check_ids(book, &ids);
    check_buckets(book, &records);
    check_counts(book, &records, &ids);
    check_queues(book);
}

fn check_ids(book: &Book, ids: &BTreeMap<NodeId, Vec<&Record>>) {
    for (id, records) in ids {
        let states: BTreeSet<State> = records.iter().map(|r| r.state).collect();
        assert_eq!(states.len(), 1, "one state for {id}");
        let slots: usize = records.iter().map(|r| r.buckets.len()).sum();
        match records[0].state {
            State::New => assert!(slots <= MAX_NEW_BUCKETS && records.iter().all(|r| !r.buckets.is_empty())),
            State::Old => assert_eq!((slots, records.len()), (1, 1)),
            State::Banned => assert_eq!(slots, 0),
        }
        let mut found = book.addresses_of(id);
        found.sort();
        assert_eq!(found, records.iter().map(|r| r.address).collect::<Vec<_>>());
        assert!(records.iter().all(|r| !r.verified || !r.last_success.is_never()));
    }
}

fn check_buckets(book: &Book, records: &[Record]) {
    let mut sizes: BTreeMap<(State, u16), usize> = BTreeMap::new();
    for record in records {
        for bucket in &record.buckets {
            *sizes.entry((record.state, *bucket)).or_default() += 1;
        }
        let distinct: BTreeSet<&u16> = record.buckets.iter().collect();
        assert_eq!(distinct.len(), record.buckets.len());
        if record.state == State::Old {
            assert_eq!(record.buckets, [u16::from(book.bucket_hash.old_bucket(&record.address))]);
        }
    }
    for (state, buckets) in [(State::New, &book.new), (State::Old, &book.old)] {
        let count = if state == State::New { params::NEW_BUCKETS } else { params::OLD_BUCKETS };
        for bucket in 0..count as u16 {
            let slots = buckets.slots(bucket as u8);
            for (at, ix) in slots.iter().enumerate() {
                let entry = book.slab.entry(*ix);
                let own = SlotAt { bucket: bucket as u8, at: at as u8 };
                assert!(entry.slots().contains(&own) && entry.standing.state() == Some(state));
                assert_eq!(buckets.keys(own), EvictionKeys::from(&entry.history), "{}", book.slab.address(*ix));
            }
            assert!(slots.len() <= params::BUCKET_SIZE);
            assert_eq!(slots.len(), sizes.get(&(state, bucket)).copied().unwrap_or(0), "{state:?} {bucket}");
        }
    }
}

fn check_counts(book: &Book, records: &[Record], ids: &BTreeMap<NodeId, Vec<&Record>>) {
    let in_state = |state| ids.values().filter(|r| r[0].state == state).count();
    let any = |test: &dyn Fn(&Record) -> bool| {
        ids.values().filter(|r| r[0].state != State::Banned && r.iter().any(|r| test(r))).count()
    };
    let counts = Counts {
        new: in_state(State::New),
        old: in_state(State::Old),
        banned: in_state(State::Banned),
        addresses: records.len(),
        untried: any(&|r| r.outcome == DialOutcome::Untried),
        outcomes: DialOutcome::ALL.map(|outcome| records.iter().filter(|r| r.outcome == outcome).count()),
    };
    assert_eq!(book.counts(), counts);
    assert!(counts.banned <= params::MAX_BANNED);
    assert_eq!(book.servable(Servable::Verified), any(&|r| r.verified));
    assert_eq!(book.servable(Servable::NotFailed), any(&|r| r.verified || r.outcome == DialOutcome::Untried));
    let sources: Vec<NodeId> = records.iter().map(|r| r.source.id).collect();
    for (source, (all, verified)) in book.count_by_source(&sources) {
        let of_source = || records.iter().filter(|r| r.source.id == source);
        assert_eq!(
            (all as usize, verified as usize),
            (of_source().count(), of_source().filter(|r| r.verified).count())
        );
    }
    for kind in Servable::ALL {
        let served: Vec<NodeId> =
            records.iter().map(|r| r.address).filter(|a| book.is_served(kind, a)).map(|a| a.id()).collect();
        assert_eq!(served.len(), book.servable(kind));
        assert_eq!(served.iter().collect::<BTreeSet<_>>().len(), served.len());
    }
}

/// Each entry that is not banned waits in one queue, or was handed out.
fn check_queues(book: &Book) {
    for ix in book.slab.live() {
        let entry = book.slab.entry(ix);
        let banned = entry.standing.state() == Some(State::Banned);
        assert_eq!(entry.queue.is_some(), !banned && !entry.taken, "{}", book.slab.address(ix));
    }
}
