//! pexd: a peer-exchange node for CometBFT networks. Start reading here.

pub mod admin;
pub mod book;
pub mod clock;
pub mod network;
pub mod node;
pub mod pex;
pub mod proto;
pub mod switch;
pub mod types;
pub mod wire;
