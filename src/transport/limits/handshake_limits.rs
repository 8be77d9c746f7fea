//! A listener's bounds against floods, before it is known which network is meant.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::rate_limit::{Permit, PermitLimits, Permits, RateLimit, RateTable, host_of};
use crate::transport::Grouping;
use crate::types::{Fault, Mono};

/// Addresses whose rate is watched at once; 128 KiB.
const IP_SLOTS: usize = 8192;
/// Ranges whose rate is watched at once; 32 KiB.
const RANGE_SLOTS: usize = 2048;

/// The bounds of a listener (docs/architecture.md, "Limits before cryptography"). Several networks on one listener share
/// them, the strictest of each: who comes is not known yet to belong to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeLimits {
    /// Unfinished handshakes of one IP; 0 = no limit.
    pub handshakes_per_ip: usize,
    /// Unfinished handshakes in all; 0 = no limit.
    pub handshakes: usize,
    /// New connections of one IP.
    pub per_ip: RateLimit,
    /// New connections of one range: /16, of IPv6 /32.
    pub per_range: RateLimit,
}

impl HandshakeLimits {
    /// What both let through.
    #[must_use]
    pub fn strictest(self, other: HandshakeLimits) -> HandshakeLimits {
        HandshakeLimits {
            handshakes_per_ip: lesser(self.handshakes_per_ip, other.handshakes_per_ip),
            handshakes: lesser(self.handshakes, other.handshakes),
            per_ip: slower(self.per_ip, other.per_ip),
            per_range: slower(self.per_range, other.per_range),
        }
    }
}

fn slower(a: RateLimit, b: RateLimit) -> RateLimit {
    match (a.per_second, b.per_second) {
        (_, 0) => a,
        (0, _) => b,
        (first, second) => RateLimit { per_second: first.min(second), burst: a.burst.min(b.burst) },
    }
}

/// The lesser of two bounds, 0 being none.
fn lesser(a: usize, b: usize) -> usize {
    if a == 0 || b == 0 { a.max(b) } else { a.min(b) }
}

impl Default for HandshakeLimits {
    fn default() -> Self {
        HandshakeLimits {
            handshakes_per_ip: 64,
            handshakes: 1024,
            per_ip: RateLimit { per_second: 20, burst: 200 },
            per_range: RateLimit { per_second: 200, burst: 2000 },
        }
    }
}

/// A handshake under way, for as long as this is held.
pub(in crate::transport) type HandshakePermit = Permit<IpAddr>;

/// Lets handshakes begin: a rate limit for each host and range, and a bound on those under way.
#[derive(Debug)]
pub(in crate::transport) struct HandshakeLimiter {
    rates: Mutex<Rates>,
    /// Unfinished handshakes by host.
    permits: Arc<Permits<IpAddr>>,
}

#[derive(Debug)]
struct Rates {
    limits: HandshakeLimits,
    ips: Option<RateTable>,
    ranges: Option<RateTable>,
}

impl HandshakeLimiter {
    pub(in crate::transport) fn new(limits: HandshakeLimits) -> Arc<Self> {
        let ips = RateTable::new(limits.per_ip, IP_SLOTS);
        let ranges = RateTable::new(limits.per_range, RANGE_SLOTS);
        Arc::new(HandshakeLimiter { rates: Mutex::new(Rates { limits, ips, ranges }), permits: Arc::default() })
    }

    /// Sets other limits. Handshakes under way go on; a rate limit that changes starts with full buckets.
    pub(in crate::transport) fn set_limits(&self, limits: HandshakeLimits) {
        let mut rates = self.lock();
        if rates.limits.per_ip != limits.per_ip {
            rates.ips = RateTable::new(limits.per_ip, IP_SLOTS);
        }
        if rates.limits.per_range != limits.per_range {
            rates.ranges = RateTable::new(limits.per_range, RANGE_SLOTS);
        }
        rates.limits = limits;
    }

