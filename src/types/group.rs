//! Which addresses belong together, and which cannot be reached over the Internet.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The part of the network that one party is likely to control (behaviour document, "Address book"): what buckets are
/// spread by, so that nobody fills them from one place.
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
        }
    }
}

impl fmt::Display for Group {
    /// The range that it is, or its name.
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
        }
    }
}

/// Whether the groups there are /36: one provider gives a /32's worth of parties their tunnels (2001:470::/32).
fn in_wide_range(octets: &[u8; 16]) -> bool {
    octets[..4] == [0x20, 0x01, 0x04, 0x70]
}

/// The group of an address; `strict` sets those apart that cannot be reached over the Internet.
pub fn group_of(ip: IpAddr, strict: bool) -> Group {
    let ip = ip.to_canonical();
    if strict && is_local(ip) {
        return Group::Local;
    }
    if strict && !is_routable(ip) {
        return Group::Unroutable;
    }
    match ip {
        IpAddr::V4(v4) => v4_group(v4),
        IpAddr::V6(v6) => v6_group(v6),
    }
}

fn v4_group(ip: Ipv4Addr) -> Group {
    let [a, b, ..] = ip.octets();
    Group::V4([a, b])
}

fn v6_group(ip: Ipv6Addr) -> Group {
    let o = ip.octets();
    let s = ip.segments();
    let embeds_last = s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] || s[..6] == [0, 0, 0, 0, 0xffff, 0];
    if embeds_last {
        Group::V4([o[12], o[13]])
    } else if s[0] == 0x2002 {
        Group::V4([o[2], o[3]])
    } else if s[..2] == [0x2001, 0] {
        Group::V4([o[12] ^ 0xff, o[13] ^ 0xff])
    } else if o[..6] == [0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43] {
        Group::Tor(o[6] & 0x0f)
    } else {
        let fifth = if in_wide_range(&o) { o[4] & 0xf0 } else { 0 };
        Group::V6([o[0], o[1], o[2], o[3], fifth])
    }
}

/// Whether an address can be reached over the Internet. Upstream's list, and the ranges whose dialling draws abuse
/// reports to a crawler: shared (100.64/10), benchmarking, reserved and documentation addresses.
pub fn is_routable(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    !is_local(ip)
        && match ip {
            IpAddr::V4(v4) => !UNROUTABLE_V4.iter().any(|&(net, bits)| in_v4(v4, net, bits)),
            IpAddr::V6(v6) => !UNROUTABLE_V6.iter().any(|&(net, bits)| in_v6(v6, net, bits)),
        }
}

fn is_local(ip: IpAddr) -> bool {
    ip.is_loopback() || matches!(ip, IpAddr::V4(v4) if v4.octets()[0] == 0)
}

const UNROUTABLE_V4: [(Ipv4Addr, u32); 10] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
];

/// fe80::/10 contains upstream's fe80::/64.
const UNROUTABLE_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28),
];

fn in_v4(ip: Ipv4Addr, net: Ipv4Addr, bits: u32) -> bool {
    (ip.to_bits() ^ net.to_bits()) >> (32 - bits) == 0
}

fn in_v6(ip: Ipv6Addr, net: Ipv6Addr, bits: u32) -> bool {
    (ip.to_bits() ^ net.to_bits()) >> (128 - bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(group_of(ip(text), true).to_string(), range, "{text}");
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
            assert_eq!(group_of(ip(text), true), group, "{text}");
        }
        assert_eq!(group_of(ip("127.0.0.1"), false), Group::V4([127, 0]));
        assert_eq!(group_of(ip("fd87:d87e:eb43:1234::1"), false), Group::Tor(2));
    }

    #[test]
    fn ranges_end_where_the_rfcs_say() {
        let unroutable = [
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.9.9",
            "100.64.0.0",
            "100.127.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.9",
            "127.0.0.1",
            "0.1.2.3",
            "::1",
            "fe80::1",
            "febf::1",
            "fc00::1",
            "fdff::1",
            "2001:10::1",
            "2001:1f::1",
        ];
        for text in unroutable {
            assert!(!is_routable(ip(text)), "{text}");
        }
        let routable = [
            "9.255.255.255",
            "11.0.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "192.0.3.1",
            "1.1.1.1",
            "2a00::1",
            "fec0::1",
            "2001:20::1",
        ];
        for text in routable {
            assert!(is_routable(ip(text)), "{text}");
        }
    }
}
