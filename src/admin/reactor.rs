//! `ReactorService`: status, start and stop.

use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::scope::{self, Scope};
use super::{convert, status};
use crate::network::{Directory, Error, Handle};
use crate::proto::pexd::v1::reactor_service_server::ReactorService;
use crate::proto::pexd::v1::{
    GetStatusRequest, GetStatusResponse, ReactorStatus, StartRequest, StartResponse, StopRequest, StopResponse,
};

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(super) struct Reactor(pub(super) Directory);

#[tonic::async_trait]
impl ReactorService for Reactor {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let scope = Scope::of(&self.0, &Caller::of(&request), &request.get_ref().network)?;
        let answers = scope.ask(|network| async move { network.status().await }).await;
        let (mut networks, failures) = scope.sort_out(answers)?;
        // Stable: equals stay in the order of their chain IDs.
        networks.sort_by_key(convert::severity);
        let statuses = networks.into_iter().map(convert::reactor_status).collect();
        Ok(Response::new(GetStatusResponse { statuses, failures }))
    }

    async fn start(&self, request: Request<StartRequest>) -> Result<Response<StartResponse>, Status> {
        let network = scope::one(&self.0, &Caller::of(&request), &request.get_ref().network)?;
        let (changed, status) = changed(&network, network.start().await).await?;
        Ok(Response::new(StartResponse { changed, status }))
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<StopResponse>, Status> {
        let network = scope::one(&self.0, &Caller::of(&request), &request.get_ref().network)?;
        let (changed, status) = changed(&network, network.stop().await).await?;
        Ok(Response::new(StopResponse { changed, status }))
    }
}

async fn changed(network: &Handle, changed: Result<bool, Error>) -> Result<(bool, Option<ReactorStatus>), Status> {
    let changed = changed.map_err(|error| status::of(&error))?;
    let now = network.status().await.map_err(|error| status::of(&error))?;
    Ok((changed, Some(convert::reactor_status(now))))
}
