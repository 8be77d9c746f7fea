//! The messages of the peer-exchange protocol (docs/protocol/wire.md, "PEX messages").

mod decode;
mod encode;
mod error;
mod message;
#[cfg(test)]
mod tests;

pub use decode::{MAX_ADDRESSES, decode};
pub use encode::encode;
pub use error::PexError;
pub use message::{Outgoing, Received};
