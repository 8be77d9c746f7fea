//! Networks side by side, over real sockets and real files: each has its own book, limits and life, and what happens to
//! one is not felt in another.

mod isolation;
mod lifecycle;
mod saving;
pub(crate) mod session;
mod shared;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Changeable, Config, Handle, Running, SharedListener, spawn};
use crate::book::{Record, Reliability, Source, State};
use crate::clock::{Clock, entropy};
use crate::node::row::{Key, Row, RowChange};
use crate::node::{Params, RunState};
use crate::store::{self, Loaded, Store};
use crate::testkit::reserve_port;
use crate::transport::{ConnectionSettings, DialLimits, Dialler, HandshakeLimits, LocalNode, RateLimit};
use crate::types::{DialOutcome, NetAddress, NodeId, NodeInfo, OwnEndpoints, PEX_CHANNEL, ProtocolVersion, Wall};
use crate::wire::secret::NodeKey;
use crate::{book, pex, switch};

/// Longer than anything here takes; who waits this long has found a fault.
const PATIENCE: Duration = Duration::from_secs(20);

/// The process that the networks of a test share.
pub(crate) struct Process {
    folder: TempDir,
    pub(crate) dialler: Dialler,
    pub(crate) shutdown: CancellationToken,
}

impl Process {
    pub(crate) fn new() -> Self {
        Process {
            folder: tempfile::tempdir().unwrap(),
            dialler: Dialler::new(DialLimits { dials_per_second: 0, ..DialLimits::default() }),
            shutdown: CancellationToken::new(),
        }
    }

    /// A seed with a key and a listener of its own, and no book yet.
    pub(crate) fn seed(&self, chain: &str) -> Config {
        self.seed_at(chain, Arc::new(NodeKey::from_seed(entropy())), SharedListener::new(reserve(), open_door()))
    }

    /// A seed with this key at this listener.
    pub(crate) fn seed_at(&self, chain: &str, key: Arc<NodeKey>, shared_listener: SharedListener) -> Config {
        let (id, at) = (key.id(), shared_listener.laddr());
        Config {
            chain_id: chain.into(),
            params: params(id, at),
            local: LocalNode::new(key, node_info(id, chain, &at.to_string()), loopback_settings()),
            shared_listener,
            book: self.folder.path().join(format!("{chain}.db")),
            store: store::StoreSettings::default(),
            answer_log_bytes: 64 << 20,
            changeable: Changeable::default(),
        }
    }

    pub(crate) async fn spawn(&self, config: Config) -> Running {
        spawn(config, self.dialler.clone(), self.shutdown.clone()).await
    }

    /// A running network with an end of its own.
    pub(crate) async fn live(&self, config: Config) -> Life {
        let end = CancellationToken::new();
        let Running { handle, broken, task } = spawn(config, self.dialler.clone(), end.clone()).await;
        assert_eq!(broken, None);
        assert_eq!(handle.start(None).await, Ok(true));
        Life { handle, end, task }
    }

    /// A running seed that knows and serves these addresses.
    pub(crate) async fn serve(&self, config: Config, known: &[NetAddress]) -> Handle {
        fill_book(&config.book, &config.chain_id, known).await;
        let running = self.spawn(config).await;
        assert_eq!(running.broken, None);
        assert_eq!(running.handle.start(None).await, Ok(true));
        running.handle
    }
}

