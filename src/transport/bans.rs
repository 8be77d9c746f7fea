//! Banned ranges, compiled for one question that every connection asks.

use std::net::IpAddr;

use ipnet::IpNet;

/// Ranges of addresses as sorted intervals without overlaps: a look-up is one binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpBans {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl IpBans {
    /// Compiles the ranges; the publisher leaves out those that have ended.
    pub fn new(ranges: impl IntoIterator<Item = IpNet>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        IpBans { v4: merge(v4), v6: merge(v6) }
    }

    /// Whether the address is within a range. An IPv4 address mapped into IPv6 is that IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => within(&self.v4, ip.to_bits()),
            IpAddr::V6(ip) => within(&self.v6, ip.to_bits()),
        }
    }
}

fn merge<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(previous) if first <= previous.1 => previous.1 = previous.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged.into()
}

fn within<T: Ord + Copy>(ranges: &[(T, T)], ip: T) -> bool {
    let behind = ranges.partition_point(|&(first, _)| first <= ip);
    behind > 0 && ip <= ranges[behind - 1].1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bans(ranges: &[&str]) -> IpBans {
        IpBans::new(ranges.iter().map(|range| range.parse().unwrap()))
    }

    #[test]
    fn a_range_ends_where_it_says() {
        let bans = bans(&["1.2.3.0/24", "1.2.3.4/32", "2a00::/16"]);
        for (ip, banned) in [
            ("1.2.2.255", false),
            ("1.2.3.0", true),
            ("1.2.3.255", true),
            ("1.2.4.0", false),
            ("::ffff:1.2.3.4", true),
            ("2a00:ffff::1", true),
            ("2a01::1", false),
        ] {
            assert_eq!(bans.contains(ip.parse().unwrap()), banned, "{ip}");
        }
    }

    #[test]
    fn everything_can_be_banned_and_nothing_is_by_default() {
        assert!(bans(&["0.0.0.0/0"]).contains("255.255.255.255".parse().unwrap()));
        assert!(!bans(&["0.0.0.0/0"]).contains("::1".parse().unwrap()));
        assert!(!IpBans::default().contains("1.2.3.4".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn the_compiled_set_agrees_with_its_ranges(ranges: Vec<(u32, u8)>, ip: u32, near in 0_u32..300) {
            let ranges: Vec<IpNet> = ranges
                .into_iter()
                .map(|(ip, len)| ipnet::Ipv4Net::new(ip.into(), len % 33).unwrap().into())
                .collect();
            let near = ranges.first().map_or(ip, |range| match range.network() {
                IpAddr::V4(first) => first.to_bits().wrapping_add(near),
                IpAddr::V6(_) => ip,
            });
            let bans = IpBans::new(ranges.iter().copied());
            for ip in [ip, near] {
                let ip = IpAddr::V4(ip.into());
                prop_assert_eq!(bans.contains(ip), ranges.iter().any(|range| range.contains(&ip)));
            }
        }
    }
}
