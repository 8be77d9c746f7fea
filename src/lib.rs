//! pexd: a peer-exchange node for CometBFT networks. Start reading here.

pub mod book;
pub mod cli;
pub mod clock;
pub mod config;
pub mod node;
pub mod proto;
pub mod types;
pub mod wire;
