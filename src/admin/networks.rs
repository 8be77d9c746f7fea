//! `NetworkService`: the networks that are served, and their configuration.

use crate::proto::pexd::v1::network_service_server::NetworkService;

/// Answers for the process's networks.
#[derive(Debug)]
pub(super) struct Networks;

#[tonic::async_trait]
impl NetworkService for Networks {}
