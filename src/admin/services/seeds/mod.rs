//! `SeedService`: the seeds and their health, adding and removing them.

mod check;

use tonic::{Request, Response, Status};

use crate::admin::auth::caller::Caller;
use crate::admin::page::{Chunk, Listing, Pages};
use crate::admin::reply::{conversions, status_codes};
use crate::admin::request::network_scope::Scope;
use crate::admin::request::{fields, network_scope};
use crate::admin::services::seeds::check::check_seeds;
use crate::network::{Directory, Error, Handle};
use crate::node::SeedView;
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::seed_service_server::SeedService;
use crate::types::PeerAddress;

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(in crate::admin) struct SeedsApi(pub(in crate::admin) Directory, pub(in crate::admin) Pages);

/// The seeds by their address.
struct ByAddress;

impl Listing for ByAddress {
    const KIND: &'static str = "seeds";
    type Key = PeerAddress;
    type Entry = SeedView;
    type Item = pb::Seed;

    async fn scan(
        &self,
        network: &Handle,
        after: Option<PeerAddress>,
        max: usize,
    ) -> Result<Chunk<PeerAddress, SeedView>, Error> {
        let seeds = network.seeds().await?.into_iter().map(|view| (view.seed.clone(), view));
        Ok(Chunk::cut(seeds, after.as_ref(), max))
    }

    fn show(&self, network: &Handle, view: SeedView) -> pb::Seed {
        conversions::seed(network.chain_id(), view)
    }
}

#[tonic::async_trait]
impl SeedService for SeedsApi {
    async fn list_seeds(
        &self,
        request: Request<pb::ListSeedsRequest>,
    ) -> Result<Response<pb::ListSeedsResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let page = self.1.page(&ByAddress, &caller, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(pb::ListSeedsResponse {
            seeds: page.items,
            next_page_token: page.next,
            failures: page.failures,
            total_count: page.total,
        }))
    }

    async fn add_seed(&self, request: Request<pb::AddSeedRequest>) -> Result<Response<pb::AddSeedResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let applied = network
            .add_seed(caller.by("SeedService.AddSeed"), fields::seed(&request.seed)?)
            .await
            .map_err(|error| status_codes::of(&error))?;
        let result = Some(conversions::change(network.chain_id(), applied));
        Ok(Response::new(pb::AddSeedResponse { result }))
    }

    async fn remove_seed(
        &self,
        request: Request<pb::RemoveSeedRequest>,
    ) -> Result<Response<pb::RemoveSeedResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let applied = network
            .remove_seed(caller.by("SeedService.RemoveSeed"), fields::seed(&request.seed)?)
            .await
            .map_err(|error| status_codes::of(&error))?;
        let result = Some(conversions::change(network.chain_id(), applied));
        Ok(Response::new(pb::RemoveSeedResponse { result }))
    }

    async fn check_seeds(
        &self,
        request: Request<pb::CheckSeedsRequest>,
    ) -> Result<Response<pb::CheckSeedsResponse>, Status> {
        let network = network_scope::one(&self.0, &Caller::of(&request), &request.get_ref().network)?;
        Ok(Response::new(check_seeds(&network, request.into_inner()).await?))
    }
}
