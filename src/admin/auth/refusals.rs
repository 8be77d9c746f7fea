//! Callers that are refused, in the TLS handshake or behind it: a line in the log and an entry in the audit. Few of them, however
//! many callers there are: one a minute for each source and each kind of refusal, and some of each kind for all sources together.
//! A kind has room of its own: who shows nothing, again and again, does not hide who tries tokens.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::peer_credentials::{ConnectionSource, RemoteClient};
use super::security_audit::{Refusal, SecurityAudit};
use crate::admin::untrusted_text::printable;
use crate::rate_limit::RateTable;
use crate::types::Mono;

/// How often one kind of refusal is told of one source, and how many sources are remembered with all kinds.
const INTERVAL: Duration = Duration::from_secs(60);
const SOURCES: usize = 1024;
/// How often one kind is told of all sources together, in the long run and at once.
const INTERVAL_OF_ALL: Duration = Duration::from_secs(2);
const BURST_OF_ALL: u32 = 60;

/// See the module.
#[derive(Debug)]
pub(in crate::admin) struct RefusalLog {
    pace: Mutex<Pace>,
    audit: SecurityAudit,
}

impl RefusalLog {
    pub(in crate::admin) fn new(audit: SecurityAudit) -> Self {
        RefusalLog { pace: Mutex::new(Pace::new()), audit }
    }

    /// Notes a refusal and why; `name` is the caller's name when it has one. Inside a runtime.
    pub(in crate::admin) fn refused(&self, refusal: Refusal, remote: &RemoteClient, why: &str, name: &str, now: Mono) {
        let told = self.pace.lock().unwrap_or_else(PoisonError::into_inner).count(refusal, remote.source, now);
        let Some(refused) = told else { return };
        let (why, name) = (printable(why), printable(name));
        match refusal {
            Refusal::Handshake => {
                tracing::warn!(from = %remote.name, why, refused, "a TLS handshake with the admin API failed");
            }
            Refusal::NoCredential | Refusal::WrongCredential | Refusal::NotLookedAt => {
                tracing::warn!(from = %remote.name, why, name, refused, "a caller of the admin API was refused");
            }
        }
        self.audit.refused(refusal, &remote.name, &why, &name, refused);
    }
}

/// When it is time to tell.
#[derive(Debug)]
struct Pace {
    by_source: RateTable,
    all: RateTable,
    refused: u64,
}

impl Pace {
    fn new() -> Self {
        Pace {
            by_source: RateTable::every(INTERVAL, 1, SOURCES * Refusal::COUNT),
            all: RateTable::every(INTERVAL_OF_ALL, BURST_OF_ALL, Refusal::COUNT),
            refused: 0,
        }
    }

    /// Counts a refusal; how many there were so far of all kinds, when it is time to tell of this kind from this source.
    fn count(&mut self, refusal: Refusal, source: ConnectionSource, now: Mono) -> Option<u64> {
        self.refused += 1;
        // In this order, so that one source that comes all the time takes nothing from the others.
        (self.by_source.admit((source, refusal), now) && self.all.admit(refusal, now)).then_some(self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::from_micros((100 + seconds) * 1_000_000)
    }

    #[test]
    fn one_source_is_told_of_once_a_minute() {
        let mut pace = Pace::new();
        let (here, there) = (ConnectionSource::User(1), ConnectionSource::User(2));
        let mut count = |source, now| pace.count(Refusal::NoCredential, source, now);
        assert_eq!(count(here, at(0)), Some(1));
        assert!((0..50).all(|_| count(here, at(1)).is_none()));
        assert_eq!(count(there, at(1)), Some(52));
        assert_eq!(count(here, at(60)), Some(53));
    }

    #[test]
    fn who_shows_nothing_does_not_hide_who_shows_what_is_wrong() {
        let mut pace = Pace::new();
        for n in 0..10_000 {
            pace.count(Refusal::NoCredential, ConnectionSource::User(n), at(0));
        }
        let here = ConnectionSource::User(1);
        for refusal in [Refusal::WrongCredential, Refusal::NotLookedAt, Refusal::Handshake] {
            assert!(pace.count(refusal, here, at(1)).is_some(), "{refusal:?}");
            assert_eq!(pace.count(refusal, here, at(2)), None, "{refusal:?}");
        }
    }

    #[test]
    fn a_flood_of_sources_does_not_flood_the_log() {
        let mut pace = Pace::new();
        let told = |pace: &mut Pace, second: u64| {
            let sources = (0..10_000).map(|n| ConnectionSource::User(n + 10_000 * second as u32));
            sources.filter(|source| pace.count(Refusal::WrongCredential, *source, at(second)).is_some()).count()
        };
        assert_eq!(told(&mut pace, 0), BURST_OF_ALL as usize);
        assert_eq!(told(&mut pace, 10), 5, "one every two seconds");
    }
}
