//! The CometBFT p2p wire: bytes to messages and back, as state machines without sockets (wire document).
//!
//! The order of a connection: [`secret::Handshake`] authenticates, [`node_info`] compares the networks, [`mconn`]
//! carries packets, and [`pex`] is what the one channel says.

pub mod delimited;
pub mod mconn;
pub mod node_info;
pub mod pex;
mod protobuf;
pub mod secret;
