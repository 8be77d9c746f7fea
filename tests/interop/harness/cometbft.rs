//! A real CometBFT node.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fmt, fs};

use pexd::testkit::reserve_port;
use pexd::types::NodeId;
use serde_json::Value;

use super::home::{self, NodeKey};
use super::http;
use super::process::Process;
use super::wait::until_true;

/// A node's first start builds its databases; two cores start seven at once.
const START: Duration = Duration::from_secs(60);

/// The releases that `build-nodes` builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V034,
    V037,
    V038,
    V040,
}

impl Version {
    fn program(self) -> PathBuf {
        let version = match self {
            Version::V034 => "v0.34.35",
            Version::V037 => "v0.37.18",
            Version::V038 => "v0.38.26",
            Version::V040 => "v0.40.0",
        };
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is inside the target folder");
        let program = target.join("interop").join(version).join("cometbft");
        assert!(program.is_file(), "{} is not there: tests/interop/run builds it", program.display());
        program
    }
}

/// What differs between the nodes of the cases.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) name: &'static str,
    pub(crate) version: Version,
    pub(crate) chain: &'static str,
    pub(crate) key: NodeKey,
    /// Each as `id@host:port`.
    pub(crate) seeds: Vec<String>,
    /// Each as `id@host:port`.
    pub(crate) persistent_peers: Vec<String>,
    /// Further lines of `[p2p]`.
    p2p: Vec<&'static str>,
    addrbook: Option<PathBuf>,
}

impl Config {
    /// A node that knows nobody.
    pub(crate) fn new(name: &'static str, version: Version, chain: &'static str) -> Self {
        Config {
            name,
            version,
            chain,
            key: NodeKey::generate(),
            seeds: Vec::new(),
            persistent_peers: Vec::new(),
            p2p: Vec::new(),
            addrbook: None,
        }
    }

    /// The same, with seeds.
    pub(crate) fn seeds(mut self, seeds: impl IntoIterator<Item = String>) -> Self {
        self.seeds.extend(seeds);
        self
    }

    /// The same, with persistent peers.
    pub(crate) fn persistent_peers(mut self, peers: impl IntoIterator<Item = String>) -> Self {
        self.persistent_peers.extend(peers);
        self
    }

    /// The same, with a key that is already in use elsewhere.
    pub(crate) fn key(mut self, key: NodeKey) -> Self {
        self.key = key;
        self
    }

    /// The same, with another line in `[p2p]`.
    pub(crate) fn p2p(mut self, line: &'static str) -> Self {
        self.p2p.push(line);
        self
    }

    /// The same, with an address book to start from.
    pub(crate) fn addrbook(mut self, file: &Path) -> Self {
        self.addrbook = Some(file.to_owned());
        self
    }

    /// Starts it and waits until it answers.
    pub(crate) fn start(self) -> CometBft {
        let mut node = self.launch();
        node.wait_until_up();
        node
    }

