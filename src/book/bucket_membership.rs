//! How entries enter and leave buckets, and the book. Everything that keeps lists, counts and buckets consistent is
//! here.

use super::entry_index::{Ix, SlotAt};
use super::history::Timestamp;
use super::slab::{Slab, Standing};
use super::{Book, State};

impl Book {
    /// Puts an entry that is new, and not in this bucket, into a new bucket; a full one evicts (CometBFT
    /// `p2p/pex/addrbook.go: addToNewBucket`).
    pub(super) fn enter_new(&mut self, now: Timestamp, ix: Ix, bucket: u8) {
        if self.new.is_full(bucket) {
            self.evict(now, bucket);
        }
        self.enter(ix, bucket);
        self.touch(ix);
    }

    /// Puts an entry into a bucket of its state that has room.
    pub(super) fn enter(&mut self, ix: Ix, bucket: u8) {
        let entry = self.slab.entry_mut(ix);
        let buckets = if entry.standing == Standing::Old { &mut self.old } else { &mut self.new };
        entry.enter(buckets.push(bucket, ix, &entry.history));
    }

    /// Takes an entry out of a slot.
    fn leave(&mut self, ix: Ix, slot: SlotAt) {
        let entry = self.slab.entry_mut(ix);
        let buckets = if entry.standing == Standing::Old { &mut self.old } else { &mut self.new };
        entry.leave(slot);
        if let Some(moved) = buckets.remove(slot) {
            self.slab.entry_mut(moved).moved_to(slot);
        }
    }

    /// Updates the entry's eviction keys in its buckets, after a change of its history.
    pub(super) fn update_eviction_keys(&mut self, ix: Ix) {
        let entry = self.slab.entry(ix);
        let buckets = if entry.standing == Standing::Old { &mut self.old } else { &mut self.new };
        for slot in entry.slots() {
            buckets.update_eviction_keys(*slot, &entry.history);
        }
    }

    /// Evicts from a new bucket: a bad entry first, else the one added or tried longest ago
    /// (docs/protocol/address-book.md, "A full bucket").
    fn evict(&mut self, now: Timestamp, bucket: u8) {
        let slot = self.new.worst(bucket, now);
        let worst = self.new.at(slot);
        self.leave(worst, slot);
        if self.slab.entry(worst).slots().is_empty() {
            self.delete(worst);
        } else {
            self.touch(worst);
        }
    }

    /// Takes an entry out of its buckets.
    pub(super) fn leave_buckets(&mut self, ix: Ix) {
        while let Some(&slot) = self.slab.entry(ix).slots().last() {
            self.leave(ix, slot);
        }
    }

    /// Puts an address, the only one of its ID, into its old bucket. A full one demotes the one tried longest ago to
    /// new (CometBFT `p2p/pex/addrbook.go: moveToOld`).
    pub(super) fn enter_old(&mut self, now: Timestamp, ix: Ix) {
        let bucket = self.bucket_hash.old_bucket(self.slab.address(ix));
        if self.old.is_full(bucket) {
            let oldest = self.old.at(self.old.oldest(bucket));
            // It has to prove good again: else the two would swap at each success.
            let history = &mut self.slab.entry_mut(oldest).history;
            if !history.reached_since.is_never() {
                history.reached_since = history.last_success;
            }
            self.make_new(now, oldest);
        }
        self.enter(ix, bucket);
        self.touch(ix);
    }

    /// Makes a new ID old, at this address; its others are removed.
    pub(super) fn make_old(&mut self, now: Timestamp, ix: Ix) {
        let others: Vec<Ix> = self.slab.siblings(ix).filter(|&sibling| sibling != ix).collect();
        for other in others {
            self.discard(other);
        }
        self.leave_buckets(ix);
        self.set_state(ix, State::Old);
        self.enter_old(now, ix);
    }

    /// Makes an old ID new, in the bucket that its source gives.
    pub(super) fn make_new(&mut self, now: Timestamp, ix: Ix) {
        self.leave_buckets(ix);
        self.set_state(ix, State::New);
        self.enter_new(now, ix, self.home(ix));
    }

    /// The new bucket that an entry belongs to by its source.
    pub(super) fn home(&self, ix: Ix) -> u8 {
        self.bucket_hash.new_bucket(self.slab.address(ix).ip(), self.slab.source(ix).ip)
    }

    /// Moves an ID, with all its addresses, from the lists and counts of one state to those of another. The caller
    /// updates buckets and queues.
    pub(super) fn set_state(&mut self, ix: Ix, state: State) {
        let siblings: Vec<Ix> = self.slab.siblings(ix).collect();
        if let Some(before) = self.slab.entry(ix).standing.state() {
            *self.count_of(before) -= 1;
        }
        *self.count_of(state) += 1;
        for &sibling in &siblings {
            self.servable_lists.remove(&mut self.slab, sibling);
            self.slab.entry_mut(sibling).standing = state.into();
            self.touch(sibling);
        }
        self.refresh(ix);
    }

    pub(super) fn count_of(&mut self, state: State) -> &mut usize {
        match state {
            State::New => &mut self.counts.new,
            State::Old => &mut self.counts.old,
            State::Banned => &mut self.counts.banned,
        }
    }

    /// Chooses again by which address the ID of this entry is served, and whether it counts as untried.
    pub(super) fn refresh(&mut self, ix: Ix) {
        self.servable_lists.refresh(&mut self.slab, ix);
        let counted = self.slab.siblings(ix).find(|&sibling| self.slab.entry(sibling).counts_untried);
        let untried = self.slab.siblings(ix).find(|&sibling| is_open(&self.slab, sibling));
        if let Some(counted) = counted {
            self.slab.entry_mut(counted).counts_untried = false;
            self.counts.untried -= 1;
        }
        if let Some(untried) = untried {
            self.slab.entry_mut(untried).counts_untried = true;
            self.counts.untried += 1;
        }
    }

    /// Removes an entry wherever it is.
    pub(super) fn discard(&mut self, ix: Ix) {
        self.leave_buckets(ix);
        self.delete(ix);
    }

    /// Removes an entry that is in no bucket. If the store knows it, it stays as a tombstone until its removal is
    /// reported.
    pub(super) fn delete(&mut self, ix: Ix) {
        let Some(state) = self.slab.entry(ix).standing.state() else { return };
        let other = self.slab.siblings(ix).find(|&sibling| sibling != ix);
        self.servable_lists.remove(&mut self.slab, ix);
        if state == State::Banned {
            self.banned.remove(&mut self.slab, ix);
        } else {
            self.schedule.remove(&mut self.slab, ix);
        }
        self.order.remove(&self.slab, ix);
        self.counts.addresses -= 1;
        self.counts.outcomes[self.slab.history(ix).outcome as usize] -= 1;
        let entry = self.slab.entry_mut(ix);
        entry.standing = Standing::Gone;
        entry.taken = false;
        if std::mem::take(&mut entry.counts_untried) {
            self.counts.untried -= 1;
        }
        match other {
            Some(other) => self.refresh(other),
            None => *self.count_of(state) -= 1,
        }
        if self.slab.entry(ix).stored {
            self.touch(ix);
        } else {
            self.clear_dirty(ix);
            self.slab.release(ix);
        }
    }
}

/// Whether the crawl has not tried this address yet.
fn is_open(slab: &Slab, ix: Ix) -> bool {
    slab.history(ix).is_untried() && matches!(slab.entry(ix).standing, Standing::New | Standing::Old)
}
