//! Connections of the admin listeners, before any request: accepting within connection limits, TLS handshakes, those who do
//! not speak HTTP/2, and the Unix socket.

pub(super) mod accept;
mod connection;
mod opening;
mod tls_failure;
pub(super) mod unix_socket;
