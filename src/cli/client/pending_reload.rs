//! What a reload of the running pexd would change: the configuration that it runs with, beside what the files say.

use std::fmt::Write as _;
use std::path::Path;

use tonic::Code;

use super::connect::{MAX_ANSWER, Service};
use super::{SessionArgs, open, reason, refused};
use crate::cli::Failure;
use crate::config::{self, Config, Entry, Home, Network};
use crate::proto::pexd::v1::network_service_client::NetworkServiceClient;
use crate::proto::pexd::v1::{
    ConfigEntry, ConfigSource, GetEffectiveConfigRequest, GetEffectiveConfigResponse, ListNetworksRequest, ReactorState,
};

/// Asks the pexd that serves the home. One line a difference, empty when there is none; `None` when no pexd can be asked there, or
/// the one that answers serves another home: all have the same port for the API where nobody chose another.
/// `files` is what the home's files alone say.
///
/// # Errors
/// When it answers and refuses.
pub(in crate::cli) fn pending_reload(home: &Home, files: &Config) -> Result<Option<String>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    match runtime.block_on(ask(home, files)) {
        Ok(text) => Ok(text),
        Err(Failure::Unreachable(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn ask(home: &Home, files: &Config) -> Result<Option<String>, Failure> {
    let session = open(home, SessionArgs::default())?;
    let mut client = NetworkServiceClient::new(session.connect.service().await?).max_decoding_message_size(MAX_ANSWER);
    let list = ListNetworksRequest { page_size: 1_000, ..Default::default() };
    let served = client.list_networks(list).await.map_err(refused)?.into_inner().networks;
    if !served.iter().any(|network| is_in(home, Path::new(&network.folder))) {
        return Ok(None);
    }
    let mut text = String::new();
    let mut process = None;
    for network in &files.networks {
        let running = served.iter().find(|served| served.network == network.chain_id);
        if running.is_some_and(|running| running.state() == ReactorState::Failed && running.node_id.is_empty()) {
            let _ = writeln!(text, "{}: its files are in order now: it would be served", network.chain_id);
            continue;
        }
        let Some(config) = effective(&mut client, &network.chain_id).await? else {
            let _ = writeln!(text, "{}: would be served: it is not now", network.chain_id);
            continue;
        };
        if let Some(running) = running.filter(|running| running.node_id != network.id().to_string()) {
            let _ = writeln!(text, "{}: node ID: {} -> {}", network.chain_id, running.node_id, network.id());
        }
        text += &differences(network, &config.entries);
        process = Some(config.process_entries);
    }
    for broken in &files.broken {
        let _ = writeln!(text, "{}: nothing: its files have errors", broken.name);
    }
    for (entry, now) in pairs(&files.process.entries, &process.unwrap_or_default()) {
        let (key, old, new) = (entry.key.path(), &now.value, &entry.value);
        let _ = writeln!(text, "pexd.toml: {key}: {old:?} -> {new:?} (after a restart of pexd)");
    }
    Ok(Some(text))
}

/// Whether a network's folder is one of this home's.
fn is_in(home: &Home, folder: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    let of = folder.parent().and_then(whole);
    of.is_some() && of == whole(&home.networks_path())
}

/// The configuration of a network; `None` when it is not served.
async fn effective(
    client: &mut NetworkServiceClient<Service>,
    chain_id: &str,
) -> Result<Option<GetEffectiveConfigResponse>, Failure> {
    let request = GetEffectiveConfigRequest { network: chain_id.to_owned() };
    match client.get_effective_config(request).await {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if status.code() == Code::NotFound && reason(&status) == "NETWORK_NOT_FOUND" => Ok(None),
        Err(status) => Err(refused(status)),
    }
}

fn differences(network: &Network, running: &[ConfigEntry]) -> String {
    let mut text = String::new();
    for (entry, now) in pairs(&network.entries, running) {
        let (key, new) = (entry.key.path(), &entry.value);
        let _ = match now.source() {
            ConfigSource::Runtime => writeln!(
                text,
                "{}: {key}: {:?} -> {new:?} in the file; {:?}, set at run time by {}, stays in force",
                network.chain_id, now.configured_value, now.value, now.change_author
            ),
            _ => writeln!(text, "{}: {key}: {:?} -> {new:?}", network.chain_id, now.value),
        };
    }
    text
}

/// The keys of which the files say something else now. What variables and flags of its start say stays in effect.
fn pairs<'a>(files: &'a [Entry], running: &'a [ConfigEntry]) -> Vec<(&'a Entry, &'a ConfigEntry)> {
    let differing = |entry: &'a Entry| {
        let now = running.iter().find(|now| now.key == entry.key.path())?;
        let before = match now.source() {
            ConfigSource::Environment | ConfigSource::Flag => return None,
            ConfigSource::Runtime => &now.configured_value,
            _ => &now.value,
        };
        (!config::is_same(entry.key, before, &entry.value)).then_some((entry, now))
    };
    files.iter().filter_map(differing).collect()
}
