//! Marking the outcome of our dials (CometBFT `p2p/pex/addrbook.go: MarkGood`, `MarkAttempt`;
//! docs/protocol/address-book.md, "Marking").

use super::entry_index::Ix;
use super::history::{History, Timestamp};
use super::params::DEMOTED_AFTER_FAILURES;
use super::slab::Standing;
use super::{Book, MarkOutcome};
use crate::types::{DialOutcome, NetAddress, Now};

impl Book {
    /// Our own dial reached exactly this address, and key and node information matched; `outcome` is a success. One that
    /// was watched for [`GOOD_AFTER`](super::params::GOOD_AFTER), and answered for
    /// [`GOOD_SHARE`](super::params::GOOD_SHARE) of it, makes the ID old at this address.
    ///
    /// An address that is not in the book, or banned, is ignored here and in [`Book::mark_failed`].
    pub fn mark_reached(&mut self, now: Now, address: &NetAddress, outcome: DialOutcome) -> MarkOutcome {
        let Some(ix) = self.find_dialled(address) else { return MarkOutcome::None };
        let before = *self.slab.history(ix);
        self.count_one(ix, false);
        let history = &mut self.slab.entry_mut(ix).history;
        history.succeed(now.wall.into(), outcome);
        let good = history.is_good();
        self.count_one(ix, true);
        self.marked(now, ix, &before);
        let promoted = good && self.slab.entry(ix).standing == Standing::New;
        if promoted {
            self.make_old(ix);
        }
        self.end_contest(ix);
        if !before.verified {
            self.contest(now, ix);
        }
        match (promoted, before.verified) {
            (true, _) => MarkOutcome::Promoted,
            (false, false) => MarkOutcome::Verified,
            (false, true) => MarkOutcome::None,
        }
    }

    /// Our dial failed. The address is no longer verified; the third failure in a row makes an old ID new again, and one
    /// that failed for too long leaves the book.
    ///
    /// With `hold` (an outage of our own: most of what was good fails at once) time and outcome are recorded, but the
    /// failure is not counted: the address stays verified if it was, and its ID old.
    pub fn mark_failed(&mut self, now: Now, address: &NetAddress, outcome: DialOutcome, hold: bool) -> MarkOutcome {
        let Some(ix) = self.find_dialled(address) else { return MarkOutcome::None };
        let before = *self.slab.history(ix);
        self.count_one(ix, false);
        let silent = if outcome.is_of_endpoint() { self.silent_at_endpoint(ix) } else { 0 };
        let history = &mut self.slab.entry_mut(ix).history;
        if hold {
            history.hold(now.wall.into(), outcome);
        } else {
            history.attempts = history.attempts.max(silent);
            history.fail(now.wall.into(), outcome);
        }
        let stopped = !hold && history.attempts >= DEMOTED_AFTER_FAILURES;
        let unverified = before.verified && !history.verified;
        let given_up = !hold && history.is_given_up(Timestamp::from(now.wall));
        self.count_one(ix, true);
        self.marked(now, ix, &before);
        let demoted = stopped && self.slab.entry(ix).standing == Standing::Old;
        if demoted {
            self.make_new(ix);
        }
        self.end_contest(ix);
        if given_up {
            self.discard(ix);
        } else if unverified {
            self.bound_lapsed();
        }
        match (demoted, unverified) {
            (true, _) => MarkOutcome::Demoted,
            (false, true) => MarkOutcome::Unverified,
            (false, false) => MarkOutcome::None,
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
        self.count_one(ix, false);
        let restored = self.slab.entry_mut(ix).history.restore();
        self.count_one(ix, true);
        if restored {
            self.marked(now, ix, &before);
        }
        restored
    }

    /// Dials in a row that nobody answered at an entry's ip:port, under whichever other ID, as far as the book or a trace
    /// knows: they count for all of them, else each made-up ID would begin the backoff anew.
    fn silent_at_endpoint(&self, ix: Ix) -> u16 {
        let silent =
            self.slab.neighbours(ix).map(|other| self.slab.history(other)).filter(|history| history.is_silent());
        let gone = self.traces.get(self.hash.of_endpoint(self.slab.address(ix).socket()));
        silent.map(|history| history.attempts).chain(gone.map(|trace| trace.failures)).max().unwrap_or(0)
    }

    fn find_dialled(&self, address: &NetAddress) -> Option<Ix> {
        self.slab.find(address).filter(|&ix| self.slab.entry(ix).standing != Standing::Banned)
    }

    /// Updates what depends on a history that changed.
    fn marked(&mut self, now: Now, ix: Ix, before: &History) {
        self.enqueue(now, ix);
        self.hold_neighbours_after(now, ix);
        self.touch(ix);
        self.note_fate(ix, before);
        let after = self.slab.history(ix);
        self.counts.outcomes[before.outcome as usize] -= 1;
        self.counts.outcomes[after.outcome as usize] += 1;
        let same = before.verified == after.verified && before.is_untried() == after.is_untried();
        if !(same && self.slab.is_alone(ix)) {
            self.refresh(ix);
        }
        let acceptance = self.acceptance(ix);
        self.served.set_acceptance(&self.slab, ix, acceptance);
    }
}
