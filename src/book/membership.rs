//! How entries enter and leave the lists, the schedule and the book. Everything that keeps lists and counts consistent is
//! here.

use super::crawl_schedule::next_second;
use super::entry_index::{Ix, Pool};
use super::group_lists::Acceptance;
use super::history::{History, Timestamp};
use super::params::LAPSED_DIVISOR;
use super::slab::{Slab, Standing};
use super::source_table::SourceTable;
use super::traces::Trace;
use super::{Book, Servable, State};
use crate::types::Now;

impl Book {
    // --- the schedule

    /// Lets an entry wait for its next dial as its history says, and lists it by that.
    pub(super) fn enqueue(&mut self, now: Now, ix: Ix) {
        let history = *self.slab.history(ix);
        let wait = self.schedule.wait_with_jitter(&history, &mut self.chance);
        let wait = self.since_last_attempt(now, ix, wait).max(self.endpoint_wait(now, ix));
        self.slab.entry_mut(ix).taken = false;
        if wait == 0 && history.is_untried() {
            self.schedule.remove(&mut self.slab, ix);
            self.slab.entry_mut(ix).due = 0;
            self.sources.put(&mut self.slab, ix, Pool::Ready);
        } else {
            let at_once = wait == 0 && !self.params.crawled;
            self.wait_until(ix, if at_once { 0 } else { next_second(now).saturating_add(wait) });
        }
    }

    /// As [`Book::enqueue`], for an entry whose wait was not its own alone: IDs that held it may have left their ip:port, and
    /// a trace there.
    pub(super) fn enqueue_anew(&mut self, now: Now, ix: Ix) {
        self.enqueue(now, ix);
        let hold = self.trace_hold(now, ix);
        if hold > 0 {
            let until = next_second(now).saturating_add(hold);
            let entry = self.slab.entry(ix);
            if entry.due < until || SourceTable::is_ready(entry) {
                self.wait_until(ix, until);
            }
        }
    }

    /// How long what has left an entry's ip:port keeps it from being dialled.
    pub(super) fn trace_hold(&self, now: Now, ix: Ix) -> u32 {
        let endpoint = self.slab.address(ix).socket();
        let Some(trace) = self.traces.get(self.hash.of_endpoint(endpoint)) else { return 0 };
        if trace.last <= self.slab.history(ix).last_success {
            // It has answered since.
            return 0;
        }
        let silent = History { attempts: trace.failures, outcome: trace.outcome, ..History::new(trace.last) };
        let wait = if trace.failures > 0 { self.schedule.wait(&silent) } else { self.schedule.least() };
        wait.saturating_sub(Timestamp::from(now.wall).since(trace.last))
    }

    /// Lets an entry wait until then, in seconds, and lists it by its history.
    pub(super) fn wait_until(&mut self, ix: Ix, due: u32) {
        let history = *self.slab.history(ix);
        let pool = if history.verified {
            Pool::None
        } else if history.was_reached() {
            Pool::Lapsed
        } else {
            Pool::Waiting
        };
        if self.slab.entry(ix).pool != pool {
            self.sources.put(&mut self.slab, ix, pool);
        }
        if self.params.crawled {
            self.schedule.enqueue(&mut self.slab, ix, due);
        } else {
            self.slab.entry_mut(ix).due = due;
        }
    }

    /// What is left of a wait that began with the latest attempt.
    pub(super) fn since_last_attempt(&self, now: Now, ix: Ix, wait: u32) -> u32 {
        let last = self.slab.history(ix).last_attempt;
        if last.is_never() { wait } else { wait.saturating_sub(Timestamp::from(now.wall).since(last)) }
    }

    /// How long the other IDs at its ip:port, by their latest attempts, keep an entry from being dialled.
    pub(super) fn endpoint_wait(&self, now: Now, ix: Ix) -> u32 {
        let neighbours = self.slab.neighbours(ix);
        neighbours.map(|other| self.endpoint_hold(now, other)).max().unwrap_or(0)
    }

    /// How long an entry's latest attempt keeps others from being dialled at its ip:port: as long as itself when nobody
    /// answered there.
    fn endpoint_hold(&self, now: Now, ix: Ix) -> u32 {
        let (entry, history) = (self.slab.entry(ix), self.slab.history(ix));
        if entry.taken {
            return self.schedule.least();
        }
        if history.last_attempt.is_never() {
            return 0;
        }
        let wait = if history.is_silent() { self.schedule.wait(history) } else { self.schedule.least() };
        self.since_last_attempt(now, ix, wait)
    }

