//! What a peer can do wrong in a PEX message.

use crate::types::Fault;
use crate::wire::protobuf::Malformed;

/// Why a message is refused (docs/protocol/pex-reactor.md, "Addresses received").
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PexError {
    /// It does not decode: disconnect.
    #[error("an undecodable PEX message")]
    Undecodable,
    /// It is neither a request nor addresses: disconnect.
    #[error("an empty PEX message")]
    Empty,
    /// One of its addresses has an IP that does not parse or a port above 65535, which invalidates the message:
    /// disconnect and ban (CometBFT `p2p/netaddress.go: NetAddressFromProto`).
    #[error("a message with an address that cannot be one")]
    BadAddress,
}

impl From<Malformed> for PexError {
    fn from(_: Malformed) -> Self {
        PexError::Undecodable
    }
}

impl From<PexError> for Fault {
    fn from(error: PexError) -> Fault {
        match error {
            PexError::Undecodable | PexError::Empty => Fault::BadMessage,
            PexError::BadAddress => Fault::BadAddress,
        }
    }
}
