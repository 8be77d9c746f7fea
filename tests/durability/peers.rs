//! Peers that come, say where they listen, are visited there, and name others.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pexd::clock::entropy;
use pexd::transport::{
    ConnectionSettings, DialLimits, Dialler, FromPeer, HandshakeLimits, Listener, LocalNode, PeerSaid, Upgraded,
    spawn_peer,
};
use pexd::types::{ConnId, NetAddress, NodeId, NodeInfo, PEX_CHANNEL, ProtocolVersion, SeededRng};
use pexd::wire::pex::{Outgoing, Received};
use pexd::wire::secret::NodeKey;
use rand::RngExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::home::CHAIN;

/// Addresses that a peer names: few enough that none has to leave the book in all lives of a home.
const NAMED: usize = 20;
/// Milliseconds between two peers at the most.
const PAUSE: u64 = 120;

/// Sends one peer after another to `pexd`, until this is dropped.
pub(crate) async fn come_and_go(pexd: NetAddress, mut rng: SeededRng) {
    let dialler = Dialler::new(DialLimits::default());
    let mut peers = JoinSet::new();
    loop {
        let peer = Peer::open(&mut rng).await;
        let dialler = dialler.clone();
        peers.spawn(async move {
            peer.announce(&dialler, pexd).await;
            peer.answer().await;
        });
        sleep(Duration::from_millis(rng.random_range(0..PAUSE))).await;
    }
}

/// A node that is reachable, and knows addresses at which nobody is.
struct Peer {
    local: Arc<LocalNode>,
    /// Stays open for as long as this is held.
    _listener: Listener,
    visitors: mpsc::Receiver<Upgraded>,
    named: Vec<NetAddress>,
}

impl Peer {
    async fn open(rng: &mut SeededRng) -> Self {
        let key = Arc::new(NodeKey::from_seed(entropy()));
        let at = SocketAddr::from((somewhere(rng), 0));
        let listener = Listener::bind(at, key.clone(), HandshakeLimits::default()).expect("a loopback port");
        let local = LocalNode::new(key.clone(), node_info(key.id(), listener.local_addr()), settings());
        let (upgraded, visitors) = mpsc::channel(4);
        listener.add_route(local.clone(), upgraded).expect("the only one");
        let named = (0..NAMED).map(|_| NetAddress::new(NodeId::from_bytes(rng.random()), somewhere(rng).into(), 1));
        Peer {
            local,
            named: named.map(|address| address.expect("it can be dialled")).collect(),
            _listener: listener,
            visitors,
        }
    }

    /// Connects, which says where it listens, and leaves, which has it visited.
    async fn announce(&self, dialler: &Dialler, pexd: NetAddress) {
        let (inbox, _told) = mpsc::channel(1);
        // The process may be dead already.
        if let Ok(upgraded) = dialler.dial(self.local.clone(), pexd.into()).await.result {
            let peer = spawn_peer(*upgraded, ConnId(1), inbox);
            sleep(Duration::from_millis(3)).await;
            drop(peer);
        }
    }

    /// Answers who asks.
    async fn answer(mut self) {
        let (inbox, mut reported) = mpsc::channel(4);
        let mut visits = HashMap::new();
        loop {
            tokio::select! {
                Some(upgraded) = self.visitors.recv() => {
                    let conn = ConnId(visits.len() as u64);
                    visits.insert(conn, spawn_peer(upgraded, conn, inbox.clone()));
                }
                Some(FromPeer { conn, what: PeerSaid::Message(Received::Request, _) }) = reported.recv() => {
                    // Whoever has gone meanwhile needs no answer.
                    let _ = visits[&conn].try_send(Outgoing::Addresses(self.named.clone().into()));
                }
            }
        }
    }
}

/// Any loopback address: together they fill all buckets of a book evenly.
fn somewhere(rng: &mut SeededRng) -> Ipv4Addr {
    Ipv4Addr::new(127, rng.random(), rng.random(), rng.random_range(1..255))
}

fn settings() -> ConnectionSettings {
    ConnectionSettings { strict: false, allow_duplicate_ip: true, ..ConnectionSettings::default() }
}

fn node_info(id: NodeId, at: SocketAddr) -> NodeInfo {
    NodeInfo {
        protocol: ProtocolVersion { p2p: 8, block: 11, app: 0 },
        id,
        listen_addr: format!("tcp://{at}"),
        network: CHAIN.to_owned(),
        version: "test".to_owned(),
        channels: vec![PEX_CHANNEL],
        moniker: "test".to_owned(),
        tx_index: "off".to_owned(),
        rpc_address: String::new(),
    }
}
