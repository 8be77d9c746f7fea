//! `AddressBookService`: the book's counts and entries.

use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::convert;
use super::page::{Chunk, Listing, Pages};
use super::scope::Scope;
use crate::network::{Directory, Error, Handle};
use crate::node::AddressView;
use crate::proto::pexd::v1::address_book_service_server::AddressBookService;
use crate::proto::pexd::v1::{
    Address, GetSummaryRequest, GetSummaryResponse, ListAddressesRequest, ListAddressesResponse,
};
use crate::types::NetAddress;

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(super) struct AddressBook(pub(super) Directory, pub(super) Pages);

/// The addresses by themselves, as the book keeps them.
struct ByAddress;

impl Listing for ByAddress {
    const KIND: &'static str = "addresses";
    type Key = NetAddress;
    type Entry = AddressView;
    type Item = Address;

    async fn scan(
        &self,
        network: &Handle,
        after: Option<NetAddress>,
        max: usize,
    ) -> Result<Chunk<NetAddress, AddressView>, Error> {
        let page = network.addresses(after, max).await?;
        Ok(Chunk {
            entries: page.entries.into_iter().map(|view| (view.record.address, view)).collect(),
            more: page.more,
        })
    }

    async fn fetch(&self, network: &Handle, keys: &[NetAddress]) -> Result<Vec<AddressView>, Error> {
        network.addresses_at(keys.to_vec()).await
    }

    async fn count(&self, network: &Handle) -> Result<Option<u64>, Error> {
        Ok(Some(network.summary().await?.addresses.into()))
    }

    fn show(&self, network: &Handle, view: AddressView) -> Address {
        convert::address(network.chain_id(), view)
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
        let page = self.1.page(&ByAddress, &caller, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(ListAddressesResponse {
            addresses: page.items,
            next_page_token: page.next,
            failures: page.failures,
            total_count: page.total,
        }))
    }
}
