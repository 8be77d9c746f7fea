//! A set of IP ranges (CIDR), and which of them an IP is in. It has one rule of containment for whoever bans ranges:
//! the table of bans that operators edit (`switch`) and the gate that every connection passes (`transport`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::canonical;

/// Ranges of IP addresses, each without its host bits. A look-up costs one search in a tree for each prefix length that
/// occurs (three or four in practice, 129 at most), however many ranges there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpRangeSet {
    v4: BTreeMap<u8, BTreeSet<IpNet>>,
    v6: BTreeMap<u8, BTreeSet<IpNet>>,
}

impl IpRangeSet {
    /// Adds a range; `false` when it is in the set already.
    pub fn insert(&mut self, range: IpNet) -> bool {
        self.of_family_mut(range).entry(range.prefix_len()).or_default().insert(range.trunc())
    }

    /// Removes a range; `false` when it is not in the set.
    pub fn remove(&mut self, range: IpNet) -> bool {
        let by_length = self.of_family_mut(range);
        let Some(ranges) = by_length.get_mut(&range.prefix_len()) else { return false };
        let removed = ranges.remove(&range.trunc());
        if ranges.is_empty() {
            by_length.remove(&range.prefix_len());
        }
        removed
    }

    /// Whether the IP is in a range of the set. An IPv4 address mapped into IPv6 is that IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.containing(ip).next().is_some()
    }

    /// The ranges of the set that the IP is in, the widest first.
    pub fn containing(&self, ip: IpAddr) -> impl Iterator<Item = IpNet> {
        let ip = canonical(ip);
        let by_length = if ip.is_ipv4() { &self.v4 } else { &self.v6 };
        by_length.iter().filter_map(move |(&length, ranges)| {
            let around = IpNet::new(ip, length).ok()?.trunc();
            ranges.contains(&around).then_some(around)
        })
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.v4.values().chain(self.v6.values()).map(BTreeSet::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    const fn of_family_mut(&mut self, range: IpNet) -> &mut BTreeMap<u8, BTreeSet<IpNet>> {
        match range {
            IpNet::V4(_) => &mut self.v4,
            IpNet::V6(_) => &mut self.v6,
        }
    }
}

impl FromIterator<IpNet> for IpRangeSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(ranges: I) -> Self {
        let mut set = IpRangeSet::default();
        for range in ranges {
            set.insert(range);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(ranges: &[&str]) -> IpRangeSet {
        ranges.iter().map(|range| range.parse::<IpNet>().unwrap()).collect()
    }

    #[test]
    fn a_range_ends_where_it_says() {
        let set = set(&["1.2.3.0/24", "1.2.3.4/32", "2a00::/16"]);
        for (ip, inside) in [
            ("1.2.2.255", false),
            ("1.2.3.0", true),
            ("1.2.3.255", true),
            ("1.2.4.0", false),
            ("::ffff:1.2.3.4", true),
            ("2a00:ffff::1", true),
            ("2a01::1", false),
        ] {
            assert_eq!(set.contains(ip.parse().unwrap()), inside, "{ip}");
        }
    }

    #[test]
    fn the_whole_family_is_a_range_and_nothing_is_in_an_empty_set() {
        assert!(set(&["0.0.0.0/0"]).contains("255.255.255.255".parse().unwrap()));
        assert!(!set(&["0.0.0.0/0"]).contains("::1".parse().unwrap()));
        assert!(!IpRangeSet::default().contains("1.2.3.4".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn the_set_agrees_with_its_ranges(ranges: Vec<(u32, u8)>, ip: u32, near in 0_u32..300) {
            let ranges: Vec<IpNet> = ranges
                .into_iter()
                .map(|(ip, len)| ipnet::Ipv4Net::new(ip.into(), len % 33).unwrap().into())
                .collect();
            let near = ranges.first().map_or(ip, |range| match range.network() {
                IpAddr::V4(first) => first.to_bits().wrapping_add(near),
                IpAddr::V6(_) => ip,
            });
            let set: IpRangeSet = ranges.iter().copied().collect();
            for ip in [ip, near] {
                let ip = IpAddr::V4(ip.into());
                prop_assert_eq!(set.contains(ip), ranges.iter().any(|range| range.contains(&ip)));
            }
        }
    }

    #[test]
    fn the_ranges_around_an_ip_come_widest_first_until_they_are_removed() {
        let mut set = set(&["10.1.2.3/32", "10.1.2.9/16", "10.0.0.0/8", "11.0.0.0/8", "::/0"]);
        let around =
            |set: &IpRangeSet| set.containing([10, 1, 2, 3].into()).map(|net| net.to_string()).collect::<Vec<_>>();
        assert_eq!(around(&set), ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32"]);
        assert!(!set.insert("10.1.0.0/16".parse().unwrap()), "it is there already");
        assert!(set.remove("10.1.255.255/16".parse().unwrap()));
        assert!(!set.remove("10.1.0.0/16".parse().unwrap()));
        assert_eq!(around(&set), ["10.0.0.0/8", "10.1.2.3/32"]);
        assert_eq!(set.len(), 4);
    }
}
