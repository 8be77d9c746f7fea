//! `ReactorService`: status, start and stop, events, audit, who is refused, and what is logged.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::audit::list;
use super::events::{self, EventStream, EventStreamLimits};
use super::listener_status::listeners;
use super::log_level;
use super::refusals::{self, Refused};
use crate::admin::auth::caller::Caller;
use crate::admin::diagnosis::attention;
use crate::admin::host::process::HostProcess;
use crate::admin::page::Pages;
use crate::admin::reply::conversions;
use crate::admin::request::network_scope::Scope;
use crate::admin::services::process_status::process_status;
use crate::clock::Clock;
use crate::network::{Directory, Error, Handle, Misconfigured};
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::reactor_service_server::ReactorService;
use crate::types::{Now, Wall};

/// Answers from the handles of a directory, and for the process.
#[derive(Debug)]
pub(in crate::admin) struct ReactorApi {
    pub(in crate::admin) directory: Directory,
    pub(in crate::admin) process: HostProcess,
    pub(in crate::admin) pages: Pages,
    pub(in crate::admin) watches: EventStreamLimits,
}

#[tonic::async_trait]
impl ReactorService for ReactorApi {
    type WatchEventsStream = EventStream;

    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let caller = Caller::of(&request);
        let scope = Scope::of(&self.directory, &caller, &request.get_ref().network)?;
        let now = Clock.now();
        let answers = scope.ask(Asked::ask);
        let (answers, process) =
            tokio::join!(answers, process_status(&self.directory, &self.process, &caller, now.wall));
        let (mut networks, failures) = scope.sort_out(answers)?;
        // Stable: equals stay in the order of their chain IDs.
        networks.sort_by_key(|network| network.severity(now.wall));
        let listeners = listeners(networks.iter().filter_map(Asked::status));
        let statuses = networks.into_iter().map(|network| network.shown(now)).collect();
        Ok(Response::new(pb::GetStatusResponse { statuses, failures, process: Some(process), listeners }))
    }

    async fn start(&self, request: Request<pb::StartRequest>) -> Result<Response<pb::StartResponse>, Status> {
        let caller = Caller::of(&request);
        let scope = Scope::of(&self.directory, &caller, &request.get_ref().network)?;
        let start = |network: Handle| {
            let by = caller.by("ReactorService.Start");
            async move { changed(&network, network.start(Some(by)).await).await }
        };
        let (results, failures) = scope.sort_out(scope.ask(start).await)?;
        Ok(Response::new(pb::StartResponse { results, failures }))
    }

    async fn stop(&self, request: Request<pb::StopRequest>) -> Result<Response<pb::StopResponse>, Status> {
        let caller = Caller::of(&request);
        let scope = Scope::of(&self.directory, &caller, &request.get_ref().network)?;
        let stop = |network: Handle| {
            let by = caller.by("ReactorService.Stop");
            async move { changed(&network, network.stop(by).await).await }
        };
        let (results, failures) = scope.sort_out(scope.ask(stop).await)?;
        Ok(Response::new(pb::StopResponse { results, failures }))
    }

    async fn watch_events(&self, request: Request<pb::WatchEventsRequest>) -> Result<Response<EventStream>, Status> {
        events::watch(&self.directory, &self.watches, request).map(Response::new)
    }

    async fn list_audit_entries(
        &self,
        request: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        let caller = Caller::of(&request);
        list::list(&self.directory, self.process.audit.as_ref(), &caller, request.into_inner()).await.map(Response::new)
    }

    async fn list_refusals(
        &self,
        request: Request<pb::ListRefusalsRequest>,
    ) -> Result<Response<pb::ListRefusalsResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.directory, &caller, &request.network)?;
        let list =
            Refused { grouping: refusals::grouping(request.grouping)?, telling: refusals::telling(&scope).await };
        let page = self.pages.page(&list, &caller, &scope, request.page_size, &request.page_token).await?;
        let (sources, next_page_token, failures) = (page.items, page.next, page.failures);
        Ok(Response::new(pb::ListRefusalsResponse { sources, next_page_token, failures }))
    }

    async fn get_log_level(
        &self,
        _request: Request<pb::GetLogLevelRequest>,
    ) -> Result<Response<pb::GetLogLevelResponse>, Status> {
        Ok(Response::new(log_level::get(&self.process)))
    }

    async fn set_log_level(
        &self,
        request: Request<pb::SetLogLevelRequest>,
    ) -> Result<Response<pb::SetLogLevelResponse>, Status> {
        let caller = Caller::of(&request);
        log_level::set(&self.directory, &self.process, &caller, request.into_inner()).await.map(Response::new)
    }
}

/// A network that was asked how it is.
enum Asked {
    Served(Box<crate::network::Status>),
    Misconfigured(Arc<str>, Misconfigured),
}

impl Asked {
    async fn ask(network: Handle) -> Result<Self, Error> {
        match network.misconfiguration() {
            Some(found) => Ok(Asked::Misconfigured(network.chain_id().clone(), found)),
            None => Ok(Asked::Served(Box::new(network.status().await?))),
        }
    }

    fn status(&self) -> Option<&crate::network::Status> {
        match self {
            Asked::Served(status) => Some(status),
            Asked::Misconfigured(..) => None,
        }
    }

    fn severity(&self, now: Wall) -> u8 {
        self.status().map_or(attention::FAILED, |status| attention::severity(status, now))
    }

    fn shown(self, now: Now) -> pb::ReactorStatus {
        match self {
            Asked::Served(status) => conversions::reactor_status(*status, now),
            Asked::Misconfigured(chain_id, found) => conversions::misconfigured_status(&chain_id, &found),
        }
    }
}

async fn changed(network: &Handle, changed: Result<bool, Error>) -> Result<pb::LifecycleResult, Error> {
    let changed = changed?;
    Ok(pb::LifecycleResult { changed, status: Some(conversions::reactor_status(network.status().await?, Clock.now())) })
}
