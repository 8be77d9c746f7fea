//! `node_key.json` as a node writes it (docs/protocol/wire.md, "Files of a node").

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::files::{self, Mode};
use crate::clock;
use crate::wire::secret::NodeKey;

/// The type that CometBFT writes for an Ed25519 key.
const KEY_TYPE: &str = "tendermint/PrivKeyEd25519";

#[derive(Serialize, Deserialize)]
struct KeyFile {
    priv_key: PrivateKey,
}

#[derive(Serialize, Deserialize)]
struct PrivateKey {
    r#type: String,
    value: String,
}

/// Why a node key file cannot be used. The texts name the fix and never what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum NodeKeyFileError {
    /// There is none.
    #[error(
        "there is no node key: copy the node's node_key.json there, or make a new one with pexd gen-node-key CHAIN_ID"
    )]
    Missing,
    /// It cannot be read or written.
    #[error("the node key cannot be used: {0}")]
    Io(io::Error),
    /// It is not the JSON that a node writes.
    #[error(
        "the node key is malformed at line {line}, column {column}: restore it from a copy; a node writes {{\"priv_key\":{{\"type\":\"{KEY_TYPE}\",\"value\":...}}}}"
    )]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// It is a key of another type.
    #[error("the node key is not of the type {KEY_TYPE}: peers accept no other; use a node's node_key.json")]
    Type,
    /// It is not base64 of 64 bytes.
    #[error("the value of the node key is not base64 of 64 bytes: restore the file from a copy")]
    Value,
    /// Its two halves do not belong together.
    #[error("the public half of the node key does not belong to its secret half: restore the file from a copy")]
    Halves,
}

/// Reads the node key at `path`.
///
/// # Errors
/// When it is missing, malformed or of another type.
pub fn read(path: &Path) -> Result<NodeKey, NodeKeyFileError> {
    let text = files::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NodeKeyFileError::Missing,
        _ => NodeKeyFileError::Io(error),
    })?;
    parse(&text)
}

fn parse(text: &str) -> Result<NodeKey, NodeKeyFileError> {
    let file: KeyFile = serde_json::from_str(text)
        .map_err(|error| NodeKeyFileError::Json { line: error.line(), column: error.column() })?;
    if file.priv_key.r#type != KEY_TYPE {
        return Err(NodeKeyFileError::Type);
    }
    let bytes = BASE64_STANDARD.decode(file.priv_key.value.trim()).map_err(|_| NodeKeyFileError::Value)?;
    let bytes: [u8; 64] = bytes.try_into().map_err(|_| NodeKeyFileError::Value)?;
    NodeKey::from_bytes(&bytes).map_err(|_| NodeKeyFileError::Halves)
}

/// Whether others than its owner may read the file; false where that is not known.
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// A new node key, from the operating system's entropy.
pub fn generate() -> NodeKey {
    NodeKey::from_seed(clock::entropy())
}

/// Writes a node key to a new file that only its owner can read.
///
/// # Errors
/// When the file exists already or cannot be written.
pub fn create(path: &Path, key: &NodeKey) -> io::Result<()> {
    let value = BASE64_STANDARD.encode(*key.to_bytes());
    let file = KeyFile { priv_key: PrivateKey { r#type: KEY_TYPE.to_owned(), value } };
    files::create(path, &serde_json::to_string(&file)?, Mode::Private)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by `cometbft init`, and the ID that `cometbft show-node-id` prints for it.
    const COMET: &str = include_str!("../../tests/data/node_key.json");
    const COMET_ID: &str = include_str!("../../tests/data/node_id.txt");

    #[test]
    fn a_nodes_own_key_is_read() {
        assert_eq!(parse(COMET).unwrap().id().to_string(), COMET_ID.trim());
    }

    #[test]
    fn what_is_written_is_what_a_node_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node_key.json");
        create(&path, &parse(COMET).unwrap()).unwrap();
        assert_eq!(files::read(&path).unwrap(), COMET.trim());
        assert!(!is_open_to_others(&path));
        assert_eq!(create(&path, &generate()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn every_damage_has_its_own_error_and_shows_no_secret() {
        let value = COMET.split('"').nth(9).unwrap();
        let torn = format!("{}AA==", &value[..value.len() - 4]);
        let cases = [
            ("{", "malformed"),
            ("{}", "malformed"),
            (&COMET.replace("Ed25519", "Secp256k1"), "not of the type"),
            (&COMET.replace(value, "%%%"), "not base64"),
            (&COMET.replace(value, "AAAA"), "not base64 of 64"),
            (&COMET.replace(value, &torn), "does not belong"),
        ];
        for (text, part) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains(&value[..8]), "{error}");
        }
    }
}
