//! `PeerService`: the connected peers.

use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::convert;
use super::page::{Chunk, Listing, Pages, pick};
use super::scope::Scope;
use crate::clock::Clock;
use crate::network::{self, Directory, Error, Handle};
use crate::proto::pexd::v1::peer_service_server::PeerService;
use crate::proto::pexd::v1::{ListPeersRequest, ListPeersResponse, Peer};

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(super) struct Peers(pub(super) Directory, pub(super) Pages);

/// The peers by the number of their connection, which grows: what connects while pages are walked comes last.
struct ByConnection(Clock);

impl ByConnection {
    async fn all(network: &Handle) -> Result<impl Iterator<Item = (u64, network::Peer)>, Error> {
        Ok(network.peers().await?.into_iter().map(|peer| (peer.view.conn.0, peer)))
    }
}

impl Listing for ByConnection {
    const KIND: &'static str = "peers";
    type Key = u64;
    type Entry = network::Peer;
    type Item = Peer;

    async fn scan(&self, network: &Handle, after: Option<u64>, max: usize) -> Result<Chunk<u64, network::Peer>, Error> {
        Ok(Chunk::cut(Self::all(network).await?, after.as_ref(), max))
    }

    async fn fetch(&self, network: &Handle, keys: &[u64]) -> Result<Vec<network::Peer>, Error> {
        Ok(pick(Self::all(network).await?, keys))
    }

    fn show(&self, network: &Handle, peer: network::Peer) -> Peer {
        convert::peer(network.chain_id(), peer, self.0.now())
    }
}

#[tonic::async_trait]
impl PeerService for Peers {
    async fn list_peers(&self, request: Request<ListPeersRequest>) -> Result<Response<ListPeersResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let page = self.1.page(&ByConnection(Clock), &caller, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(ListPeersResponse {
            peers: page.items,
            next_page_token: page.next,
            failures: page.failures,
            total_count: page.total,
        }))
    }
}
