//! The composition root: what a configuration becomes, in the order in which it starts and ends.

mod admin_settings;
mod config_watch;
mod effective_config;
mod hidden_changes;
mod home_backup;
mod home_files;
mod home_restore;
mod log_format;
pub(crate) mod logging;
mod network_folders;
mod open_files;
mod operations;
mod params;
mod registry;
mod reload;
mod runtime_changes;
mod service_manager;
mod signals;
mod start_checks;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
mod tunables;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::future::join_all;
pub use home_backup::{HomeCopy, back_up_home};
pub use home_restore::restore_home;
pub use open_files::{does_not_fit, raise_open_files};
use registry::{Files, Registry};
pub use start_checks::{check_anybody, check_audit, check_books, check_credentials, check_ports};
use tokio_util::sync::CancellationToken;

use crate::admin::{Admin, HostProcess};
use crate::clock::Clock;
use crate::config::value::ReadyRule;
use crate::config::{Config, Home, NetworkFolder};
use crate::http::{Http, ReadyPolicy, Sources};
use crate::network::{self, ConfigFaults, Directory};
use crate::transport::Dialler;

/// Serves what the configuration describes until a signal asks for the end.
///
/// # Errors
/// When nothing can be served: the admin API's port is taken, or no address book can be opened.
pub fn run(config: &Config) -> anyhow::Result<()> {
    logging::init(&config.process.log);
    raise_open_files();
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(why) = does_not_fit(config) {
        tracing::warn!("{why}");
    }
    runtime()?.block_on(async {
        signals::outlive_hangup();
        let app = App::prepare(config).await?;
        tell_places(&app.admin);
        if let Some(laddr) = app.http_addr() {
            tracing::info!(%laddr, "metrics and health");
        }
        if let Some(error) = check_audit(config) {
            tracing::error!("what is done is not in the audit of the process: {error}");
        }
        tell_removed(&config.home);
        for network in &config.networks {
            tracing::info!(chain = %network.chain_id, id = %network.id(), announced = %network.advertised_address(), "network");
        }
        for network in &config.broken {
            for error in network.errors.notes() {
                tracing::error!(chain = %network.name, "{error}");
            }
            tracing::error!(
                chain = %network.name,
                "its files have errors, and it is FAILED; the others are served: mend them, then reload it"
            );
        }
        app.serve().await
    })
}

/// What the admin API gets of the process.
fn process(registry: &Registry, ready_servable: u32) -> HostProcess {
    HostProcess {
        started: Clock.now().wall,
        log: logging::control(),
        calls: Arc::default(),
        audit: registry.audit().cloned(),
        dialler: registry.dialler().clone(),
        config_faults: ConfigFaults::default(),
        ready_servable,
    }
}

/// Names what has a folder and is not served because somebody removed it.
fn tell_removed(home: &Home) {
    // What cannot be read was an error of the configuration.
    for folder in home.networks().unwrap_or_default().into_iter().filter(NetworkFolder::is_removed) {
        tracing::info!(chain = folder.name, mark = %folder.removal_mark().display(), "was removed and is not served");
    }
}

fn tell_places(admin: &Admin) {
    if let Some(laddr) = admin.local_addr() {
        tracing::info!(%laddr, "admin API");
    }
    if let Some(socket) = admin.socket_path() {
        tracing::info!(socket = %socket.display(), "admin API");
    }
    tracing::info!("who may use the admin API: {}", admin.who_may());
}

/// The runtime that everything runs on.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")
}

/// A process that serves its networks and its admin API.
pub struct App {
    admin: Admin,
    registry: Registry,
    /// Metrics and health, if they are served, with what the names of CometBFT's metrics begin with.
    http: Option<(Http, Arc<str>)>,
    /// What makes it ready.
    ready: ReadyPolicy,
}

