//! What the admin API is given of the process beside its networks.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use super::call_counts::CallCounts;
use crate::network::{ConfigFaults, Dialler, ProcessAudit};
use crate::types::Wall;

/// The process that the admin API speaks for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HostProcess {
    /// When it started.
    pub started: Wall,
    /// What it logs.
    pub log: Arc<dyn LogControl>,
    /// Where the API's requests are counted.
    pub calls: Arc<CallCounts>,
    /// Where what is of no network is noted; `None` when the process has no home.
    pub audit: Option<ProcessAudit>,
    /// What all networks dial with.
    pub dialler: Dialler,
    /// What is wrong in the process's own files as they are on disk now.
    pub config_faults: ConfigFaults,
    /// IDs that a network has to be able to serve to be SERVING in health checks.
    pub ready_servable: u32,
}

/// What is logged now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLevels {
    /// The level, or levels by module.
    pub level: String,
    /// What the configuration says.
    pub configured: String,
    /// When the configured level takes effect again; [`Wall::NEVER`] = not before the next restart.
    pub until: Wall,
}

/// Why the log's level was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// It is no level; the text begins with what it is instead.
    #[error("{0}")]
    Invalid(String),
    /// The log is not this process's own to change.
    #[error("the log cannot be changed: {0}")]
    Unavailable(String),
}

/// Rules what is logged.
pub trait LogControl: Debug + Send + Sync {
    /// What is logged now.
    fn levels(&self) -> LogLevels;

    /// Changes what is logged, for `length` or until the next restart; an empty text is what the configuration says.
    /// Whether anything changed.
    ///
    /// # Errors
    /// [`LogError::Invalid`] for what is no level.
    fn set(&self, level: &str, length: Option<Duration>) -> Result<bool, LogError>;
}
