//! A whole network with honest peers around it, and what is measured while somebody attacks it.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pexd::clock::{Clock, entropy};
use pexd::network::{self, Config, Handle, PeerEnd, SharedListener, Status};
use pexd::node::Params;
use pexd::node::row::{Ban, BanTarget};
use pexd::testkit::{Identity, Peer};
use pexd::transport::{ConnectionSettings, DialLimits, Dialler, HandshakeLimits, LocalNode};
use pexd::types::{Fault, NetAddress, NodeId, OwnEndpoints, Wall};
use pexd::wire::secret::NodeKey;
use pexd::{book, pex, store, switch};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::HEAP;
use crate::honest::{Resident, Visitors, visit};

pub(crate) const CHAIN: &str = "hostile-1";
pub(crate) const KIB: usize = 1024;
/// What is refused for what came in, not for what did not, is refused within this time; on an idle machine it takes a few
/// milliseconds.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(2);
/// What a timer may be late.
const LATE: Duration = Duration::from_millis(1_000);
/// A case takes no longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the network is configured; its listener has the default bounds.
pub(crate) struct Setup {
    pub(crate) seed_mode: bool,
    /// With seeds the network has outbound slots and fills them.
    pub(crate) seeds: Vec<NetAddress>,
    pub(crate) handshake_timeout: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            seed_mode: false,
            seeds: Vec::new(),
            handshake_timeout: ConnectionSettings::default().handshake_timeout,
        }
    }
}

/// The network under attack.
pub(crate) struct Arena {
    pub(crate) handle: Handle,
    pub(crate) local: Arc<LocalNode>,
    pub(crate) at: SocketAddr,
    attackers: AtomicU8,
    heap: Mutex<Heap>,
}

/// The heap's growth since the attack began.
struct Heap {
    before: usize,
    took: usize,
}

impl Heap {
    fn watch() -> Heap {
        HEAP.reset_peak_usage();
        Heap { before: HEAP.current_usage(), took: 0 }
    }

    fn took(&self) -> usize {
        self.took.max(HEAP.peak_usage().saturating_sub(self.before))
    }
}

/// Runs a case, and afterwards says whether it took more memory than `memory` bytes beyond what was there before, or an
/// honest peer noticed.
pub(crate) fn attack(setup: Setup, memory: usize, case: impl AsyncFnOnce(&Arena)) {
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    let _turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let run = async { tokio::time::timeout(PATIENCE, watch(setup, memory, case)).await.expect("the case ends") };
    runtime.block_on(run);
}

async fn watch(setup: Setup, memory: usize, case: impl AsyncFnOnce(&Arena)) {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&setup, folder.path());
    let (local, shutdown) = (config.local.clone(), CancellationToken::new());
    let running = network::spawn(config, Dialler::new(DialLimits::default()), shutdown.clone()).await;
    running.handle.start(None).await.unwrap();
    let at = running.handle.status().await.unwrap().listen;
    let heap = Mutex::new(Heap::watch());
    let arena = Arena { handle: running.handle, local, at, attackers: AtomicU8::new(2), heap };

    let listen_addr = "tcp://127.0.0.1:9";
    let mut resident = Resident::connect(at, listen_addr).await;
    // A node that dials nobody reports the resident; a seed would have to reach it first.
    let reported = !setup.seed_mode && setup.seeds.is_empty();
    let named = reported.then(|| resident.address([127, 0, 0, 1].into(), 9));
    visit(at, named).await;

    *arena.heap() = Heap::watch();
    let visitors = Visitors::send(at, named);
    case(&arena).await;
    visitors.finish().await;
    let took = arena.heap().took();

    resident.check().await;
    assert!(took <= memory, "the attack took {} KiB, {} are allowed", took / KIB, memory / KIB);
    println!("{} KiB of {}", took / KIB, memory / KIB);
    drop(resident);
    end(shutdown, running.task).await;
}

/// The network still ends in order.
async fn end(shutdown: CancellationToken, task: JoinHandle<()>) {
    shutdown.cancel();
    task.await.expect("the network did not break down");
}

