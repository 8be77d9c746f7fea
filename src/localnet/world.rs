//! Everyone in the demo but the user: the seed, the nodes, and the addresses that lead nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::plan::{NODES, Trap, advertiser, advertises, known_by};
use super::traps::{BlackHole, Silent};
use crate::book::{HashKey, Source};
use crate::clock::{self, Clock};
use crate::network::{self, Running, SharedListener};
use crate::node::Params;
use crate::node::row::{Key, Row, RowChange};
use crate::store::{self, Store};
use crate::testkit::reserve_port;
use crate::transport::{ConnectionSettings, DialLimits, Dialler, HandshakeLimits, LocalNode, RateLimit};
use crate::types::{NetAddress, NodeId, NodeInfo, OwnEndpoints, PEX_CHANNEL, ProtocolVersion};
use crate::wire::secret::NodeKey;
use crate::{book, pex, switch};

/// The demo's chain.
pub(super) const CHAIN: &str = "localnet";
const OTHER_CHAIN: &str = "othernet";
/// The block version of everyone in it.
pub(super) const BLOCK_VERSION: u64 = 11;

/// The world without the seed, alive until it is dropped.
pub(super) struct World {
    /// What the seed may serve.
    pub(super) reachable: BTreeSet<NetAddress>,
    /// What it must not.
    pub(super) traps: BTreeMap<NetAddress, Trap>,
    /// The one node that the seed knows at first.
    pub(super) first: NetAddress,
    pub(super) dialler: Dialler,
    nodes: Vec<Running>,
    shutdown: CancellationToken,
    _silent: Vec<Silent>,
    _black: Vec<BlackHole>,
}

/// A member of the world before it lives.
struct Member {
    key: Arc<NodeKey>,
    at: SocketAddr,
    chain: &'static str,
    moniker: String,
}

impl Member {
    fn new(chain: &'static str, moniker: String) -> anyhow::Result<Self> {
        let at = reserve_port().context("cannot reserve a loopback port")?;
        Ok(Member { key: Arc::new(NodeKey::from_seed(clock::entropy())), at, chain, moniker })
    }

    fn address(&self) -> anyhow::Result<NetAddress> {
        Ok(NetAddress::new(self.key.id(), self.at.ip(), self.at.port())?)
    }

    fn config(&self, folder: &Path, seeds: Vec<NetAddress>, seed_mode: bool) -> network::Config {
        network::Config {
            chain_id: self.chain.into(),
            params: params(self.key.id(), self.at, seeds, seed_mode),
            local: LocalNode::new(
                self.key.clone(),
                node_info(self.key.id(), self.chain, self.at, &self.moniker),
                loopback_settings(),
            ),
            shared_listener: SharedListener::new(self.at, open_door()),
            book: folder.join(format!("{}.db", self.moniker)),
            store: store::StoreSettings::default(),
            answer_log_bytes: 0,
            changeable: network::Changeable::default(),
        }
    }
}

/// The seed's network, which knows one node at first.
pub(super) fn seed(folder: &Path, first: NetAddress) -> anyhow::Result<(network::Config, NetAddress)> {
    let member = Member::new(CHAIN, "seed".to_owned())?;
    Ok((member.config(folder, vec![first], true), member.address()?))
}

impl World {
    /// Settles everyone and starts the nodes, their books in `folder`.
    pub(super) async fn open(folder: &Path) -> anyhow::Result<World> {
        let members: Vec<Member> =
            (0..NODES).map(|n| Member::new(CHAIN, format!("node{n:02}"))).collect::<Result<_, _>>()?;
        let reachable: Vec<NetAddress> = members.iter().map(Member::address).collect::<Result<_, _>>()?;
        let mut world = World {
            traps: BTreeMap::new(),
            first: reachable[0],
            reachable: reachable.iter().copied().collect(),
            dialler: Dialler::new(DialLimits::default()),
            nodes: Vec::new(),
            shutdown: CancellationToken::new(),
            _silent: Vec::new(),
            _black: Vec::new(),
        };
        for (trap, count) in Trap::ALL {
            for _ in 0..count {
                let address = world.lay(trap, folder, &reachable).await?;
                world.traps.insert(address, trap);
            }
        }
        // The last ones first, so that nobody finds a node that is not up yet.
        for (n, member) in members.iter().enumerate().rev() {
            let advertised = world.traps.keys().enumerate().filter(|(trap, _)| advertiser(*trap) == n);
            let known: Vec<NetAddress> =
                known_by(n).into_iter().map(|other| reachable[other]).chain(advertised.map(|(_, a)| *a)).collect();
            let mut config = member.config(folder, Vec::new(), false);
            if advertises(n) {
                // It advertises addresses that it never tries: a node leaves out what it has seen fail.
                config.params.switch.limits.max_outbound = 0;
            }
            fill_book(&config, &known).await?;
            world.live(config).await?;
        }
        Ok(world)
    }

