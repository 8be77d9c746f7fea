//! The CometBFT p2p wire: bytes to messages and back, as state machines without sockets.

pub mod pex;
