//! The exchange of node information, and the check of compatibility (docs/protocol/wire.md, "NodeInfo handshake").

mod codec;
mod compatibility;

pub use codec::{MAX_NODE_INFO, NodeInfoDecodeError, decode, encode, take};
pub use compatibility::{check_compatible, check_dialled};
