//! Who a scripted peer is.

use std::sync::Arc;

use crate::clock::entropy;
use crate::types::{NodeInfo, PEX_CHANNEL, ProtocolVersion};
use crate::wire::secret::NodeKey;

/// A node key with the node information that goes with it; every field can be made wrong.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Proves who the peer is.
    pub key: Arc<NodeKey>,
    /// What the peer says of itself.
    pub info: NodeInfo,
}

impl Identity {
    /// A stranger of this network, as a full node would introduce itself.
    pub fn random(network: &str) -> Self {
        Identity::from_seed(entropy(), network)
    }

    /// The peer that grows from this seed.
    pub fn from_seed(seed: [u8; 32], network: &str) -> Self {
        let key = Arc::new(NodeKey::from_seed(seed));
        let info = NodeInfo {
            protocol: ProtocolVersion { p2p: 8, block: 11, app: 0 },
            id: key.id(),
            listen_addr: "tcp://0.0.0.0:26656".into(),
            network: network.into(),
            version: "0.38.17".into(),
            channels: vec![0x40, 0x20, 0x21, 0x22, 0x23, 0x30, 0x38, 0x60, 0x61, PEX_CHANNEL],
            moniker: "scripted".into(),
            tx_index: "on".into(),
            rpc_address: "tcp://127.0.0.1:26657".into(),
        };
        Identity { key, info }
    }
}
