//! What was dialled and has left the book, in 16 bytes each: gossip that brings it back brings it back with its backoff
//! (docs/protocol/address-book.md, "Traces").

use hashbrown::HashTable;

use super::history::Timestamp;
use crate::types::DialOutcome;

/// Traces in one of the two generations: as many as a hash table of 131,072 slots takes. Both take 4.5 MB, and what waits to be
/// stored of them 3 MB at most.
const GENERATION: usize = 131_072 / 8 * 7;

/// What is remembered of an ip:port, or of one id@ip:port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    /// When it was last dialled.
    pub(super) last: Timestamp,
    /// Failures in a row, by then; 0 when it had answered.
    pub(super) failures: u16,
    pub(super) outcome: DialOutcome,
}

impl Trace {
    /// What is known of an ip:port by two traces of it: the later one knows whether somebody answered, and of failures the
    /// higher count is right.
    pub(super) fn after(self, other: Option<Trace>) -> Trace {
        let Some(other) = other else { return self };
        let (earlier, later) = if self.last < other.last { (self, other) } else { (other, self) };
        let failures = if later.failures > 0 { later.failures.max(earlier.failures) } else { 0 };
        Trace { failures, ..later }
    }
}

/// A trace in 16 bytes.
#[derive(Clone, Copy)]
struct Kept {
    hash: u64,
    last: Timestamp,
    failures: u16,
    outcome: DialOutcome,
    row: RowState,
}

/// What the store has of a trace, and is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum RowState {
    /// No row; one is to be written.
    Missing,
    /// Another row; this one is to be written.
    Stale,
    /// This one.
    Stored,
}

const _: () = assert!(size_of::<Kept>() == 16);

impl Kept {
    const fn new(hash: u64, Trace { last, failures, outcome }: Trace, row: RowState) -> Self {
        Kept { hash, last, failures, outcome, row }
    }

    const fn trace(&self) -> Trace {
        Trace { last: self.last, failures: self.failures, outcome: self.outcome }
    }
}

/// Traces by keyed hashes. When the younger generation is full the older one is forgotten, and it becomes the older one.
#[derive(Default)]
pub(super) struct Traces {
    young: HashTable<Kept>,
    old: HashTable<Kept>,
    /// Hashes of traces to store.
    dirty: Vec<u64>,
    /// Hashes of traces that were forgotten and whose rows are to be deleted: no more than were stored.
    deleted: Vec<u64>,
}

impl Traces {
    /// Keeps a trace, in place of an earlier one.
    pub(super) fn keep(&mut self, hash: u64, trace: Trace) {
        if let Some(kept) = self.young.find_mut(hash, |kept| kept.hash == hash) {
            let was_stored = kept.row == RowState::Stored;
            *kept = Kept::new(hash, trace, if was_stored { RowState::Stale } else { kept.row });
            if was_stored {
                self.dirty.push(hash);
            }
            return;
        }
        let has_row = self.old.find(hash, |kept| kept.hash == hash).is_some_and(|kept| kept.row != RowState::Missing);
        self.insert(Kept::new(hash, trace, if has_row { RowState::Stale } else { RowState::Missing }));
        self.dirty.push(hash);
    }

    /// Takes a trace that was stored.
    pub(super) fn load(&mut self, hash: u64, trace: Trace) {
        if self.get(hash).is_none() {
            self.insert(Kept::new(hash, trace, RowState::Stored));
        }
    }

    fn insert(&mut self, kept: Kept) {
        if self.young.len() >= GENERATION {
            let forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            let gone = |kept: &&Kept| {
                kept.row != RowState::Missing && self.old.find(kept.hash, |old| old.hash == kept.hash).is_none()
            };
            self.deleted.extend(forgotten.iter().filter(gone).map(|kept| kept.hash));
            // While the store takes nothing, what waits for it is no more than what is kept.
            let old = &self.old;
            self.dirty.retain(|hash| old.find(*hash, |kept| kept.hash == *hash).is_some());
        }
        self.young.insert_unique(kept.hash, kept, |kept| kept.hash);
    }

    /// The latest trace.
    pub(super) fn get(&self, hash: u64) -> Option<Trace> {
        self.find(hash).map(Kept::trace)
    }

