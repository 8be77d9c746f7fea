//! The secret connection: station-to-station over X25519 (wire document, section 2).
//!
//! [`Handshake`] takes and gives bytes until the peer's key is authenticated; then a [`Sealer`] and an [`Opener`] carry
//! the stream in frames.

mod error;
mod frame;
mod handshake;
mod handshake_messages;
mod key_derivation;
mod node_key;
#[cfg(test)]
mod tests;

pub use error::SecretError;
pub use frame::{FRAME_DATA, Opener, SEALED_FRAME, Sealer, sealed_len};
pub use handshake::{Authenticated, HELLO_LEN, Handshake, Step};
pub use node_key::{NodeKey, NodeKeyError};
