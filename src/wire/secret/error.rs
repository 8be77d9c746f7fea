//! Why a secret connection fails.

use crate::types::Fault;

/// Why a secret connection cannot be established or continued (docs/protocol/wire.md, "Secret connection").
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The peer's ephemeral key is not 32 bytes long.
    #[error("the ephemeral key is not 32 bytes long")]
    EphemeralKeyLength,
    /// The peer's ephemeral key is of low order: the shared secret would be predictable.
    #[error("the ephemeral key is of low order")]
    LowOrderKey,
    /// A handshake message does not decode, or its key or signature is missing or of the wrong size.
    #[error("malformed handshake message")]
    Malformed,
    /// A handshake message announces more than 1,024 bytes.
    #[error("a handshake message announces too many bytes")]
    TooLong,
    /// The peer's node key is not an Ed25519 key.
    #[error("the node key is not Ed25519")]
    KeyType,
    /// The signature of the challenge does not verify.
    #[error("the signature of the challenge is wrong")]
    BadSignature,
    /// A frame does not authenticate.
    #[error("a frame does not decrypt")]
    BadFrame,
    /// A frame claims to carry more than [`FRAME_DATA`](super::FRAME_DATA) bytes.
    #[error("a frame claims more bytes than it has")]
    FrameLength,
    /// A flood of empty frames.
    #[error("a flood of empty frames")]
    EmptyFrames,
    /// The nonce counter is used up.
    #[error("the connection's nonces are used up")]
    NoncesUsedUp,
}

impl From<SecretError> for Fault {
    fn from(error: SecretError) -> Fault {
        match error {
            SecretError::EphemeralKeyLength => Fault::EphemeralKeyLength,
            SecretError::LowOrderKey => Fault::LowOrderKey,
            SecretError::Malformed => Fault::MalformedHandshake,
            SecretError::TooLong => Fault::HandshakeTooLong,
            SecretError::KeyType => Fault::KeyType,
            SecretError::BadSignature => Fault::BadSignature,
            SecretError::BadFrame => Fault::BadFrame,
            SecretError::FrameLength => Fault::FrameLength,
            SecretError::EmptyFrames => Fault::EmptyFlood,
            SecretError::NoncesUsedUp => Fault::NoncesUsedUp,
        }
    }
}
