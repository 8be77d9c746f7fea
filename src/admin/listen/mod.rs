//! Connections of the admin listeners, before any request: accepting within connection limits, TLS handshakes, and the
//! Unix socket.

pub(super) mod accept;
mod tls_failure;
pub(super) mod unix_socket;
