//! A stand-in for the process that hosts the networks: no file describes them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::{
    Added, ConfigEntry, ConfigSource, EffectiveConfig, HostProcess, LogControl, LogError, LogLevels, NewNetwork,
    OperationError, Operations, Reloaded, Removed, SetResult,
};
use crate::network::{ChangeAuthor, ConfigFaults, Dialler};
use crate::types::Wall;

/// For a directory of networks that no file describes: carries out nothing that would need one.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

fn none<T>() -> Result<T, OperationError> {
    Err(OperationError::NoFolder("no file describes it".into()))
}

impl NoFiles {
    /// A process that nothing is known of, whose log is not its own, and which dials nobody.
    pub fn process() -> HostProcess {
        HostProcess {
            started: Wall::NEVER,
            log: Arc::new(NoFiles),
            calls: Arc::default(),
            audit: None,
            dialler: Dialler::default(),
            config_faults: ConfigFaults::default(),
            ready_servable: 1,
        }
    }
}

#[tonic::async_trait]
impl Operations for NoFiles {
    fn folder(&self, _: &str) -> Option<PathBuf> {
        None
    }

    async fn add(&self, _: ChangeAuthor, _: String, _: Option<NewNetwork>, _: bool) -> Result<Added, OperationError> {
        none()
    }

    async fn remove(&self, _: ChangeAuthor, _: String, _: bool) -> Result<Removed, OperationError> {
        none()
    }

    async fn reload(&self, _: ChangeAuthor, _: String) -> Result<Reloaded, OperationError> {
        none()
    }

    async fn effective(&self, _: &str) -> Result<EffectiveConfig, OperationError> {
        Ok(EffectiveConfig { entries: Vec::new(), immutable: false })
    }

    fn process(&self) -> Vec<ConfigEntry> {
        let source = ConfigSource::Default;
        vec![ConfigEntry { key: "log.level".into(), value: "info".into(), source, configured: None, can_change: false }]
    }

    async fn set(&self, _: ChangeAuthor, _: &str, _: &str, _: &str) -> Result<SetResult, OperationError> {
        none()
    }

    async fn reset(&self, _: ChangeAuthor, _: &str, _: &str) -> Result<SetResult, OperationError> {
        none()
    }
}

impl LogControl for NoFiles {
    fn levels(&self) -> LogLevels {
        LogLevels { level: String::new(), configured: String::new(), until: Wall::NEVER }
    }

    fn set(&self, _: &str, _: Option<Duration>) -> Result<bool, LogError> {
        Err(LogError::Unavailable("no file describes it".into()))
    }
}
