//! The group of an address: its autonomous system where that is known, else its /16 (IPv4) or /32 (IPv6), by which the book
//! spreads its buckets against sybil attacks.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::AsnTable;
use super::routability::{is_local, is_routable};

/// The part of the network that one party is likely to control (CometBFT `p2p/pex/addrbook.go: groupKeyFor`;
/// docs/protocol/address-book.md, "Buckets and groups").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// This host, in strict mode.
    Local,
    /// Not routable, in strict mode.
    Unroutable,
    /// The /16 of an IPv4 address, embedded ones included.
    V4([u8; 2]),
    /// One of 16 groups of OnionCat addresses.
    Tor(u8),
    /// The /32 of an IPv6 address, or the /36 within Hurricane Electric's range.
    V6([u8; 5]),
    /// The autonomous system with this number, never 0.
    As(u32),
}

impl Group {
    /// The bytes that a bucket's hash is made of; no two groups have the same.
    pub const fn to_bytes(self) -> [u8; 6] {
        match self {
            Group::Local => [0; 6],
            Group::Unroutable => [1, 0, 0, 0, 0, 0],
            Group::V4([a, b]) => [2, a, b, 0, 0, 0],
            Group::Tor(n) => [3, n, 0, 0, 0, 0],
            Group::V6([a, b, c, d, e]) => [4, a, b, c, d, e],
            Group::As(number) => {
                let [a, b, c, d] = number.to_be_bytes();
                [5, a, b, c, d, 0]
            }
        }
    }
}

impl fmt::Display for Group {
    /// The range that it is, the autonomous system as `AS64500`, or its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Group::Local => f.write_str("local"),
            Group::Unroutable => f.write_str("unroutable"),
            Group::V4([a, b]) => write!(f, "{a}.{b}.0.0/16"),
            Group::Tor(n) => write!(f, "tor {n}"),
            Group::V6([a, b, c, d, e]) => {
                let mut octets = [0; 16];
                octets[..5].copy_from_slice(&[a, b, c, d, e]);
                let bits = if in_wide_range(&octets) { 36 } else { 32 };
                write!(f, "{}/{bits}", Ipv6Addr::from(octets))
            }
            Group::As(number) => write!(f, "AS{number}"),
        }
    }
}

/// It is no group as groups are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not the group of an address, such as 1.2.0.0/16")]
pub struct NotAGroup;

impl FromStr for Group {
    type Err = NotAGroup;

    /// Reads exactly what a group is shown as.
    fn from_str(text: &str) -> Result<Self, NotAGroup> {
        let range = || match text.split_once('/')?.0.parse().ok()? {
            IpAddr::V4(v4) => {
                let [a, b, ..] = v4.octets();
                Some(Group::V4([a, b]))
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, ..] = v6.octets();
                Some(Group::V6([a, b, c, d, e]))
            }
        };
        let number_after = |prefix| text.strip_prefix(prefix);
        let group = match (text, number_after("tor "), number_after("AS")) {
            ("local", ..) => Some(Group::Local),
            ("unroutable", ..) => Some(Group::Unroutable),
            (_, Some(number), _) => number.parse().ok().map(Group::Tor),
            (_, _, Some(number)) => number.parse().ok().map(Group::As),
            _ => range(),
        };
        group.filter(|group| group.to_string() == text).ok_or(NotAGroup)
    }
}

/// Whether groups are /36 there: the /32 of Hurricane Electric (2001:470::/32), whose tunnels are used by many parties.
fn in_wide_range(octets: &[u8; 16]) -> bool {
    octets[..4] == [0x20, 0x01, 0x04, 0x70]
}

/// The group of an address; `strict` sets those apart that cannot be reached over the Internet. Of the others, one that
/// `asn` knows belongs to its autonomous system; without a table, or where it has no number, ranges are the groups.
pub fn group_of(ip: IpAddr, strict: bool, asn: Option<&AsnTable>) -> Group {
    let ip = ip.to_canonical();
    if strict && is_local(ip) {
        return Group::Local;
    }
    if strict && !is_routable(ip) {
        return Group::Unroutable;
    }
    let ip = match ip {
        IpAddr::V6(v6) => embedded_v4(v6).map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    };
    if let IpAddr::V6(v6) = ip
        && let Some(tor) = tor_group(v6)
    {
        return tor;
    }
    asn.and_then(|asn| asn.number(ip)).map_or_else(|| range_of(ip), Group::As)
}

fn range_of(ip: IpAddr) -> Group {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            Group::V4([a, b])
        }
        IpAddr::V6(v6) => {
            let o = v6.octets();
            let fifth = if in_wide_range(&o) { o[4] & 0xf0 } else { 0 };
            Group::V6([o[0], o[1], o[2], o[3], fifth])
        }
    }
}

/// The IPv4 address that an IPv6 one stands for: NAT64, SIIT, 6to4 and Teredo.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let o = ip.octets();
    let s = ip.segments();
    let last = [o[12], o[13], o[14], o[15]];
    let is_last = s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] || s[..6] == [0, 0, 0, 0, 0xffff, 0];
    if is_last {
        Some(last.into())
    } else if s[0] == 0x2002 {
        Some([o[2], o[3], o[4], o[5]].into())
    } else if s[..2] == [0x2001, 0] {
        Some(last.map(|byte| byte ^ 0xff).into())
    } else {
        None
    }
}

