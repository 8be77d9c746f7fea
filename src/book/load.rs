//! Loading a book from its records, none of which is trusted.

use super::entry_index::Ix;
use super::history::{History, Timestamp};
use super::params::{BUCKET_SIZE, NEW_BUCKETS};
use super::slab::Standing;
use super::{Book, HashKey, LoadReport, MAX_NEW_BUCKETS, Params, Record, State};
use crate::types::{Delta, DialOutcome, NodeId, Now, Overlay, Wall};

impl Book {
    /// The book that was stored as these records, each address in the buckets where it was, with those run-time changes
    /// of the private IDs that still apply. A record that breaks a rule is repaired or left out, is counted, and is
    /// reported by [`Book::take_dirty`], so that the store follows.
    pub fn load(
        params: Params,
        key: HashKey,
        records: impl IntoIterator<Item = Record>,
        private: Vec<Delta<NodeId>>,
        now: Now,
    ) -> (Self, LoadReport) {
        let mut book = Book::new(params, key);
        book.private = Overlay::load(book.params.private_ids.iter().copied(), private);
        let mut report = LoadReport::default();
        for record in records {
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
        let state = self.joint_state(record)?;
        let history = read_history(record, now.wall.into());
        let id = self.slab.find_id(&record.address.id());
        let first_of_id = self.slab.of_id(id).next().is_none();
        let ix = self.insert(id, record.address, record.source, state, history)?;
        self.slab.entry_mut(ix).stored = true;
        if first_of_id {
            *self.count_of(state) += 1;
        }
        let placed = match state {
            State::New => self.place_new(ix, &record.buckets),
            State::Old => self.place_old(ix),
            State::Banned => {
                self.banned.push_back(&mut self.slab, ix);
                true
            }
        };
        if !placed {
            self.discard(ix);
            return None;
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
        let room = self.slab.of_id(self.slab.find_id(&id)).count() < MAX_NEW_BUCKETS;
        (room && state != State::Old).then_some(state)
    }

    /// Puts an entry into those of the recorded buckets that exist and have room, else into the one that its source
    /// gives. Of a long list only the first ones are read.
    fn place_new(&mut self, ix: Ix, buckets: &[u16]) -> bool {
        let recorded = buckets.iter().filter(|&&bucket| usize::from(bucket) < NEW_BUCKETS).map(|&bucket| bucket as u8);
        for bucket in recorded.take(BUCKET_SIZE) {
            self.place_in(ix, bucket);
        }
        if self.slab.entry(ix).slots().is_empty() {
            let home = self.home(ix);
            self.place_in(ix, home);
        }
        !self.slab.entry(ix).slots().is_empty()
    }

    fn place_in(&mut self, ix: Ix, bucket: u8) {
        let twice = self.slab.entry(ix).slot_in(bucket).is_some();
        if self.slots_of(ix) < MAX_NEW_BUCKETS && !twice && !self.new.is_full(bucket) {
            self.enter(ix, bucket);
        }
    }

    /// Puts an entry into its old bucket; if that is full, the entry becomes new.
    fn place_old(&mut self, ix: Ix) -> bool {
        let bucket = self.bucket_hash.old_bucket(self.slab.address(ix));
        if self.old.is_full(bucket) {
            self.set_state(ix, State::New);
            return self.place_new(ix, &[]);
        }
        self.enter(ix, bucket);
        true
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

    /// Queues all entries in the order of their latest attempts: one that became due while we were not running is due
    /// now.
    fn schedule_all(&mut self, now: Now) {
        let stamp = Timestamp::from(now.wall);
        let mut waiting: Vec<Ix> =
            self.slab.live().filter(|&ix| self.slab.entry(ix).standing != Standing::Banned).collect();
        waiting.sort_by_key(|&ix| {
            let history = self.slab.history(ix);
            (history.last_attempt, history.added, *self.slab.address(ix))
        });
        for ix in waiting {
            let ago = stamp.since(self.slab.history(ix).last_attempt);
            self.schedule.enqueue_late(&mut self.slab, ix, now, ago);
        }
    }
}

/// The history of a record, made consistent: no time is in the future, what was never tried has no attempts, and what
/// was never reached is not verified.
fn read_history(record: &Record, now: Timestamp) -> History {
    let stamp = |wall: Wall| Timestamp::from(wall).min(now);
    let added = stamp(record.added);
    if record.outcome == DialOutcome::Untried {
        return History::new(added);
    }
    let last_success = stamp(record.last_success);
    let reached = !last_success.is_never();
    let reached_since = if reached { stamp(record.reached_since).min(last_success) } else { Timestamp::NEVER };
    History {
        added,
        last_attempt: stamp(record.last_attempt).max(last_success),
        last_success,
        reached_since,
        attempts: record.attempts,
        outcome: record.outcome,
        verified: record.verified && reached,
    }
}
