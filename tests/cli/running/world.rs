//! Two networks that are served, and who is around them on loopback: seeds, nodes, peers, and one who is turned away.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pexd::clock::Clock;
use pexd::testkit::{Identity, Manner, Peer, ScriptedSeed, reserve_port};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::Status;

use super::Api;
use crate::TestHome;

/// A seed with a book and peers.
pub(super) const ALPHA: &str = "alpha-1";
/// A node whose only seed has another key now.
pub(super) const BETA: &str = "beta-1";
/// A network that is not served.
const NEW: &str = "gamma-1";
/// Where a home has its socket.
const SOCKET: &str = "pexd.sock";
/// Nodes that the seed is reported of.
const NODES: usize = 8;
/// Peers that come by themselves, and come again when they are let go.
const PEERS: usize = 4;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a line is run against.
pub(super) struct World {
    home: TestHome,
    folder: TempDir,
    pub(super) api: Api,
    /// Our address in the seed's network.
    ours: String,
    seed: String,
    /// Not in the book, and keeps a connection.
    node: String,
    _seeds: Vec<ScriptedSeed>,
    /// Before the runtime, so that nobody is in the middle of a call to what is gone.
    _process: Process,
    runtime: Runtime,
}

/// Killed with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: then the test has failed already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl World {
    /// Waits until the seed serves what it was reported of, has peers, and has turned somebody away.
    pub(super) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let open = |manner| runtime.block_on(ScriptedSeed::open(Identity::random(ALPHA), manner)).unwrap();
        let mut seeds: Vec<_> = (0..NODES).map(|_| open(Manner::Answers(Vec::new()))).collect();
        let nodes = seeds.iter().map(ScriptedSeed::address).collect();
        let (seed, node) = (open(Manner::Answers(nodes)), open(Manner::StaysSilent));
        let (seed_at, node_at) = (seed.address().to_string(), node.address().to_string());
        // Under an ID that is not the node's.
        let rekeyed = format!("{}@{}", "ab".repeat(20), node_at.split_once('@').unwrap().1);
        seeds.extend([seed, node]);

        let home = TestHome::new();
        configure(&home, ALPHA, &format!("seed_mode = true\nseeds = \"{seed_at},{rekeyed}\""));
        configure(&home, BETA, &format!("seeds = \"{rekeyed}\""));
        let process = start(&home);
        let api = runtime.block_on(Api::of(&home.path().join(SOCKET)));
        let mut world = World {
            home,
            folder: tempfile::tempdir().unwrap(),
            api,
            ours: String::new(),
            seed: seed_at,
            node: node_at,
            _seeds: seeds,
            _process: process,
            runtime,
        };
        world.wait("the networks run", |world| world.is_running(ALPHA) && world.is_running(BETA));
        let status = world.ask("ReactorService/GetStatus", json!({"network": ALPHA}))["statuses"][0].clone();
        let (id, at) = (status["nodeId"].as_str().unwrap(), status["listenAddress"].as_str().unwrap());
        world.ours = format!("{id}@{at}");
        world.populate(at.parse().unwrap());
        world
    }

    fn populate(&mut self, at: SocketAddr) {
        for _ in 0..PEERS {
            self.runtime.spawn(come_again(at, Identity::random(ALPHA)));
        }
        self.runtime.spawn(come_again(at, Identity::random("another-1")));
        self.wait("the seed has a book", |world| world.servable().len() >= 3);
        self.wait("its dials are written down", |world| {
            let known =
                |address| world.ask("AddressBookService/GetAddress", json!({"network": ALPHA, "address": address}));
            world.servable().into_iter().all(|address| known(address)["addresses"][0].get("attempts").is_some())
        });
        self.wait("the seed has peers", |world| world.peers().len() >= 2);
        self.wait("the re-keyed seed is known for it", |world| {
            let seeds = world.ask("SeedService/ListSeeds", json!({"network": BETA}));
            seeds["seeds"][0].get("actualId").is_some()
        });
        self.wait("somebody is turned away", |world| {
            let status = world.ask("ReactorService/GetStatus", json!({"network": ALPHA}));
            status["statuses"][0].get("refusals").is_some()
        });
    }

    /// A method of `pexd.v1` that goes well.
    pub(super) fn ask(&self, method: &str, request: Value) -> Value {
        let answers = self.call(&format!("pexd.v1.{method}"), vec![request.clone()], None);
        answers.unwrap_or_else(|status| panic!("{method} {request}: {status}")).remove(0)
    }

    pub(super) fn call(
        &self,
        method: &str,
        requests: Vec<Value>,
        time: Option<Duration>,
    ) -> Result<Vec<Value>, Status> {
        self.runtime.block_on(self.api.call(method, requests, time))
    }

    /// A folder for files that lines read and write.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn home(&self) -> PathBuf {
        self.home.path()
    }

    /// Where the API is.
    pub(super) fn socket(&self) -> PathBuf {
        self.home().join(SOCKET)
    }

    /// Waits until those who were let go have come again, unless the seed does not run.
    pub(super) fn settle(&self) {
        self.wait("peers come again", |world| !world.peers().is_empty() || !world.is_running(ALPHA));
    }

    /// A line with its placeholders filled in by what there is now.
    pub(super) fn fill_in(&self, line: &str) -> String {
        let mut line = line.to_owned();
        let mut put = |name: &str, value: &dyn Fn() -> String| {
            if line.contains(name) {
                line = line.replace(name, &value());
            }
        };
        put("<network>", &|| ALPHA.to_owned());
        put("<new-network>", &|| NEW.to_owned());
        put("<id>", &|| self.a_peer());
        put("<address>", &|| self.an_address());
        put("<ip>", &|| "127.0.0.1".to_owned());
        put("<node>", &|| self.node.clone());
        put("<seed>", &|| self.seed.clone());
        put("<ours>", &|| self.ours.clone());
        put("<time>", &|| "2020-01-01T00:00:00Z".to_owned());
        assert!(
            !line.contains(['<', '>']) || line.contains(" < ") || line.contains(" > "),
            "a placeholder that nobody knows: {line}"
        );
        line
    }

    /// An address that the seed serves.
    pub(super) fn an_address(&self) -> String {
        self.servable().remove(0)
    }

    /// One who stays connected of their own accord; the same one all the time.
    fn a_peer(&self) -> String {
        self.peers().remove(0)
    }

    fn servable(&self) -> Vec<String> {
        let list = self.ask("AddressBookService/ListAddresses", json!({"network": ALPHA}));
        let served = of(&list, "addresses").filter(|address| address["servable"] == true);
        served.map(|address| address["address"].as_str().unwrap().to_owned()).collect()
    }

    fn peers(&self) -> Vec<String> {
        let list = self.ask("PeerService/ListPeers", json!({"network": ALPHA}));
        let inbound = of(&list, "peers").filter(|peer| peer["direction"] == "DIRECTION_INBOUND");
        inbound.map(|peer| peer["id"].as_str().unwrap().to_owned()).collect()
    }

    fn is_running(&self, network: &str) -> bool {
        let status = self.ask("ReactorService/GetStatus", json!({"network": network}));
        status["statuses"][0]["state"] == "REACTOR_STATE_RUNNING"
    }

    fn wait(&self, what: &str, until: impl Fn(&World) -> bool) {
        let start = Clock.mono();
        while !until(self) {
            assert!(Clock.mono().since(start) < PATIENCE, "not within {PATIENCE:?}: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn of<'a>(answer: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    answer[field].as_array().into_iter().flatten()
}

/// A network whose peers may be on loopback, on a port that it has again after a stop.
fn configure(home: &TestHome, chain: &str, p2p: &str) {
    home.init(&[chain]);
    let at = reserve_port().unwrap();
    let text = format!(
        "[p2p]\nladdr = \"tcp://{at}\"\naddr_book_strict = false\nallow_duplicate_ip = true\n{p2p}\n\
         [pex]\nbootstrap = true\nnew_connections_per_ip = 0\n"
    );
    fs::write(home.config_file(chain), text).unwrap();
}

fn start(home: &TestHome) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
    command.env_clear().env("PEXD_HOME", home.path()).env("PEXD_ADMIN_LADDR", "");
    command.env("PEXD_HTTP_LADDR", "").env("PEXD_LOG_LEVEL", "error,pexd::app=info");
    let mut process = Process(command.arg("start").stderr(Stdio::piped()).spawn().unwrap());
    let mut log = BufReader::new(process.0.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("admin API socket=") {
        assert!(log.read_line(&mut said).unwrap() > 0, "it ended by itself: {said}");
    }
    // Read to the end, or it would block when the pipe is full.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    process
}

/// Connects, stays as long as it may, and comes again.
async fn come_again(at: SocketAddr, identity: Identity) {
    loop {
        if let Ok((mut peer, _)) = Peer::dial(at, identity.clone()).await {
            // Answers pings; silence is no reason to go.
            while peer.next_message().await.map_or_else(|error| error.kind() == ErrorKind::TimedOut, |_| true) {}
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
