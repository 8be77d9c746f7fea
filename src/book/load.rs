//! Loading a book from its records, none of which is trusted.

use super::entry_index::Ix;
use super::history::{History, Timestamp};
use super::params::MAX_ADDRESSES_PER_ID;
use super::slab::Standing;
use super::traces::Trace;
use super::{Book, HashKey, LoadReport, Params, Record, State, TraceRecord};
use crate::types::{Delta, DialOutcome, NodeId, Now, Overlay, Wall};

/// What was stored of a book.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredBook {
    /// The addresses.
    pub records: Vec<Record>,
    /// What is remembered of addresses that left it.
    pub traces: Vec<TraceRecord>,
    /// Run-time changes of the private IDs.
    pub private: Vec<Delta<NodeId>>,
}

impl Book {
    /// The book that was stored, with those run-time changes of the private IDs that still apply. A record that breaks a
    /// rule is repaired or left out, is counted, and is reported by [`Book::take_dirty`], so that the store follows.
    pub fn load(params: Params, key: HashKey, stored: StoredBook, now: Now) -> (Self, LoadReport) {
        let mut book = Book::new(params, key);
        book.private = Overlay::load(book.params.private_ids.iter().copied(), stored.private);
        for trace in stored.traces {
            let stored = Timestamp::from(trace.last_attempt);
            let last = stored.min(now.wall.into());
            let kept = Trace { last, failures: trace.attempts, outcome: trace.outcome };
            book.traces.load(trace.hash, kept);
            if last < stored {
                // Repaired: the store is to follow.
                book.traces.keep(trace.hash, kept);
            }
        }
        let mut report = LoadReport::default();
        for record in stored.records {
            match book.load_one(&record, now) {
                Some(true) => report.repaired += 1,
                Some(false) => {}
                None => {
                    book.forget(&record);
                    report.skipped += 1;
                }
            }
        }
        book.bound_banned();
        book.count_loaded_sources();
        book.schedule_all(now);
        report.loaded = book.counts.addresses;
        (book, report)
    }

    /// Loads one record and returns whether it was repaired; `None` when it is left out.
    fn load_one(&mut self, record: &Record, now: Now) -> Option<bool> {
        let known = self.slab.find(&record.address).is_some();
        if known || self.check(&record.address, &record.source).is_err() {
            return None;
        }
        if record.state != State::Banned && self.is_full() {
            return None;
        }
        let state = self.joint_state(record)?;
        let history = read_history(record, now.wall.into());
        let id = self.slab.find_id(&record.address.id());
        let first_of_id = self.slab.of_id(id).next().is_none();
        let ix = self.insert(id, record.address, record.source, state, history)?;
        self.slab.entry_mut(ix).stored = true;
        if first_of_id {
            *self.count_of(state) += 1;
        }
        if state == State::Banned {
            self.banned.push_back(&mut self.slab, ix);
        }
        self.refresh(ix);
        let repaired = self.record(ix).as_ref() != Some(record);
        if repaired {
            self.touch(ix);
        }
        Some(repaired)
    }

    /// The state that a record gets, given those of the same ID that were loaded before; `None` when there is no room
    /// for it.
    fn joint_state(&mut self, record: &Record) -> Option<State> {
        let id = record.address.id();
        let Some(before) = self.state(&id) else { return Some(record.state) };
        if record.state == State::Banned && before != State::Banned {
            self.ban(&id);
        }
        let state = self.state(&id)?;
        let room = self.slab.of_id(self.slab.find_id(&id)).count() < MAX_ADDRESSES_PER_ID;
        (room && state != State::Old).then_some(state)
    }

    /// Marks the row of a record that was left out for deletion, unless another record has the same key.
    fn forget(&mut self, record: &Record) {
        let id = self.slab.find_id(&record.address.id());
        if self.slab.find_in(id, &record.address).is_none() && self.slab.has_room() {
            let ix = self.slab.insert(id, record.address, record.source);
            self.slab.entry_mut(ix).stored = true;
            self.touch(ix);
        }
    }

    /// Lets all entries wait for what their latest attempts, and those at their ip:ports, leave: one that became due while
    /// we were not running is due now.
    fn schedule_all(&mut self, now: Now) {
        let waiting: Vec<Ix> =
            self.slab.live().filter(|&ix| self.slab.entry(ix).standing != Standing::Banned).collect();
        for ix in waiting {
            self.enqueue_anew(now, ix);
        }
    }
}

/// The history of a record, made consistent: no time is in the future, what was never tried has no attempts, and what
/// was never reached is not verified.
fn read_history(record: &Record, now: Timestamp) -> History {
    let stamp = |wall: Wall| Timestamp::from(wall).min(now);
    let added = stamp(record.added);
    if record.outcome == DialOutcome::Untried {
        return History { last_attempt: stamp(record.last_attempt), ..History::new(added) };
    }
    let last_success = stamp(record.last_success);
    let reached = !last_success.is_never();
    let reached_since = if reached { stamp(record.reached_since).min(last_success) } else { Timestamp::NEVER };
    History {
        added,
        last_attempt: stamp(record.last_attempt).max(last_success),
        last_success,
        reached_since,
        reliability: record.reliability,
        attempts: record.attempts,
        outcome: record.outcome,
        verified: record.verified && reached,
    }
}
