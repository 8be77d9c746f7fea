//! `AddressBookService`: the book's counts and entries, and changes of it.

mod import_export;
mod insert;
mod list;
mod sources;

use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::admin::auth::caller::Caller;
use crate::admin::diagnosis::address;
use crate::admin::page::Pages;
use crate::admin::reply::{conversions, dial_attempts, status_codes};
use crate::admin::request::network_scope::Scope;
use crate::admin::request::{fields, filters, network_scope};
use crate::admin::services::address_book::insert::{refused, take_in};
use crate::admin::services::address_book::list::Addresses;
use crate::admin::services::address_book::sources::SourceGroups;
use crate::network::{Directory, Error, Handle};
use crate::node::AddressDiagnosis;
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::address_book_service_server::AddressBookService;
use crate::types::{NetAddress, counted};

/// Addresses in one AddAddresses at most.
const MAX_ADDED: usize = 1_000;

/// Attempts that are listed for an address.
const MAX_ATTEMPTS: usize = 16;

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(in crate::admin) struct AddressBookApi(pub(in crate::admin) Directory, pub(in crate::admin) Pages);

#[tonic::async_trait]
impl AddressBookService for AddressBookApi {
    type ExportAddressesStream = BoxStream<pb::ExportAddressesResponse>;

    async fn get_summary(
        &self,
        request: Request<pb::GetSummaryRequest>,
    ) -> Result<Response<pb::GetSummaryResponse>, Status> {
        let scope = Scope::of(&self.0, &Caller::of(&request), &request.get_ref().network)?;
        let summary = async |network: Handle| Ok(conversions::summary(network.chain_id(), network.summary().await?));
        let (summaries, failures) = scope.sort_out(scope.ask(summary).await)?;
        Ok(Response::new(pb::GetSummaryResponse { summaries, failures }))
    }

    async fn list_addresses(
        &self,
        request: Request<pb::ListAddressesRequest>,
    ) -> Result<Response<pb::ListAddressesResponse>, Status> {
        let caller = Caller::of(&request);
        let mut request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let list = Addresses::read(&mut request)?;
        let page = self.1.page(&list, &caller, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(pb::ListAddressesResponse {
            addresses: page.items,
            next_page_token: page.next,
            failures: page.failures,
            total_count: page.total,
        }))
    }

    async fn list_sources(
        &self,
        request: Request<pb::ListSourcesRequest>,
    ) -> Result<Response<pb::ListSourcesResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let page = self.1.page(&SourceGroups, &caller, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(pb::ListSourcesResponse {
            sources: page.items,
            next_page_token: page.next,
            failures: page.failures,
            total_count: page.total,
        }))
    }

    async fn get_address(
        &self,
        request: Request<pb::GetAddressRequest>,
    ) -> Result<Response<pb::GetAddressResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let whose = fields::address_ref(&request.address)?;
        let diagnoses = network.diagnoses(whose).await.map_err(|error| status_codes::of(&error))?;
        if diagnoses.is_empty() {
            return Err(status_codes::of(&Error::NoSuchAddress));
        }
        let mut bans = Vec::new();
        for ban in diagnoses.iter().flat_map(|diagnosis| &diagnosis.bans) {
            let ban = conversions::ban(network.chain_id(), ban.clone());
            if !bans.contains(&ban) {
                bans.push(ban);
            }
        }
        let mut addresses = Vec::with_capacity(diagnoses.len());
        for diagnosis in diagnoses {
            addresses.push(details(&network, diagnosis).await);
        }
        Ok(Response::new(pb::GetAddressResponse { addresses, bans }))
    }

    async fn add_addresses(
        &self,
        request: Request<pb::AddAddressesRequest>,
    ) -> Result<Response<pb::AddAddressesResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let texts = request.addresses;
        if texts.is_empty() || texts.len() > MAX_ADDED {
            let text = format!("{}: write between 1 and {MAX_ADDED} at a time", counted(texts.len(), "address"));
            return Err(status_codes::invalid("addresses", text));
        }
        let given = |text: String| match text.parse::<NetAddress>() {
            Ok(address) => Ok((address, None)),
            Err(reason) => Err(refused(&text, reason)),
        };
        let (chain_id, by) = (network.chain_id().clone(), caller.by("AddressBookService.AddAddresses"));
        let summary = |added| format!("added {} to the book", counted(added, "address"));
        let (intake, applied) = take_in(network, by, texts.into_iter().map(given).collect(), summary).await?;
        Ok(Response::new(pb::AddAddressesResponse {
            result: Some(conversions::change(&chain_id, applied)),
            added_count: intake.added,
            known_count: intake.known,
            evicted_count: intake.displaced,
            refused: intake.refused,
        }))
    }

    async fn remove_address(
        &self,
        request: Request<pb::RemoveAddressRequest>,
    ) -> Result<Response<pb::RemoveAddressResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let whose = fields::address_ref(&request.address)?;
        let removed = network.remove_addresses(caller.by("AddressBookService.RemoveAddress"), whose).await;
        let (removed_count, applied) = removed.map_err(|error| status_codes::of(&error))?;
        let result = Some(conversions::change(network.chain_id(), applied));
        Ok(Response::new(pb::RemoveAddressResponse { result, removed_count }))
    }

    async fn import_addresses(
        &self,
        request: Request<Streaming<pb::ImportAddressesRequest>>,
    ) -> Result<Response<pb::ImportAddressesResponse>, Status> {
        let caller = Caller::of(&request);
        import_export::import(&self.0, &caller, request.into_inner()).await.map(Response::new)
    }

    async fn export_addresses(
        &self,
        request: Request<pb::ExportAddressesRequest>,
    ) -> Result<Response<BoxStream<pb::ExportAddressesResponse>>, Status> {
        let caller = Caller::of(&request);
        Ok(Response::new(Box::pin(import_export::export(&self.0, &caller, request.get_ref())?)))
    }

    async fn preview_selection(
        &self,
        request: Request<pb::PreviewSelectionRequest>,
    ) -> Result<Response<pb::PreviewSelectionResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.0, &caller, &request.network)?;
        let requester = filters::id("requester_id", &request.requester_id)?;
        let preview = network.preview(requester).await.map_err(|error| status_codes::of(&error))?;
        let addresses = preview.addresses.iter().map(NetAddress::to_string).collect();
        Ok(Response::new(pb::PreviewSelectionResponse { addresses, servable_count: preview.servable }))
    }
}

/// What is known of an address. That the log of our dials cannot be read hides nothing else.
async fn details(network: &Handle, diagnosis: AddressDiagnosis) -> pb::AddressDetails {
    let address = diagnosis.view.record.address;
    let mut reason = address::reason(&diagnosis);
    let attempts = network.attempts(address.id(), vec![address.socket()], MAX_ATTEMPTS).await.unwrap_or_else(|error| {
        reason.push_str(&format!(" Our attempts are not shown: {}.", status_codes::text(&error)));
        Vec::new()
    });
    pb::AddressDetails {
        reason,
        attempts: attempts.iter().map(|entry| dial_attempts::logged(network.chain_id(), entry)).collect(),
        next_attempt_time: diagnosis.next_attempt.and_then(conversions::time),
        address: Some(conversions::address(network.chain_id(), diagnosis.view)),
    }
}