fn tor_group(ip: Ipv6Addr) -> Option<Group> {
    let o = ip.octets();
    (o[..6] == [0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43]).then_some(Group::Tor(o[6] & 0x0f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{AsnField, asn_database};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_group_is_shown_as_its_range() {
        for (text, range) in [
            ("1.2.3.4", "1.2.0.0/16"),
            ("2a00:1450::1", "2a00:1450::/32"),
            ("2001:470:1f00::1", "2001:470:1000::/36"),
            ("127.0.0.1", "local"),
            ("10.1.2.3", "unroutable"),
        ] {
            assert_eq!(group_of(ip(text), true, None).to_string(), range, "{text}");
        }
    }

    #[test]
    fn a_group_is_read_as_it_is_shown_and_nothing_else_is() {
        let v6 = [[0; 5], [0, 0x64, 0xff, 0x9b, 0], [0x20, 1, 4, 0x70, 0x10], [0x2a, 0, 0x14, 0x50, 0]].map(Group::V6);
        let others = [Group::Local, Group::Unroutable, Group::Tor(15), Group::V4([0, 0]), Group::V4([10, 255])];
        for group in v6.into_iter().chain(others) {
            assert_eq!(group.to_string().parse(), Ok(group), "{group}");
        }
        for text in
            ["", "1.2.3.4", "1.2.3.4/16", "1.2.0.0/24", "2a00:1450::1/32", "2a00:1450::/36", "tor", "tor 256", "x"]
        {
            assert_eq!(text.parse::<Group>(), Err(NotAGroup), "{text}");
        }
    }

    #[test]
    fn groups_follow_the_first_rule_that_fits() {
        let cases = [
            ("1.2.3.4", Group::V4([1, 2])),
            ("::ffff:1.2.3.4", Group::V4([1, 2])),
            ("64:ff9b::102:304", Group::V4([1, 2])),
            ("::ffff:0:1.2.3.4", Group::V4([1, 2])),
            ("2002:102:304::1", Group::V4([1, 2])),
            ("2001:0:9d38::fefd:fcfb", Group::V4([1, 2])),
            ("2a00:1450::1", Group::V6([0x2a, 0, 0x14, 0x50, 0])),
            ("2001:470:1f00::1", Group::V6([0x20, 1, 4, 0x70, 0x10])),
            ("127.0.0.1", Group::Local),
            ("::1", Group::Local),
            ("10.1.2.3", Group::Unroutable),
            ("fd87:d87e:eb43:1234::1", Group::Unroutable),
        ];
        for (text, group) in cases {
            assert_eq!(group_of(ip(text), true, None), group, "{text}");
        }
        assert_eq!(group_of(ip("127.0.0.1"), false, None), Group::V4([127, 0]));
        assert_eq!(group_of(ip("fd87:d87e:eb43:1234::1"), false, None), Group::Tor(2));
    }

    #[test]
    fn a_group_is_the_autonomous_system_where_the_table_knows_it() {
        let ranges =
            [("1.2.0.0/16", 64_500), ("1.9.0.0/16", 64_500), ("2a00:1450::/32", 64_501), ("3.0.0.0/8", 64_502)];
        // A database may know what nobody can reach: that stays what it is.
        let local = [("127.0.0.0/8", 64_503), ("10.0.0.0/8", 64_503), ("fd00::/8", 64_503)];
        let ranges: Vec<_> = ranges.into_iter().chain(local).collect();
        let table = AsnTable::new(asn_database("GeoLite2-ASN", AsnField::MaxMind, &ranges)).unwrap();
        for (text, group) in [
            ("1.2.3.4", Group::As(64_500)),
            ("1.9.3.4", Group::As(64_500)),
            ("::ffff:1.2.3.4", Group::As(64_500)),
            ("64:ff9b::102:304", Group::As(64_500)),
            ("::ffff:0:1.2.3.4", Group::As(64_500)),
            ("2002:102:304::1", Group::As(64_500)),
            ("2001:0:9d38::fefd:fcfb", Group::As(64_500)),
            ("2a00:1450::1", Group::As(64_501)),
            ("2a00:1451::1", Group::V6([0x2a, 0, 0x14, 0x51, 0])),
            ("2001:470:1f00::1", Group::V6([0x20, 1, 4, 0x70, 0x10])),
            ("2002:309:304::1", Group::As(64_502)),
            ("127.0.0.1", Group::Local),
            ("::1", Group::Local),
            ("10.1.2.3", Group::Unroutable),
            ("fd87:d87e:eb43:1234::1", Group::Unroutable),
        ] {
            assert_eq!(group_of(ip(text), true, Some(&table)), group, "{text}");
        }
        assert_eq!(group_of(ip("fd87:d87e:eb43:1234::1"), false, Some(&table)), Group::Tor(2));
        assert_eq!(group_of(ip("10.1.2.3"), false, Some(&table)), Group::As(64_503));
        assert_eq!(Group::As(64_500).to_string(), "AS64500");
    }

    #[test]
    fn no_two_groups_have_the_same_bytes() {
        let groups = [
            Group::Local,
            Group::Unroutable,
            Group::V4([0, 1]),
            Group::Tor(1),
            Group::V6([0, 0, 0, 1, 0]),
            Group::As(1),
            Group::As(256),
        ];
        let bytes: std::collections::BTreeSet<[u8; 6]> = groups.map(Group::to_bytes).into();
        assert_eq!(bytes.len(), groups.len());
    }
}
