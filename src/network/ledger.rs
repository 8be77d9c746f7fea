//! What is written down of a network's doings, to be read when somebody asks: who changed what.

use std::collections::BTreeMap;

use super::By;
use crate::node::row::{AuditEntry, Change, Key, Row, Rows};
use crate::types::Wall;

/// Entries of the audit that are kept.
const AUDIT_SLOTS: u64 = 10_000;
/// Bytes of a text in an entry at most.
const MAX_TEXT: usize = 512;

/// Entries that are numbered and not handed to the store yet. What waits is bounded by the rings that it goes to.
#[derive(Debug)]
pub(super) struct Ledger {
    last_audit: u64,
    pending: BTreeMap<Key, Option<Row>>,
}

impl Ledger {
    /// Goes on where the rows of the store end.
    pub(super) fn after(rows: &Rows) -> Self {
        Ledger { last_audit: rows.last_audit, pending: BTreeMap::new() }
    }

    /// Notes what an operator changed.
    pub(super) fn changed(&mut self, by: &By, summary: &str, at: Wall) {
        self.last_audit += 1;
        let entry = AuditEntry {
            number: self.last_audit,
            at,
            author: cut(&by.author),
            method: by.method.into(),
            summary: cut(summary),
        };
        let slot = u32::try_from(entry.number % AUDIT_SLOTS).unwrap_or_default();
        self.pending.insert(Key::Audit(slot), Some(Row::Audit(entry)));
    }

    /// Hands on a row that is kept elsewhere.
    pub(super) fn keep(&mut self, change: Change) {
        self.pending.insert(change.key, change.row);
    }

    /// Whether something waits for the store.
    pub(super) fn has_dirty(&self) -> bool {
        !self.pending.is_empty()
    }

    /// At most `max` rows for the store.
    pub(super) fn take_dirty(&mut self, max: usize) -> Vec<Change> {
        let mut changes = Vec::new();
        while changes.len() < max
            && let Some((key, row)) = self.pending.pop_first()
        {
            changes.push(Change { key, row });
        }
        changes
    }
}

fn cut(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(MAX_TEXT)].into()
}