    /// All of them, each once.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Trace)> {
        let superseded = |kept: &&Kept| self.young.find(kept.hash, |young| young.hash == kept.hash).is_none();
        self.young.iter().chain(self.old.iter().filter(superseded)).map(|kept| (kept.hash, kept.trace()))
    }

    fn find(&self, hash: u64) -> Option<&Kept> {
        [&self.young, &self.old].into_iter().find_map(|kept| kept.find(hash, |kept| kept.hash == hash))
    }

    /// Whether something is to be stored.
    pub(super) fn has_dirty(&self) -> bool {
        !self.dirty.is_empty() || !self.deleted.is_empty()
    }

    /// One change to store: the trace, or `None` when it was forgotten.
    pub(super) fn take_dirty(&mut self) -> Option<(u64, Option<Trace>)> {
        // A trace that was forgotten and is kept anew is written after its row was deleted.
        if let Some(hash) = self.deleted.pop() {
            return Some((hash, self.get(hash)));
        }
        let hash = self.dirty.pop()?;
        for kept in [&mut self.young, &mut self.old] {
            if let Some(kept) = kept.find_mut(hash, |kept| kept.hash == hash) {
                kept.row = RowState::Stored;
            }
        }
        Some((hash, self.get(hash)))
    }

    /// Traces that are kept; one that is in both generations counts twice.
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.young.allocation_size()
            + self.old.allocation_size()
            + (self.dirty.capacity() + self.deleted.capacity()) * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_latest_are_kept_within_the_stated_size() {
        let mut traces = Traces::default();
        let trace = |failures| Trace { last: Timestamp::NEVER, failures, outcome: DialOutcome::TimedOut };
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..3 * GENERATION as u64 {
            traces.keep(hash(n), trace(n as u16));
            traces.take_dirty();
            assert!(traces.heap_bytes() <= 8_000_000, "{} bytes", traces.heap_bytes());
        }
        for n in 2 * GENERATION as u64..3 * GENERATION as u64 {
            assert_eq!(traces.get(hash(n)), Some(trace(n as u16)));
        }
        assert_eq!(traces.get(hash(5)), None);
        traces.keep(hash(3 * GENERATION as u64 - 1), trace(1));
        assert_eq!(traces.get(hash(3 * GENERATION as u64 - 1)), Some(trace(1)));
    }

    fn save(store: &mut BTreeMap<u64, Trace>, hash: u64, trace: Option<Trace>) {
        match trace {
            Some(trace) => store.insert(hash, trace),
            None => store.remove(&hash),
        };
    }

    #[test]
    fn while_the_store_takes_nothing_what_waits_is_bounded() {
        let mut traces = Traces::default();
        for n in 0..12 * GENERATION as u64 {
            let trace = Trace { last: Timestamp::NEVER, failures: 1, outcome: DialOutcome::Refused };
            traces.keep(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), trace);
        }
        assert!(traces.dirty.len() <= 2 * GENERATION && traces.deleted.is_empty());
        assert!(traces.heap_bytes() <= 12_000_000, "{} bytes", traces.heap_bytes());
    }

    #[test]
    fn a_store_that_takes_all_changes_has_what_is_kept() {
        let (mut traces, mut store) = (Traces::default(), BTreeMap::new());
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 0..5 * GENERATION as u64 / 2 {
            let trace = Trace { last: Timestamp::NEVER, failures: n as u16, outcome: DialOutcome::Refused };
            traces.keep(hash(n % (2 * GENERATION as u64)), trace);
            if n % 3 == 0 {
                while let Some((hash, trace)) = traces.take_dirty() {
                    save(&mut store, hash, trace);
                }
            }
        }
        while let Some((hash, trace)) = traces.take_dirty() {
            save(&mut store, hash, trace);
        }
        assert!(store.iter().all(|(hash, trace)| traces.get(*hash) == Some(*trace)));
        let mut again = Traces::default();
        store.iter().for_each(|(hash, trace)| again.load(*hash, *trace));
        assert!(!again.has_dirty() && (0..9).all(|n| again.get(hash(n)) == traces.get(hash(n))));
    }
}
