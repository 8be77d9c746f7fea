//! The codec of the two messages of the handshake: the ephemeral key in the clear, and the proof of identity in
//! encrypted frames.

use ed25519_zebra::{Signature, VerificationKey};
use prost::Message as _;

use super::SecretError;
use super::key_derivation::Challenge;
use crate::proto::tendermint::crypto::{PublicKey, public_key};
use crate::proto::tendermint::p2p::AuthSigMessage;
use crate::wire::protobuf::{self, Fields, Malformed};

impl From<Malformed> for SecretError {
    fn from(_: Malformed) -> Self {
        SecretError::Malformed
    }
}

/// Appends our ephemeral key as a delimited `BytesValue`.
pub(super) fn put_ephemeral_key(key: &[u8; 32], out: &mut Vec<u8>) {
    protobuf::put_varint(protobuf::bytes_field_len(key.len()) as u64, out);
    protobuf::put_bytes_header(1, key.len(), out);
    out.extend_from_slice(key);
}

/// Decodes a `BytesValue`. A key of another length is refused; CometBFT pads or truncates it
/// (`p2p/conn/secret_connection.go: shareEphPubKey`).
pub(super) fn parse_ephemeral_key(message: &[u8]) -> Result<[u8; 32], SecretError> {
    let mut fields = Fields::new(message);
    let mut key = &[][..];
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            key = value.bytes()?;
        }
    }
    key.try_into().map_err(|_| SecretError::EphemeralKeyLength)
}

/// The proof of identity: a public key, and the signature of the challenge.
pub(super) struct AuthSig {
    pub(super) public_key: [u8; 32],
    signature: Vec<u8>,
}

impl AuthSig {
    /// Our own proof, delimited.
    pub(super) fn encode(public_key: &[u8; 32], signature: &[u8; 64]) -> Vec<u8> {
        let key = PublicKey { sum: Some(public_key::Sum::Ed25519(public_key.to_vec())) };
        AuthSigMessage { pub_key: Some(key), sig: signature.to_vec() }.encode_length_delimited_to_vec()
    }

    pub(super) fn decode(message: &[u8]) -> Result<Self, SecretError> {
        let mut fields = Fields::new(message);
        let (mut key, mut signature) = (Key::Missing, &[][..]);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => key = Key::decode(value.bytes()?)?.unwrap_or(key),
                2 => signature = value.bytes()?,
                _ => {}
            }
        }
        match key {
            Key::Missing => Err(SecretError::Malformed),
            Key::Other => Err(SecretError::KeyType),
            Key::Ed25519(key) => {
                let public_key = key.try_into().map_err(|_| SecretError::Malformed)?;
                Ok(AuthSig { public_key, signature: signature.to_vec() })
            }
        }
    }

    /// Verifies the signature by the rules of ZIP-215, on which all implementations agree.
    pub(super) fn verify(&self, challenge: &Challenge) -> Result<(), SecretError> {
        let signature = Signature::try_from(&self.signature[..]).map_err(|_| SecretError::BadSignature)?;
        let key = VerificationKey::try_from(self.public_key).map_err(|_| SecretError::BadSignature)?;
        key.verify(&signature, challenge).map_err(|_| SecretError::BadSignature)
    }
}

/// The kinds of `PublicKey`.
enum Key<'a> {
    Missing,
    Ed25519(&'a [u8]),
    Other,
}

impl<'a> Key<'a> {
    /// The last kind that the message has, if it has one.
    fn decode(message: &'a [u8]) -> Result<Option<Self>, SecretError> {
        let mut fields = Fields::new(message);
        let mut key = None;
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => key = Some(Key::Ed25519(value.bytes()?)),
                // secp256k1, and those that later versions added: BLS12-381, ML-DSA and Ethereum's secp256k1.
                2..=5 => key = value.bytes().map(|_| Some(Key::Other))?,
                _ => {}
            }
        }
        Ok(key)
    }
}