    /// Lets the other IDs at an entry's ip:port wait for at least so many seconds.
    pub(super) fn hold_neighbours(&mut self, now: Now, ix: Ix, secs: u32) {
        // Nearly always there is none.
        let others: Vec<Ix> = self.slab.neighbours(ix).collect();
        let until = next_second(now).saturating_add(secs);
        for other in others {
            let entry = self.slab.entry(other);
            let waits = !entry.taken && entry.standing != Standing::Banned;
            if waits && (entry.due < until || SourceTable::is_ready(entry)) {
                self.wait_until(other, until);
            }
        }
    }

    /// After a dial that ended: the other IDs at its ip:port wait as long as that says of the ip:port.
    pub(super) fn hold_neighbours_after(&mut self, now: Now, ix: Ix) {
        if self.slab.neighbours(ix).next().is_some() {
            let hold = self.endpoint_hold(now, ix);
            self.hold_neighbours(now, ix, hold);
        }
    }

    // --- states

    /// Makes a new ID old, at this address; its others are removed.
    pub(super) fn make_old(&mut self, ix: Ix) {
        let others: Vec<Ix> = self.slab.siblings(ix).filter(|&sibling| sibling != ix).collect();
        for other in others {
            self.discard(other);
        }
        self.set_state(ix, State::Old);
    }

    /// Makes an old ID new.
    pub(super) fn make_new(&mut self, ix: Ix) {
        self.set_state(ix, State::New);
    }

    /// Moves an ID, with all its addresses, from the lists and counts of one state to those of another. The caller
    /// updates the schedule.
    pub(super) fn set_state(&mut self, ix: Ix, state: State) {
        let siblings: Vec<Ix> = self.slab.siblings(ix).collect();
        if let Some(before) = self.slab.entry(ix).standing.state() {
            *self.count_of(before) -= 1;
        }
        *self.count_of(state) += 1;
        for &sibling in &siblings {
            self.unlist(sibling);
            self.count_one(sibling, false);
            self.slab.entry_mut(sibling).standing = state.into();
            self.count_one(sibling, true);
            self.touch(sibling);
        }
        self.refresh(ix);
    }

    pub(super) fn count_of(&mut self, state: State) -> &mut usize {
        match state {
            State::New => &mut self.counts.new,
            State::Old => &mut self.counts.old,
            State::Banned => &mut self.counts.banned,
        }
    }

    /// Counts one address, or counts it no more, where its state and its history decide.
    pub(super) fn count_one(&mut self, ix: Ix, more: bool) {
        let entry = self.slab.entry(ix);
        let (group, banned) = (entry.group, entry.standing == Standing::Banned);
        let verified = !banned && entry.history.verified;
        if verified {
            self.groups.count_verified(group, more);
        }
        for (count, applies) in [(&mut self.counts.banned_addresses, banned), (&mut self.counts.verified, verified)] {
            match (applies, more) {
                (false, _) => {}
                (true, true) => *count += 1,
                (true, false) => *count -= 1,
            }
        }
    }

    // --- lists

    /// Chooses again by which address the ID of this entry is served and known, and whether it counts as untried.
    pub(super) fn refresh(&mut self, ix: Ix) {
        let best = self.best(ix);
        let listed = self.slab.siblings(ix).find(|&sibling| self.served.contains(&self.slab, sibling));
        if best != listed {
            listed.into_iter().for_each(|listed| self.served.remove(&mut self.slab, listed));
            if let Some(best) = best {
                let acceptance = self.acceptance(best);
                self.served.insert(&mut self.slab, best, acceptance);
            }
        }
        if !self.params.crawled {
            self.refresh_known(ix);
        }
        let counted = self.slab.siblings(ix).find(|&sibling| self.slab.entry(sibling).counts_untried);
        let untried = self.slab.siblings(ix).find(|&sibling| is_open(&self.slab, sibling));
        if let Some(counted) = counted {
            self.slab.entry_mut(counted).counts_untried = false;
            self.counts.untried -= 1;
        }
        if let Some(untried) = untried {
            self.slab.entry_mut(untried).counts_untried = true;
            self.counts.untried += 1;
        }
    }

    /// An ID is known by the address by which it is served, else by any.
    fn refresh_known(&mut self, ix: Ix) {
        let best = self.best(ix).or_else(|| self.slab.siblings(ix).find(|&sibling| !self.is_banned(sibling)));
        // An ID is in one of the two, by its state, and its place there says in which list alone.
        let known =
            if self.slab.entry(ix).standing == Standing::Old { &mut self.known_old } else { &mut self.known_new };
        let listed = self.slab.siblings(ix).find(|&sibling| known.contains(&self.slab, sibling));
        if best != listed {
            listed.into_iter().for_each(|listed| known.remove(&mut self.slab, listed));
            best.into_iter().for_each(|best| known.insert(&mut self.slab, best, Acceptance::SURE));
        }
    }