fn config(setup: &Setup, folder: &std::path::Path) -> Config {
    let identity = Identity::random(CHAIN);
    let settings = ConnectionSettings {
        strict: false,
        allow_duplicate_ip: true,
        handshake_timeout: setup.handshake_timeout,
        ..ConnectionSettings::default()
    };
    let id = identity.key.id();
    Config {
        chain_id: CHAIN.into(),
        params: params(setup, id),
        local: LocalNode::new(identity.key, identity.info, settings),
        shared_listener: SharedListener::new((Ipv4Addr::LOCALHOST, 0).into(), HandshakeLimits::default()),
        book: folder.join("book.db"),
        store: store::StoreSettings::default(),
        answer_log_bytes: 64 << 20,
        changeable: network::Changeable::default(),
    }
}

fn params(setup: &Setup, own_id: NodeId) -> Params {
    Params {
        book: book::Params { strict: false, ..book::Params::new(own_id, setup.seed_mode) },
        switch: switch::Params {
            own_id,
            own_endpoints: OwnEndpoints::default(),
            limits: pexd::switch::SwitchLimits {
                max_inbound: 2_000,
                max_outbound: if setup.seeds.is_empty() { 0 } else { 10 },
                ..Default::default()
            },
            unconditional: BTreeSet::new(),
            persistent: Vec::new(),
            allow_duplicate_ip: true,
        },
        pex: pex::Params {
            seed_mode: setup.seed_mode,
            bootstrap: true,
            seeds: setup.seeds.iter().copied().map(Into::into).collect(),
            ensure_peers_period: pex::params::ENSURE_PEERS_PERIOD,
            crawl_period: pex::params::CRAWL_PERIOD,
            seed_disconnect_wait_period: pex::params::SEED_DISCONNECT_WAIT_PERIOD,
        },
    }
}

/// Somebody with an IP of their own, so that the bounds by IP do not meet the honest, and what was recorded is known to be
/// theirs.
pub(crate) struct Attacker {
    pub(crate) ip: Ipv4Addr,
    at: SocketAddr,
    since: Wall,
}

impl Attacker {
    /// Opens a connection and sends nothing.
    pub(crate) async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((self.ip, 0).into()).unwrap();
        socket.connect(self.at).await.unwrap()
    }

    /// Opens a connection up to the exchange of ephemeral keys.
    pub(crate) async fn agree(&self) -> Peer {
        Peer::agree(self.connect().await, Identity::random(CHAIN)).await.unwrap()
    }

    /// Opens a connection up to the proof of identity.
    pub(crate) async fn prove(&self) -> Peer {
        let mut peer = self.agree().await;
        peer.prove().await.unwrap();
        peer
    }

    /// Shakes hands as anybody.
    pub(crate) async fn join(&self) -> Peer {
        self.join_as(&Identity::random(CHAIN)).await
    }

    /// Shakes hands as this one.
    pub(crate) async fn join_as(&self, identity: &Identity) -> Peer {
        Peer::meet(self.connect().await, identity.clone()).await.unwrap().0
    }
}

impl Arena {
    /// Another attacker; what they do is timed from now on.
    pub(crate) fn attacker(&self) -> Attacker {
        let host = self.attackers.fetch_add(1, Ordering::Relaxed);
        Attacker { ip: Ipv4Addr::new(127, 0, 0, host), at: self.at, since: Clock.now().wall }
    }

    /// Makes what the attacker will send, whose memory is not pexd's and left out of the bound.
    pub(crate) fn prepare<T>(&self, make: impl FnOnce() -> T) -> T {
        let took = self.heap().took();
        let made = make();
        *self.heap() = Heap { took, ..Heap::watch() };
        made
    }

