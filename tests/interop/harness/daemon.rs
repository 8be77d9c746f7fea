//! A pexd process, watched through its admin API.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pexd::proto::pexd::v1::address_book_service_client::AddressBookServiceClient;
use pexd::proto::pexd::v1::ban_service_client::BanServiceClient;
use pexd::proto::pexd::v1::peer_service_client::PeerServiceClient;
use pexd::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use pexd::proto::pexd::v1::seed_service_client::SeedServiceClient;
use pexd::proto::pexd::v1::{self as pb, ReactorState};
use pexd::testkit::reserve_port;
use pexd::types::NodeId;
use tokio::runtime::Runtime;
use toml_edit::{DocumentMut, value};
use tonic::transport::{Channel, Endpoint};

use super::home::{self, NodeKey};
use super::process::Process;
use super::{requester, wait};

const START: Duration = Duration::from_secs(20);

/// More entries than any case makes.
const PAGE: i32 = 1_000;

/// A pexd before its first start.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    name: &'static str,
    chains: Vec<&'static str>,
    key: NodeKey,
    seeds: BTreeMap<&'static str, Vec<String>>,
    persistent_peers: Vec<String>,
    seed_mode: bool,
    bootstrap: bool,
}

impl Config {
    /// In node mode.
    pub(crate) fn node(name: &'static str, chain: &'static str) -> Self {
        Config {
            name,
            chains: vec![chain],
            key: NodeKey::generate(),
            seeds: BTreeMap::new(),
            persistent_peers: Vec::new(),
            seed_mode: false,
            bootstrap: false,
        }
    }

    /// In seed mode, for chains that share one port and one ID.
    pub(crate) fn seed(name: &'static str, chains: &[&'static str]) -> Self {
        let mut config = Config::node(name, chains[0]);
        config.chains = chains.to_vec();
        config.seed_mode = true;
        config
    }

    /// The same, with seeds (`id@host:port`) in a chain's file.
    pub(crate) fn seeds(mut self, chain: &'static str, seeds: impl IntoIterator<Item = String>) -> Self {
        self.seeds.entry(chain).or_default().extend(seeds);
        self
    }

    /// The same, with persistent peers (`id@host:port`).
    pub(crate) fn persistent_peers(mut self, peers: impl IntoIterator<Item = String>) -> Self {
        self.persistent_peers.extend(peers);
        self
    }

    /// The same, that starts although it knows nobody.
    pub(crate) fn bootstrap(mut self) -> Self {
        self.bootstrap = true;
        self
    }

    /// The same, with a key that is already in use elsewhere.
    pub(crate) fn key(mut self, key: NodeKey) -> Self {
        self.key = key;
        self
    }

    /// Makes its home by `pexd init`, starts it, and waits until all its networks run.
    #[track_caller]
    pub(crate) fn start(self) -> Pexd {
        let home = home::create(self.name);
        let laddr = reserve_port().expect("a port");
        for chain in &self.chains {
            self.init(chain, &home);
            self.settle(chain, &home, laddr);
        }
        self.key.write(&home.join("node_key.json"));
        edit(&home.join("pexd.toml"), |file| {
            // Several of them run at once.
            file["admin"]["laddr"] = value("");
            file["http"]["laddr"] = value("");
        });

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let channel = {
            let _entered = runtime.enter();
            let socket = home.join("pexd.sock");
            Endpoint::from_shared(format!("unix:{}", socket.display())).expect("a valid address").connect_lazy()
        };
        let mut pexd = Pexd { config: self, home, laddr, runtime, channel, process: None };
        pexd.start();
        pexd
    }

    fn init(&self, chain: &str, home: &Path) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
        command.args(["init", chain, "--moniker", self.name, "--home"]).arg(home);
        if let Some(seeds) = self.seeds.get(chain) {
            command.args(["--seeds", &seeds.join(",")]);
        }
        if self.seed_mode {
            command.arg("--seed-mode");
        }
        let output = command.output().expect("pexd was built");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What an operator edits for a test network on loopback.
    fn settle(&self, chain: &str, home: &Path, laddr: SocketAddr) {
        edit(&network_file(home, chain), |file| {
            let p2p = &mut file["p2p"];
            p2p["laddr"] = value(format!("tcp://{laddr}"));
            p2p["persistent_peers"] = value(self.persistent_peers.join(","));
            p2p["addr_book_strict"] = value(false);
            p2p["allow_duplicate_ip"] = value(true);
            p2p["max_num_outbound_peers"] = value(20);
            file["pex"]["node_key_file"] = value("../../node_key.json");
            file["pex"]["bootstrap"] = value(self.bootstrap);
        });
    }
}

