//! Changes that are not stored yet, coalesced: one for each address, whatever happened to it in between.

use super::entry_index::Ix;
use super::{Book, Record};
use crate::types::NetAddress;

impl Book {
    /// Whether anything changed that is not stored yet.
    pub fn has_dirty(&self) -> bool {
        self.dirty.first().is_some()
    }

    /// At most `max` addresses that changed, the one that waits longest first, each once: its present record, or `None`
    /// for one that was removed. They count as stored from here on.
    pub fn take_dirty(&mut self, max: usize) -> Vec<(NetAddress, Option<Record>)> {
        let mut changes = Vec::new();
        while changes.len() < max
            && let Some(ix) = self.dirty.first()
        {
            self.clear_dirty(ix);
            changes.push((*self.slab.address(ix), self.record(ix)));
            if self.slab.is_live(ix) {
                self.slab.entry_mut(ix).stored = true;
            } else {
                self.slab.release(ix);
            }
        }
        changes
    }

    /// Marks an entry as changed.
    pub(super) fn touch(&mut self, ix: Ix) {
        if !std::mem::replace(&mut self.slab.entry_mut(ix).dirty, true) {
            self.dirty.push_back(&mut self.slab, ix);
        }
    }

    /// Marks an entry as unchanged.
    pub(super) fn clear_dirty(&mut self, ix: Ix) {
        if std::mem::take(&mut self.slab.entry_mut(ix).dirty) {
            self.dirty.remove(&mut self.slab, ix);
        }
    }

    /// The record of an entry; `None` when it was removed.
    pub(super) fn record(&self, ix: Ix) -> Option<Record> {
        let entry = self.slab.entry(ix);
        let history = self.slab.history(ix);
        Some(Record {
            address: *self.slab.address(ix),
            state: entry.standing.state()?,
            buckets: entry.slots().iter().map(|slot| u16::from(slot.bucket)).collect(),
            source: *self.slab.source(ix),
            added: history.added.into(),
            attempts: history.attempts,
            outcome: history.outcome,
            last_attempt: history.last_attempt.into(),
            last_success: history.last_success.into(),
            reached_since: history.reached_since.into(),
            verified: history.verified,
        })
    }
}
