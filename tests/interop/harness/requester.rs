//! A stranger who asks a node for addresses, over the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pexd::clock;
use pexd::transport::{ConnectionSettings, DialLimits, Dialler, LocalNode, PeerSaid, spawn_peer};
use pexd::types::{ConnId, NetAddress, NodeId, NodeInfo, PEX_CHANNEL, ProtocolVersion};
use pexd::wire::pex::{Outgoing, Received};
use pexd::wire::secret::NodeKey;
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// Connects with a new identity, asks once, and gives what it was reported; `None` without an answer.
pub(crate) async fn ask(id: NodeId, at: SocketAddr, chain: &str) -> Option<Vec<NetAddress>> {
    let address = NetAddress::new(id, at.ip(), at.port()).expect("a loopback address");
    let key = Arc::new(NodeKey::from_seed(clock::entropy()));
    let settings = ConnectionSettings { strict: false, allow_duplicate_ip: true, ..ConnectionSettings::default() };
    let local = LocalNode::new(key.clone(), info(key.id(), at, chain), settings);
    timeout(PATIENCE, async {
        let upgraded = Dialler::new(DialLimits::default()).dial(local, address.into()).await.result.ok()?;
        let (inbox, mut said) = mpsc::channel(4);
        let peer = spawn_peer(*upgraded, ConnId(1), inbox);
        peer.try_send(Outgoing::Request).ok()?;
        while let Some(from_peer) = said.recv().await {
            match from_peer.what {
                PeerSaid::Message(Received::Addresses { addresses, .. }, _) => return Some(addresses),
                PeerSaid::Message(Received::Request, _) => {}
                PeerSaid::Closed(_) => return None,
            }
        }
        None
    })
    .await
    .ok()?
}

fn info(id: NodeId, asked: SocketAddr, network: &str) -> NodeInfo {
    NodeInfo {
        protocol: ProtocolVersion { p2p: 8, block: 11, app: 0 },
        id,
        // It listens nowhere: that it names the asked one's own address keeps it out of all books.
        listen_addr: format!("tcp://{asked}"),
        network: network.to_owned(),
        version: "stranger".to_owned(),
        channels: vec![PEX_CHANNEL],
        moniker: "stranger".to_owned(),
        tx_index: "off".to_owned(),
        rpc_address: String::new(),
    }
}