fn network_file(home: &Path, chain: &str) -> PathBuf {
    home.join("networks").join(chain).join("config.toml")
}

fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut)) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut document = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    change(&mut document);
    home::write(path, &document.to_string());
}

/// A pexd, running or stopped.
pub(crate) struct Pexd {
    config: Config,
    home: PathBuf,
    laddr: SocketAddr,
    runtime: Runtime,
    channel: Channel,
    process: Option<Process>,
}

/// Asks the admin API and gives the response, or fails with the error's text.
macro_rules! ask {
    ($pexd:expr, $client:ident, $method:ident, $request:expr) => {{
        let mut client = $client::new($pexd.channel.clone());
        let response = $pexd.runtime.block_on(client.$method($request));
        response.unwrap_or_else(|status| panic!("{}: {status}", stringify!($method))).into_inner()
    }};
}

impl Pexd {
    pub(crate) fn id(&self) -> NodeId {
        self.config.key.id()
    }

    pub(crate) fn key(&self) -> NodeKey {
        self.config.key
    }

    /// Where it listens for peers, for all its chains.
    pub(crate) fn laddr(&self) -> SocketAddr {
        self.laddr
    }

    /// `id@host:port`, as others write it in their configuration.
    pub(crate) fn address(&self) -> String {
        format!("{}@{}", self.id(), self.laddr)
    }

    /// How a chain's reactor is doing.
    pub(crate) fn status(&self, chain: &str) -> pb::ReactorStatus {
        let request = pb::GetStatusRequest { network: chain.to_owned() };
        let response = ask!(self, ReactorServiceClient, get_status, request);
        let statuses = response.statuses.into_iter();
        statuses.last().unwrap_or_else(|| panic!("{chain} has no status"))
    }

    /// How often it refused a connection for this reason.
    pub(crate) fn refusals(&self, chain: &str, reason: &str) -> u64 {
        let refusals = self.status(chain).refusals;
        refusals.iter().find(|refusals| refusals.reason == reason).map_or(0, |refusals| refusals.count)
    }

    /// The connected peers of a chain.
    pub(crate) fn peers(&self, chain: &str) -> BTreeMap<NodeId, pb::Peer> {
        let request = pb::ListPeersRequest { network: chain.to_owned(), page_size: PAGE, ..Default::default() };
        let response = ask!(self, PeerServiceClient, list_peers, request);
        response.peers.into_iter().map(|peer| (id(&peer.id), peer)).collect()
    }

    /// The IDs of the connected peers of a chain.
    pub(crate) fn peer_ids(&self, chain: &str) -> BTreeSet<NodeId> {
        self.peers(chain).into_keys().collect()
    }

    /// The addresses in a chain's book, by their text.
    pub(crate) fn addresses(&self, chain: &str) -> BTreeMap<String, pb::Address> {
        let request = pb::ListAddressesRequest { network: chain.to_owned(), page_size: PAGE, ..Default::default() };
        let response = ask!(self, AddressBookServiceClient, list_addresses, request);
        response.addresses.into_iter().map(|address| (address.address.clone(), address)).collect()
    }

    /// The addresses that it would tell an asker now.
    pub(crate) fn servable(&self, chain: &str) -> BTreeSet<String> {
        let servable = self.addresses(chain).into_iter().filter(|(_, address)| address.servable);
        servable.map(|(text, _)| text).collect()
    }

    /// What it tells a stranger of this chain who asks over the wire; `None` without an answer.
    pub(crate) fn reported(&self, chain: &str) -> Option<BTreeSet<String>> {
        let reported = self.runtime.block_on(requester::ask(self.id(), self.laddr, chain))?;
        Some(reported.into_iter().map(|address| address.to_string()).collect())
    }

