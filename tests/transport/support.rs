//! A network under test: a listener on loopback, and what comes out of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pexd::testkit::{Identity, Peer};
use pexd::transport::{
    ConnectionSettings, FromPeer, HandshakeLimits, Listener, LocalNode, PeerHandle, PeerSaid, RateLimit, Upgraded,
    spawn_peer,
};
use pexd::types::{ConnId, Fault, NetAddress, NodeId, PEX_CHANNEL};
use pexd::wire::pex::Received;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

pub(crate) const CHAIN: &str = "test-1";
const LONG: Duration = Duration::from_secs(10);

/// Times short enough for a test.
pub(crate) fn settings() -> ConnectionSettings {
    ConnectionSettings {
        handshake_timeout: Duration::from_millis(500),
        dial_timeout: Duration::from_millis(500),
        secret_timeout: Duration::from_millis(300),
        node_info_timeout: Duration::from_millis(300),
        write_timeout: Duration::from_millis(500),
        drain_timeout: Duration::from_millis(500),
        strict: false,
        allow_duplicate_ip: true,
        ..ConnectionSettings::default()
    }
}

pub(crate) fn no_limits() -> HandshakeLimits {
    let off = RateLimit { per_second: 0, burst: 0 };
    HandshakeLimits { handshakes_per_ip: 0, handshakes: 0, per_ip: off, per_range: off }
}

pub(crate) fn local(settings: ConnectionSettings) -> Arc<LocalNode> {
    let mut ours = Identity::random(CHAIN);
    ours.info.channels = vec![PEX_CHANNEL];
    LocalNode::new(ours.key, ours.info, settings)
}

/// A listener of one network.
pub(crate) struct Host {
    pub(crate) listener: Listener,
    pub(crate) local: Arc<LocalNode>,
    upgraded: mpsc::Receiver<Upgraded>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Host::with(settings(), no_limits())
    }

    pub(crate) fn with(settings: ConnectionSettings, limits: HandshakeLimits) -> Self {
        let local = local(settings);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), local.key().clone(), limits).unwrap();
        let (sender, upgraded) = mpsc::channel(64);
        listener.add_route(local.clone(), sender).unwrap();
        Host { listener, local, upgraded }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr()).await.unwrap()
    }

    /// A peer whose ephemeral keys are exchanged.
    pub(crate) async fn agreed(&self) -> Peer {
        Peer::agree(self.connect().await, Identity::random(CHAIN)).await.unwrap()
    }

    pub(crate) async fn upgraded(&mut self) -> Upgraded {
        timeout(LONG, self.upgraded.recv()).await.expect("a peer comes in").unwrap()
    }

    /// Waits until a connection was refused for this reason by the network.
    pub(crate) async fn refused(&self, fault: Fault) {
        let of_kind = || self.local.gate().refusals().recent().iter().any(|refusal| refusal.fault == fault);
        eventually(of_kind, || format!("{fault:?} in {:?}", self.local.gate().refusals().recent())).await;
    }

    /// A connected peer, and our end of it.
    pub(crate) async fn peer(&mut self) -> (Peer, Served) {
        let (peer, _) = Peer::dial(self.addr(), Identity::random(CHAIN)).await.unwrap();
        let served = Served::new(self.upgraded().await);
        (peer, served)
    }
}

/// Our end of a connected peer.
pub(crate) struct Served {
    pub(crate) handle: PeerHandle,
    pub(crate) said: mpsc::Receiver<FromPeer>,
}

pub(crate) const CONN: ConnId = ConnId(7);

impl Served {
    pub(crate) fn new(upgraded: Upgraded) -> Self {
        let (inbox, said) = mpsc::channel(8);
        Served { handle: spawn_peer(upgraded, CONN, inbox), said }
    }

    pub(crate) async fn next(&mut self) -> PeerSaid {
        let said = timeout(LONG, self.said.recv()).await.expect("the peer's task says something").unwrap();
        assert_eq!(said.conn, CONN);
        said.what
    }

    pub(crate) async fn message(&mut self) -> Received {
        match self.next().await {
            PeerSaid::Message(message, _) => message,
            PeerSaid::Closed(fault) => panic!("closed: {fault:?}"),
        }
    }

    /// Why the connection ended; nothing may follow.
    pub(crate) async fn closed(&mut self) -> Fault {
        match self.next().await {
            PeerSaid::Closed(fault) => {
                assert!(timeout(LONG, self.said.recv()).await.expect("the task ends").is_none());
                fault
            }
            PeerSaid::Message(message, _) => panic!("a message: {message:?}"),
        }
    }
}

pub(crate) async fn eventually(done: impl Fn() -> bool, what: impl Fn() -> String) {
    for _ in 0..500 {
        if done() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {}", what());
}

pub(crate) fn addresses(count: u32) -> Vec<NetAddress> {
    (0..count)
        .map(|n| {
            let mut id = [0; 20];
            id[..4].copy_from_slice(&n.to_be_bytes());
            NetAddress::new(NodeId::from_bytes(id), std::net::IpAddr::V4((0x0808_0000 + n).into()), 26656).unwrap()
        })
        .collect()
}
