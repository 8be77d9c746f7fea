//! The history of our dials of one address (CometBFT `p2p/pex/known_address.go`): a pure reducer of outcomes.

use std::time::Duration;

use super::params::{BAD_AFTER_SILENCE, BAD_FAILURES, GIVEN_UP_FAILURES, GOOD_AFTER, GOOD_SHARE, MAX_BACKOFF};
use super::reliability::Reliability;
use crate::types::{DialOutcome, Wall};

/// A stored time in whole seconds since the Unix epoch, up to the year 2106; 0 stands for "never".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timestamp(u32);

impl Timestamp {
    pub(super) const NEVER: Timestamp = Timestamp(0);

    pub(super) const fn is_never(self) -> bool {
        self.0 == 0
    }

    /// Seconds since `earlier`; 0 when the clock was set back in between.
    pub(super) const fn since(self, earlier: Timestamp) -> u32 {
        self.0.saturating_sub(earlier.0)
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
    pub(super) reliability: Reliability,
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
            reliability: Reliability::EMPTY,
            attempts: 0,
            outcome: DialOutcome::Untried,
            verified: false,
        }
    }

    /// The time that an outcome speaks for: since the attempt before it, none at the first. While we did not run, or had
    /// given the address up, nobody watched.
    fn watched(&self, now: Timestamp) -> Duration {
        if self.last_attempt.is_never() {
            return Duration::ZERO;
        }
        Duration::from_secs(now.since(self.last_attempt).into()).min(MAX_BACKOFF)
    }

    /// Reached at exactly this address.
    pub(super) fn succeed(&mut self, now: Timestamp, outcome: DialOutcome) {
        self.reliability.note(self.watched(now), true);
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
        self.reliability.note(self.watched(now), false);
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

    /// Reached at the latest attempt, and for long enough and reliably before.
    pub(super) fn is_good(&self) -> bool {
        self.verified && self.reliability.is_at_least(GOOD_AFTER, GOOD_SHARE)
    }

    /// Whether it was never tried.
    pub(super) fn is_untried(&self) -> bool {
        self.outcome == DialOutcome::Untried
    }

    /// Whether nobody answered at its ip:port at the latest attempt.
    pub(super) fn is_silent(&self) -> bool {
        !self.verified && self.outcome.is_of_endpoint()
    }

    /// Whether it had no free slot at the latest attempt.
    pub(super) fn is_full(&self) -> bool {
        self.outcome == DialOutcome::Full
    }

    /// Whether a node may serve it: its latest attempt, if any, did not fail, or was held through an outage.
    pub(super) fn did_not_fail(&self) -> bool {
        self.verified || self.is_untried()
    }

    /// Whether it was reached at any time.
    pub(super) fn was_reached(&self) -> bool {
        !self.last_success.is_never()
    }

    /// Whether it failed for so long that it leaves the book: given up when it was never reached (CometBFT
    /// `p2p/pex/pex_reactor.go: maxAttemptsToDial`), bad when it was (`p2p/pex/known_address.go: isBad`).
    pub(super) fn is_given_up(&self, now: Timestamp) -> bool {
        if self.verified {
            false
        } else if self.was_reached() {
            let silent = u64::from(now.since(self.last_success)) > BAD_AFTER_SILENCE.as_secs();
            self.attempts >= BAD_FAILURES && silent
        } else {
            self.attempts >= GIVEN_UP_FAILURES
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u32 = 1_700_000_000;
    const DAY: u32 = 24 * 3600;

    fn failed(times: u16, last_success: u32) -> History {
        History {
            last_success: Timestamp(last_success),
            attempts: times,
            outcome: DialOutcome::TimedOut,
            ..History::new(Timestamp(T - 30 * DAY))
        }
    }

    #[test]
    fn never_reached_is_given_up_after_16_failures_and_else_after_10_and_a_week() {
        for (times, last_success, given_up) in [
            (15, 0, false),
            (16, 0, true),
            (10, T - 7 * DAY - 1, true),
            (9, T - 7 * DAY - 1, false),
            (100, T - 7 * DAY, false),
        ] {
            assert_eq!(failed(times, last_success).is_given_up(Timestamp(T)), given_up, "{times} {last_success}");
        }
        assert!(!History { verified: true, ..failed(100, T - 30 * DAY) }.is_given_up(Timestamp(T)));
    }

    #[test]
    fn good_is_three_hours_of_answers_and_forgives_a_lost_packet() {
        let mut history = History::new(Timestamp(T));
        history.succeed(Timestamp(T), DialOutcome::Reached);
        history.succeed(Timestamp(T + 3 * 3600 - 60), DialOutcome::Reached);
        assert!(!history.is_good());
        history.succeed(Timestamp(T + 3 * 3600), DialOutcome::NoPex);
        assert!(history.is_good());
        history.fail(Timestamp(T + 3 * 3600 + 600), DialOutcome::Refused);
        assert!(!history.is_good(), "not while it fails");
        history.succeed(Timestamp(T + 3 * 3600 + 720), DialOutcome::Reached);
        assert!(history.is_good());
        history.fail(Timestamp(T + 5 * 3600), DialOutcome::Refused);
        history.succeed(Timestamp(T + 5 * 3600 + 60), DialOutcome::Reached);
        assert!(!history.is_good(), "two hours of the last five were lost");
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