    /// The seeds of a chain, by their text.
    pub(crate) fn seeds(&self, chain: &str) -> BTreeMap<String, pb::Seed> {
        let request = pb::ListSeedsRequest { network: chain.to_owned(), page_size: PAGE, ..Default::default() };
        let response = ask!(self, SeedServiceClient, list_seeds, request);
        response.seeds.into_iter().map(|seed| (seed.seed.clone(), seed)).collect()
    }

    /// Adds a seed for good.
    #[track_caller]
    pub(crate) fn add_seed(&self, chain: &str, seed: &str) {
        let request = pb::AddSeedRequest { network: chain.to_owned(), seed: seed.to_owned() };
        let result = ask!(self, SeedServiceClient, add_seed, request).result;
        assert!(result.is_some_and(|result| result.changed && result.saved));
    }

    /// Removes a seed for good.
    #[track_caller]
    pub(crate) fn remove_seed(&self, chain: &str, seed: &str) {
        let request = pb::RemoveSeedRequest { network: chain.to_owned(), seed: seed.to_owned() };
        let result = ask!(self, SeedServiceClient, remove_seed, request).result;
        assert!(result.is_some_and(|result| result.changed && result.saved));
    }

    /// Bans an ID, an IP or a range until it is lifted.
    #[track_caller]
    pub(crate) fn ban(&self, chain: &str, target: &str, reason: &str) {
        let (network, target, reason) = (chain.to_owned(), target.to_owned(), reason.to_owned());
        let request = pb::BanRequest { network, target, reason, ..Default::default() };
        let results = ask!(self, BanServiceClient, ban, request).results;
        assert!(results.iter().all(|result| result.changed && result.saved), "{results:?}");
    }

    /// The bans in force in a chain, by their target.
    pub(crate) fn bans(&self, chain: &str) -> BTreeMap<String, pb::Ban> {
        let request = pb::ListBansRequest { network: chain.to_owned(), page_size: PAGE, ..Default::default() };
        let response = ask!(self, BanServiceClient, list_bans, request);
        response.bans.into_iter().map(|ban| (ban.target.clone(), ban)).collect()
    }

    /// Runs a command of the client in its home, which finds it there by itself.
    #[track_caller]
    pub(crate) fn command(&self, args: &[&str]) {
        let (code, output) = command(&[args, &["--home", self.home.to_str().expect("it was made from text")]].concat());
        assert_eq!(code, 0, "{args:?}: {output}");
    }

    /// A file of its home that the client may write.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Ends it politely.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        let status = self.process.take().expect("it runs").stop();
        assert!(status.success(), "{self:?}: {status}");
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// Starts it, for the first time or again with the same home.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none(), "{self:?} still runs");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
        command.args(["start", "--log.level", "info,pexd=debug", "--home"]).arg(&self.home);
        let mut process = Process::start(self.config.name, &mut command, &self.home.join("log"));
        let what = format!("{} runs", self.config.name);
        wait::until_true(&what, START, || {
            process.assert_running();
            self.config.chains.iter().all(|chain| self.is_running(chain))
        });
        self.process = Some(process);
    }

    /// Takes all seeds out of a chain's file, as an operator does before a start.
    pub(crate) fn empty_seeds_of_file(&self, chain: &str) {
        assert!(self.process.is_none(), "the file is read at start only");
        edit(&network_file(&self.home, chain), |file| file["p2p"]["seeds"] = value(""));
    }

    fn is_running(&self, chain: &str) -> bool {
        let mut client = ReactorServiceClient::new(self.channel.clone());
        let request = pb::GetStatusRequest { network: chain.to_owned() };
        let Ok(response) = self.runtime.block_on(client.get_status(request)) else { return false };
        response.into_inner().statuses.iter().all(|status| match status.state() {
            ReactorState::Running => true,
            ReactorState::Failed => panic!("{chain} failed: {}", status.state_reason),
            _ => false,
        })
    }
}

impl fmt::Debug for Pexd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.config.name, self.address())
    }
}

/// Runs pexd's command line; its exit code and what it printed. What it says besides goes to the test's own output.
pub(crate) fn command(args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pexd")).args(args).output().expect("pexd was built");
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().unwrap_or_else(|| panic!("{args:?}: {}", output.status));
    (code, String::from_utf8(output.stdout).expect("it prints text"))
}

/// The ID that the API wrote.
pub(crate) fn id(text: &str) -> NodeId {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}
