//! Sockets: both sides of the handshake, the gate, and what a peer can do wrong on the way.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "the lints know tests, not their helpers")]

#[path = "transport/dials.rs"]
mod dials;
#[path = "transport/handshake_limits.rs"]
mod handshake_limits;
#[path = "transport/handshakes.rs"]
mod handshakes;
#[path = "transport/peers.rs"]
mod peers;
#[path = "transport/support.rs"]
mod support;
