//! When the crawl dials which address, and in which order (CometBFT `p2p/pex/pex_reactor.go: crawlPeersRoutine`,
//! `dialPeer`; docs/protocol/address-book.md, "The schedule of an address").
//!
//! There is one schedule of an address. What answers is dialled again after a time that grows with its record; what
//! fails waits twice as long after each failure (exponential backoff with jitter). What was never tried is due at once,
//! in the order that the source table gives.

use std::time::Duration;

use super::entry_index::{Ix, Queue};
use super::fifo::{Fifo, WAITING};
use super::history::History;
use super::keyed_hash::Chance;
use super::params::{
    FULL_WAIT, GIVEN_UP_FAILURES, GIVEN_UP_FOR, JITTER_DIVISOR, MAX_BACKOFF, PATIENCE_AT_FIRST, PATIENCE_BY_WINDOW,
    RECHECK_SPACING, VERIFIED_JITTER_DIVISOR,
};
use super::slab::Slab;
use super::source_table::SourceTable;
use super::timer_wheel::TimerWheel;
use crate::types::{Mono, Now};

/// The kinds of dials that take turns, so that neither a flood of new addresses nor a full book starves another: who was
/// missed once is not behind all that nobody ever reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Verified,
    /// Never reached: in the order that the source table gives.
    Unknown,
    Lapsed,
}

const TURNS: [Kind; 3] = [Kind::Verified, Kind::Unknown, Kind::Lapsed];

/// The crawl's queues.
pub(super) struct CrawlSchedule {
    wheel: TimerWheel,
    verified: Fifo<WAITING>,
    lapsed: Fifo<WAITING>,
    /// Entries in the two queues of what is due.
    due: usize,
    /// Whether addresses are dialled when they are due, or when they are picked.
    crawled: bool,
    /// The least wait, in seconds.
    recheck: u32,
    /// The wait after the first failure, in seconds.
    backoff: u32,
    /// No re-check is handed out before this time.
    spaced: Mono,
    /// Whose turn it is.
    turn: usize,
}

impl CrawlSchedule {
    pub(super) fn new(crawled: bool, recheck: Duration, backoff: Duration) -> Self {
        CrawlSchedule {
            wheel: TimerWheel::new(),
            verified: Fifo::EMPTY,
            lapsed: Fifo::EMPTY,
            due: 0,
            crawled,
            recheck: whole_seconds(recheck),
            backoff: whole_seconds(backoff),
            spaced: Mono::ZERO,
            turn: 0,
        }
    }

    /// The least time between two dials of one ip:port, in seconds.
    pub(super) const fn least(&self) -> u32 {
        self.recheck
    }

    /// Seconds from an attempt to the next one, the jitter left out: for which no earlier dial is allowed.
    pub(super) fn wait(&self, history: &History) -> u32 {
        if history.is_untried() {
            // What was here before, and answered, was dialled all the same.
            if history.last_attempt.is_never() { 0 } else { self.recheck }
        } else if self.is_given_up(history) {
            GIVEN_UP_FOR.as_secs() as u32
        } else if !history.verified {
            let doubled = u64::from(self.backoff) << history.attempts.saturating_sub(1).min(30);
            u32::try_from(doubled).unwrap_or(u32::MAX).clamp(self.recheck, MAX_BACKOFF.as_secs() as u32)
        } else if !self.crawled {
            // Picked when a peer is needed: what answers may be dialled again at once, as after a restart.
            if history.is_full() { FULL_WAIT } else { 0 }
        } else if history.outcome.is_success() {
            (self.recheck as f32 * patience(history)) as u32
        } else {
            // Held through an outage: its end shall be seen soon.
            (self.recheck as f32 * PATIENCE_AT_FIRST) as u32
        }
    }

    /// Whether it failed so often and never answered that it is tried once a day.
    pub(super) fn is_given_up(&self, history: &History) -> bool {
        !history.verified && !history.was_reached() && history.attempts >= GIVEN_UP_FAILURES
    }

    /// The longest that the wait with its jitter can be.
    pub(super) fn longest_wait(&self, history: &History) -> u32 {
        let wait = self.wait(history);
        wait + wait / if history.verified { VERIFIED_JITTER_DIVISOR } else { JITTER_DIVISOR }
    }

    /// The wait with its jitter: of what is verified in both directions, so that those who were found together are not all
    /// dialled together again; of what failed only more.
    pub(super) fn wait_with_jitter(&self, history: &History, chance: &mut Chance) -> u32 {
        let wait = self.wait(history);
        let mut up_to = |most: u32| chance.below(most as usize + 1) as u32;
        if history.verified {
            let less = wait / VERIFIED_JITTER_DIVISOR;
            wait - less + up_to(2 * less)
        } else {
            wait + up_to(wait / JITTER_DIVISOR)
        }
    }

