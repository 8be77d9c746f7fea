//! When the process is asked to end.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

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
