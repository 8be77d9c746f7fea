//! `NetworkService`: the networks that are served, and their configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use tonic::{Request, Response, Status};

use crate::admin::auth::caller::Caller;
use crate::admin::host::operations::{NewNetwork, OperationError, Operations, SetResult};
use crate::admin::reply::status_codes::invalid;
use crate::admin::reply::{config_entries, conversions, status_codes};
use crate::admin::request::network_scope::Scope;
use crate::admin::request::{fields, network_scope};
use crate::admin::{page, untrusted_text};
use crate::clock::Clock;
use crate::network::{Directory, Handle};
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::network_service_server::NetworkService;

/// What a page token begins with: another form of it is another number.
const TOKEN: &str = "networks-1 ";

/// Answers for the process's networks.
pub(in crate::admin) struct NetworksApi {
    pub(in crate::admin) directory: Directory,
    pub(in crate::admin) operations: Arc<dyn Operations>,
}

impl NetworksApi {
    /// The network that a request is about, which has to be named: there is no going back from an error.
    fn named(&self, caller: &Caller, network: &str) -> Result<Handle, Status> {
        if network.is_empty() {
            return Err(invalid("network", "write the chain ID: this method has no default"));
        }
        network_scope::one(&self.directory, caller, network)
    }

    async fn show(&self, caller: &Caller, network: &Handle) -> Result<pb::Network, crate::network::Error> {
        let status = match network.misconfiguration() {
            Some(found) => conversions::misconfigured_status(network.chain_id(), &found),
            None => conversions::reactor_status(network.status().await?, Clock.now()),
        };
        let default = self.directory.get("", |chain_id| caller.may_see(chain_id));
        let chain_id = network.chain_id();
        Ok(pb::Network {
            folder: self.operations.folder(chain_id).as_deref().map(shown_path).unwrap_or_default(),
            node_id: status.node_id,
            mode: status.mode,
            state: status.state,
            listen_address: status.listen_address,
            is_default: default.is_ok_and(|default| default.chain_id() == chain_id),
            network: chain_id.to_string(),
        })
    }
}

