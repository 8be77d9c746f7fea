//! `pexd localnet`: the main job with nothing to configure. A seed on loopback finds some twenty nodes, three hops deep,
//! among addresses that lead nowhere, while a fresh peer asks it every second; every answer counts.

mod fresh_peer;
mod plan;
mod score;
mod traps;
mod view;
mod world;

use std::time::Duration;

use anyhow::Context as _;
use score::Tally;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use view::View;
use world::World;

use crate::admin::{Admin, AdminSettings};
use crate::app::{self, App};
use crate::config::keys::Log;
use crate::config::value::{LogFormat, LogLevel};
use crate::network::Handle;
use crate::transport::{DialLimits, Dialler};
use crate::types::NetAddress;

/// Where the admin API listens, unless that port is taken.
const ADMIN_PORT: u16 = 26_670;

/// How the demo is to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Ends by itself after this time; `None` = on Ctrl-C.
    pub length: Option<Duration>,
    /// The admin API's port; `None` = 26670, or another one when that is taken.
    pub admin_port: Option<u16>,
}

/// Runs the demo. Whether every reachable node was found, and nothing else ever served.
///
/// # Errors
/// When this host cannot hold the demo: no loopback ports, no temporary folder.
pub fn run(options: Options) -> anyhow::Result<bool> {
    // The view is the demo's voice; its faults are reported all the same.
    let level = std::env::var("PEXD_LOG_LEVEL").unwrap_or_else(|_| "error".to_owned());
    app::logging::init(&Log { level: LogLevel(level), format: LogFormat::Text });
    app::raise_open_files();
    app::runtime()?.block_on(show(options))
}

async fn show(options: Options) -> anyhow::Result<bool> {
    let folder = tempfile::Builder::new().prefix("pexd-localnet-").tempdir()?;
    let admin = bind_admin(options.admin_port).await?;
    let world = World::open(folder.path()).await?;
    let (seed, address) = world::seed(folder.path(), world.first)?;
    let app = App::with_networks(admin, vec![seed], Dialler::new(DialLimits::default()), None).await?;
    let (handle, shutdown) = (app.directory().get(world::CHAIN, |_| true)?, app.shutdown());
    let admin = app.admin_addr().context("the admin API has no address")?;
    let view = View::new(&world, address, admin);
    view.welcome();
    let served = tokio::spawn(app.serve());
    handle.start(None).await?;
    let right = watch(&world, &handle, address, view, options.length, &shutdown).await?;
    shutdown.cancel();
    served.await??;
    world.close().await;
    Ok(right)
}

/// An explicit port is taken or it is an error; else the usual one, or any.
async fn bind_admin(port: Option<u16>) -> anyhow::Result<Admin> {
    if let Some(port) = port {
        return Ok(Admin::bind(AdminSettings::open_loopback(port)).await?);
    }
    match Admin::bind(AdminSettings::open_loopback(ADMIN_PORT)).await {
        Ok(admin) => Ok(admin),
        Err(_) => Ok(Admin::bind(AdminSettings::open_loopback(0)).await?),
    }
}

/// Asks the seed each second and shows what it knows, until the time is over or a signal came.
async fn watch(
    world: &World,
    seed: &Handle,
    address: NetAddress,
    mut view: View,
    length: Option<Duration>,
    shutdown: &CancellationToken,
) -> anyhow::Result<bool> {
    let mut tally = Tally::new(world.reachable.clone());
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = length.map(|length| Instant::now() + length);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            () = until(end) => break,
            _ = ticks.tick() => {}
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            answer = fresh_peer::ask(&world.dialler, address) => match answer {
                Some(addresses) => tally.answer(&addresses),
                None => tally.no_answer(),
            }
        }
        let known = seed.addresses(None, crate::network::MAX_PAGE).await?;
        view.show(&known.entries, &tally);
    }
    view.farewell(&tally);
    Ok(tally.is_right())
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}
