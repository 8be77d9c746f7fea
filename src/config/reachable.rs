//! What to advertise of an address that we listen on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// An address of the documentation range: the way to it is the way out, and nothing is sent there.
const OUTSIDE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// Where others reach what listens at `laddr`, as far as this host knows: 0.0.0.0 stands for the IP that it has towards the
/// Internet, at which peers behind no other NAT reach it.
pub fn reachable_as(laddr: SocketAddr) -> SocketAddr {
    let ip = if laddr.ip().is_unspecified() { own_ip() } else { laddr.ip() };
    SocketAddr::new(ip, laddr.port())
}

fn own_ip() -> IpAddr {
    let way_out = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(OUTSIDE)?;
        socket.local_addr()
    };
    way_out().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}
