//! Rate limits: requests of one caller, and failed authentications of one source.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::grants::Credential;
use super::peer_credentials::ConnectionSource;
use crate::admin::limits::ApiLimits;
use crate::rate_limit::RateTable;
use crate::types::Mono;

/// Callers and sources that are remembered at once, in each table.
const SLOTS: usize = 1024;
const MINUTE: Duration = Duration::from_secs(60);

/// What requests are counted by.
#[derive(Clone, Debug)]
pub(in crate::admin) enum RateLimitKey<'a> {
    /// Who showed something.
    Named(&'a Credential),
    /// Who did not.
    Source(ConnectionSource),
}

/// The tables.
#[derive(Debug)]
pub(in crate::admin) struct CallerLimits {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    requests: Option<RateTable>,
    failures: RateTable,
}

impl CallerLimits {
    pub(in crate::admin) fn new(limits: &ApiLimits) -> Self {
        let per_minute = limits.failures_per_minute.max(1);
        CallerLimits {
            inner: Mutex::new(Inner {
                requests: RateTable::new(limits.rate, SLOTS),
                failures: RateTable::every(MINUTE / per_minute, per_minute, SLOTS),
            }),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// How long the caller has to wait.
    pub(in crate::admin) fn spend(&self, account: &RateLimitKey<'_>, now: Mono) -> Result<(), Duration> {
        let mut inner = self.lock();
        let Some(requests) = &mut inner.requests else { return Ok(()) };
        match account {
            RateLimitKey::Named(Credential::Token(hash)) => requests.spend(("token", hash), now),
            RateLimitKey::Named(Credential::Certificate(subject)) => requests.spend(("certificate", subject), now),
            RateLimitKey::Source(source) => requests.spend(source, now),
        }
    }

    /// Whether what this source shows is looked at.
    pub(in crate::admin) fn may_try(&self, source: ConnectionSource, now: Mono) -> bool {
        self.lock().failures.has(source, now)
    }

    /// Counts that this source showed something wrong.
    pub(in crate::admin) fn failed(&self, source: ConnectionSource, now: Mono) {
        // One that had no token left was not looked at, so that this cannot fail where it matters.
        self.lock().failures.admit(source, now);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::RateLimit;

    const HERE: ConnectionSource = ConnectionSource::User(1);
    const THERE: ConnectionSource = ConnectionSource::User(2);

    fn at(seconds: u64) -> Mono {
        Mono::from_micros((100 + seconds) * 1_000_000)
    }

    #[test]
    fn wrong_tokens_are_few() {
        let caller_limits = CallerLimits::new(&ApiLimits { failures_per_minute: 2, ..ApiLimits::default() });
        assert!(caller_limits.may_try(HERE, at(1)));
        caller_limits.failed(HERE, at(1));
        assert!(caller_limits.may_try(HERE, at(1)));
        caller_limits.failed(HERE, at(1));
        assert!(!caller_limits.may_try(HERE, at(1)) && caller_limits.may_try(THERE, at(1)));
        assert!(caller_limits.may_try(HERE, at(31)));
    }

    #[test]
    fn each_caller_has_his_own_rate() {
        let rate = RateLimit { per_second: 10, burst: 2 };
        let caller_limits = CallerLimits::new(&ApiLimits { rate, ..ApiLimits::default() });
        let (token, certificate) = (Credential::Token([1; 32]), Credential::Certificate("a".into()));
        for account in [RateLimitKey::Named(&token), RateLimitKey::Named(&certificate), RateLimitKey::Source(HERE)] {
            assert!((0..2).all(|_| caller_limits.spend(&account, at(0)).is_ok()), "{account:?}");
            assert_eq!(caller_limits.spend(&account, at(0)), Err(Duration::from_millis(100)), "{account:?}");
        }
        let open =
            CallerLimits::new(&ApiLimits { rate: RateLimit { per_second: 0, burst: 1 }, ..ApiLimits::default() });
        assert!((0..9).all(|_| open.spend(&RateLimitKey::Source(HERE), at(0)).is_ok()));
    }
}