    /// Lets a handshake begin, which ends when the permit is dropped.
    pub(in crate::transport) fn admit(&self, ip: IpAddr, now: Mono) -> Result<HandshakePermit, Fault> {
        let host = host_of(ip);
        let mut rates = self.lock();
        let unless_off = |limit: usize| if limit == 0 { usize::MAX } else { limit };
        let HandshakeLimits { handshakes, handshakes_per_ip, .. } = rates.limits;
        let limits = PermitLimits { total: unless_off(handshakes), per_key: unless_off(handshakes_per_ip) };
        // Before the rate limits: no token is spent on what is refused for the load of others.
        let permit = self.permits.acquire(host, limits).map_err(|_| Fault::HandshakeFlood)?;
        let admitted = rates.ips.as_mut().is_none_or(|table| table.admit(host, now))
            && rates.ranges.as_mut().is_none_or(|table| table.admit(Grouping::Range.first_of(ip), now));
        if admitted { Ok(permit) } else { Err(Fault::ConnectionRate) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Mono = Mono::from_micros(5_000_000);

    fn v4(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn handshakes_are_bounded_by_ip_and_in_all() {
        let limiter = HandshakeLimiter::new(HandshakeLimits {
            handshakes_per_ip: 2,
            handshakes: 3,
            ..HandshakeLimits::default()
        });
        let first = limiter.admit(v4(1), NOW).unwrap();
        let _second = limiter.admit(v4(1), NOW).unwrap();
        assert_eq!(limiter.admit(v4(1), NOW).unwrap_err(), Fault::HandshakeFlood);
        let _other = limiter.admit(v4(2), NOW).unwrap();
        assert_eq!(limiter.admit(v4(3), NOW).unwrap_err(), Fault::HandshakeFlood);
        drop(first);
        assert!(limiter.admit(v4(3), NOW).is_ok());
    }

    #[test]
    fn a_range_has_a_rate_of_its_own() {
        let limiter = HandshakeLimiter::new(HandshakeLimits::default());
        let admitted = |ips: std::ops::Range<u32>| ips.filter(|&n| limiter.admit(v4(n), NOW).is_ok()).count();
        assert_eq!(admitted(0x0102_0000..0x0102_f000), 2000);
        assert_eq!(admitted(0x0103_0000..0x0103_0010), 16);
        let one_host = (0..1000).filter(|_| limiter.admit(v4(0x0104_0001), NOW).is_ok()).count();
        assert_eq!(one_host, 200);
        assert_eq!(limiter.admit(v4(0x0104_0001), NOW).unwrap_err(), Fault::ConnectionRate);
    }

    #[test]
    fn an_ipv6_subnet_is_one_host() {
        let limits = HandshakeLimits { handshakes_per_ip: 1, ..HandshakeLimits::default() };
        let limiter = HandshakeLimiter::new(limits);
        let _first = limiter.admit("2a00:1::1".parse().unwrap(), NOW).unwrap();
        assert!(limiter.admit("2a00:1::ffff:2".parse().unwrap(), NOW).is_err());
        assert!(limiter.admit("2a00:1:0:1::1".parse().unwrap(), NOW).is_ok());
    }

    #[test]
    fn new_limits_hold_for_what_comes() {
        let limiter = HandshakeLimiter::new(HandshakeLimits { handshakes: 2, ..HandshakeLimits::default() });
        let _held = [limiter.admit(v4(1), NOW).unwrap(), limiter.admit(v4(2), NOW).unwrap()];
        assert!(limiter.admit(v4(3), NOW).is_err());
        limiter.set_limits(HandshakeLimits { handshakes: 3, ..HandshakeLimits::default() });
        let third = limiter.admit(v4(3), NOW).unwrap();
        limiter.set_limits(HandshakeLimits { handshakes: 1, ..HandshakeLimits::default() });
        drop(third);
        assert_eq!(limiter.admit(v4(4), NOW).unwrap_err(), Fault::HandshakeFlood, "two of three are still under way");
    }

    #[test]
    fn of_two_limits_the_strictest_holds_and_none_is_none() {
        let (few, many) = (RateLimit { per_second: 5, burst: 9 }, RateLimit { per_second: 8, burst: 7 });
        let off = RateLimit { per_second: 0, burst: 1 };
        let a = HandshakeLimits { handshakes_per_ip: 0, handshakes: 4, per_ip: few, per_range: off };
        let b = HandshakeLimits { handshakes_per_ip: 3, handshakes: 6, per_ip: many, per_range: many };
        let both = HandshakeLimits {
            handshakes_per_ip: 3,
            handshakes: 4,
            per_ip: RateLimit { per_second: 5, burst: 7 },
            per_range: many,
        };
        assert_eq!((a.strictest(b), b.strictest(a)), (both, both));
    }

    #[test]
    fn zero_switches_a_bound_off() {
        let off = RateLimit { per_second: 0, burst: 0 };
        let limiter =
            HandshakeLimiter::new(HandshakeLimits { handshakes_per_ip: 0, handshakes: 0, per_ip: off, per_range: off });
        let all: Vec<_> = (0..5000).map(|_| limiter.admit(v4(1), NOW)).collect();
        assert!(all.iter().all(Result::is_ok));
    }
}