    async fn lay(&mut self, trap: Trap, folder: &Path, reachable: &[NetAddress]) -> anyhow::Result<NetAddress> {
        let nobody = NodeKey::from_seed(clock::entropy()).id();
        let at = match trap {
            Trap::Dead => reserve_port()?,
            Trap::Silent => {
                let silent = Silent::open().await?;
                let at = silent.at;
                self._silent.push(silent);
                at
            }
            Trap::BlackHoled => {
                let hole = BlackHole::open()?;
                let at = hole.at;
                self._black.push(hole);
                at
            }
            Trap::WrongKey => reachable[NODES - 1 - self.traps.len() % NODES].socket(),
            Trap::WrongChain => {
                let member = Member::new(OTHER_CHAIN, format!("other{}", self.traps.len()))?;
                self.live(member.config(folder, Vec::new(), false)).await?;
                return member.address();
            }
        };
        Ok(NetAddress::new(nobody, at.ip(), at.port())?)
    }

    async fn live(&mut self, config: network::Config) -> anyhow::Result<()> {
        let running = network::spawn(config, self.dialler.clone(), self.shutdown.clone()).await;
        running.handle.start(None).await?;
        self.nodes.push(running);
        Ok(())
    }

    /// Ends all nodes in order.
    pub(super) async fn close(self) {
        self.shutdown.cancel();
        for node in self.nodes {
            // One that broke down has ended too.
            let _ = node.task.await;
        }
    }
}

/// What a node knows from the start, written where it will look for it.
async fn fill_book(config: &network::Config, known: &[NetAddress]) -> anyhow::Result<()> {
    let (path, chain) = (config.book.clone(), config.chain_id.clone());
    let opened = tokio::task::spawn_blocking(move || Store::open(&path, &chain, clock::entropy())).await?;
    let (store, loaded) = opened?;
    let mut key = [0; HashKey::LEN];
    key.copy_from_slice(&loaded.hash_key[..HashKey::LEN]);
    let (now, mut rng) = (Clock.now(), clock::seeded_rng());
    let mut book = book::Book::new(config.params.book.clone(), HashKey::from_bytes(key));
    let source = Source { id: config.params.switch.own_id, ip: std::net::Ipv4Addr::LOCALHOST.into() };
    for address in known {
        book.add(now, *address, source, &mut rng).context("the demo's own address")?;
    }
    let changes = book
        .take_dirty(usize::MAX)
        .into_iter()
        .map(|(address, record)| RowChange { key: Key::Address(address), row: record.map(Row::Address) });
    store.write(changes.collect()).await?;
    store.close().await?;
    Ok(())
}

/// Bounds for a world that is all on one host.
fn loopback_settings() -> ConnectionSettings {
    ConnectionSettings { strict: false, allow_duplicate_ip: true, ..ConnectionSettings::default() }
}

fn open_door() -> HandshakeLimits {
    let unlimited = RateLimit { per_second: 0, burst: 1 };
    HandshakeLimits { per_ip: unlimited, per_range: unlimited, ..HandshakeLimits::default() }
}

/// What a member says of itself.
fn node_info(id: NodeId, chain: &str, at: SocketAddr, moniker: &str) -> NodeInfo {
    NodeInfo {
        protocol: ProtocolVersion { p2p: 8, block: BLOCK_VERSION, app: 0 },
        id,
        listen_addr: format!("tcp://{at}"),
        network: chain.to_owned(),
        version: concat!("pexd/", env!("CARGO_PKG_VERSION")).to_owned(),
        channels: vec![PEX_CHANNEL],
        moniker: moniker.to_owned(),
        tx_index: "off".to_owned(),
        rpc_address: String::new(),
    }
}

fn params(own_id: NodeId, at: SocketAddr, seeds: Vec<NetAddress>, seed_mode: bool) -> Params {
    Params {
        book: book::Params { strict: false, own_endpoints: vec![at], ..book::Params::new(own_id, seed_mode) },
        switch: switch::Params {
            own_id,
            own_endpoints: OwnEndpoints::new(at, None),
            limits: crate::switch::SwitchLimits {
                max_inbound: if seed_mode { 2_000 } else { 40 },
                max_outbound: 10,
                ..Default::default()
            },
            unconditional: BTreeSet::new(),
            persistent: Vec::new(),
            allow_duplicate_ip: true,
        },
        pex: pex::Params {
            seed_mode,
            bootstrap: !seed_mode,
            seeds: seeds.into_iter().map(Into::into).collect(),
            ensure_peers_period: pex::params::ENSURE_PEERS_PERIOD,
            crawl_period: pex::params::CRAWL_PERIOD,
            seed_disconnect_wait_period: pex::params::SEED_DISCONNECT_WAIT_PERIOD,
        },
    }
}
