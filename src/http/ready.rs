//! Readiness: whether every network that should run does, and can save what it learns.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::sources::Sources;
use crate::network::Status;
use crate::node::RunState;

/// How long a network is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What keeps the process from being ready.
#[derive(Debug)]
pub(super) struct Report {
    begun: bool,
    /// The networks that are not ready, with why in words that hold no address and no path.
    faults: Vec<(Arc<str>, &'static str)>,
}

impl Report {
    pub(super) fn is_ready(&self) -> bool {
        self.begun && self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ready() {
            return f.write_str("ready\n");
        }
        if !self.begun {
            f.write_str("the networks are being started\n")?;
        }
        self.faults.iter().try_for_each(|(network, why)| writeln!(f, "{}: {why}", network.escape_debug()))
    }
}

/// Asks all networks. One that an operator stopped is as it should be.
pub(super) async fn report(sources: &Sources) -> Report {
    let networks = sources.directory.all(|_| true);
    let answers = join_all(networks.iter().map(|network| timeout(PATIENCE, network.status()))).await;
    let faults = networks.iter().zip(answers).filter_map(|(network, answer)| {
        let why = match answer {
            Ok(Ok(status)) => fault(&status),
            Ok(Err(_)) | Err(_) => Some("does not answer"),
        };
        why.map(|why| (network.chain_id().clone(), why))
    });
    Report { begun: sources.begun.is_cancelled(), faults: faults.collect() }
}

fn fault(status: &Status) -> Option<&'static str> {
    match status.node.state {
        RunState::Failed(_) => Some("failed (ReactorService.GetStatus says why)"),
        RunState::Starting => Some("is starting"),
        _ if status.unsaved.is_some() => Some("cannot save its changes (ReactorService.GetStatus says why)"),
        RunState::Running | RunState::Stopped => None,
    }
}
