//! Test before evict (as Bitcoin Core's `addrman` does): when verified addresses have their part of the table, one of them
//! is dialled again before one that was just reached may take its place.

use super::entry_index::Ix;
use super::params::{MAX_CONTESTS, VERIFIED_EIGHTHS};
use super::{Book, crawl_schedule};
use crate::types::Now;

/// One that was just reached, and the verified one that is tested for its place.
#[derive(Clone, Copy, Debug)]
struct Contest {
    newcomer: Ix,
    tested: Ix,
}

/// The tests under way.
#[derive(Default)]
pub(super) struct Contests {
    open: Vec<Contest>,
}

impl Contests {
    /// Forgets what a removed entry takes part in.
    pub(super) fn forget(&mut self, ix: Ix) {
        self.open.retain(|contest| contest.newcomer != ix && contest.tested != ix);
    }

    /// The newcomer for whose place this entry is tested; the test is over.
    fn end(&mut self, tested: Ix) -> Option<Ix> {
        let at = self.open.iter().position(|contest| contest.tested == tested)?;
        Some(self.open.swap_remove(at).newcomer)
    }

    fn has(&self, ix: Ix) -> bool {
        self.open.iter().any(|contest| contest.newcomer == ix || contest.tested == ix)
    }
}

impl Book {
    /// Verified addresses that there may be.
    pub(super) const fn most_verified(&self) -> usize {
        self.params.capacity / 8 * VERIFIED_EIGHTHS
    }

    /// An address was just verified. When there are too many, one of a largest group is tested for its place; when too many
    /// tests are under way the newcomer leaves.
    pub(super) fn contest(&mut self, now: Now, newcomer: Ix) {
        if self.counts.verified <= self.most_verified() {
            return;
        }
        let tested = (0..8).find_map(|_| {
            let ix = self.served.of_a_largest_group(|bound| self.chance.below(bound))?;
            let entry = self.slab.entry(ix);
            (ix != newcomer && entry.history.verified && !entry.taken && !self.contests.has(ix)).then_some(ix)
        });
        match tested.filter(|_| self.contests.open.len() < MAX_CONTESTS) {
            Some(tested) => {
                self.contests.open.push(Contest { newcomer, tested });
                let least = self.since_last_attempt(now, tested, self.schedule.least());
                self.wait_until(tested, crawl_schedule::next_second(now).saturating_add(least));
            }
            None => self.discard(newcomer),
        }
    }

    /// A verified address was dialled again: when it was tested for another one's place, and answered, that one leaves.
    pub(super) fn end_contest(&mut self, tested: Ix) {
        let answered = self.slab.history(tested).verified;
        if let Some(newcomer) = self.contests.end(tested)
            && answered
            && self.counts.verified > self.most_verified()
        {
            self.discard(newcomer);
        }
    }
}
