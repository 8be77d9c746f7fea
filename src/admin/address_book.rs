//! `AddressBookService`: the book's counts and entries.

use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::convert;
use super::page::{Chunk, Listing, page};
use super::scope::Scope;
use crate::network::{Directory, Error, Handle};
use crate::proto::pexd::v1::address_book_service_server::AddressBookService;
use crate::proto::pexd::v1::{
    Address, GetSummaryRequest, GetSummaryResponse, ListAddressesRequest, ListAddressesResponse,
};
use crate::types::NetAddress;

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(super) struct AddressBook(pub(super) Directory);

/// The addresses by themselves, as the book keeps them.
struct ByAddress;

impl Listing for ByAddress {
    const KIND: &'static str = "addresses";
    type Key = NetAddress;
    type Item = Address;

    async fn fetch(
        &self,
        network: &Handle,
        after: Option<NetAddress>,
        max: usize,
    ) -> Result<Chunk<NetAddress, Address>, Error> {
        let page = network.addresses(after, max).await?;
        let show = |view: crate::node::AddressView| (view.record.address, convert::address(network.chain_id(), view));
        Ok(Chunk { items: page.entries.into_iter().map(show).collect(), more: page.more })
    }
}

#[tonic::async_trait]
impl AddressBookService for AddressBook {
    async fn get_summary(&self, request: Request<GetSummaryRequest>) -> Result<Response<GetSummaryResponse>, Status> {
        let scope = Scope::of(&self.0, &Caller::of(&request), &request.get_ref().network)?;
        let summary = async |network: Handle| Ok(convert::summary(network.chain_id(), network.summary().await?));
        let (summaries, failures) = scope.sort_out(scope.ask(summary).await)?;
        Ok(Response::new(GetSummaryResponse { summaries, failures }))
    }

    async fn list_addresses(
        &self,
        request: Request<ListAddressesRequest>,
    ) -> Result<Response<ListAddressesResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let page = page(&ByAddress, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(ListAddressesResponse {
            addresses: page.items,
            next_page_token: page.next,
            failures: page.failures,
            ..Default::default()
        }))
    }
}
