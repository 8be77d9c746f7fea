//! Trouble in one network, while another one serves.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use rand::{RngExt as _, SeedableRng as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::session::ask;
use super::*;
use crate::network::Saved;
use crate::network::scripted::by;
use crate::node::row::BanTarget;
use crate::types::SeededRng;

/// Sessions at the network that is well, while the other is in trouble.
const SESSIONS: usize = 48;
/// Between two blows.
const PAUSE: Duration = Duration::from_millis(5);

/// The network that is well, and what it serves.
struct Well {
    process: Process,
    seed: NetAddress,
    known: Vec<NetAddress>,
    /// A network ends with its last handle.
    _network: Handle,
}

impl Well {
    async fn new() -> Self {
        let process = Process::new();
        let config = process.seed("well-1");
        // A whole answer: what a seed with a thousand addresses tells.
        let (seed, known) = (address(&config), addresses(2, 32));
        let _network = process.serve(config, &known).await;
        Well { process, seed, known, _network }
    }

    /// Has sessions served whole while there is `trouble`, which goes on until it is cancelled and says how often it
    /// struck.
    async fn serves_during<F>(&self, trouble: impl Fn(CancellationToken) -> F)
    where
        F: Future<Output = usize> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let trouble = tokio::spawn(trouble(stop.clone()));
        for _ in 0..SESSIONS {
            assert_eq!(ask(&self.process.dialler, self.seed, "well-1").await.as_ref(), Ok(&self.known));
        }
        stop.cancel();
        assert!(trouble.await.expect("the trouble itself goes as planned") > 0, "there was no trouble");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_breaks_down_again_and_again_is_not_felt_in_another() {
    let well = Well::new().await;
    let config = well.process.seed("panicking-1");
    let network = well.process.serve(config, &addresses(1, 200)).await;
    let trouble = |stop: CancellationToken| {
        let network = network.clone();
        async move {
            let mut struck = 0;
            while !stop.is_cancelled() {
                network.panic().await;
                assert!(failure(&network).await.contains("internal fault"));
                assert_eq!(network.start(None).await, Ok(true));
                struck += 1;
                sleep(PAUSE).await;
            }
            struck
        }
    };
    well.serves_during(trouble).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_database_is_not_felt_in_another_network() {
    let well = Well::new().await;
    let mut config = well.process.seed("full-1");
    config.store.max_pages = 24;
    let network = well.process.serve(config, &addresses(1, 20)).await;
    let mut filled: u16 = 0;
    while network.status().await.unwrap().unsaved.is_none() {
        let [high, low] = filled.to_be_bytes();
        let target = BanTarget::ip([10, 1, high, low].into());
        network.ban(by(), target, "x".repeat(256), None).await.unwrap();
        filled += 1;
    }
    let trouble = |stop: CancellationToken| {
        let network = network.clone();
        async move {
            let mut struck = 0;
            while !stop.is_cancelled() {
                let target = BanTarget::ip([10, 2, struck as u8, 1].into());
                let applied = network.ban(by(), target, "x".repeat(256), None).await.unwrap();
                assert!(matches!(applied.saved, Saved::No(_)), "{applied:?}");
                assert!(network.status().await.unwrap().unsaved.is_some());
                struck += 1;
                sleep(PAUSE).await;
            }
            struck
        }
    };
    well.serves_during(trouble).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_connections_is_not_felt_in_another_network() {
    let well = Well::new().await;
    let key = Arc::new(NodeKey::from_seed(entropy()));
    let config = well.process.seed_at("flooded-1", key, SharedListener::new(reserve(), HandshakeLimits::default()));
    let victim = address(&config).socket();
    let network = well.process.serve(config, &addresses(1, 20)).await;
    let trouble = |stop| async move {
        // An attacker has a machine of their own: at least they have no part in our runtime.
        tokio::task::spawn_blocking(move || flood(victim, &stop)).await.unwrap()
    };
    well.serves_during(trouble).await;
    let refused: Vec<_> = network.status().await.unwrap().refused.into_iter().map(|(reason, _)| reason).collect();
    assert!(refused.contains(&"handshake_flood") && refused.contains(&"closed_in_handshake"), "{refused:?}");
    assert_eq!(state(&network).await, RunState::Running);
}

/// Connections that are opened and never say a word, and others that are closed as soon as they are open.
fn flood(victim: SocketAddr, stop: &CancellationToken) -> usize {
    const SILENT: usize = 100;
    const LOOPS: u64 = 5;
    let opened = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut rng = SeededRng::seed_from_u64(1);
        let mut silent = Vec::new();
        for _ in 0..SILENT {
            silent.extend(connect(victim, Ipv4Addr::LOCALHOST).await);
            silent.extend(connect(victim, anywhere(&mut rng)).await);
        }
        let hammer = async |seed| {
            let mut rng = SeededRng::seed_from_u64(seed);
            while !stop.is_cancelled() {
                opened.fetch_add(usize::from(connect(victim, anywhere(&mut rng)).await.is_some()), Relaxed);
                sleep(PAUSE).await;
            }
        };
        futures_util::future::join_all((0..LOOPS).map(hammer)).await;
        opened.load(Relaxed) + silent.len()
    })
}

fn anywhere(rng: &mut SeededRng) -> Ipv4Addr {
    Ipv4Addr::new(127, rng.random(), rng.random(), rng.random_range(1..255))
}

/// A connection from a loopback address, or from the usual one where the system has no other.
async fn connect(victim: SocketAddr, from: Ipv4Addr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    let _ = socket.bind((from, 0).into());
    timeout(PATIENCE, socket.connect(victim)).await.ok()?.ok()
}