    /// Lets an entry wait until `due`, in seconds. It is in the source table, or verified.
    pub(super) fn enqueue(&mut self, slab: &mut Slab, ix: Ix, due: u32) {
        self.remove(slab, ix);
        let entry = slab.entry_mut(ix);
        entry.taken = false;
        entry.due = due;
        let slot = self.wheel.insert(slab, ix, due);
        slab.entry_mut(ix).queue = Queue::wheel(slot);
    }

    /// Takes an entry out of its queue, if it is in one.
    pub(super) fn remove(&mut self, slab: &mut Slab, ix: Ix) {
        match std::mem::replace(&mut slab.entry_mut(ix).queue, Queue::NONE) {
            Queue::NONE => return,
            Queue::VERIFIED => self.verified.remove(slab, ix),
            Queue::LAPSED => self.lapsed.remove(slab, ix),
            queue => return self.wheel.remove(slab, ix, queue.slot()),
        }
        self.due -= 1;
    }

    /// Moves what has come due to the queues of what is due.
    pub(super) fn advance(&mut self, slab: &mut Slab, sources: &mut SourceTable, now: Now) {
        while let Some(ix) = self.wheel.advance(slab, now.mono.as_secs()) {
            let history = slab.history(ix);
            if !history.was_reached() {
                slab.entry_mut(ix).queue = Queue::NONE;
                sources.make_ready(slab, ix);
                continue;
            }
            let (queue, name) = if history.verified {
                (&mut self.verified, Queue::VERIFIED)
            } else {
                (&mut self.lapsed, Queue::LAPSED)
            };
            slab.entry_mut(ix).queue = name;
            queue.push_back(slab, ix);
            self.due += 1;
        }
    }

    /// Hands out the next entry that is due.
    pub(super) fn take(
        &mut self,
        slab: &mut Slab,
        sources: &mut SourceTable,
        chance: &mut Chance,
        now: Now,
    ) -> Option<Ix> {
        self.advance(slab, sources, now);
        let may_recheck = self.spaced <= now.mono;
        let kinds = (0..TURNS.len()).map(|nth| (self.turn + nth) % TURNS.len());
        let (ix, at) = kinds.into_iter().find_map(|at| {
            let ix = match TURNS[at] {
                Kind::Unknown => sources.draw_ready(slab, chance),
                Kind::Verified => self.verified.first().filter(|_| may_recheck),
                Kind::Lapsed => self.lapsed.first().filter(|_| may_recheck),
            };
            ix.map(|ix| (ix, at))
        })?;
        self.turn = (at + 1) % TURNS.len();
        if TURNS[at] != Kind::Unknown {
            self.spaced = now.mono + RECHECK_SPACING;
        }
        self.remove(slab, ix);
        slab.entry_mut(ix).taken = true;
        Some(ix)
    }

    /// When an entry is due: [`Mono::ZERO`] = at once; `None` when it waits for nothing.
    pub(super) fn due_at(&self, slab: &Slab, ix: Ix) -> Option<Mono> {
        let entry = slab.entry(ix);
        match entry.queue {
            Queue::NONE => (SourceTable::is_ready(entry)).then_some(Mono::ZERO),
            _ => Some(Mono::from_secs(entry.due)),
        }
    }

    /// When [`CrawlSchedule::take`] will have an entry, or has to be called to find one.
    pub(super) fn next_due(&self, sources: &SourceTable) -> Option<Mono> {
        if sources.ready() > 0 {
            return Some(Mono::ZERO);
        }
        if self.due > 0 {
            return Some(self.spaced);
        }
        let next = self.wheel.next()?;
        Some(Mono::from_secs(next).max(self.spaced))
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.wheel.heap_bytes()
    }

    /// Re-checks that are due.
    pub(super) const fn rechecks_due(&self) -> usize {
        self.due
    }
}

/// How many times the least wait a verified address waits: it grows with the time for which the address answered, and
/// falls when it flaps.
fn patience(history: &History) -> f32 {
    let by_window = PATIENCE_BY_WINDOW.iter().enumerate();
    by_window.fold(PATIENCE_AT_FIRST, |sum, (window, weight)| sum + weight * history.reliability.answered(window))
}

/// Whole seconds, rounded up, at least one.
fn whole_seconds(time: Duration) -> u32 {
    let rounded = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    u32::try_from(rounded.clamp(1, MAX_BACKOFF.as_secs())).unwrap_or(1)
}

/// The present time rounded up to a second: no wait is shorter than it says.
pub(super) fn next_second(now: Now) -> u32 {
    (now.mono + Duration::from_micros(999_999)).as_secs()
}
