//! `PeerService`: the connected peers, dialling and disconnecting them, and the lists of peers with special treatment.

mod answers;
mod configured;
mod dials;
mod list;

use tonic::{Request, Response, Status};

use crate::admin::auth::caller::Caller;
use crate::admin::page::Pages;
use crate::admin::reply::{conversions, dial_attempts, status_codes};
use crate::admin::request::network_scope::Scope;
use crate::admin::request::{fields, network_scope};
use crate::admin::services::peers::configured::Configured;
use crate::admin::services::peers::list::PeerListing;
use crate::clock::Clock;
use crate::network::{Directory, Handle, Peer};
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::peer_service_server::PeerService;

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(in crate::admin) struct PeersApi(pub(in crate::admin) Directory, pub(in crate::admin) Pages);

fn show(network: &Handle, peer: Peer) -> pb::Peer {
    conversions::peer(network.chain_id(), peer, Clock.now())
}

#[tonic::async_trait]
impl PeerService for PeersApi {
    async fn list_peers(
        &self,
        request: Request<pb::ListPeersRequest>,
    ) -> Result<Response<pb::ListPeersResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let list = PeerListing::read(request.filter, request.order)?;
        let page = self.1.page(&list, &caller, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(pb::ListPeersResponse {
            peers: page.items,
            next_page_token: page.next,
            failures: page.failures,
            total_count: page.total,
        }))
    }

    async fn get_peer(&self, request: Request<pb::GetPeerRequest>) -> Result<Response<pb::GetPeerResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let id = fields::node_id("id", &request.id)?;
        let peer = network.peer(id).await.map_err(|error| status_codes::of(&error))?;
        Ok(Response::new(pb::GetPeerResponse { peer: Some(show(&network, peer)) }))
    }

    async fn dial_peer(&self, request: Request<pb::DialPeerRequest>) -> Result<Response<pb::DialPeerResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let target = fields::peer_address("address", &request.address)?;
        let dialled = network.dial(caller.by("PeerService.DialPeer"), target).await;
        let report = dialled.map_err(|error| status_codes::of(&error))?;
        Ok(Response::new(pb::DialPeerResponse {
            attempt: Some(dial_attempts::ended(network.chain_id(), report.at, &report.end)),
            peer: report.peer.map(|peer| show(&network, peer)),
        }))
    }

    async fn disconnect_peer(
        &self,
        request: Request<pb::DisconnectPeerRequest>,
    ) -> Result<Response<pb::DisconnectPeerResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let id = fields::node_id("id", &request.id)?;
        let reason = fields::reason(request.reason)?;
        let ban = fields::ban_duration("ban_duration", "to disconnect without a ban", request.ban_duration)?;
        let disconnected = network.disconnect(caller.by("PeerService.DisconnectPeer"), id, reason, ban).await;
        let applied = disconnected.map_err(|error| status_codes::of(&error))?;
        let result = Some(conversions::change(network.chain_id(), applied));
        Ok(Response::new(pb::DisconnectPeerResponse { result }))
    }

    async fn list_configured_peers(
        &self,
        request: Request<pb::ListConfiguredPeersRequest>,
    ) -> Result<Response<pb::ListConfiguredPeersResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let list = Configured::read(request.lists)?;
        let page = self.1.page(&list, &caller, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(pb::ListConfiguredPeersResponse {
            peers: page.items,
            next_page_token: page.next,
            failures: page.failures,
            total_count: page.total,
        }))
    }

    async fn add_configured_peer(
        &self,
        request: Request<pb::AddConfiguredPeerRequest>,
    ) -> Result<Response<pb::AddConfiguredPeerResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let item = configured::entry(request.list, &request.peer)?;
        let added = network.add_listed(caller.by("PeerService.AddConfiguredPeer"), item).await;
        let applied = added.map_err(|error| status_codes::of(&error))?;
        let result = Some(conversions::change(network.chain_id(), applied));
        Ok(Response::new(pb::AddConfiguredPeerResponse { result }))
    }

    async fn remove_configured_peer(
        &self,
        request: Request<pb::RemoveConfiguredPeerRequest>,
    ) -> Result<Response<pb::RemoveConfiguredPeerResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let item = configured::entry(request.list, &request.peer)?;
        let removed = network.remove_listed(caller.by("PeerService.RemoveConfiguredPeer"), item).await;
        let applied = removed.map_err(|error| status_codes::of(&error))?;
        let result = Some(conversions::change(network.chain_id(), applied));
        Ok(Response::new(pb::RemoveConfiguredPeerResponse { result }))
    }

    async fn list_dials(
        &self,
        request: Request<pb::ListDialsRequest>,
    ) -> Result<Response<pb::ListDialsResponse>, Status> {
        let caller = Caller::of(&request);
        dials::list(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }

    async fn list_answers(
        &self,
        request: Request<pb::ListAnswersRequest>,
    ) -> Result<Response<pb::ListAnswersResponse>, Status> {
        let caller = Caller::of(&request);
        answers::list(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }
}
