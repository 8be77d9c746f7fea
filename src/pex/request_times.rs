//! The rate limit on requests (docs/protocol/pex-reactor.md, "Request received"), kept by ID, so that reconnecting resets
//! nothing.

use std::time::Duration;

use super::generations::Generations;
use super::params::MIN_REQUEST_INTERVAL;
use crate::types::{Mono, NodeId};

/// IDs in one of the two generations; the older one is forgotten when the younger is full. Ten seconds, for which a time
/// matters, of as many as the gate lets in of one range. More of them would only make the memory grow for longer: who
/// wants to be forgotten takes another ID.
const GENERATION: usize = 2_048;
/// Requests that are always answered.
const FREE: u8 = 2;
/// The offence that brings a ban. Within one interval all are one: a CometBFT node that was hung up on dials its persistent
/// peer again at once, and asks.
const LAST_OFFENCE: u8 = 3;
/// After this time an offence is forgotten, and without a request all that is known of an ID: those of different weeks do
/// not add up.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// The times of received requests, in a table of bounded size.
#[derive(Debug, Default)]
pub(super) struct Requests {
    times: Generations<NodeId, Times, GENERATION>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    /// The last request that was answered.
    last: Mono,
    /// The last that counted as an offence.
    offended: Mono,
    answered: u8,
    offences: u8,
}

/// What a request deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// An answer.
    InTime,
    /// The end of the connection.
    TooSoon,
    /// A ban: it was the third time.
    TooOften,
}

impl Requests {
    /// Notes a request.
    pub(super) fn received(&mut self, id: NodeId, now: Mono) -> Asked {
        let times = self.times.entry(id);
        if now.since(times.last.max(times.offended)) >= FORGOTTEN_AFTER {
            *times = Times::default();
        } else if now.since(times.offended) >= FORGOTTEN_AFTER {
            times.offences = 0;
        }
        let early = times.answered >= FREE && now.since(times.last) < MIN_REQUEST_INTERVAL;
        if early {
            if times.offences == 0 || now.since(times.offended) >= MIN_REQUEST_INTERVAL {
                times.offences = times.offences.saturating_add(1);
                times.offended = now;
            }
            return if times.offences >= LAST_OFFENCE { Asked::TooOften } else { Asked::TooSoon };
        }
        times.answered = times.answered.saturating_add(1);
        times.last = now;
        Asked::InTime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Mono {
        Mono::from_micros(secs * 1_000_000)
    }

    fn id(n: u32) -> NodeId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        NodeId::from_bytes(bytes)
    }

    #[test]
    fn two_are_free_then_ten_seconds_apart_then_a_ban() {
        let mut requests = Requests::default();
        let at =
            [(0, Asked::InTime), (0, Asked::InTime), (9, Asked::TooSoon), (10, Asked::InTime), (19, Asked::TooSoon)];
        for (second, expected) in at {
            assert_eq!(requests.received(id(1), secs(second)), expected, "at {second} s");
        }
        assert_eq!(requests.received(id(2), secs(19)), Asked::InTime, "another peer has its own times");
        assert_eq!(requests.received(id(1), secs(20)), Asked::InTime);
        assert_eq!(requests.received(id(1), secs(29)), Asked::TooOften);
    }

    #[test]
    fn one_burst_is_one_offence_and_old_ones_are_forgotten() {
        let mut requests = Requests::default();
        for start in [0, 3600, 7200, 10_800] {
            // Its start, its first round, and a second start with redials in a row.
            assert_eq!(requests.received(id(1), secs(start)), Asked::InTime);
            assert_eq!(requests.received(id(1), secs(start + 2)), Asked::InTime);
            for _ in 0..50 {
                assert_eq!(requests.received(id(1), secs(start + 5)), Asked::TooSoon);
            }
            assert_eq!(requests.received(id(1), secs(start + 12)), Asked::InTime);
        }
    }

    #[test]
    fn offences_are_forgotten_though_the_peer_goes_on_asking() {
        let mut requests = Requests::default();
        for second in (0..20_000).step_by(30) {
            assert_eq!(requests.received(id(1), secs(second)), Asked::InTime);
            if second % 900 == 300 {
                assert_eq!(requests.received(id(1), secs(second + 1)), Asked::TooSoon);
            }
        }
    }

    #[test]
    fn a_flood_of_ids_forgets_the_oldest_and_stays_bounded() {
        let mut requests = Requests::default();
        for _ in 0..3 {
            requests.received(id(0), secs(0));
        }
        for n in 1..3 * GENERATION as u32 {
            requests.received(id(n), secs(0));
        }
        assert!(requests.times.len() <= 2 * GENERATION);
        assert_eq!(requests.received(id(0), secs(0)), Asked::InTime, "forgotten");
    }
}
