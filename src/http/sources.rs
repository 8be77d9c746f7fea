//! What metrics and readiness are made of.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::admin::{CallCounts, Expiry};
use crate::network::{ConfigFaults, Dialler, Directory};
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
    /// When certificates and tokens of the admin API end.
    pub expiry: Expiry,
    /// What all networks dial with.
    pub dialler: Dialler,
    /// What is wrong in the process's own files as they are on disk now.
    pub config_faults: ConfigFaults,
    /// When the process started.
    pub started: Wall,
    /// Cancelled once every network was asked to start and has answered: until then none is ready.
    pub begun: CancellationToken,
    /// What makes the process ready.
    pub ready: ReadyPolicy,
}

/// What makes the process ready as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyPolicy {
    /// Whether one network that is not ready is enough for the process not to be; else all of them have to be.
    pub all: bool,
    /// IDs that a network has to be able to serve, unless a probe says otherwise.
    pub servable: u32,
}
