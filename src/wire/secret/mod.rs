//! The secret connection: the station-to-station protocol over X25519 (CometBFT `p2p/conn/secret_connection.go`;
//! docs/protocol/wire.md, "Secret connection").
//!
//! [`Handshake`] takes and produces bytes until the peer's key is authenticated; then a [`Sealer`] encrypts and an
//! [`Opener`] decrypts the stream, in frames.

mod encrypted_frame;
mod error;
mod handshake;
mod handshake_messages;
mod key_derivation;
mod node_key;
#[cfg(test)]
mod tests;

pub use encrypted_frame::{FRAME_DATA, Opener, SEALED_FRAME, Sealer, sealed_len};
pub use error::SecretError;
pub use handshake::{Authenticated, HELLO_LEN, Handshake, Step};
pub use node_key::{NodeKey, NodeKeyError};
