//! The node key: our identity, whose hash is the node's ID (CometBFT `p2p/key.go`).

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::types::NodeId;

/// A node's Ed25519 key pair. The secret is zeroized when it is dropped, and never shown.
pub struct NodeKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: [u8; 32],
    id: NodeId,
}

/// Why 64 bytes are not a node key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the public half of the key does not belong to the secret half")]
pub struct NodeKeyError;

impl NodeKey {
    /// The key pair of this seed, which has to be secret and random.
    ///
    /// # Panics
    /// Never: any 32 bytes are a seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).expect("any 32 bytes are a seed");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        NodeKey { id: NodeId::from_public_key(&public), seed, pair, public }
    }

    /// Reads the bytes of `node_key.json`: the seed, then the public key (docs/protocol/wire.md, "Files of a node").
    ///
    /// # Errors
    /// When the two halves do not belong together: no peer could verify its signatures.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, NodeKeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&bytes[..32]);
        let key = NodeKey::from_seed(*seed);
        if key.public == bytes[32..] { Ok(key) } else { Err(NodeKeyError) }
    }

    /// The bytes of `node_key.json`: the seed, then the public key. Secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 64]> {
        let mut bytes = Zeroizing::new([0; 64]);
        bytes[..32].copy_from_slice(&*self.seed);
        bytes[32..].copy_from_slice(&self.public);
        bytes
    }

    /// The ID of the node that has this key.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// The Ed25519 public key.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    /// Signs with Ed25519; the same message always has the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 1.
    const SEED: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
        0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];

    #[test]
    fn the_public_key_and_signature_are_those_of_rfc_8032() {
        let key = NodeKey::from_seed(SEED);
        assert_eq!(key.public_key()[..4], [0xd7, 0x5a, 0x98, 0x01]);
        assert_eq!(key.sign(b"")[..4], [0xe5, 0x56, 0x43, 0x00]);
    }

    #[test]
    fn the_bytes_of_the_file_are_read_back() {
        let key = NodeKey::from_seed(SEED);
        assert_eq!(NodeKey::from_bytes(&key.to_bytes()).unwrap().id(), key.id());
        let mut torn = key.to_bytes();
        torn[63] ^= 1;
        assert_eq!(NodeKey::from_bytes(&torn).unwrap_err(), NodeKeyError);
    }

    #[test]
    fn its_debug_form_shows_no_secret() {
        let key = NodeKey::from_seed(SEED);
        assert_eq!(format!("{key:?}"), format!("NodeKey {{ id: NodeId({}), .. }}", key.id()));
    }
}