    /// Starts it; several can so come up at the same time.
    pub(crate) fn launch(self) -> CometBft {
        let home = home::create(self.name);
        for folder in ["config", "data"] {
            fs::create_dir(home.join(folder)).expect("the home is new");
        }
        let (laddr, rpc) = (reserve_port().expect("a port"), reserve_port().expect("a port"));
        self.key.write(&home.join("config/node_key.json"));
        home::write_genesis(&home.join("config/genesis.json"), self.chain);
        home::write(&home.join("config/config.toml"), &self.toml(laddr, rpc));
        if let Some(file) = &self.addrbook {
            fs::copy(file, addrbook(&home)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
        let process = spawn(&self, &home);
        CometBft { config: self, home, laddr, rpc, process: Some(process) }
    }

    fn toml(&self, laddr: SocketAddr, rpc: SocketAddr) -> String {
        let Config { name, seeds, persistent_peers, p2p, .. } = self;
        let (seeds, persistent_peers, p2p) = (seeds.join(","), persistent_peers.join(","), p2p.join("\n"));
        format!(
            r#"
proxy_app = "kvstore"
moniker = "{name}"
db_backend = "memdb"
log_level = "p2p:info,pex:debug,*:error"

[rpc]
laddr = "tcp://{rpc}"

[p2p]
laddr = "tcp://{laddr}"
seeds = "{seeds}"
persistent_peers = "{persistent_peers}"
addr_book_strict = false
allow_duplicate_ip = true
max_num_outbound_peers = 20
{p2p}

[consensus]
create_empty_blocks = false
peer_gossip_sleep_duration = "5s"
peer_query_maj23_sleep_duration = "30s"

[tx_index]
indexer = "null"
"#
        )
    }
}

fn spawn(config: &Config, home: &Path) -> Process {
    let mut command = Command::new(config.version.program());
    command.arg("start").arg("--home").arg(home).env("NO_COLOR", "1");
    Process::start(config.name, &mut command, &home.join("log"))
}

fn addrbook(home: &Path) -> PathBuf {
    home.join("config/addrbook.json")
}

/// A real node, running or stopped.
pub(crate) struct CometBft {
    config: Config,
    home: PathBuf,
    laddr: SocketAddr,
    rpc: SocketAddr,
    process: Option<Process>,
}

/// A peer as a node's RPC shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peer {
    pub(crate) id: NodeId,
    pub(crate) outbound: bool,
    pub(crate) moniker: String,
}

impl CometBft {
    pub(crate) fn id(&self) -> NodeId {
        self.config.key.id()
    }

    pub(crate) fn key(&self) -> NodeKey {
        self.config.key
    }

    /// Where it listens for peers.
    pub(crate) fn laddr(&self) -> SocketAddr {
        self.laddr
    }

    /// `id@host:port`, as others write it in their configuration.
    pub(crate) fn address(&self) -> String {
        format!("{}@{}", self.id(), self.laddr)
    }

    /// What it logged since its first start.
    pub(crate) fn log(&self) -> String {
        self.process().log()
    }

    /// Its address book's file, which it writes every two minutes and when it ends.
    pub(crate) fn addrbook(&self) -> PathBuf {
        addrbook(&self.home)
    }

    /// The peers it is connected to; none while it does not answer.
    pub(crate) fn peers(&self) -> BTreeSet<Peer> {
        let info = http::get_json(self.rpc, "/net_info").unwrap_or_default();
        let peers = info["result"]["peers"].as_array().cloned().unwrap_or_default();
        peers.iter().map(peer).collect()
    }

    /// The IDs of the peers it is connected to.
    pub(crate) fn peer_ids(&self) -> BTreeSet<NodeId> {
        self.peers().into_iter().map(|peer| peer.id).collect()
    }

    /// Waits until its RPC answers.
    #[track_caller]
    pub(crate) fn wait_until_up(&mut self) {
        let (what, rpc) = (format!("{} answers", self.config.name), self.rpc);
        let process = self.process.as_mut().expect("it was started");
        until_true(&what, START, || {
            process.assert_running();
            http::get_json(rpc, "/net_info").is_ok()
        });
    }

    /// Ends it politely.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        let status = self.process.take().expect("it runs").stop();
        assert!(status.success() || status.code() == Some(130) || status.code() == Some(143), "{self:?}: {status}");
    }

    /// Starts it again with the same home and addresses.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        assert!(self.process.is_none(), "{self:?} still runs");
        self.process = Some(spawn(&self.config, &self.home));
        self.wait_until_up();
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }
}

impl fmt::Debug for CometBft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}, {})", self.config.name, self.config.version, self.address())
    }
}

fn peer(value: &Value) -> Peer {
    let id = value["node_info"]["id"].as_str().and_then(|id| id.parse().ok());
    Peer {
        id: id.unwrap_or_else(|| panic!("no ID: {value}")),
        outbound: value["is_outbound"].as_bool().unwrap_or_else(|| panic!("no direction: {value}")),
        moniker: value["node_info"]["moniker"].as_str().unwrap_or_default().to_owned(),
    }
}
