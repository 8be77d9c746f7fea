//! Changes that are not stored yet, coalesced: one for each address, whatever happened to it in between.

use super::entry_index::Ix;
use super::traces::Trace;
use super::{Book, Record, TraceRecord};
use crate::types::NetAddress;

impl Book {
    /// Whether anything changed that is not stored yet.
    pub fn has_dirty(&self) -> bool {
        self.dirty.first().is_some() || self.traces.has_dirty()
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

    /// One trace that changed: its hash, and `None` when it was forgotten. It counts as stored from here on.
    pub fn take_dirty_trace(&mut self) -> Option<(u64, Option<TraceRecord>)> {
        let (hash, trace) = self.traces.take_dirty()?;
        Some((hash, trace.map(|trace| trace_record(hash, trace))))
    }

    /// All traces.
    pub fn trace_records(&self) -> impl Iterator<Item = TraceRecord> {
        self.traces.iter().map(|(hash, trace)| trace_record(hash, trace))
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
            source: *self.slab.source(ix),
            added: history.added.into(),
            attempts: history.attempts,
            outcome: history.outcome,
            last_attempt: history.last_attempt.into(),
            last_success: history.last_success.into(),
            reached_since: history.reached_since.into(),
            reliability: history.reliability,
            verified: history.verified,
        })
    }
}

fn trace_record(hash: u64, Trace { last, failures, outcome }: Trace) -> TraceRecord {
    TraceRecord { hash, last_attempt: last.into(), attempts: failures, outcome }
}
