//! The audit log (who changed what) and the dial log (what we dialled): entries that are numbered here and wait for the
//! store.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::network::ChangeAuthor;
use crate::node::DialEnd;
use crate::node::row::{AuditEntry, DialEntry, Key, Row, RowChange, Rows};
use crate::types::{Wall, shortened};

/// Entries of the audit that are kept.
const AUDIT_SLOTS: u64 = 10_000;
/// Bytes of a text in an entry at most; one that is cut says so.
const MAX_TEXT: usize = 512;
/// Dials that wait for the store at most; more come together only while the disk fails.
const MAX_PENDING_DIALS: usize = 4_096;

/// Entries that are numbered and not handed to the store yet.
#[derive(Debug)]
pub(in crate::network) struct AuditAndDialLog {
    last_audit: u64,
    /// Rows that are kept elsewhere; bounded by what they are of.
    kept: BTreeMap<Key, Option<Row>>,
    /// Bounded by the ring of the audit.
    audit: VecDeque<AuditEntry>,
    last_dial: u64,
    /// Dials that are kept; 0 = none.
    dial_slots: u32,
    dials: VecDeque<PendingDial>,
    /// Dials that had to give way to later ones since the disk took some.
    lost_dials: u64,
}

/// A dial whose texts are made when the store takes it.
#[derive(Debug)]
struct PendingDial {
    number: u64,
    at: Wall,
    end: Arc<DialEnd>,
}

impl AuditAndDialLog {
    /// Goes on where the rows of the store end; `dial_slots` dials are kept.
    pub(in crate::network) fn after(rows: &Rows, dial_slots: u32) -> Self {
        AuditAndDialLog {
            last_audit: rows.last_audit,
            kept: BTreeMap::new(),
            audit: VecDeque::new(),
            last_dial: rows.last_dial,
            dial_slots,
            dials: VecDeque::new(),
            lost_dials: 0,
        }
    }

    /// Notes what an operator changed.
    pub(in crate::network) fn changed(&mut self, by: &ChangeAuthor, summary: &str, at: Wall) {
        self.last_audit += 1;
        if self.audit.len() as u64 == AUDIT_SLOTS {
            self.audit.pop_front();
        }
        self.audit.push_back(AuditEntry {
            number: self.last_audit,
            at,
            author: cut(&by.author),
            method: by.method.into(),
            summary: cut(summary),
        });
    }

    /// Hands on a row that is kept elsewhere.
    pub(in crate::network) fn keep(&mut self, change: RowChange) {
        self.kept.insert(change.key, change.row);
    }

    /// Notes the end of a dial.
    pub(in crate::network) fn dialled(&mut self, end: &Arc<DialEnd>, at: Wall) {
        if self.dial_slots == 0 {
            return;
        }
        self.last_dial += 1;
        if self.dials.len() == MAX_PENDING_DIALS {
            self.dials.pop_front();
            self.lost_dials += 1;
        }
        self.dials.push_back(PendingDial { number: self.last_dial, at, end: end.clone() });
    }

    /// Whether something waits for the store.
    pub(in crate::network) fn has_dirty(&self) -> bool {
        !self.audit.is_empty() || !self.kept.is_empty() || !self.dials.is_empty()
    }

    /// At most `max` rows for the store, what operators changed first.
    pub(in crate::network) fn take_dirty(&mut self, max: usize) -> Vec<RowChange> {
        let audit = self.audit.drain(..max.min(self.audit.len()));
        let mut changes: Vec<RowChange> = audit.map(audit_row).collect();
        while changes.len() < max
            && let Some((key, row)) = self.kept.pop_first()
        {
            changes.push(RowChange { key, row });
        }
        let room = (max - changes.len()).min(self.dials.len());
        let slots = u64::from(self.dial_slots.max(1));
        changes.extend(self.dials.drain(..room).map(|dial| dial_row(dial, slots)));
        if self.lost_dials > 0 {
            tracing::warn!(
                count = self.lost_dials,
                "dials are missing from the dial log: the disk did not take them in time"
            );
            self.lost_dials = 0;
        }
        changes
    }
}