impl App {
    /// Binds the admin API, metrics and health, and opens the books, without starting a reactor.
    ///
    /// # Errors
    /// When a port is taken, or no network's book can be opened.
    pub async fn prepare(config: &Config) -> anyhow::Result<Self> {
        let admin = Admin::bind(admin_settings::settings(&config.process.admin)).await?;
        let keys = &config.process.http;
        let http = match keys.laddr {
            Some(laddr) => Some((Http::bind(laddr).await?, keys.namespace.0.as_str().into())),
            None => None,
        };
        let default = config.process.default_network.as_deref().map(Arc::from);
        let files = Files { sources: config.sources.clone(), process: config.process.clone() };
        let registry = Registry::new(default, params::dialler(&config.process.limits), Some(files));
        let mut broken = Vec::new();
        for network in &config.networks {
            broken.push(registry.serve_file(Arc::new(network.clone())).await);
        }
        for network in &config.broken {
            registry.list_misconfigured(network.clone());
        }
        let admin = admin.beside(http.as_ref().map(|(http, _)| http.local_addr()));
        let app = App::of(admin, registry, broken)?;
        let ready = ReadyPolicy { all: keys.ready == ReadyRule::All, servable: keys.ready_servable };
        Ok(App { http, ready, ..app })
    }

    /// As [`App::prepare`], for networks that no file describes.
    ///
    /// # Errors
    /// When no network's book can be opened.
    pub async fn with_networks(
        admin: Admin,
        networks: Vec<network::Config>,
        dialler: Dialler,
        default: Option<Arc<str>>,
    ) -> anyhow::Result<Self> {
        let registry = Registry::new(default, dialler, None);
        let mut broken = Vec::new();
        for network in networks {
            broken.push(registry.serve(network, None).await);
        }
        App::of(admin, registry, broken)
    }

    /// `broken` has for each network why its book cannot be opened, when it cannot.
    fn of(admin: Admin, registry: Registry, broken: Vec<Option<String>>) -> anyhow::Result<Self> {
        if let Some(reasons) = broken.into_iter().collect::<Option<Vec<_>>>() {
            anyhow::bail!("no address book can be opened:\n{}", reasons.join("\n"));
        }
        Ok(App { admin, registry, http: None, ready: ReadyPolicy { all: false, servable: 1 } })
    }

    /// Where metrics and health are served, if they are.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|(http, _)| http.local_addr())
    }

    /// Where the admin API listens on TCP.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.local_addr()
    }

    /// The networks.
    pub fn directory(&self) -> &Directory {
        self.registry.directory()
    }

    /// What ends the process in order when it is cancelled.
    pub fn shutdown(&self) -> CancellationToken {
        self.registry.shutdown().clone()
    }

    /// Starts all reactors and serves until a signal, or [`App::shutdown`]'s token, asks for the end. A network that
    /// cannot start is left failed; the log and the status say why.
    ///
    /// # Errors
    /// When the admin API breaks down.
    pub async fn serve(self) -> anyhow::Result<()> {
        let App { admin, registry, http, ready } = self;
        let shutdown = registry.shutdown().clone();
        let (process, begun) = (process(&registry, ready.servable), CancellationToken::new());
        if let Some((http, namespace)) = http {
            let (directory, dialler) = (registry.directory().clone(), process.dialler.clone());
            let (calls, started) = (process.calls.clone(), process.started);
            let (expiry, begun) = (admin.expiry(), begun.clone());
            let config_faults = process.config_faults.clone();
            let sources =
                Sources { directory, namespace, calls, expiry, dialler, started, begun, config_faults, ready };
            tokio::spawn(http.serve(sources, shutdown.clone().cancelled_owned()));
        }
        let watching = tokio::spawn(config_watch::watch(registry.clone(), process.config_faults.clone()));
        // Health says NOT_SERVING first; requests under way are answered while the networks wind down.
        let api = tokio::spawn(admin.serve(
            registry.directory().clone(),
            Arc::new(registry.clone()),
            process,
            shutdown.clone().cancelled_owned(),
        ));
        let reloading = signals::reload_at_hangup(registry.clone(), begun.clone());
        let directory = registry.directory().clone();
        let starting = tokio::spawn(async move {
            // One that cannot start is left failed; its log and its status say why.
            join_all(directory.all(|_| true).iter().map(|handle| handle.start(None))).await;
            begun.cancel();
            service_manager::ready();
            service_manager::watch(directory).await;
        });
        signals::wait(&shutdown).await;
        starting.abort();
        service_manager::stopping();
        registry.close().await;
        reloading.abort();
        watching.abort();
        api.await.context("the admin API broke down")?.context("the admin API")?;
        Ok(())
    }
}
