//! Marking the outcome of our dials (CometBFT `p2p/pex/addrbook.go: MarkGood`, `MarkAttempt`;
//! docs/protocol/address-book.md, "Marking").

use super::entry_index::Ix;
use super::history::History;
use super::params::DEMOTED_AFTER_FAILURES;
use super::slab::Standing;
use super::{Book, MarkOutcome};
use crate::types::{DialOutcome, NetAddress, Now};

impl Book {
    /// Our own dial reached exactly this address, and key and node information matched; `outcome` is a success. A
    /// success at least [`GOOD_AFTER`](super::params::GOOD_AFTER) after the first one, without a failure between, makes
    /// the ID old at this address.
    ///
    /// An address that is not in the book, or banned, is ignored here and in [`Book::mark_failed`].
    pub fn mark_reached(&mut self, now: Now, address: &NetAddress, outcome: DialOutcome) -> MarkOutcome {
        let Some(ix) = self.find_dialled(address) else { return MarkOutcome::None };
        let before = *self.slab.history(ix);
        let history = &mut self.slab.entry_mut(ix).history;
        history.succeed(now.wall.into(), outcome);
        let good = history.is_good();
        self.marked(now, ix, &before);
        if good && self.slab.entry(ix).standing == Standing::New {
            self.make_old(now.wall.into(), ix);
            MarkOutcome::Promoted
        } else if before.verified {
            MarkOutcome::None
        } else {
            MarkOutcome::Verified
        }
    }

    /// Our dial failed. The address is no longer verified; the third failure in a row makes an old ID new again.
    ///
    /// With `hold` (an outage of our own: most of what was good fails at once) time and outcome are recorded, but the
    /// failure is not counted: the address stays verified if it was, and its ID old.
    pub fn mark_failed(&mut self, now: Now, address: &NetAddress, outcome: DialOutcome, hold: bool) -> MarkOutcome {
        let Some(ix) = self.find_dialled(address) else { return MarkOutcome::None };
        let before = *self.slab.history(ix);
        let history = &mut self.slab.entry_mut(ix).history;
        if hold {
            history.hold(now.wall.into(), outcome);
        } else {
            history.fail(now.wall.into(), outcome);
        }
        let stopped = !hold && history.attempts >= DEMOTED_AFTER_FAILURES;
        let unverified = before.verified && !history.verified;
        self.marked(now, ix, &before);
        if stopped && self.slab.entry(ix).standing == Standing::Old {
            self.make_new(now.wall.into(), ix);
            MarkOutcome::Demoted
        } else if unverified {
            MarkOutcome::Unverified
        } else {
            MarkOutcome::None
        }
    }

    /// Undoes the failures of an address since it was last reached, which were part of an outage of our own that was
    /// detected later. Returns whether it is verified now; one that was never reached, or is banned, is left as it is.
    /// An ID that was demoted stays new.
    pub fn restore(&mut self, now: Now, address: &NetAddress) -> bool {
        let Some(ix) = self.find_dialled(address) else { return false };
        let before = *self.slab.history(ix);
        if before.verified {
            return true;
        }
        let restored = self.slab.entry_mut(ix).history.restore();
        if restored {
            self.marked(now, ix, &before);
        }
        restored
    }

    fn find_dialled(&self, address: &NetAddress) -> Option<Ix> {
        self.slab.find(address).filter(|&ix| self.slab.entry(ix).standing != Standing::Banned)
    }

    /// Updates what depends on a history that changed.
    fn marked(&mut self, now: Now, ix: Ix, before: &History) {
        self.schedule.enqueue(&mut self.slab, ix, now);
        self.update_eviction_keys(ix);
        self.touch(ix);
        let after = self.slab.history(ix);
        self.counts.outcomes[before.outcome as usize] -= 1;
        self.counts.outcomes[after.outcome as usize] += 1;
        let same = before.verified == after.verified && before.is_untried() == after.is_untried();
        if !(same && self.slab.is_alone(ix)) {
            self.refresh(ix);
        }
    }
}
