//! Rate limits by key (GCRA, a token bucket kept as one time) and permits by key (how many at once): the same for peers
//! that connect and for callers of the admin API.

mod permits;
mod table;

use std::net::IpAddr;

pub use permits::{NoPermit, Permit, PermitLimits, Permits};
pub use table::RateTable;

/// A rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// In the long run; 0 = no limit.
    pub per_second: u32,
    /// At once after a pause.
    pub burst: u32,
}

/// What one party holds at least, and is counted by: an IPv4 address, or the /64 of an IPv6 one.
pub fn host_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
    }
}