fn audit_row(entry: AuditEntry) -> RowChange {
    RowChange { key: Key::Audit(slot(entry.number, AUDIT_SLOTS)), row: Some(Row::Audit(entry)) }
}

fn dial_row(PendingDial { number, at, end }: PendingDial, slots: u64) -> RowChange {
    let entry = DialEntry {
        number,
        at,
        target: end.target.clone(),
        remote: end.remote,
        purpose: end.purpose,
        outcome: end.outcome,
        fault: end.fault.as_ref().map(|fault| fault.name().into()).unwrap_or_default(),
        detail: end.fault.as_ref().map(|fault| cut(&fault.to_string())).unwrap_or_default(),
    };
    RowChange { key: Key::Dial(slot(number, slots)), row: Some(Row::Dial(entry)) }
}

/// The place of a number in a ring of so many.
fn slot(number: u64, slots: u64) -> u32 {
    u32::try_from(number % slots).unwrap_or_default()
}

fn cut(text: &str) -> Box<str> {
    shortened(text, MAX_TEXT).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{DialOutcome, Fault, Purpose};

    fn end() -> Arc<DialEnd> {
        let target = "0101010101010101010101010101010101010101@127.0.0.1:1".parse().unwrap();
        let (outcome, fault) = (Some(DialOutcome::Refused), Some(Fault::Refused));
        Arc::new(DialEnd { target, remote: None, purpose: Purpose::Visit, outcome, fault })
    }

    fn numbers(changes: &[RowChange]) -> Vec<(u32, u64)> {
        let number = |change: &RowChange| match (&change.key, &change.row) {
            (Key::Dial(slot), Some(Row::Dial(entry))) => (*slot, entry.number),
            other => panic!("{other:?}"),
        };
        changes.iter().map(number).collect()
    }

    #[test]
    fn dials_go_on_where_they_ended_and_the_newest_takes_the_slot_of_the_oldest() {
        let mut logs = AuditAndDialLog::after(&Rows { last_dial: 7, ..Rows::default() }, 3);
        (0..4).for_each(|_| logs.dialled(&end(), Wall::from_secs(1)));
        assert_eq!(numbers(&logs.take_dirty(3)), [(2, 8), (0, 9), (1, 10)]);
        assert!(logs.has_dirty());
        assert_eq!(numbers(&logs.take_dirty(3)), [(2, 11)]);
        assert!(!logs.has_dirty());
    }

    #[test]
    fn while_the_disk_takes_nothing_the_oldest_dials_give_way() {
        let mut logs = AuditAndDialLog::after(&Rows::default(), 100_000);
        (0..MAX_PENDING_DIALS + 10).for_each(|_| logs.dialled(&end(), Wall::from_secs(1)));
        assert_eq!(logs.lost_dials, 10);
        let kept = numbers(&logs.take_dirty(usize::MAX));
        assert_eq!((kept.len(), kept[0].1), (MAX_PENDING_DIALS, 11));
    }

    #[test]
    fn a_summary_that_is_cut_says_so() {
        let mut logs = AuditAndDialLog::after(&Rows::default(), 0);
        let by = ChangeAuthor { author: "ops".into(), method: "NetworkService.Reload" };
        logs.changed(&by, &"x".repeat(MAX_TEXT), Wall::from_secs(1));
        logs.changed(&by, &"x".repeat(2_000), Wall::from_secs(1));
        let summaries: Vec<_> = logs.audit.iter().map(|entry| &*entry.summary).collect();
        assert_eq!(summaries, ["x".repeat(MAX_TEXT), format!("{}...", "x".repeat(MAX_TEXT - 3))]);
    }

    #[test]
    fn without_a_dial_log_nothing_waits() {
        let mut logs = AuditAndDialLog::after(&Rows::default(), 0);
        logs.dialled(&end(), Wall::from_secs(1));
        assert!(!logs.has_dirty());
    }
}
