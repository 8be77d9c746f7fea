//! What metrics and readiness are made of.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::admin::CallCounts;
use crate::network::{Dialler, Directory};
use crate::types::Wall;

/// What metrics and readiness are made of. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The networks.
    pub directory: Directory,
    /// What the names of CometBFT's metrics begin with.
    pub namespace: Arc<str>,
    /// The admin API's requests.
    pub calls: Arc<CallCounts>,
    /// What all networks dial with.
    pub dialler: Dialler,
    /// When the process started.
    pub started: Wall,
    /// Cancelled once every network was asked to start and has answered: until then none is ready.
    pub begun: CancellationToken,
}
