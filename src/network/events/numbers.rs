//! The numbers of events, and what the disk has to know of them so that they go on over a restart.
//!
//! The rule: no reader is shown a number that the next life might give to another event. So numbers are reserved on disk
//! a block ahead, again and again when half of it is used, and one beyond the reservation stays hidden until the next one
//! is on disk, which takes a moment. While the disk *fails*, nothing can be reserved: numbers beyond the reservation then
//! belong to a new epoch, which the next life knows nothing of, and are shown at once.
//!
//! A clean end writes the last number. After a crash the numbers go on a block behind the reservation, so that events are
//! counted, too, that happened right before it and were still hidden. Some of those numbers were never given: what a
//! reader missed is "at most" so many. Only when the disk had failed for more than a block of events before the crash can
//! nobody count them; a reader that saw some of these learns so, for their epoch is unknown.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::clock;
use crate::node::row::EventMark;

/// Numbers that are reserved ahead. When events come faster than this in the time of two writes, some are hidden for that
/// time.
pub(super) const BLOCK: u64 = 8_192;
/// Epochs of this life that cursors are known of.
const MAX_STRETCHES: usize = 8;

/// The counter, and how far the disk knows of it.
#[derive(Debug)]
pub(super) struct Numbers {
    last: u64,
    /// By epoch, the present one at the end.
    stretches: VecDeque<Stretch>,
    /// Up to this number some may never have been given to an event.
    uncertain: u64,
    /// The present epoch's reservation that is on disk.
    reserved: u64,
    /// What was handed to the store and is not known to be on disk: the epoch and its reservation.
    handed: Option<(Arc<str>, u64)>,
    /// The disk knows nothing of the present epoch, and is not waited for.
    volatile: bool,
    failing: bool,
    /// Whether a book was ever opened.
    known: bool,
}

/// The numbers of one epoch, from the first up to the next stretch.
#[derive(Debug)]
struct Stretch {
    first: u64,
    epoch: Arc<str>,
}

impl Default for Numbers {
    /// Numbers of a life that no disk knows of.
    fn default() -> Self {
        let stretches = VecDeque::from([Stretch { first: 1, epoch: fresh_epoch() }]);
        let (last, uncertain, reserved, handed) = (0, 0, 0, None);
        Numbers { last, stretches, uncertain, reserved, handed, volatile: true, failing: false, known: false }
    }
}

impl Numbers {
    /// Goes on from what a book says that was just opened; whether the numbers begin anew, so that what was numbered
    /// before is to be forgotten. A mark is due then.
    pub(super) fn adopt(&mut self, mark: Option<&EventMark>) -> bool {
        let anew = !std::mem::replace(&mut self.known, true);
        (self.failing, self.handed) = (false, None);
        match mark {
            Some(mark) if anew => {
                let last = if mark.clean { mark.reserved } else { mark.reserved.saturating_add(BLOCK) };
                let epoch: Arc<str> = (*mark.epoch).into();
                (self.last, self.reserved) = (last, last);
                self.uncertain = if mark.clean { mark.uncertain } else { last };
                self.stretches = VecDeque::from([Stretch { first: 0, epoch }]);
                self.volatile = false;
                true
            }
            None if anew => false,
            // The same book, which the actor lost for a moment.
            Some(mark) if **self.epoch() == *mark.epoch => {
                (self.reserved, self.volatile) = (mark.reserved, false);
                false
            }
            Some(mark) if self.stretches.iter().any(|stretch| *stretch.epoch == *mark.epoch) => false,
            // Another book: its own numbers say nothing of what happened here.
            _ => {
                self.begin_epoch(self.last + 1);
                false
            }
        }
    }

    /// The next event's number.
    pub(super) fn give(&mut self) {
        self.last += 1;
        self.settle();
    }

    /// The last number that was given.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The last number that may be shown.
    pub(super) fn shown(&self) -> u64 {
        if self.volatile { self.last } else { self.last.min(self.reserved) }
    }

    fn settle(&mut self) {
        if self.failing && !self.volatile && self.last > self.reserved {
            self.begin_epoch(self.reserved + 1);
        }
    }

    fn begin_epoch(&mut self, first: u64) {
        if self.stretches.len() == MAX_STRETCHES {
            self.stretches.pop_front();
        }
        self.stretches.push_back(Stretch { first, epoch: fresh_epoch() });
        self.volatile = true;
    }

    // --- the disk

    /// Whether [`Numbers::take_mark`] has one.
    pub(super) fn needs_mark(&self) -> bool {
        let enough = |reserved: u64| reserved.saturating_sub(self.last) >= BLOCK / 2;
        let on_its_way = self.handed.as_ref().is_some_and(|(epoch, to)| epoch == self.epoch() && enough(*to));
        self.known && !on_its_way && (self.volatile || !enough(self.reserved))
    }

    /// The next reservation, when it is time.
    pub(super) fn take_mark(&mut self) -> Option<EventMark> {
        self.needs_mark().then(|| self.reserve())
    }

    /// The next reservation, which is about to be handed to the store.
    pub(super) fn reserve(&mut self) -> EventMark {
        let reserved = self.last + BLOCK;
        self.handed = Some((self.epoch().clone(), reserved));
        self.mark(reserved, false)
    }

    fn mark(&self, reserved: u64, clean: bool) -> EventMark {
        EventMark { epoch: (**self.epoch()).into(), reserved, clean, uncertain: self.uncertain }
    }

    /// What was handed to the store is on disk.
    pub(super) fn saved(&mut self) {
        self.failing = false;
        if let Some((epoch, reserved)) = self.handed.take()
            && epoch == *self.epoch()
        {
            (self.reserved, self.volatile) = (reserved, false);
        }
    }

    /// The disk failed: what was handed to the store waits there.
    pub(super) fn not_saved(&mut self) {
        self.failing = true;
        self.settle();
    }

    /// The mark of a clean end.
    pub(super) fn end(&self) -> EventMark {
        self.mark(self.last, true)
    }

    // --- cursors

    fn epoch(&self) -> &Arc<str> {
        &self.stretches[self.stretches.len() - 1].epoch
    }

    /// The epoch that a number was given in.
    pub(super) fn epoch_of(&self, number: u64) -> &Arc<str> {
        let stretch = self.stretches.iter().rfind(|stretch| stretch.first <= number);
        &stretch.unwrap_or(&self.stretches[0]).epoch
    }

    /// Whether this is a place that a reader can have been shown.
    pub(super) fn knows(&self, epoch: &str, number: u64) -> bool {
        let Some(at) = self.stretches.iter().position(|stretch| *stretch.epoch == *epoch) else { return false };
        let end = self.stretches.get(at + 1).map_or(self.shown(), |next| next.first - 1);
        (self.stretches[at].first.saturating_sub(1)..=end).contains(&number)
    }

    /// Whether every number behind this one was given to an event.
    pub(super) fn is_exact_after(&self, number: u64) -> bool {
        number >= self.uncertain
    }
}

/// A name that no other count of events has.
fn fresh_epoch() -> Arc<str> {
    let bytes = clock::entropy();
    bytes[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
