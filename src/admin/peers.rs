//! `PeerService`: the connected peers.

use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::convert;
use super::page::{Chunk, Listing, page};
use super::scope::Scope;
use crate::clock::Clock;
use crate::network::{Directory, Error, Handle};
use crate::proto::pexd::v1::peer_service_server::PeerService;
use crate::proto::pexd::v1::{ListPeersRequest, ListPeersResponse, Peer};

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(super) struct Peers(pub(super) Directory);

/// The peers by the number of their connection, which grows: what connects while pages are walked comes last.
struct ByConnection(Clock);

impl Listing for ByConnection {
    const KIND: &'static str = "peers";
    type Key = u64;
    type Item = Peer;

    async fn fetch(&self, network: &Handle, after: Option<u64>, max: usize) -> Result<Chunk<u64, Peer>, Error> {
        let peers = network.peers().await?.into_iter().map(|peer| (peer.view.conn.0, peer));
        let Chunk { items, more } = Chunk::cut(peers, after.as_ref(), max);
        let now = self.0.now();
        let show = |(key, peer)| (key, convert::peer(network.chain_id(), peer, now));
        Ok(Chunk { items: items.into_iter().map(show).collect(), more })
    }
}

#[tonic::async_trait]
impl PeerService for Peers {
    async fn list_peers(&self, request: Request<ListPeersRequest>) -> Result<Response<ListPeersResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let page = page(&ByConnection(Clock), &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(ListPeersResponse {
            peers: page.items,
            next_page_token: page.next,
            failures: page.failures,
            ..Default::default()
        }))
    }
}
