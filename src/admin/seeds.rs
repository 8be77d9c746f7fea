//! `SeedService`: the seeds and their health, adding and removing them.

use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::check_seeds::check_seeds;
use super::page::{Chunk, Listing, page};
use super::scope::{self, Scope};
use super::{convert, fields, status};
use crate::network::{Directory, Error, Handle};
use crate::proto::pexd::v1::seed_service_server::SeedService;
use crate::proto::pexd::v1::{
    AddSeedRequest, AddSeedResponse, CheckSeedsRequest, CheckSeedsResponse, ListSeedsRequest, ListSeedsResponse,
    RemoveSeedRequest, RemoveSeedResponse, Seed,
};
use crate::types::PeerAddress;

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(super) struct Seeds(pub(super) Directory);

/// The seeds by their address.
struct ByAddress;

impl Listing for ByAddress {
    const KIND: &'static str = "seeds";
    type Key = PeerAddress;
    type Item = Seed;

    async fn fetch(
        &self,
        network: &Handle,
        after: Option<PeerAddress>,
        max: usize,
    ) -> Result<Chunk<PeerAddress, Seed>, Error> {
        let seeds = network.seeds().await?.into_iter();
        let seeds = seeds.map(|view| (view.seed.clone(), convert::seed(network.chain_id(), view)));
        Ok(Chunk::cut(seeds, after.as_ref(), max))
    }
}

#[tonic::async_trait]
impl SeedService for Seeds {
    async fn list_seeds(&self, request: Request<ListSeedsRequest>) -> Result<Response<ListSeedsResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let page = page(&ByAddress, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(ListSeedsResponse {
            seeds: page.items,
            next_page_token: page.next,
            failures: page.failures,
            ..Default::default()
        }))
    }

    async fn add_seed(&self, request: Request<AddSeedRequest>) -> Result<Response<AddSeedResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = scope::one(&self.0, &caller, &request.network)?;
        let applied = network
            .add_seed(caller.by("SeedService.AddSeed"), fields::seed(&request.seed)?)
            .await
            .map_err(|error| status::of(&error))?;
        let result = Some(convert::change(network.chain_id(), applied));
        Ok(Response::new(AddSeedResponse { result }))
    }

    async fn remove_seed(&self, request: Request<RemoveSeedRequest>) -> Result<Response<RemoveSeedResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = scope::one(&self.0, &caller, &request.network)?;
        let applied = network
            .remove_seed(caller.by("SeedService.RemoveSeed"), fields::seed(&request.seed)?)
            .await
            .map_err(|error| status::of(&error))?;
        let result = Some(convert::change(network.chain_id(), applied));
        Ok(Response::new(RemoveSeedResponse { result }))
    }

    async fn check_seeds(&self, request: Request<CheckSeedsRequest>) -> Result<Response<CheckSeedsResponse>, Status> {
        let network = scope::one(&self.0, &Caller::of(&request), &request.get_ref().network)?;
        Ok(Response::new(check_seeds(&network, request.into_inner()).await?))
    }
}