/// One life of a network.
pub(crate) struct Life {
    pub(crate) handle: Handle,
    end: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Life {
    /// Ends it in order.
    pub(crate) async fn end(self) {
        self.end.cancel();
        self.task.await.unwrap();
    }

    /// Ends it as a crash would: nothing is written that was not handed to the store.
    pub(crate) async fn abandon(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Where this network's peers dial.
pub(crate) fn address(config: &Config) -> NetAddress {
    let at = config.shared_listener.laddr();
    NetAddress::new(config.local.key().id(), at.ip(), at.port()).unwrap()
}

/// Addresses that a seed may serve and that nobody dials within a test; `series` keeps those of two networks apart.
pub(crate) fn addresses(series: u8, count: u8) -> Vec<NetAddress> {
    let one = |n| {
        let mut id = [series; NodeId::LEN];
        id[0] = n;
        NetAddress::new(NodeId::from_bytes(id), Ipv4Addr::new(127, series, n, 1).into(), 1).unwrap()
    };
    (0..count).map(one).collect()
}

/// A closed book in which all of `known` was verified a moment ago.
pub(crate) async fn fill_book(path: &Path, chain: &str, known: &[NetAddress]) {
    let (store, _) = Store::open(path, chain, [7; 32]).unwrap();
    let row = |address: &NetAddress| Row::Address(verified(*address));
    let changes = known.iter().map(|address| RowChange { key: Key::Address(*address), row: Some(row(address)) });
    store.write(changes.collect()).await.unwrap();
    store.close().await.unwrap();
}

fn verified(address: NetAddress) -> Record {
    let now = Clock.now().wall;
    Record {
        address,
        state: State::New,
        reliability: Reliability::default(),
        source: Source { id: address.id(), ip: address.ip() },
        added: now,
        attempts: 0,
        outcome: DialOutcome::Reached,
        last_attempt: now,
        last_success: now,
        reached_since: now,
        verified: true,
    }
}

/// What a power failure at this moment would leave, read from a copy. Nobody may write meanwhile.
fn on_disk(book: &Path, chain: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("book.db");
    for suffix in ["-wal", ""] {
        let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if name(book).exists() {
            std::fs::copy(name(book), name(&copy)).unwrap();
        }
    }
    Store::open(&copy, chain, [0; 32]).unwrap().1
}

/// Whether nobody listens there.
pub(crate) fn is_free(at: SocketAddr) -> bool {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    // As our own listener does it: connections that have ended are not in the way.
    socket.set_reuse_address(true).unwrap();
    socket.bind(&at.into()).and_then(|()| socket.listen(1)).is_ok()
}

async fn state(network: &Handle) -> RunState {
    network.status().await.unwrap().node.state
}

/// The reason of a network that is failed.
async fn failure(network: &Handle) -> String {
    match state(network).await {
        RunState::Failed(reason) => reason,
        other => panic!("not failed but {other:?}"),
    }
}

/// A loopback address that nobody else is given.
pub(crate) fn reserve() -> SocketAddr {
    reserve_port().unwrap()
}

pub(crate) fn open_door() -> HandshakeLimits {
    let unlimited = RateLimit { per_second: 0, burst: 1 };
    HandshakeLimits { per_ip: unlimited, per_range: unlimited, ..HandshakeLimits::default() }
}

fn loopback_settings() -> ConnectionSettings {
    ConnectionSettings { strict: false, allow_duplicate_ip: true, ..ConnectionSettings::default() }
}

fn node_info(id: NodeId, chain: &str, listen: &str) -> NodeInfo {
    NodeInfo {
        protocol: ProtocolVersion { p2p: 8, block: 11, app: 0 },
        id,
        listen_addr: format!("tcp://{listen}"),
        network: chain.to_owned(),
        version: "test".to_owned(),
        channels: vec![PEX_CHANNEL],
        moniker: "test".to_owned(),
        tx_index: "off".to_owned(),
        rpc_address: String::new(),
    }
}

fn params(own_id: NodeId, at: SocketAddr) -> Params {
    Params {
        book: book::Params { strict: false, own_endpoints: vec![at], ..book::Params::new(own_id, true) },
        switch: switch::Params {
            own_id,
            own_endpoints: OwnEndpoints::new(at, None),
            limits: crate::switch::SwitchLimits { max_inbound: 2_000, max_outbound: 10, ..Default::default() },
            unconditional: BTreeSet::new(),
            persistent: Vec::new(),
            allow_duplicate_ip: true,
        },
        pex: pex::Params {
            seed_mode: true,
            bootstrap: true,
            seeds: Vec::new(),
            ensure_peers_period: pex::params::ENSURE_PEERS_PERIOD,
            crawl_period: pex::params::CRAWL_PERIOD,
            seed_disconnect_wait_period: pex::params::SEED_DISCONNECT_WAIT_PERIOD,
        },
    }
}

/// The addresses of a book, by their key.
pub(crate) async fn book_of(network: &Handle) -> Vec<Record> {
    let page = network.addresses(None, super::MAX_PAGE).await.unwrap();
    assert!(!page.more);
    page.entries.into_iter().map(|entry| entry.record).collect()
}

/// Waits until a look finds what is wanted.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let wait = async {
        while !look().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"));
}

/// A ban's end is in wall time; for good is none.
const FOR_GOOD: Wall = Wall::NEVER;
