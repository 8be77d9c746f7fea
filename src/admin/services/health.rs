//! gRPC's own health protocol, by chain ID too: a network is SERVING while it is ready as `/readyz/CHAIN_ID` has it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus as Verdict;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::HealthService;

use crate::admin::auth::caller::Caller;
use crate::network::{Directory, Handle};

/// How often a network that is watched is looked at.
const WATCH_PERIOD: Duration = Duration::from_secs(5);
/// Networks watched at once, in all; each costs its actor a question every five seconds.
const MAX_WATCHES: usize = 256;

/// Health of the process and its services, as tonic's own service has it, and of each network.
#[derive(Clone, Debug)]
pub(in crate::admin) struct NetworkHealth {
    services: Arc<HealthService>,
    directory: Directory,
    /// IDs that a network has to be able to serve.
    servable: u32,
    watches: Arc<Semaphore>,
    draining: CancellationToken,
}

impl NetworkHealth {
    /// What `services` does not know is the chain ID of a network. Watches of networks end when `draining` is cancelled.
    pub(in crate::admin) fn new(
        services: HealthService,
        directory: Directory,
        servable: u32,
        draining: CancellationToken,
    ) -> Self {
        NetworkHealth {
            services: Arc::new(services),
            directory,
            servable,
            watches: Arc::new(Semaphore::new(MAX_WATCHES)),
            draining,
        }
    }

    /// The network of this chain ID, if the caller may see it.
    fn network<T>(&self, request: &Request<T>, name: &str) -> Option<Handle> {
        let caller = Caller::of(request);
        let named = Some(name).filter(|name| !name.is_empty())?;
        self.directory.get(named, |chain_id| caller.may_see(chain_id)).ok()
    }

    async fn verdict(&self, network: &Handle) -> Verdict {
        if self.draining.is_cancelled() {
            return Verdict::NotServing;
        }
        match network.readiness(self.servable).await {
            Ok(()) => Verdict::Serving,
            Err(_) => Verdict::NotServing,
        }
    }

    /// What changes of a network's health, from now until the end.
    fn watch_network(self, chain_id: Arc<str>, permit: OwnedSemaphorePermit) -> impl Stream<Item = Verdict> {
        let state = (self, chain_id, None, false, permit);
        stream::unfold(state, |(health, chain_id, last, ended, permit)| async move {
            if ended {
                return None;
            }
            loop {
                let ends = health.draining.is_cancelled();
                // Each time anew: it may have been removed, and added again.
                let now = match health.directory.get(&chain_id, |_| true) {
                    Ok(network) => health.verdict(&network).await,
                    Err(_) => Verdict::ServiceUnknown,
                };
                if ends || last != Some(now) {
                    return Some((now, (health, chain_id, Some(now), ends, permit)));
                }
                health.draining.run_until_cancelled(tokio::time::sleep(WATCH_PERIOD)).await;
            }
        })
    }
}

fn answer(verdict: Verdict) -> HealthCheckResponse {
    HealthCheckResponse { status: verdict.into() }
}

#[tonic::async_trait]
impl Health for NetworkHealth {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let name = request.get_ref().service.clone();
        match self.network(&request, &name) {
            Some(network) => Ok(Response::new(answer(self.verdict(&network).await))),
            None => self.services.check(request).await.map_err(unknown),
        }
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let name = request.get_ref().service.clone();
        let caller = Caller::of(&request);
        if self.network(&request, &name).is_none() {
            match self.services.watch(request).await {
                Ok(watch) => return Ok(Response::new(Box::pin(watch.into_inner()))),
                // The protocol has such a watch wait: what it is for may come.
                Err(error) if error.code() == Code::NotFound && caller.may_see(&name) => {}
                Err(error) => return Err(unknown(error)),
            }
        }
        let Ok(permit) = self.watches.clone().try_acquire_owned() else {
            return Err(Status::resource_exhausted("too many watches of networks' health at once: end some first"));
        };
        let verdicts = self.clone().watch_network(name.as_str().into(), permit);
        Ok(Response::new(Box::pin(verdicts.map(|verdict| Ok(answer(verdict))))))
    }
}

/// Names what a name in a health check may be.
fn unknown(error: Status) -> Status {
    match error.code() {
        Code::NotFound => Status::not_found(
            "no such service or network: name a chain ID, a service of the API, or nothing for the process",
        ),
        _ => error,
    }
}
