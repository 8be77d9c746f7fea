//! A process whose networks no file describes.

use std::path::PathBuf;

use super::operations::{
    Added, ConfigEntry, ConfigSource, EffectiveConfig, NewNetwork, OperationError, Operations, Reloaded, SetResult,
};
use crate::network::By;

/// For a directory of networks that no file describes: carries out nothing that would need one.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

fn none<T>() -> Result<T, OperationError> {
    Err(OperationError::NoFolder("no file describes it".into()))
}

#[tonic::async_trait]
impl Operations for NoFiles {
    fn folder(&self, _: &str) -> Option<PathBuf> {
        None
    }

    async fn add(&self, _: By, _: String, _: Option<NewNetwork>, _: bool) -> Result<Added, OperationError> {
        none()
    }

    async fn remove(&self, _: By, _: String, _: bool) -> Result<Option<PathBuf>, OperationError> {
        none()
    }

    async fn reload(&self, _: By, _: String) -> Result<Reloaded, OperationError> {
        none()
    }

    async fn effective(&self, _: &str) -> Result<EffectiveConfig, OperationError> {
        Ok(EffectiveConfig { entries: Vec::new(), immutable: false })
    }

    fn process(&self) -> Vec<ConfigEntry> {
        let source = ConfigSource::Default;
        vec![ConfigEntry { key: "log.level".into(), value: "info".into(), source, configured: None, can_change: false }]
    }

    async fn set(&self, _: By, _: &str, _: &str, _: &str) -> Result<SetResult, OperationError> {
        none()
    }

    async fn reset(&self, _: By, _: &str, _: &str) -> Result<SetResult, OperationError> {
        none()
    }
}
