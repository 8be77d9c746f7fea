//! The CometBFT p2p wire protocol: bytes to messages and back, as state machines without sockets
//! (docs/protocol/wire.md, "Order of a connection").
//!
//! [`secret::Handshake`] authenticates, [`node_info`] checks compatibility, [`mconn`] carries packets, and [`pex`] is
//! the protocol of the one channel.

pub mod delimited;
pub mod mconn;
pub mod node_info;
pub mod pex;
mod protobuf;
pub mod secret;
