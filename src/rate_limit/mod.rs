//! Bounds on how often somebody comes: the same for peers at their door and for callers of the admin API.

mod table;

use std::net::IpAddr;

pub use table::RateTable;

/// How often somebody may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// In the long run; 0 = no limit.
    pub per_second: u32,
    /// At once after a pause.
    pub burst: u32,
}

/// What one party holds at the least: an IPv4 address, or the /64 of an IPv6 one.
pub fn host_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
    }
}
