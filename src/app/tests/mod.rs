//! Whole processes on loopback, asked over gRPC: networks that come and go while others serve, and their configuration.

mod misconfigured;
mod networks;
mod reload;
mod settings;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::App;
use super::registry::Registry;
use crate::config::{self, Home, NewNetwork, SharedListener, Sources, keys};
use crate::network::tests::session::Stranger;
use crate::network::tests::{addresses, fill_book, reserve};
use crate::proto::pexd::v1::network_service_client::NetworkServiceClient;
use crate::proto::pexd::v1::{
    AddNetworkRequest, ConfigEntry, GetEffectiveConfigRequest, GetEffectiveConfigResponse, ReloadNetworkRequest,
    ReloadNetworkResponse, RemoveNetworkRequest, SetConfigRequest,
};
use crate::transport::{DialLimits, Dialler};
use crate::types::NetAddress;
use crate::wire::secret::NodeKey;

/// What each network's file says here: whoever is on loopback may connect, as often as it likes.
const LOOPBACK: &str = "addr_book_strict = false\nallow_duplicate_ip = true\n";

/// A home in a folder of its own.
struct TestHome(TempDir);

/// A network of a home.
struct Made {
    chain: String,
    address: NetAddress,
    /// What it knows and tells.
    known: Vec<NetAddress>,
}

impl TestHome {
    fn new() -> Self {
        TestHome(tempfile::tempdir().unwrap())
    }

    fn home(&self) -> Home {
        Home::new(self.0.path().join("home"))
    }

    fn folder(&self, chain: &str) -> PathBuf {
        self.home().network(chain).path
    }

    fn file(&self, chain: &str) -> PathBuf {
        self.folder(chain).join("config.toml")
    }

    /// A seed's folder, with a book that has something to report; `series` keeps the books apart.
    async fn make(&self, chain: &str, series: u8) -> Made {
        self.make_at(chain, series, Arc::new(config::node_key::generate()), reserve()).await
    }

    async fn make_at(&self, chain: &str, series: u8, key: Arc<NodeKey>, laddr: SocketAddr) -> Made {
        let address = NetAddress::new(key.id(), laddr.ip(), laddr.port()).unwrap();
        let shared = Some(SharedListener { key, laddr, external_address: String::new() });
        let new = NewNetwork { moniker: Some("test".into()), seed_mode: true, shared, ..NewNetwork::default() };
        config::create_network(&self.home(), chain, &new).unwrap();
        self.edit(chain, "[p2p]\n", &format!("[p2p]\n{LOOPBACK}"));
        let known = addresses(series, 8);
        fill_book(&self.folder(chain).join("book.db"), chain, &known).await;
        Made { chain: chain.into(), address, known }
    }

    /// Puts `new` in the place of `old` in a network's file.
    fn edit(&self, chain: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.file(chain)).unwrap();
        assert!(text.contains(old), "{old:?} is not in {text}");
        fs::write(self.file(chain), text.replacen(old, new, 1)).unwrap();
    }

    /// Adds a line to a table of a network's file.
    fn add_line(&self, chain: &str, table: &str, line: &str) {
        self.edit(chain, &format!("[{table}]\n"), &format!("[{table}]\n{line}\n"));
    }

    async fn start(&self) -> Pexd {
        self.start_with(|_| ()).await
    }

    async fn start_with(&self, change: impl FnOnce(&mut Sources)) -> Pexd {
        let mut sources = Sources::files_of(self.home());
        for keys in [keys::Admin::KEYS, keys::Http::KEYS] {
            let laddr = keys.iter().find(|key| key.name == "laddr").unwrap();
            sources.flags.push((laddr, "127.0.0.1:0".into()));
        }
        change(&mut sources);
        let app = App::prepare(&config::load(&sources).unwrap()).await.unwrap();
        let (registry, shutdown) = (app.registry.clone(), app.shutdown());
        let address = format!("unix:{}", app.admin.socket_path().unwrap().display());
        let serving = tokio::spawn(app.serve());
        let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
        for handle in registry.directory().all(|_| true) {
            // The process starts them too, all at once.
            let _ = handle.start(None).await;
        }
        Pexd::of(registry, shutdown, serving, channel)
    }
}

/// A process that serves a home.
struct Pexd {
    registry: Registry,
    shutdown: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
    channel: Channel,
    networks: NetworkServiceClient<Channel>,
    dialler: Dialler,
}

fn dialler() -> Dialler {
    Dialler::new(DialLimits { dials_per_second: 0, ..DialLimits::default() })
}

impl Pexd {
    fn of(
        registry: Registry,
        shutdown: CancellationToken,
        serving: JoinHandle<anyhow::Result<()>>,
        channel: Channel,
    ) -> Self {
        let networks = NetworkServiceClient::new(channel.clone());
        Pexd { registry, shutdown, serving, channel, networks, dialler: dialler() }
    }

    /// Ends it in order.
    async fn end(self) {
        self.shutdown.cancel();
        self.serving.await.unwrap().unwrap();
    }

    async fn connect(&self, made: &Made) -> Stranger {
        self.try_connect(made).await.unwrap()
    }

    async fn try_connect(&self, made: &Made) -> Result<Stranger, crate::types::Fault> {
        Stranger::connect(&self.dialler, made.address, &made.chain).await
    }

    /// Whether a whole session goes as it should.
    async fn serves(&self, made: &Made) -> bool {
        self.connect(made).await.ask().await == made.known
    }

    async fn add(&self, chain: &str) -> Result<crate::proto::pexd::v1::AddNetworkResponse, Status> {
        self.add_as(AddNetworkRequest { network: chain.into(), ..Default::default() }).await
    }

    async fn add_as(&self, request: AddNetworkRequest) -> Result<crate::proto::pexd::v1::AddNetworkResponse, Status> {
        Ok(self.networks.clone().add_network(request).await?.into_inner())
    }

    /// What was kept.
    async fn remove(&self, chain: &str, delete_data: bool) -> Result<String, Status> {
        let request = RemoveNetworkRequest { network: chain.into(), delete_data };
        Ok(self.networks.clone().remove_network(request).await?.into_inner().kept_folder)
    }

    async fn reload(&self, chain: &str) -> Result<ReloadNetworkResponse, Status> {
        Ok(self.networks.clone().reload_network(ReloadNetworkRequest { network: chain.into() }).await?.into_inner())
    }

    async fn effective(&self, chain: &str) -> GetEffectiveConfigResponse {
        let request = GetEffectiveConfigRequest { network: chain.into() };
        self.networks.clone().get_effective_config(request).await.unwrap().into_inner()
    }

    async fn entry(&self, chain: &str, key: &str) -> ConfigEntry {
        let entries = self.effective(chain).await.entries;
        entries.into_iter().find(|entry| entry.key == key).unwrap_or_else(|| panic!("no {key}"))
    }

    /// Whether it changed anything, and the key then.
    async fn set(&self, chain: &str, key: &str, value: &str) -> Result<(bool, ConfigEntry), Status> {
        let request = SetConfigRequest { network: chain.into(), key: key.into(), value: value.into() };
        let response = self.networks.clone().set_config(request).await?.into_inner();
        let result = response.result.unwrap();
        assert!(result.saved, "{result:?}");
        Ok((result.changed, response.entry.unwrap()))
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

fn violations(status: &Status) -> Vec<(String, String)> {
    let violations = status.get_details_bad_request().unwrap().field_violations;
    violations.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

/// The one field that a refused request says is to be fixed.
fn field(status: &Status) -> String {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    violations(status).remove(0).0
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
