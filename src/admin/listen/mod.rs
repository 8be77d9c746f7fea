//! Connections of the admin listeners, before any request: accepting, the Unix socket, connection limits, and what is
//! known of the other end.

pub(super) mod accept;
pub(super) mod connection_limits;
pub(super) mod unix_socket;
