//! Bounds on what the callers of the API may use.

use crate::rate_limit::RateLimit;

/// Bounds on what callers may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    /// Connections at once on TCP, and as many on the socket.
    pub connections: usize,
    /// Connections at once of one IP or user.
    pub connections_per_source: usize,
    /// Requests whose answer has not begun, in all.
    pub requests: usize,
    /// Requests of one caller.
    pub rate: RateLimit,
    /// Wrong tokens and certificates a minute of one source; at least 1.
    pub failures_per_minute: u32,
}

impl Default for ApiLimits {
    fn default() -> Self {
        ApiLimits {
            connections: 64,
            connections_per_source: 16,
            requests: 256,
            rate: RateLimit { per_second: 50, burst: 200 },
            failures_per_minute: 10,
        }
    }
}
