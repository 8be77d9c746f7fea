//! The identity of a peer: the hash of its public key.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The identity of a node: the first 20 bytes of the SHA-256 of its Ed25519 public key, written as 40 lower-case hex
/// digits (CometBFT `p2p/key.go: PubKeyToID`; docs/protocol/wire.md, "Secret connection").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; NodeId::LEN]);

/// Why a text is not a node ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node ID is 40 hex digits (what `pexd show-node-id` or `cometbft show-node-id` prints)")]
pub struct NodeIdError;

impl NodeId {
    /// The length of an ID in bytes.
    pub const LEN: usize = 20;

    /// The ID of the node that holds this Ed25519 public key.
    pub fn from_public_key(key: &[u8; 32]) -> Self {
        let digest = Sha256::digest(key);
        let mut id = [0; Self::LEN];
        id.copy_from_slice(&digest[..Self::LEN]);
        NodeId(id)
    }

    /// The ID with these bytes.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        NodeId(bytes)
    }

    /// The bytes of this ID.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl FromStr for NodeId {
    type Err = NodeIdError;

    /// Upper-case digits are read as lower-case ones: they name the same key.
    fn from_str(text: &str) -> Result<Self, NodeIdError> {
        let digits = text.as_bytes();
        if digits.len() != 2 * Self::LEN {
            return Err(NodeIdError);
        }
        let mut id = [0; Self::LEN];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Ok(NodeId(id))
    }
}

fn hex_digit(digit: u8) -> Result<u8, NodeIdError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(NodeIdError),
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_in_either_case_and_written_in_lower() {
        let lower = "0123456789abcdef0123456789abcdef01234567";
        let id: NodeId = lower.to_uppercase().parse().unwrap();
        assert_eq!(id, lower.parse().unwrap());
        assert_eq!(id.to_string(), lower);
    }

    #[test]
    fn refuses_what_is_not_forty_hex_digits() {
        for text in ["", "0123", "g123456789abcdef0123456789abcdef01234567", &"0".repeat(41), &"é".repeat(20)] {
            assert_eq!(text.parse::<NodeId>(), Err(NodeIdError), "{text}");
        }
    }
}
