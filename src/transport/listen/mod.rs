//! The listening side: sockets that accept for one network or several, and inbound handshakes.

pub(super) mod inbound;
pub(super) mod listener;