    fn heap(&self) -> MutexGuard<'_, Heap> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn status(&self) -> Status {
        self.handle.status().await.unwrap()
    }

    /// The attacker is refused within the handshake for `fault`, at once.
    pub(crate) async fn refuses_at_once(&self, attacker: &Attacker, fault: Fault) {
        self.refuses(attacker, fault, Duration::ZERO, AT_ONCE).await;
    }

    /// The attacker is refused within the handshake for `fault` when `timeout` is over.
    pub(crate) async fn refuses_after(&self, attacker: &Attacker, fault: Fault, timeout: Duration) {
        self.refuses(attacker, fault, timeout, timeout + LATE).await;
    }

    async fn refuses(&self, attacker: &Attacker, fault: Fault, least: Duration, most: Duration) {
        let recorded = || async {
            let recent = self.local.gate().refusals().recent();
            recent.into_iter().rev().find(|refusal| refusal.ip == attacker.ip)
        };
        let refusal = wait_for(most + LATE, recorded).await;
        let refusal = refusal.unwrap_or_else(|| panic!("{} was not refused, for {fault}", attacker.ip));
        assert_eq!(refusal.fault, fault, "{}", attacker.ip);
        let after = refusal.at.since(attacker.since);
        // The two clocks were read one after the other.
        let slack = Duration::from_millis(5);
        assert!(after + slack >= least && after <= most, "{fault} after {after:?}, not {least:?} to {most:?}");
        assert!(count(&self.status().await.refused, fault.name()) > 0, "{} is counted", fault.name());
    }

    /// The connection of `id` ended for `fault`, at once.
    pub(crate) async fn ends(&self, attacker: &Attacker, id: NodeId, fault: Fault) {
        let recorded = || async {
            let status = self.status().await;
            assert!(status.recent_ends.len() <= 64);
            let mut ends = status.recent_ends.into_iter().rev();
            ends.find(|end| end.id == id && end.at >= attacker.since)
        };
        let end: PeerEnd = wait_for(AT_ONCE * 2, recorded).await.unwrap_or_else(|| panic!("{fault} was not recorded"));
        assert_eq!(end.fault, fault);
        let after = end.at.since(attacker.since);
        assert!(after <= AT_ONCE, "{fault} after {after:?}");
        assert!(count(&self.status().await.ended, fault.name()) > 0, "{} is counted", fault.name());
    }

    /// `name` was refused `times` times or more, before `within` is over.
    pub(crate) async fn refused_by(&self, name: &str, times: u64, within: Duration) {
        let recorded = || async { (count(&self.status().await.refused, name) >= times).then_some(()) };
        if wait_for(within, recorded).await.is_none() {
            panic!("{name} was refused {} times, not {times}", count(&self.status().await.refused, name));
        }
    }

    /// The ban of an ID.
    pub(crate) async fn ban_of(&self, id: NodeId) -> Option<Ban> {
        self.handle.bans().await.unwrap().into_iter().find(|ban| ban.target == BanTarget::Id(id))
    }

    /// The ID is banned by the reactor for a day, and is refused when it comes again.
    pub(crate) async fn bans(&self, attacker: &Attacker, identity: &Identity, fault: &Fault) {
        let id = identity.info.id;
        let ban = wait_for(AT_ONCE, || self.ban_of(id)).await.unwrap_or_else(|| panic!("{id} is banned"));
        assert_eq!((ban.until.since(ban.since), ban.by_operator), (switch::params::BAN_LENGTH, false));
        assert_eq!(ban.reason, fault.to_string());
        assert!(ban.since.since(attacker.since) <= AT_ONCE, "at once");
        let before = count(&self.status().await.refused, "banned_id");
        let mut again = attacker.join_as(identity).await;
        self.refused_by("banned_id", before + 1, AT_ONCE).await;
        assert!(again.ask().await.is_err(), "who is banned gets no answer");
    }
}

pub(crate) fn count(counts: &[(&'static str, u64)], name: &str) -> u64 {
    counts.iter().find(|(other, _)| *other == name).map_or(0, |(_, count)| *count)
}

/// Looks until there is something, `within` at the most.
pub(crate) async fn wait_for<T, F: Future<Output = Option<T>>>(within: Duration, look: impl Fn() -> F) -> Option<T> {
    let began = Clock.mono();
    loop {
        let found = look().await;
        if found.is_some() || Clock.mono().since(began) > within {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A node key that nobody has.
pub(crate) fn some_key() -> NodeKey {
    NodeKey::from_seed(entropy())
}
