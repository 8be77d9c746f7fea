//! The address of a peer: an ID at an IP and a port (CometBFT `p2p/netaddress.go`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::NodeId;

/// An address that can be dialled and stored: `id@ip:port`, the IP in canonical form, so that two spellings of one
/// endpoint are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetAddress {
    id: NodeId,
    ip: IpAddr,
    port: u16,
}

/// Why an IP and a port are not an address in any mode of any network (CometBFT `p2p/netaddress.go: Valid`;
/// docs/protocol/address-book.md, "What is refused").
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// `0.0.0.0` or `::`.
    #[error("the address is unspecified (0.0.0.0 or ::)")]
    Unspecified,
    /// `255.255.255.255`.
    #[error("the address is the IPv4 broadcast address")]
    Broadcast,
    /// 224.0.0.0/4 or ff00::/8.
    #[error("the address is a multicast address")]
    Multicast,
    /// 2001:db8::/32.
    #[error("the address is in the documentation range 2001:db8::/32")]
    Documentation,
    /// Port 0.
    #[error("port 0 cannot be dialled")]
    PortZero,
}

/// The canonical form of an IP: an IPv4 address mapped into IPv6 is that IPv4 address everywhere.
pub fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

impl NetAddress {
    /// The address of `id` at `ip` and `port`.
    ///
    /// # Errors
    /// When no node can listen there, whatever the mode of the network.
    pub fn new(id: NodeId, ip: IpAddr, port: u16) -> Result<Self, AddressError> {
        let ip = canonical(ip);
        check(ip, port)?;
        Ok(NetAddress { id, ip, port })
    }

    /// The ID of the node that is said to be there.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// The canonical IP.
    pub const fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The port, never 0.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The endpoint (ip:port) without the ID: what a failed dial is counted against.
    pub const fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

fn check(ip: IpAddr, port: u16) -> Result<(), AddressError> {
    let documentation = matches!(ip, IpAddr::V6(v6) if v6.segments()[..2] == [0x2001, 0x0db8]);
    if ip == IpAddr::V4(Ipv4Addr::UNSPECIFIED) || ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        Err(AddressError::Unspecified)
    } else if ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Err(AddressError::Broadcast)
    } else if ip.is_multicast() {
        Err(AddressError::Multicast)
    } else if documentation {
        Err(AddressError::Documentation)
    } else if port == 0 {
        Err(AddressError::PortZero)
    } else {
        Ok(())
    }
}

impl fmt::Display for NetAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.socket())
    }
}

impl fmt::Debug for NetAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: NodeId = NodeId::from_bytes([7; 20]);

    fn address(ip: &str, port: u16) -> Result<NetAddress, AddressError> {
        NetAddress::new(ID, ip.parse().unwrap(), port)
    }

    #[test]
    fn a_mapped_ipv4_is_that_ipv4() {
        assert_eq!(address("::ffff:1.2.3.4", 1), address("1.2.3.4", 1));
        assert_eq!(address("::ffff:0.0.0.0", 1), Err(AddressError::Unspecified));
    }

    #[test]
    fn what_can_never_be_dialled_is_told_apart() {
        assert_eq!(address("::", 1), Err(AddressError::Unspecified));
        assert_eq!(address("255.255.255.255", 1), Err(AddressError::Broadcast));
        assert_eq!(address("239.1.2.3", 1), Err(AddressError::Multicast));
        assert_eq!(address("ff02::1", 1), Err(AddressError::Multicast));
        assert_eq!(address("2001:db8:1::1", 1), Err(AddressError::Documentation));
        assert_eq!(address("1.2.3.4", 0), Err(AddressError::PortZero));
    }
}
