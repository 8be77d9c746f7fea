//! The history of our dials of one address (CometBFT `p2p/pex/known_address.go`): a pure reducer of outcomes.

use std::time::Duration;

use super::params::{BAD_AFTER_SILENCE, BAD_FAILURES, BAD_FAILURES_NEVER_REACHED, BAD_NOT_BEFORE, GOOD_AFTER};
use crate::types::{DialOutcome, Wall};

/// A stored time in whole seconds since the Unix epoch, up to the year 2106; 0 stands for "never".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timestamp(u32);

impl Timestamp {
    pub(super) const NEVER: Timestamp = Timestamp(0);
    /// Later than all others.
    pub(super) const END: Timestamp = Timestamp(u32::MAX);

    pub(super) const fn secs(self) -> u64 {
        self.0 as u64
    }

    pub(super) const fn is_never(self) -> bool {
        self.0 == 0
    }

    /// Seconds since `earlier`; 0 when the clock was set back in between.
    pub(super) const fn since(self, earlier: Timestamp) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    const fn after(self, time: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(time.as_secs() as u32))
    }

    /// The first second that is more than `time` later.
    const fn more_than_after(self, time: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(time.as_secs() as u32 + 1))
    }
}

impl From<Wall> for Timestamp {
    fn from(wall: Wall) -> Self {
        if wall.is_never() {
            return Timestamp::NEVER;
        }
        Timestamp(u32::try_from((wall.as_millis() / 1000).max(1)).unwrap_or(u32::MAX))
    }
}

impl From<Timestamp> for Wall {
    fn from(stamp: Timestamp) -> Self {
        Wall::from_secs(i64::from(stamp.0))
    }
}

/// The attempts at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct History {
    pub(super) added: Timestamp,
    pub(super) last_attempt: Timestamp,
    pub(super) last_success: Timestamp,
    /// The first success since the last failure.
    pub(super) reached_since: Timestamp,
    /// Failures since the last success.
    pub(super) attempts: u16,
    pub(super) outcome: DialOutcome,
    pub(super) verified: bool,
}

impl History {
    /// An address that was never tried.
    pub(super) const fn new(added: Timestamp) -> Self {
        History {
            added,
            last_attempt: Timestamp::NEVER,
            last_success: Timestamp::NEVER,
            reached_since: Timestamp::NEVER,
            attempts: 0,
            outcome: DialOutcome::Untried,
            verified: false,
        }
    }

    /// Reached at exactly this address.
    pub(super) fn succeed(&mut self, now: Timestamp, outcome: DialOutcome) {
        self.last_attempt = now;
        self.last_success = now;
        // A time in the future comes from a clock that was wrong; the address would never be good.
        if self.reached_since.is_never() || self.reached_since > now {
            self.reached_since = now;
        }
        self.attempts = 0;
        self.outcome = outcome;
        self.verified = true;
    }

    /// Not reached, and it counts against the address.
    pub(super) fn fail(&mut self, now: Timestamp, outcome: DialOutcome) {
        self.hold(now, outcome);
        self.attempts = self.attempts.saturating_add(1);
        self.reached_since = Timestamp::NEVER;
        self.verified = false;
    }

    /// Not reached during an outage of our own: the attempt is recorded and costs the address nothing.
    pub(super) fn hold(&mut self, now: Timestamp, outcome: DialOutcome) {
        self.last_attempt = now;
        self.outcome = outcome;
    }

    /// Undoes what failures since the last success have done; `false` when there never was one.
    pub(super) fn restore(&mut self) -> bool {
        if self.last_success.is_never() {
            return false;
        }
        self.attempts = 0;
        self.verified = true;
        if self.reached_since.is_never() {
            self.reached_since = self.last_success;
        }
        true
    }

    /// Two successes far enough apart, and no failure between them.
    pub(super) fn is_good(&self) -> bool {
        !self.reached_since.is_never() && u64::from(self.last_success.since(self.reached_since)) >= GOOD_AFTER.as_secs()
    }

    /// Whether it was never tried.
    pub(super) fn is_untried(&self) -> bool {
        self.outcome == DialOutcome::Untried
    }

    /// Whether a node may serve it: its latest attempt, if any, did not fail, or was held through an outage.
    pub(super) fn did_not_fail(&self) -> bool {
        self.verified || self.is_untried()
    }

    /// When it was added or last tried: the one with the earliest time is evicted first from a full bucket.
    pub(super) fn touched(&self) -> Timestamp {
        self.added.max(self.last_attempt)
    }

