//! pexd: a peer-exchange node for CometBFT networks. Start reading here.

pub mod book;
pub mod clock;
pub mod node;
pub mod proto;
pub mod store;
pub mod types;
pub mod wire;
