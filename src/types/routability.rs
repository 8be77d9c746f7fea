//! Routability: which IPs can be reached over the Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address can be reached over the Internet: CometBFT's list (`p2p/netaddress.go: Routable`), and ranges
/// whose dialling draws abuse reports to a crawler: shared (100.64/10), benchmarking, reserved and documentation
/// addresses (docs/protocol/address-book.md, "Routability").
pub fn is_routable(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    !is_local(ip)
        && match ip {
            IpAddr::V4(v4) => !UNROUTABLE_V4.iter().any(|&(net, bits)| in_v4(v4, net, bits)),
            IpAddr::V6(v6) => !UNROUTABLE_V6.iter().any(|&(net, bits)| in_v6(v6, net, bits)),
        }
}

pub(super) fn is_local(ip: IpAddr) -> bool {
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

/// fe80::/10 contains CometBFT's fe80::/64 (`p2p/netaddress.go: RFC4862`).
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