    /// From when on it is bad, unless it is tried again; [`Timestamp::END`] if never (CometBFT
    /// `p2p/pex/known_address.go: isBad`; docs/protocol/address-book.md, "A full bucket"). Used for new addresses only.
    pub(super) fn bad_from(&self) -> Timestamp {
        if self.attempts == 0 {
            return Timestamp::END;
        }
        let never_reached = self.last_success.is_never() && self.attempts >= BAD_FAILURES_NEVER_REACHED;
        let silent = self.last_attempt.more_than_after(BAD_AFTER_SILENCE);
        let bad = if never_reached {
            Timestamp::NEVER
        } else if self.attempts >= BAD_FAILURES {
            self.last_success.more_than_after(BAD_AFTER_SILENCE).min(silent)
        } else {
            silent
        };
        bad.max(self.last_attempt.after(BAD_NOT_BEFORE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u32 = 1_700_000_000;
    const MINUTE: u32 = 60;
    const DAY: u32 = 24 * 3600;

    fn failed(times: u16, last: u32, last_success: u32) -> History {
        History {
            last_attempt: Timestamp(last),
            last_success: Timestamp(last_success),
            attempts: times,
            outcome: DialOutcome::TimedOut,
            ..History::new(Timestamp(T - 30 * DAY))
        }
    }

    fn is_bad(history: History, now: u32) -> bool {
        history.bad_from() <= Timestamp(now)
    }

    #[test]
    fn bad_needs_a_failure_and_a_minute() {
        assert!(!is_bad(History::new(Timestamp(T - 300 * DAY)), T));
        assert!(!is_bad(failed(3, T - MINUTE + 1, 0), T));
        assert!(is_bad(failed(3, T - MINUTE, 0), T));
        assert!(!is_bad(failed(2, T - MINUTE, 0), T));
    }

    #[test]
    fn bad_after_a_week_without_an_attempt() {
        assert!(!is_bad(failed(1, T - 7 * DAY, T - 7 * DAY - 5), T));
        assert!(is_bad(failed(1, T - 7 * DAY - 1, T - 7 * DAY - 5), T));
    }

    #[test]
    fn bad_after_ten_failures_when_the_last_success_is_a_week_old() {
        assert!(is_bad(failed(10, T - DAY, T - 7 * DAY - 1), T));
        assert!(!is_bad(failed(9, T - DAY, T - 7 * DAY - 1), T));
        assert!(!is_bad(failed(10, T - DAY, T - 7 * DAY), T));
    }

    #[test]
    fn good_is_two_successes_three_hours_apart_without_a_failure_between() {
        let mut history = History::new(Timestamp(T));
        history.succeed(Timestamp(T), DialOutcome::Reached);
        history.succeed(Timestamp(T + 3 * 3600 - 1), DialOutcome::Reached);
        assert!(!history.is_good());
        history.succeed(Timestamp(T + 3 * 3600), DialOutcome::NoPex);
        assert!(history.is_good());
        history.fail(Timestamp(T + 4 * 3600), DialOutcome::Refused);
        assert!(!history.is_good());
        history.succeed(Timestamp(T + 5 * 3600), DialOutcome::Reached);
        history.succeed(Timestamp(T + 7 * 3600), DialOutcome::Reached);
        assert!(!history.is_good());
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_an_address_from_being_good() {
        let mut history = History::new(Timestamp(T + 365 * DAY));
        history.succeed(Timestamp(T + 365 * DAY), DialOutcome::Reached);
        history.succeed(Timestamp(T), DialOutcome::Reached);
        history.succeed(Timestamp(T + 3 * 3600), DialOutcome::Reached);
        assert!(history.is_good());
    }

    #[test]
    fn a_held_failure_costs_nothing() {
        let mut history = History::new(Timestamp(T));
        history.succeed(Timestamp(T), DialOutcome::Reached);
        let before = history;
        history.hold(Timestamp(T + 5), DialOutcome::TimedOut);
        assert_eq!(history, History { last_attempt: Timestamp(T + 5), outcome: DialOutcome::TimedOut, ..before });
        assert!(history.did_not_fail());
    }

    #[test]
    fn stamps_keep_whole_seconds_and_never() {
        for (millis, stamp) in [(0, 0), (1, 1), (-5, 1), (1_999, 1), (2_000, 2), (i64::MAX, u32::MAX)] {
            assert_eq!(Timestamp::from(Wall::from_millis(millis)), Timestamp(stamp), "{millis}");
        }
        assert_eq!(Wall::from(Timestamp::NEVER), Wall::NEVER);
    }
}