    fn is_banned(&self, ix: Ix) -> bool {
        self.slab.entry(ix).standing == Standing::Banned
    }

    /// Takes an entry out of the lists by group, before its state changes or it is removed.
    fn unlist(&mut self, ix: Ix) {
        self.served.remove(&mut self.slab, ix);
        let known =
            if self.slab.entry(ix).standing == Standing::Old { &mut self.known_old } else { &mut self.known_new };
        known.remove(&mut self.slab, ix);
    }

    /// The address by which an ID is served: a verified one before an untried one, then the one that was reached last,
    /// then the one that is known longest.
    fn best(&self, ix: Ix) -> Option<Ix> {
        let worth = |&ix: &Ix| {
            let history = self.slab.history(ix);
            (history.verified, history.last_success, std::cmp::Reverse((history.added, ix)))
        };
        self.slab.siblings(ix).filter(|&sibling| self.may_serve(sibling)).max_by_key(worth)
    }

    /// Whether this address alone might be served.
    pub(super) fn may_serve(&self, ix: Ix) -> bool {
        let history = self.slab.history(ix);
        let passes = match self.params.serves {
            Servable::Verified => history.verified,
            Servable::NotFailed => history.did_not_fail(),
        };
        passes && matches!(self.slab.entry(ix).standing, Standing::New | Standing::Old)
    }

    // --- leaving

    /// When what was reached once and is not any more has more than its part of the table, one of it leaves.
    pub(super) fn bound_lapsed(&mut self) {
        if self.sources.lapsed() > self.params.capacity / LAPSED_DIVISOR
            && let Some(victim) = self.sources.lapsed_victim(&mut self.chance)
        {
            self.discard(victim);
        }
    }

    /// Removes an entry, which leaves a trace if it was dialled. If the store knows it, it stays as a tombstone until its
    /// removal is reported.
    pub(super) fn discard(&mut self, ix: Ix) {
        let Some(state) = self.slab.entry(ix).standing.state() else { return };
        self.leave_trace(ix);
        let other = self.slab.siblings(ix).find(|&sibling| sibling != ix);
        self.unlist(ix);
        self.contests.forget(ix);
        if state == State::Banned {
            self.banned.remove(&mut self.slab, ix);
        } else {
            self.schedule.remove(&mut self.slab, ix);
            self.sources.take_out(&mut self.slab, ix);
        }
        self.order.remove(&self.slab, ix);
        self.count_one(ix, false);
        self.groups.leave(self.slab.entry(ix).group);
        self.counts.addresses -= 1;
        self.counts.outcomes[self.slab.history(ix).outcome as usize] -= 1;
        let entry = self.slab.entry_mut(ix);
        entry.standing = Standing::Gone;
        entry.taken = false;
        if std::mem::take(&mut entry.counts_untried) {
            self.counts.untried -= 1;
        }
        match other {
            Some(other) => self.refresh(other),
            None => *self.count_of(state) -= 1,
        }
        if self.slab.entry(ix).stored {
            self.touch(ix);
        } else {
            self.clear_dirty(ix);
            self.slab.release(ix);
        }
    }

    /// Keeps in mind when an entry that leaves was dialled last, and how often in vain: for its ip:port as far as nobody
    /// answered there, and else for the id@ip:port alone.
    fn leave_trace(&mut self, ix: Ix) {
        let history = *self.slab.history(ix);
        if history.last_attempt.is_never() {
            return;
        }
        let address = *self.slab.address(ix);
        let own = Trace { last: history.last_attempt, failures: history.attempts, outcome: history.outcome };
        let endpoint = self.hash.of_endpoint(address.socket());
        let here = if history.is_silent() { own } else { Trace { failures: 0, ..own } };
        self.traces.keep(endpoint, here.after(self.traces.get(endpoint)));
        if history.attempts > 0 && !history.is_silent() {
            self.traces.keep(self.hash.of_address(&address), own);
        }
    }
}

/// Whether the crawl has not tried this address yet.
fn is_open(slab: &Slab, ix: Ix) -> bool {
    slab.history(ix).is_untried() && matches!(slab.entry(ix).standing, Standing::New | Standing::Old)
}
