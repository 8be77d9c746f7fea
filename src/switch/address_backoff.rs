//! Exponential backoff with jitter: how long to leave an ip:port or address alone after dials that failed
//! (docs/protocol/pex-reactor.md, "dialPeer").

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rand::RngExt as _;

use super::params::{BACKOFF_JITTER, GIVEN_UP_FOR, MAX_DIAL_FAILURES, MAX_FULL_FAILURES};
use crate::types::{Mono, NetAddress, NodeId, SeededRng};

/// Places that are remembered; beyond it the one that was dialled longest ago is forgotten.
const CAPACITY: usize = 32_768;

/// Failures of places (ip:port) and of single addresses (id@ip:port).
#[derive(Debug, Default)]
pub(super) struct Backoff {
    entries: BTreeMap<Key, Failures>,
    by_age: BTreeMap<(Mono, u64), Key>,
    sequence: u64,
}

/// `None` = the ip:port itself, whichever ID is advertised there.
type Key = (SocketAddr, Option<NodeId>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: (Mono, u64),
    jitter: Duration,
}

/// Why an ip:port is not dialled now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Not before then.
    Until(Mono),
    /// It failed too often.
    GivenUp,
}

impl Backoff {
    /// Whether an address may be dialled now. `cap` bounds the wait of a persistent peer, which is never given up.
    pub(super) fn check(&self, address: &NetAddress, now: Mono, cap: Option<Duration>) -> Result<(), Wait> {
        for key in keys(address) {
            let Some(failures) = self.entries.get(&key) else { continue };
            if cap.is_none() && failures.count > MAX_DIAL_FAILURES {
                if now.since(failures.last.0) < GIVEN_UP_FOR {
                    return Err(Wait::GivenUp);
                }
                continue;
            }
            let until = failures.last.0 + failures.wait(cap);
            if now < until {
                return Err(Wait::Until(until));
            }
        }
        Ok(())
    }

    /// Until when an address is not dialled, and whether it is given up until then.
    pub(super) fn held_until(&self, address: &NetAddress, now: Mono) -> Option<(Mono, bool)> {
        match self.check(address, now, None).err()? {
            Wait::Until(at) => Some((at, false)),
            Wait::GivenUp => {
                let last = keys(address).into_iter().filter_map(|key| self.entries.get(&key)?.last.0.into()).max();
                Some((last? + GIVEN_UP_FOR, true))
            }
        }
    }

    /// One more failure of the ip:port, or of the single address.
    pub(super) fn failed(&mut self, address: &NetAddress, whole_endpoint: bool, now: Mono, rng: &mut SeededRng) {
        let [endpoint, single] = keys(address);
        self.count(if whole_endpoint { endpoint } else { single }, u32::MAX, now, rng);
    }

    /// It answered and hung up at once: it is full, and not to be given up.
    pub(super) fn full(&mut self, address: &NetAddress, now: Mono, rng: &mut SeededRng) {
        let [endpoint, single] = keys(address);
        self.forget(&single);
        self.count(endpoint, MAX_FULL_FAILURES, now, rng);
    }

    fn count(&mut self, key: Key, most: u32, now: Mono, rng: &mut SeededRng) {
        let count = self.forget(&key).map_or(1, |failures| failures.count.saturating_add(1)).min(most);
        self.sequence += 1;
        let last = (now, self.sequence);
        let jitter = Duration::from_micros(rng.random_range(0..=BACKOFF_JITTER.as_micros() as u64));
        self.entries.insert(key, Failures { count, last, jitter });
        self.by_age.insert(last, key);
        if self.entries.len() > CAPACITY
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }

    /// The address answered: its failures are forgotten.
    pub(super) fn succeeded(&mut self, address: &NetAddress) {
        for key in keys(address) {
            self.forget(&key);
        }
    }

    fn forget(&mut self, key: &Key) -> Option<Failures> {
        let failures = self.entries.remove(key)?;
        self.by_age.remove(&failures.last);
        Some(failures)
    }
}

impl Failures {
    /// 2^n seconds and a random part; the power saturates far beyond any uptime.
    fn wait(&self, cap: Option<Duration>) -> Duration {
        let wait = Duration::from_secs(1 << self.count.min(30)) + self.jitter;
        cap.filter(|cap| !cap.is_zero()).map_or(wait, |cap| wait.min(cap))
    }
}

fn keys(address: &NetAddress) -> [Key; 2] {
    [(address.socket(), None), (address.socket(), Some(address.id()))]
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn address(id: u8, port: u16) -> NetAddress {
        NetAddress::new(NodeId::from_bytes([id; 20]), [1, 2, 3, 4].into(), port).unwrap()
    }

    const fn secs(secs: u64) -> Mono {
        Mono::from_micros(secs * 1_000_000)
    }

    #[test]
    fn waits_double_and_end_with_giving_up() {
        let (mut backoff, mut rng) = (Backoff::default(), SeededRng::seed_from_u64(1));
        let target = address(1, 1);
        for failures in 1..=MAX_DIAL_FAILURES {
            backoff.failed(&target, true, secs(0), &mut rng);
            let wait = 1 << failures;
            assert!(backoff.check(&target, secs(wait - 1), None).is_err(), "{failures}");
            assert_eq!(backoff.check(&target, secs(wait + 1), None), Ok(()), "{failures}");
        }
        backoff.failed(&target, true, secs(0), &mut rng);
        assert_eq!(backoff.check(&target, secs(86_399), None), Err(Wait::GivenUp));
        assert_eq!(backoff.check(&target, secs(86_400), None), Ok(()));
        assert_eq!(
            backoff.check(&target, secs(1 << 20), Some(Duration::ZERO)),
            Ok(()),
            "persistent peers are not given up"
        );
        assert_eq!(backoff.check(&target, secs(60), Some(Duration::from_secs(60))), Ok(()));
        backoff.succeeded(&target);
        assert_eq!(backoff.check(&target, secs(0), None), Ok(()));
    }

    #[test]
    fn a_place_counts_for_every_id_and_an_id_for_itself() {
        let (mut backoff, mut rng) = (Backoff::default(), SeededRng::seed_from_u64(1));
        backoff.failed(&address(1, 1), false, secs(0), &mut rng);
        assert!(backoff.check(&address(1, 1), secs(0), None).is_err());
        assert_eq!(backoff.check(&address(2, 1), secs(0), None), Ok(()));
        backoff.failed(&address(1, 1), true, secs(0), &mut rng);
        assert!(backoff.check(&address(2, 1), secs(0), None).is_err());
        assert_eq!(backoff.check(&address(2, 2), secs(0), None), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let (mut backoff, mut rng) = (Backoff::default(), SeededRng::seed_from_u64(1));
        for n in 0..CAPACITY as u32 + 10 {
            let id = NodeId::from_bytes([n.to_be_bytes(); 5].concat().try_into().unwrap());
            let target = NetAddress::new(id, [1, 2, 3, 4].into(), 1).unwrap();
            backoff.failed(&target, false, secs(u64::from(n)), &mut rng);
        }
        assert_eq!(backoff.entries.len(), CAPACITY);
        assert_eq!(backoff.by_age.len(), CAPACITY);
    }
}
