//! Callers that are refused, in the TLS handshake or behind it: a line in the log and an entry in the audit. Few of them, however
//! many callers there are: one a minute for each source, and some for all sources together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::peer_credentials::{ConnectionSource, RemoteClient};
use super::security_audit::{Refusal, SecurityAudit};
use crate::admin::untrusted_text::printable;
use crate::rate_limit::RateTable;
use crate::types::Mono;

/// How often one source is told of, and how many sources are remembered.
const INTERVAL: Duration = Duration::from_secs(60);
const SLOTS: usize = 1024;
/// How often all sources together are told of, in the long run and at once.
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
        let told = self.pace.lock().unwrap_or_else(PoisonError::into_inner).count(remote.source, now);
        let Some(refused) = told else { return };
        let (why, name) = (printable(why), printable(name));
        match refusal {
            Refusal::Handshake => {
                tracing::warn!(from = %remote.name, why, refused, "a TLS handshake with the admin API failed");
            }
            Refusal::Authentication => {
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
            by_source: RateTable::every(INTERVAL, 1, SLOTS),
            all: RateTable::every(INTERVAL_OF_ALL, BURST_OF_ALL, 4),
            refused: 0,
        }
    }

    /// Counts a refusal; how many there were so far, when it is time to tell of this source.
    fn count(&mut self, source: ConnectionSource, now: Mono) -> Option<u64> {
        self.refused += 1;
        // In this order, so that one source that comes all the time takes nothing from the others.
        (self.by_source.admit(source, now) && self.all.admit((), now)).then_some(self.refused)
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
        assert_eq!(pace.count(here, at(0)), Some(1));
        assert!((0..50).all(|_| pace.count(here, at(1)).is_none()));
        assert_eq!(pace.count(there, at(1)), Some(52));
        assert_eq!(pace.count(here, at(60)), Some(53));
    }

    #[test]
    fn a_flood_of_sources_does_not_flood_the_log() {
        let mut pace = Pace::new();
        let told = |pace: &mut Pace, second: u64| {
            let sources = (0..10_000).map(|n| ConnectionSource::User(n + 10_000 * second as u32));
            sources.filter(|source| pace.count(*source, at(second)).is_some()).count()
        };
        assert_eq!(told(&mut pace, 0), BURST_OF_ALL as usize);
        assert_eq!(told(&mut pace, 10), 5, "one every two seconds");
    }
}
