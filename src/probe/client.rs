//! A stranger who comes once, asks once and goes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::clock::{Clock, entropy};
use crate::transport::{ConnectionSettings, Dialled, Dialler, LocalNode, PeerSaid, Upgraded, spawn_peer};
use crate::types::{ConnId, Fault, NetAddress, NodeInfo, PEX_CHANNEL, PeerAddress, ProtocolVersion};
use crate::wire::pex::{Outgoing, Received};
use crate::wire::secret::NodeKey;

/// Where we say that we listen. Every node takes it for an address, and none keeps it: with an unspecified one, some would
/// dial us back where we come from, and advertise us.
const NOWHERE: &str = "tcp://255.255.255.255:26656";

/// Bytes of a packet at most: a whole message. A chain may agree on larger packets than CometBFT's default, and which is not
/// known here.
const MAX_PACKET: usize = 64_000;

/// Dials one chain's nodes, each time under an identity of its own.
#[derive(Clone, Debug)]
pub struct PexClient {
    dialler: Dialler,
    chain_id: String,
    pub(super) block_version: u64,
    strict: bool,
}

impl PexClient {
    /// A client of this chain. `strict` keeps it from names that stand for addresses outside the Internet.
    pub fn new(dialler: Dialler, chain_id: impl Into<String>, block_version: u64, strict: bool) -> Self {
        PexClient { dialler, chain_id: chain_id.into(), block_version, strict }
    }

    /// The chain that it connects to.
    pub(super) fn chain_id(&self) -> &str {
        &self.chain_id
    }

    /// Dials and shakes hands, within the dialler's bounds. Dropping what it gives hangs up.
    pub async fn dial(&self, target: PeerAddress) -> Dialled {
        let key = Arc::new(NodeKey::from_seed(entropy()));
        let info = NodeInfo {
            protocol: ProtocolVersion { p2p: 8, block: self.block_version, app: 0 },
            id: key.id(),
            listen_addr: NOWHERE.to_owned(),
            network: self.chain_id.clone(),
            version: concat!("pexd/", env!("CARGO_PKG_VERSION")).to_owned(),
            channels: vec![PEX_CHANNEL],
            moniker: "pexd-probe".to_owned(),
            tx_index: "off".to_owned(),
            rpc_address: String::new(),
        };
        let settings = ConnectionSettings {
            max_packet_payload: MAX_PACKET,
            strict: self.strict,
            allow_duplicate_ip: true,
            ..ConnectionSettings::default()
        };
        self.dialler.dial(LocalNode::new(key, info, settings), target).await
    }
}

/// What a node answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// At most 250, drawn at random from more; what can never be dialled is left out.
    pub addresses: Vec<NetAddress>,
    /// How many the message held.
    pub total: u32,
    /// From the request to the answer.
    pub took: Duration,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// None came in time.
    Silent,
    /// The connection ended.
    Ended(Fault),
}

/// Asks a node for addresses, once, and hangs up.
///
/// # Errors
/// When no answer comes within `patience`, or the connection ends before.
pub async fn ask(upgraded: Upgraded, patience: Duration) -> Result<Answer, NoAnswer> {
    let (inbox, mut reported) = mpsc::channel(1);
    let peer = spawn_peer(upgraded, ConnId(1), inbox);
    let began = Clock.mono();
    // A fresh connection has room for a message; one that has ended already says so in its inbox.
    let _ = peer.try_send(Outgoing::Request);
    let answer = async {
        while let Some(said) = reported.recv().await {
            match said.what {
                PeerSaid::Message(Received::Addresses { addresses, total }, _) => {
                    return Ok(Answer { addresses, total, took: Clock.mono().since(began) });
                }
                PeerSaid::Message(Received::Request, _) => {}
                PeerSaid::Closed(fault) => return Err(NoAnswer::Ended(fault)),
            }
        }
        Err(NoAnswer::Ended(Fault::Internal))
    };
    timeout(patience, answer).await.unwrap_or(Err(NoAnswer::Silent))
}
