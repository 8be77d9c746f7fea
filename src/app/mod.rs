//! The composition root: what a configuration becomes, in the order in which it starts and ends.

mod access;
mod assembly;
pub(crate) mod logging;
mod signals;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::config::Config;
use crate::network::{self, Directory, Running};

/// Serves what the configuration describes until a signal asks for the end.
///
/// # Errors
/// When nothing can be served: the admin API's port is taken, or no address book can be opened.
pub fn run(config: &Config) -> anyhow::Result<()> {
    logging::init(&config.process.log);
    raise_open_files();
    runtime()?.block_on(async {
        let app = App::prepare(config).await?;
        tell_places(&app.admin);
        for network in &config.networks {
            tracing::info!(chain = %network.chain_id, id = %network.id(), announced = %network.announced_address(), "network");
        }
        app.serve().await
    })
}

fn tell_places(admin: &Admin) {
    if let Some(laddr) = admin.local_addr() {
        tracing::info!(%laddr, "admin API");
    }
    if let Some(socket) = admin.socket_path() {
        tracing::info!(socket = %socket.display(), "admin API");
    }
}

/// The runtime that everything runs on.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")
}

/// Each peer is an open file. The soft limit is often 1,024 and may be raised up to the hard one without rights.
pub fn raise_open_files() {
    const WANTED: u64 = 65_536;
    match rlimit::increase_nofile_limit(WANTED) {
        Ok(limit) if limit < WANTED => tracing::debug!(limit, "limit of open files"),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

/// A process that serves its networks and its admin API.
pub struct App {
    directory: Directory,
    admin: Admin,
    networks: Vec<Running>,
    shutdown: CancellationToken,
}

impl App {
    /// Binds the admin API and opens the books, without starting a reactor.
    ///
    /// # Errors
    /// When the admin API's port is taken, or no network's book can be opened.
    pub async fn prepare(config: &Config) -> anyhow::Result<Self> {
        let admin = Admin::bind(access::settings(&config.process.admin)).await?;
        let default = config.process.default_network.as_deref().map(Arc::from);
        App::with_networks(admin, assembly::networks(config), assembly::dialler(&config.process.limits), default).await
    }

    /// As [`App::prepare`], for networks that no file describes.
    ///
    /// # Errors
    /// When no network's book can be opened.
    pub async fn with_networks(
        admin: Admin,
        networks: Vec<network::Config>,
        dialler: crate::transport::Dialler,
        default: Option<Arc<str>>,
    ) -> anyhow::Result<Self> {
        let shutdown = CancellationToken::new();
        let mut running = Vec::new();
        for network in networks {
            running.push(network::spawn(network, dialler.clone(), shutdown.clone()).await);
        }
        if let Some(reason) = running.iter().map(|network| network.broken.clone()).collect::<Option<Vec<_>>>() {
            anyhow::bail!("no address book can be opened:\n{}", reason.join("\n"));
        }
        let directory = Directory::new(running.iter().map(|network| network.handle.clone()), default);
        Ok(App { directory, admin, networks: running, shutdown })
    }

    /// Where the admin API listens on TCP.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.local_addr()
    }

    /// The networks.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What ends the process in order when it is cancelled.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Starts all reactors and serves until a signal, or [`App::shutdown`]'s token, asks for the end. A network that
    /// cannot start is left failed; the log and the status say why.
    ///
    /// # Errors
    /// When the admin API breaks down.
    pub async fn serve(self) -> anyhow::Result<()> {
        let App { directory, admin, networks, shutdown } = self;
        // Health says NOT_SERVING first; requests under way are answered while the networks wind down.
        let api = tokio::spawn(admin.serve(directory.clone(), shutdown.clone().cancelled_owned()));
        for handle in directory.all(|_| true) {
            // One that cannot start is left failed; its log and its status say why.
            tokio::spawn(async move { handle.start(None).await });
        }
        signals::wait(&shutdown).await;
        shutdown.cancel();
        for network in networks {
            if network.task.await.is_err() {
                tracing::error!(network = %network.handle.chain_id(), "did not end in order");
            }
        }
        api.await.context("the admin API broke down")?.context("the admin API")?;
        Ok(())
    }
}
