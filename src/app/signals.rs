//! When the process is asked to end, or to read its files again.

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::registry::Registry;
use super::{reload, service_manager};

/// Has SIGHUP not end the process, which is what it does where nobody listens. Until the networks are served their files
/// were just read.
pub(super) fn outlive_hangup() {
    if let Err(error) = signal(SignalKind::hangup()) {
        tracing::warn!(%error, "SIGHUP ends pexd and does not reload");
    }
}

/// Reads all networks' files again at each SIGHUP from now on. `begun` is cancelled once every network was asked to start.
pub(super) fn reload_at_hangup(registry: Registry, begun: CancellationToken) -> JoinHandle<()> {
    let hangup = signal(SignalKind::hangup());
    tokio::spawn(async move {
        // Without a handler the system's own ends the process.
        let Ok(mut hangup) = hangup else { return };
        while hangup.recv().await.is_some() {
            // Before the networks have begun, systemd waits for them.
            if begun.is_cancelled() {
                service_manager::reloading();
            }
            reload::reload_all(&registry).await;
            if begun.is_cancelled() {
                service_manager::ready();
            }
        }
    })
}

/// Waits for SIGINT, SIGTERM or the token. A second signal ends the process at once.
pub(super) async fn wait(shutdown: &CancellationToken) {
    tokio::select! {
        () = any_signal() => {}
        () = shutdown.cancelled() => return,
    }
    tracing::info!("ending; a second signal ends at once");
    tokio::spawn(async {
        any_signal().await;
        std::process::exit(130);
    });
}

async fn any_signal() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the system's own end the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
