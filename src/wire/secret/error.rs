//! Why a secret connection ends.

use crate::types::Fault;

/// Why a secret connection cannot be made or go on (wire document, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The peer's ephemeral key has not 32 bytes.
    #[error("the ephemeral key has not 32 bytes")]
    EphemeralKeyLength,
    /// The peer's ephemeral key is of low order: the secret would be known to all.
    #[error("the ephemeral key is of low order")]
    LowOrderKey,
    /// A handshake message does not decode, or its key or signature is missing or of the wrong size.
    #[error("malformed handshake message")]
    Malformed,
    /// A handshake message announces more than 1,024 bytes.
    #[error("a handshake message announces too many bytes")]
    TooLong,
    /// The node key is of another kind than Ed25519.
    #[error("the node key is not Ed25519")]
    KeyType,
    /// The signature of the challenge does not verify.
    #[error("the signature of the challenge is wrong")]
    BadSignature,
    /// A frame does not authenticate.
    #[error("a frame does not decrypt")]
    BadFrame,
    /// A frame claims a chunk of more than 1,024 bytes.
    #[error("a frame claims more bytes than it has")]
    FrameLength,
    /// Empty frames without end.
    #[error("empty frames without end")]
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
