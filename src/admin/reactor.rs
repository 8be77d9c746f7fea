//! `ReactorService`: status, start and stop, events and audit.

use tonic::{Request, Response, Status};

use super::audit;
use super::caller::Caller;
use super::convert;
use super::events::{self, EventStream, Watches};
use super::scope::Scope;
use crate::network::{Directory, Error, Handle};
use crate::proto::pexd::v1::reactor_service_server::ReactorService;
use crate::proto::pexd::v1::{
    GetStatusRequest, GetStatusResponse, LifecycleResult, ListAuditEntriesRequest, ListAuditEntriesResponse,
    StartRequest, StartResponse, StopRequest, StopResponse, WatchEventsRequest,
};

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(super) struct Reactor(pub(super) Directory, pub(super) Watches);

#[tonic::async_trait]
impl ReactorService for Reactor {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let scope = Scope::of(&self.0, &Caller::of(&request), &request.get_ref().network)?;
        let answers = scope.ask(|network| async move { network.status().await }).await;
        let (mut networks, failures) = scope.sort_out(answers)?;
        // Stable: equals stay in the order of their chain IDs.
        networks.sort_by_key(convert::severity);
        let statuses = networks.into_iter().map(convert::reactor_status).collect();
        Ok(Response::new(GetStatusResponse { statuses, failures, ..Default::default() }))
    }

    async fn start(&self, request: Request<StartRequest>) -> Result<Response<StartResponse>, Status> {
        let caller = Caller::of(&request);
        let scope = Scope::of(&self.0, &caller, &request.get_ref().network)?;
        let start = |network: Handle| {
            let by = caller.by("ReactorService.Start");
            async move { changed(&network, network.start(Some(by)).await).await }
        };
        let (results, failures) = scope.sort_out(scope.ask(start).await)?;
        Ok(Response::new(StartResponse { results, failures }))
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<StopResponse>, Status> {
        let caller = Caller::of(&request);
        let scope = Scope::of(&self.0, &caller, &request.get_ref().network)?;
        let stop = |network: Handle| {
            let by = caller.by("ReactorService.Stop");
            async move { changed(&network, network.stop(by).await).await }
        };
        let (results, failures) = scope.sort_out(scope.ask(stop).await)?;
        Ok(Response::new(StopResponse { results, failures }))
    }

    async fn watch_events(&self, request: Request<WatchEventsRequest>) -> Result<Response<EventStream>, Status> {
        events::watch(&self.0, &self.1, request).map(Response::new)
    }

    async fn list_audit_entries(
        &self,
        request: Request<ListAuditEntriesRequest>,
    ) -> Result<Response<ListAuditEntriesResponse>, Status> {
        let caller = Caller::of(&request);
        audit::list(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }
}

async fn changed(network: &Handle, changed: Result<bool, Error>) -> Result<LifecycleResult, Error> {
    let changed = changed?;
    Ok(LifecycleResult { changed, status: Some(convert::reactor_status(network.status().await?)) })
}
