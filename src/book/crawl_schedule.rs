//! Which address the crawl dials next, and when (CometBFT `p2p/pex/pex_reactor.go: crawlPeersRoutine`): exponential
//! backoff.
//!
//! All waits are the least one doubled a number of times, so each length of wait has a queue of its own, which is in
//! order without sorting: the earliest entry is the first of one of a few queues (a simple timer wheel).

use std::time::Duration;

use super::entry_index::Ix;
use super::fifo::{Fifo, WAITING};
use super::history::History;
use super::params::{MAX_BACKOFF, RECHECK_SPACING};
use super::slab::Slab;
use crate::types::{Mono, Now};

/// Queues by length of wait: 1 s, the least that can be configured, doubled 15 times exceeds [`MAX_BACKOFF`].
const WAITS: usize = 16;
/// The queue of those never tried, after those that wait.
const UNTRIED: u8 = WAITS as u8;

/// The crawl's queues.
pub(super) struct CrawlSchedule {
    queues: [Fifo<WAITING>; WAITS + 1],
    /// The least wait, in seconds.
    recheck: u32,
    /// No re-check is handed out before this time.
    spaced: Mono,
    /// Whether a re-check was handed out last: when both kinds wait, they take turns, so that neither a flood of new
    /// addresses nor a full book starves the other.
    rechecked_last: bool,
}

impl CrawlSchedule {
    pub(super) fn new(recheck: Duration) -> Self {
        let rounded = recheck.as_secs() + u64::from(recheck.subsec_nanos() > 0);
        let recheck = u32::try_from(rounded.clamp(1, MAX_BACKOFF.as_secs())).unwrap_or(1);
        CrawlSchedule { queues: [Fifo::EMPTY; WAITS + 1], recheck, spaced: Mono::ZERO, rechecked_last: false }
    }

    /// Seconds that an entry waits in this queue.
    fn wait(&self, queue: u8) -> u32 {
        let doubled = u64::from(self.recheck) << queue;
        u32::try_from(doubled.min(MAX_BACKOFF.as_secs())).unwrap_or(u32::MAX)
    }

    /// Puts an entry at the end of the queue that its history gives.
    pub(super) fn enqueue(&mut self, slab: &mut Slab, ix: Ix, now: Now) {
        let queue = queue_of(slab.history(ix));
        self.enqueue_in(slab, ix, queue, next_second(now).saturating_add(self.wait_or_none(queue)));
    }

    /// Queues an entry whose latest attempt was `ago` seconds ago, for a book that is loaded in the order of the
    /// attempts.
    pub(super) fn enqueue_late(&mut self, slab: &mut Slab, ix: Ix, now: Now, ago: u32) {
        let queue = queue_of(slab.history(ix));
        let left = self.wait_or_none(queue).saturating_sub(ago);
        self.enqueue_in(slab, ix, queue, next_second(now).saturating_add(left));
    }

    /// Queues an entry for the least wait, whatever its history.
    pub(super) fn postpone(&mut self, slab: &mut Slab, ix: Ix, now: Now) {
        self.enqueue_in(slab, ix, 0, next_second(now).saturating_add(self.wait(0)));
    }

    fn wait_or_none(&self, queue: u8) -> u32 {
        if queue == UNTRIED { 0 } else { self.wait(queue) }
    }

    fn enqueue_in(&mut self, slab: &mut Slab, ix: Ix, queue: u8, due: u32) {
        self.remove(slab, ix);
        let entry = slab.entry_mut(ix);
        entry.taken = false;
        entry.queue = Some(queue);
        entry.due = due;
        self.queues[usize::from(queue)].push_back(slab, ix);
    }

    /// Takes an entry out of its queue, if it is in one.
    pub(super) fn remove(&mut self, slab: &mut Slab, ix: Ix) {
        if let Some(queue) = slab.entry_mut(ix).queue.take() {
            self.queues[usize::from(queue)].remove(slab, ix);
        }
    }

    /// Hands out the next entry that is due.
    pub(super) fn take(&mut self, slab: &mut Slab, now: Now) -> Option<Ix> {
        let untried = self.queues[usize::from(UNTRIED)].first();
        let recheck =
            self.earliest(slab).filter(|&ix| slab.entry(ix).due <= now.mono.as_secs() && self.spaced <= now.mono);
        let recheck_first = untried.is_none() || !self.rechecked_last;
        let ix = if recheck_first { recheck.or(untried) } else { untried.or(recheck) }?;
        self.rechecked_last = untried != Some(ix);
        if self.rechecked_last {
            self.spaced = now.mono + RECHECK_SPACING;
        }
        self.remove(slab, ix);
        slab.entry_mut(ix).taken = true;
        Some(ix)
    }

    /// When an entry is due: [`Mono::ZERO`] = at once; `None` when it is in no queue.
    pub(super) fn due_at(&self, slab: &Slab, ix: Ix) -> Option<Mono> {
        let entry = slab.entry(ix);
        let due = Mono::from_micros(u64::from(entry.due) * 1_000_000);
        entry.queue.map(|queue| if queue == UNTRIED { Mono::ZERO } else { due })
    }

    /// When [`CrawlSchedule::take`] will have an entry.
    pub(super) fn next_due(&self, slab: &Slab) -> Option<Mono> {
        if self.queues[usize::from(UNTRIED)].first().is_some() {
            return Some(Mono::ZERO);
        }
        let due = slab.entry(self.earliest(slab)?).due;
        Some(Mono::from_micros(u64::from(due) * 1_000_000).max(self.spaced))
    }

    /// The entry that is due first, of those that were tried.
    fn earliest(&self, slab: &Slab) -> Option<Ix> {
        self.queues[..WAITS].iter().filter_map(Fifo::first).min_by_key(|&ix| slab.entry(ix).due)
    }
}

/// The present time rounded up to a second: no wait is shorter than it says.
fn next_second(now: Now) -> u32 {
    (now.mono + Duration::from_micros(999_999)).as_secs()
}

/// The queue of an address: the one of the untried, the least wait for those that did not fail, doubled for each
/// failure.
fn queue_of(history: &History) -> u8 {
    if history.is_untried() {
        UNTRIED
    } else if history.verified {
        0
    } else {
        history.attempts.min(WAITS as u16 - 1) as u8
    }
}
