//! The files of a real node's home: as few as it needs, in the formats that all versions read.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_zebra::{SigningKey, VerificationKey};
use pexd::clock::entropy;
use pexd::types::NodeId;
use serde_json::json;

/// A folder for one process, kept after the run for who wants to read the logs; `tests/interop/run` removes old ones.
pub(crate) fn create(name: &str) -> PathBuf {
    let run = format!("interop/{}", std::process::id());
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(run).join(name);
    fs::create_dir_all(home.parent().expect("it has one")).expect("the build folder can be written");
    fs::create_dir(&home).unwrap_or_else(|error| panic!("the name {name} is used once: {error}"));
    home
}

/// A node's key, as its file keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeKey([u8; 32]);

impl NodeKey {
    /// A new key.
    pub(crate) fn generate() -> Self {
        NodeKey(entropy())
    }

    /// The ID of the node that holds it.
    pub(crate) fn id(&self) -> NodeId {
        NodeId::from_public_key(&self.public())
    }

    /// Writes `node_key.json`, which nobody else may read.
    pub(crate) fn write(&self, path: &Path) {
        let both = [self.0, self.public()].concat();
        let key = json!({ "priv_key": { "type": "tendermint/PrivKeyEd25519", "value": STANDARD.encode(both) } });
        write(path, &key.to_string());
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("the file is ours");
    }

    fn public(&self) -> [u8; 32] {
        VerificationKey::from(&SigningKey::from(self.0)).into()
    }
}

/// Writes a `genesis.json` that is the same for all nodes of a chain.
///
/// Its only validator is a key that nobody holds: the nodes wait for the first block for ever, which costs no CPU, and
/// are full peers meanwhile.
pub(crate) fn write_genesis(path: &Path, chain: &str) {
    let nobody: [u8; 32] = VerificationKey::from(&SigningKey::from([7; 32])).into();
    let genesis = json!({
        "genesis_time": "2024-01-01T00:00:00Z",
        "chain_id": chain,
        "initial_height": "1",
        "validators": [{
            "pub_key": { "type": "tendermint/PubKeyEd25519", "value": STANDARD.encode(nobody) },
            "power": "10",
            "name": "nobody",
        }],
        "app_hash": "",
    });
    write(path, &genesis.to_string());
}

/// Writes a file in a folder that is there.
pub(crate) fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