#[tonic::async_trait]
impl NetworkService for NetworksApi {
    async fn list_networks(
        &self,
        request: Request<pb::ListNetworksRequest>,
    ) -> Result<Response<pb::ListNetworksResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let (size, after) = (page::read_size(request.page_size)?, page_start(&request.page_token)?);
        let mut networks = self.directory.all(|chain_id| caller.may_see(chain_id));
        let total_count = networks.len() as u64;
        networks.retain(|network| after.as_deref().is_none_or(|after| **network.chain_id() > *after));
        let more = networks.len() > size;
        networks.truncate(size);
        let last = networks.last().filter(|_| more).map(Handle::chain_id);
        let next_page_token = last.map(|last| BASE64_URL_SAFE_NO_PAD.encode(format!("{TOKEN}{last}")));
        let scope = Scope::All(networks);
        let show = |network: Handle| {
            let caller = &caller;
            async move { self.show(caller, &network).await }
        };
        let (networks, failures) = scope.sort_out(scope.ask(show).await)?;
        let next_page_token = next_page_token.unwrap_or_default();
        Ok(Response::new(pb::ListNetworksResponse { networks, next_page_token, total_count, failures }))
    }

    async fn add_network(
        &self,
        request: Request<pb::AddNetworkRequest>,
    ) -> Result<Response<pb::AddNetworkResponse>, Status> {
        let caller = Caller::of(&request);
        caller.require_all_networks()?;
        let request = request.into_inner();
        let name = fields::bounded("network", &request.network)?.to_owned();
        let new = request.new_network.map(new_network).transpose()?;
        let by = caller.by("NetworkService.AddNetwork");
        let added = self.operations.add(by, name, new, request.stopped).await.map_err(refused)?;
        let network = self.named(&caller, &added.chain_id)?;
        let network = self.show(&caller, &network).await.map_err(|error| status_codes::of(&error))?;
        Ok(Response::new(pb::AddNetworkResponse {
            network: Some(network),
            node_address: added.node_address,
            unsaved_reason: conversions::unsaved_reason(added.noted),
        }))
    }

    async fn remove_network(
        &self,
        request: Request<pb::RemoveNetworkRequest>,
    ) -> Result<Response<pb::RemoveNetworkResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let chain_id = self.named(&caller, &request.network)?.chain_id().to_string();
        let by = caller.by("NetworkService.RemoveNetwork");
        let removed = self.operations.remove(by, chain_id, request.delete_data).await.map_err(refused)?;
        let shown = |path: Option<PathBuf>| path.as_deref().map(shown_path).unwrap_or_default();
        Ok(Response::new(pb::RemoveNetworkResponse {
            kept_folder: shown(removed.folder),
            kept_key_file: shown(removed.key),
            unsaved_reason: conversions::unsaved_reason(removed.noted),
        }))
    }

    async fn reload_network(
        &self,
        request: Request<pb::ReloadNetworkRequest>,
    ) -> Result<Response<pb::ReloadNetworkResponse>, Status> {
        let caller = Caller::of(&request);
        let asked = &request.get_ref().network;
        let chain_id = match network_scope::one(&self.directory, &caller, asked) {
            Ok(network) => network.chain_id().to_string(),
            // One that is not served yet: who may reload it may have it served, and add networks.
            Err(_) if self.operations.has_new_folder(asked) && caller.require_all_networks().is_ok() => asked.clone(),
            Err(unknown) => return Err(unknown),
        };
        let by = caller.by("NetworkService.ReloadNetwork");
        let reloaded = self.operations.reload(by, chain_id).await.map_err(refused)?;
        Ok(Response::new(config_entries::reloaded(reloaded)))
    }

    async fn get_effective_config(
        &self,
        request: Request<pb::GetEffectiveConfigRequest>,
    ) -> Result<Response<pb::GetEffectiveConfigResponse>, Status> {
        let caller = Caller::of(&request);
        let network = network_scope::one(&self.directory, &caller, &request.get_ref().network)?;
        let effective = self.operations.effective(network.chain_id()).await.map_err(refused)?;
        let process = if caller.require_all_networks().is_ok() { self.operations.process() } else { Vec::new() };
        Ok(Response::new(pb::GetEffectiveConfigResponse {
            entries: effective.entries.into_iter().map(config_entries::entry).collect(),
            process_entries: process.into_iter().map(config_entries::entry).collect(),
            immutable: effective.immutable,
        }))
    }

    async fn set_config(
        &self,
        request: Request<pb::SetConfigRequest>,
    ) -> Result<Response<pb::SetConfigResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.directory, &caller, &request.network)?;
        let (key, value) = (fields::bounded("key", &request.key)?, fields::bounded("value", &request.value)?);
        let by = caller.by("NetworkService.SetConfig");
        let set = self.operations.set(by, network.chain_id(), key, value).await.map_err(refused)?;
        let (result, entry) = set_result(&network, set);
        Ok(Response::new(pb::SetConfigResponse { result, entry }))
    }

    async fn reset_config(
        &self,
        request: Request<pb::ResetConfigRequest>,
    ) -> Result<Response<pb::ResetConfigResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let network = network_scope::one(&self.directory, &caller, &request.network)?;
        let key = fields::bounded("key", &request.key)?;
        let by = caller.by("NetworkService.ResetConfig");
        let reset = self.operations.reset(by, network.chain_id(), key).await.map_err(refused)?;
        let (result, entry) = set_result(&network, reset);
        Ok(Response::new(pb::ResetConfigResponse { result, entry }))
    }
}

fn set_result(network: &Handle, set: SetResult) -> (Option<pb::ChangeResult>, Option<pb::ConfigEntry>) {
    (Some(conversions::change(network.chain_id(), set.applied)), Some(config_entries::entry(set.entry)))
}

fn refused(error: OperationError) -> Status {
    status_codes::of_operation(&error)
}

fn new_network(new: pb::NewNetwork) -> Result<NewNetwork, Status> {
    let seeds: Result<Vec<_>, Status> = new.seeds.iter().map(|seed| fields::new_seed(seed)).collect();
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(NewNetwork {
        seeds: seeds?,
        seed_mode: new.seed_mode,
        moniker: given(new.moniker),
        share_listener_with: given(new.share_listener_with),
    })
}

fn shown_path(path: &Path) -> String {
    untrusted_text::whole(&path.display().to_string())
}

/// The chain ID after which the page begins.
fn page_start(token: &str) -> Result<Option<String>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let after = text.and_then(|text| text.strip_prefix(TOKEN).map(str::to_owned));
    let broken = || invalid("page_token", "it is not a next_page_token of this method: begin with an empty one");
    after.map(Some).ok_or_else(broken)
}
