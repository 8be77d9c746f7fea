//! Where a connection comes from, as the listener counts it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::rate_limit::host_of;

/// Bits that all addresses of one host have in common, and those of one range; of IPv4, then of IPv6.
const HOST_BITS: (u8, u8) = (32, 64);
const RANGE_BITS: (u8, u8) = (16, 32);

/// How sources are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// What one party holds at the least: an IPv4 address, or the /64 of an IPv6 one.
    Host,
    /// What a rented range looks like: a /16, or the /32 of an IPv6 address.
    Range,
}

impl Grouping {
    /// The first address of the source that `ip` belongs to.
    pub(in crate::transport) fn first_of(self, ip: IpAddr) -> IpAddr {
        if self == Grouping::Host {
            return host_of(ip);
        }
        match ip {
            IpAddr::V4(v4) => {
                let rest = 32 - self.bits(ip);
                IpAddr::V4((v4.to_bits() >> rest << rest).into())
            }
            IpAddr::V6(v6) => {
                let rest = 128 - self.bits(ip);
                IpAddr::V6((v6.to_bits() >> rest << rest).into())
            }
        }
    }

    /// The source that begins at `first`.
    pub(in crate::transport) fn net(self, first: IpAddr) -> IpNet {
        IpNet::new(first, self.bits(first)).unwrap_or_else(|_| first.into())
    }

    const fn bits(self, ip: IpAddr) -> u8 {
        let (v4, v6) = match self {
            Grouping::Host => HOST_BITS,
            Grouping::Range => RANGE_BITS,
        };
        if ip.is_ipv4() { v4 } else { v6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_begin_where_their_networks_do() {
        for (ip, host, range) in
            [("1.2.3.4", "1.2.3.4/32", "1.2.0.0/16"), ("2a00:1:2:3:4:5:6:7", "2a00:1:2:3::/64", "2a00:1::/32")]
        {
            let of = |grouping: Grouping| grouping.net(grouping.first_of(ip.parse().unwrap())).to_string();
            assert_eq!((of(Grouping::Host), of(Grouping::Range)), (host.to_owned(), range.to_owned()));
        }
    }
}
