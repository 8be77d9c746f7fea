//! Refused connections: counts by reason, by host and by range (heavy hitters), and the latest few. Noting one costs well
//! under a microsecond and no memory beyond the tables', so that a flood is not made worse by being counted.

use std::collections::{HashMap, VecDeque};
use std::mem::{self, Discriminant};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use ipnet::IpNet;

use super::heavy_hitters::HeavyHitters;
use crate::transport::Grouping;
use crate::types::{Fault, Wall};

/// Refusals that are kept with their IP.
const RECENT: usize = 32;
/// Hosts that are counted apart.
pub const REFUSED_HOSTS: u16 = 512;
/// Ranges that are counted apart.
pub const REFUSED_RANGES: u16 = 128;

/// An inbound connection that was refused before it was a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// From where.
    pub ip: IpAddr,
    /// Why.
    pub fault: Fault,
    /// When.
    pub at: Wall,
}

/// Where refused connections come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedSource {
    /// A host or a range.
    pub net: IpNet,
    /// How often it was refused: never too low.
    pub count: u64,
    /// By how much the count may be too high.
    pub error: u64,
    /// For what ([`Fault::name`]), as far as it was seen: these add up to `count - error`.
    pub reasons: Vec<(&'static str, u64)>,
    /// When it was refused last.
    pub last: Wall,
}

/// Counts since the start, the sources that are refused most often, and the last 32 refusals.
#[derive(Debug)]
pub struct Refusals {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    counts: HashMap<Discriminant<Fault>, (Fault, u64)>,
    hosts: HeavyHitters<IpAddr>,
    ranges: HeavyHitters<IpAddr>,
    recent: VecDeque<Refusal>,
}

impl Default for Refusals {
    fn default() -> Self {
        let inner = Inner {
            counts: HashMap::new(),
            hosts: HeavyHitters::new(REFUSED_HOSTS),
            ranges: HeavyHitters::new(REFUSED_RANGES),
            recent: VecDeque::new(),
        };
        Refusals { inner: Mutex::new(inner) }
    }
}

impl Refusals {
    /// Refusals of each kind since the start; the fault is the first of its kind that was seen.
    pub fn counts(&self) -> Vec<(Fault, u64)> {
        self.lock().counts.values().cloned().collect()
    }

    /// How many there were of this kind; what the fault carries does not matter.
    pub fn count_of(&self, fault: &Fault) -> u64 {
        self.lock().counts.get(&mem::discriminant(fault)).map_or(0, |&(_, count)| count)
    }

    /// The sources that were refused most often, the first one most: at most [`REFUSED_HOSTS`] or [`REFUSED_RANGES`].
    pub fn sources(&self, grouping: Grouping) -> Vec<RefusedSource> {
        let inner = self.lock();
        let table = match grouping {
            Grouping::Host => &inner.hosts,
            Grouping::Range => &inner.ranges,
        };
        let source = |hitter: &super::heavy_hitters::Hitter<IpAddr>| RefusedSource {
            net: grouping.net(hitter.key),
            count: hitter.count,
            error: hitter.error,
            reasons: hitter.reasons.clone(),
            last: hitter.last,
        };
        table.iter().map(source).collect()
    }

    /// The latest refusals, the last one at the end; at most 32.
    pub fn recent(&self) -> Vec<Refusal> {
        self.lock().recent.iter().cloned().collect()
    }

    /// Notes that a connection from `ip` was refused.
    pub fn add(&self, ip: IpAddr, fault: Fault, at: Wall) {
        let ip = ip.to_canonical();
        let mut inner = self.lock();
        inner.hosts.note(Grouping::Host.first_of(ip), fault.name(), at);
        inner.ranges.note(Grouping::Range.first_of(ip), fault.name(), at);
        inner.counts.entry(mem::discriminant(&fault)).or_insert_with(|| (fault.clone(), 0)).1 += 1;
        if inner.recent.len() == RECENT {
            inner.recent.pop_front();
        }
        inner.recent.push_back(Refusal { ip, fault, at });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Counts that a panicking thread left are still counts.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Stage;

    #[test]
    fn counts_go_by_kind_and_the_latest_are_kept() {
        let refusals = Refusals::default();
        let ip = IpAddr::from([1, 2, 3, 4]);
        refusals.add(ip, Fault::TimedOut(Stage::Secret), Wall::NEVER);
        for second in 0..40 {
            refusals.add(ip, Fault::ConnectionRate, Wall::from_secs(second));
        }
        assert_eq!(refusals.count_of(&Fault::TimedOut(Stage::NodeInfo)), 1);
        assert_eq!(refusals.count_of(&Fault::ConnectionRate), 40);
        assert_eq!(refusals.count_of(&Fault::Full), 0);
        assert_eq!(refusals.counts().len(), 2);
        let recent = refusals.recent();
        assert_eq!((recent.len(), recent[31].at), (32, Wall::from_secs(39)));
    }

    #[test]
    fn a_flood_is_seen_by_host_and_by_range_and_takes_no_more_room_than_the_tables() {
        let refusals = Refusals::default();
        let attacker = IpAddr::from([9, 9, 9, 9]);
        for n in 0..20_000_u32 {
            let [a, b, c, d] = (0x1400_0000 + n * 65_537).to_be_bytes();
            refusals.add(IpAddr::from([a, b, c, d]), Fault::HandshakeFlood, Wall::from_secs(1));
            // A rented range: each of its addresses comes once.
            refusals.add(IpAddr::from([7, 7, c, d]), Fault::ConnectionRate, Wall::from_secs(2));
            if n % 20 == 0 {
                refusals.add(attacker, Fault::Full, Wall::from_secs(3));
            }
        }
        let hosts = refusals.sources(Grouping::Host);
        assert_eq!(hosts.len(), usize::from(REFUSED_HOSTS));
        let worst = hosts.iter().find(|source| source.net == attacker.into()).unwrap();
        assert!(worst.count - worst.error <= 1_000 && 1_000 <= worst.count);
        assert_eq!((worst.reasons[0].0, worst.last), ("full", Wall::from_secs(3)));
        let range = &refusals.sources(Grouping::Range)[0];
        assert_eq!((range.net.to_string().as_str(), range.reasons[0].0), ("7.7.0.0/16", "connection_rate"));
        assert!(range.count >= 20_000);
        let mapped = IpAddr::V6(std::net::Ipv4Addr::new(9, 9, 9, 9).to_ipv6_mapped());
        let before = refusals.sources(Grouping::Host).iter().find(|s| s.net == attacker.into()).unwrap().count;
        refusals.add(mapped, Fault::Full, Wall::from_secs(4));
        let after = refusals.sources(Grouping::Host).iter().find(|s| s.net == attacker.into()).unwrap().count;
        assert_eq!(after, before + 1);
    }
}
