//! Whether a network does what it is there for: it runs, keeps what it learns, and has somebody to tell of.

use std::time::Duration;

use tokio::time::timeout;

use super::handle::Handle;
use super::views::Status;
use crate::node::RunState;
use crate::types::counted;

/// How long a network is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a network is not ready. The texts hold no address and no path, so that anybody may read them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// It could not start or broke down, or its files have errors.
    #[error("failed (ReactorService.GetStatus says why)")]
    Failed,
    /// It looks for somebody to ask.
    #[error("is starting")]
    Starting,
    /// An operator stopped it.
    #[error("is stopped")]
    Stopped,
    /// It runs, and what it learns is not on disk.
    #[error("cannot save its changes (ReactorService.GetStatus says why)")]
    Unsaved,
    /// It runs, and knows too few that a requester could be sent.
    #[error("can serve {}, and should {wanted} or more", counted(*servable, "address"))]
    ServesTooFew {
        /// IDs that a requester could be sent now.
        servable: u32,
        /// How many there should be.
        wanted: u32,
    },
    /// It does not answer.
    #[error("does not answer")]
    Unresponsive,
}

impl Handle {
    /// Whether the network runs, saves, and could send a requester `wanted` IDs or more; waits for 5 s at most.
    ///
    /// # Errors
    /// Why it is not ready.
    pub async fn readiness(&self, wanted: u32) -> Result<(), NotReady> {
        if self.misconfiguration().is_some() {
            return Err(NotReady::Failed);
        }
        match timeout(PATIENCE, self.status()).await {
            Ok(Ok(status)) => judge(&status, wanted),
            Ok(Err(_)) | Err(_) => Err(NotReady::Unresponsive),
        }
    }
}

fn judge(status: &Status, wanted: u32) -> Result<(), NotReady> {
    let servable = status.node.book.servable;
    match status.node.state {
        RunState::Failed(_) => Err(NotReady::Failed),
        RunState::Starting => Err(NotReady::Starting),
        RunState::Stopped => Err(NotReady::Stopped),
        RunState::Running if status.unsaved.is_some() => Err(NotReady::Unsaved),
        RunState::Running if servable < wanted => Err(NotReady::ServesTooFew { servable, wanted }),
        RunState::Running => Ok(()),
    }
}
