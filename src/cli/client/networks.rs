//! `pexd network`: the networks that are served, and their configuration.

use std::fmt::Write as _;

use clap::Subcommand;

use super::connect::{MAX_ANSWER, Service};
use super::{Session, pages, per_network, refused, refused_of_all};
use crate::cli::Failure;
use crate::cli::confirm::confirm;
use crate::cli::humanize::{ago, or_dash, word, yes};
use crate::cli::table::{Cell, CellColour, cell, coloured, column, table};
use crate::proto::pexd::v1::network_service_client::NetworkServiceClient;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{
    AddNetworkRequest, ConfigEntry, GetEffectiveConfigRequest, GetEffectiveConfigResponse, LifecycleResult,
    ListNetworksRequest, ListNetworksResponse, Network, NewNetwork, ReactorState, ReloadNetworkRequest,
    ReloadNetworkResponse, RemoveNetworkRequest, RemoveNetworkResponse, ResetConfigRequest, SetConfigRequest,
    StartRequest, StopRequest,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the networks that are served
    List,
    /// Serve one more network: one whose folder is there, or with --new another one
    Add {
        /// The chain ID
        chain_id: String,
        /// Make its folder
        #[arg(long)]
        new: bool,
        /// Nodes to ask for addresses: id@host:port, comma-separated
        #[arg(long, value_name = "LIST", requires = "new", value_delimiter = ',')]
        seeds: Vec<String>,
        /// Crawl the network and answer with addresses, as a seed does
        #[arg(long, requires = "new")]
        seed_mode: bool,
        /// The name that peers see
        #[arg(long, value_name = "NAME", requires = "new", default_value = "")]
        moniker: String,
        /// Share identity and listener with this network
        #[arg(long, value_name = "CHAIN_ID", requires = "new", default_value = "")]
        share_listener_with: String,
        /// Leave its reactor stopped
        #[arg(long)]
        stopped: bool,
    },
    /// Stop serving a network
    Remove {
        /// The chain ID
        chain_id: String,
        /// Also delete its folder with configuration, book and bans; there is no way back. The key is kept in the home
        #[arg(long)]
        delete_data: bool,
        /// Do not ask whether it is meant
        #[arg(long)]
        yes: bool,
    },
    /// Read a network's file again; serve it when its folder has come since pexd was started
    Reload,
    /// Show the value of every key, and where it comes from
    Config {
        /// Only keys with this text in their name
        key: Option<String>,
        /// Only what is not a default
        #[arg(long)]
        changed: bool,
    },
    /// Change a key at run time, over the file
    Set {
        /// Such as p2p.max_num_inbound_peers
        key: String,
        /// As in a file, without quotes
        value: String,
    },
    /// Take a run-time change of a key back
    Reset {
        /// The key
        key: String,
    },
    /// Start the reactor
    Start,
    /// Stop the reactor
    Stop,
}

async fn client(session: &Session) -> Result<NetworkServiceClient<Service>, Failure> {
    Ok(NetworkServiceClient::new(session.connect.service().await?).max_decoding_message_size(MAX_ANSWER))
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    let network = session.network();
    match args.command {
        What::List => list(session).await,
        What::Add { chain_id, new, seeds, seed_mode, moniker, share_listener_with, stopped } => {
            let new_network = new.then_some(NewNetwork { seeds, seed_mode, moniker, share_listener_with });
            let request = AddNetworkRequest { network: chain_id, new_network, stopped };
            let answer = client(session).await?.add_network(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, |answer| format!("{}\n", answer.node_address))?;
            per_network::noted(&answer.unsaved_reason)
        }
        What::Remove { chain_id, delete_data, yes } => {
            confirm(&removal(&chain_id, delete_data), yes)?;
            let request = RemoveNetworkRequest { network: chain_id, delete_data };
            let answer = client(session).await?.remove_network(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, removed)?;
            per_network::noted(&answer.unsaved_reason)
        }
        What::Reload => {
            let request = ReloadNetworkRequest { network };
            let answer = client(session).await?.reload_network(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, reloaded)
        }
        What::Config { key, changed } => config(session, key.unwrap_or_default(), changed).await,
        What::Set { key, value } => {
            let request = SetConfigRequest { network, key, value };
            let answer = client(session).await?.set_config(request).await.map_err(refused)?.into_inner();
            session
                .output
                .show(&answer, |answer| per_network::change(answer.result.as_ref(), "changed", "it was so already"))?;
            per_network::settle(&answer.result, &[])
        }
        What::Reset { key } => {
            let request = ResetConfigRequest { network, key };
            let answer = client(session).await?.reset_config(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, |answer| {
                per_network::change(answer.result.as_ref(), "as the file has it", "it was as the file has it")
            })?;
            per_network::settle(&answer.result, &[])
        }
        What::Start => {
            let mut client = ReactorServiceClient::new(session.connect.service().await?);
            let answer = client.start(StartRequest { network }).await.map_err(refused_of_all)?.into_inner();
            session.output.show(&answer, |answer| lifecycle(&answer.results))?;
            per_network::all_did(&answer.failures)
        }
        What::Stop => {
            let mut client = ReactorServiceClient::new(session.connect.service().await?);
            let answer = client.stop(StopRequest { network }).await.map_err(refused_of_all)?.into_inner();
            session.output.show(&answer, |answer| lifecycle(&answer.results))?;
            per_network::all_did(&answer.failures)
        }
    }
}

/// What is asked before a network is removed.
fn removal(chain_id: &str, delete_data: bool) -> String {
    let folder = match delete_data {
        true => {
            "its folder with configuration, book, bans and audit is deleted, and there is no way back (its key is kept in the home)"
        }
        false => "its folder is kept, and no restart serves it again until `pexd network add` does",
    };
    format!("pexd stops serving {chain_id}, its peers are disconnected, and {folder}")
}

fn removed(answer: &RemoveNetworkResponse) -> String {
    match (answer.kept_folder.as_str(), answer.kept_key_file.as_str()) {
        ("", "") => "removed, its folder deleted\n".to_owned(),
        ("", key) => format!("removed, its folder deleted; its key is {key}\n"),
        (kept, _) => format!("removed, {kept} is kept\n"),
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let client = client(session).await?;
    let fetch = |page_size, page_token| {
        let mut client = client.clone();
        async move { client.list_networks(ListNetworksRequest { page_size, page_token }).await }
    };
    pages::collect(usize::MAX, fetch).await?.show(session, "networks", |answer: &ListNetworksResponse| {
        let columns = [
            column("NETWORK"),
            column("STATE"),
            column("MODE").spare(3),
            column("NODE ID").spare(4),
            column("LISTEN ADDRESS"),
            column("DEFAULT").spare(2),
            column("FOLDER").spare(1),
        ];
        table(columns, answer.networks.iter().map(row))
    })
}

fn row(network: &Network) -> [Cell; 7] {
    let colour = match network.state() {
        ReactorState::Running => CellColour::Good,
        ReactorState::Failed => CellColour::Bad,
        _ => CellColour::Doubtful,
    };
    [
        cell(&network.network),
        coloured(word(network.state().as_str_name(), "REACTOR_STATE_"), colour),
        cell(word(network.mode().as_str_name(), "REACTOR_MODE_")),
        cell(&network.node_id),
        cell(&network.listen_address),
        cell(yes(network.is_default)),
        cell(or_dash(&network.folder)),
    ]
}

fn reloaded(answer: &ReloadNetworkResponse) -> String {
    let mut text = String::new();
    for change in &answer.changes {
        let how = if change.live { "" } else { " (by a restart of the network)" };
        let _ = writeln!(text, "{}: {:?} -> {:?}{how}", change.key, change.old_value, change.new_value);
    }
    if answer.changes.is_empty() {
        text.push_str(if answer.restarted { "started\n" } else { "nothing changed\n" });
    }
    for hidden in &answer.hidden_changes {
        let _ = writeln!(text, "not in effect: {}", hidden.text);
    }
    for warning in &answer.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}

async fn config(session: &Session, key: String, changed: bool) -> Result<(), Failure> {
    let request = GetEffectiveConfigRequest { network: session.network() };
    let answer = client(session).await?.get_effective_config(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, |answer: &GetEffectiveConfigResponse| {
        let entries = answer.process_entries.iter().chain(&answer.entries);
        let wanted = |entry: &&ConfigEntry| {
            entry.key.contains(&key) && (!changed || !entry.origin.is_empty() || !entry.change_author.is_empty())
        };
        let row = |entry: &ConfigEntry| {
            let by = if entry.change_author.is_empty() {
                or_dash(&entry.origin).to_owned()
            } else {
                let at = ago(entry.change_time.as_ref());
                format!("{} ({at}), file: {}", entry.change_author, or_dash(&entry.configured_value))
            };
            [
                cell(&entry.key),
                cell(or_dash(&entry.value)),
                cell(word(entry.source().as_str_name(), "CONFIG_SOURCE_")),
                cell(by),
                cell(changed_by(&entry.key, entry.can_change)),
            ]
        };
        let columns = [
            column("KEY"),
            column("VALUE").prose(),
            column("SOURCE"),
            column("ORIGIN").spare(2),
            column("CHANGED BY").spare(1),
        ];
        let text = table(columns, entries.filter(wanted).map(row));
        if answer.immutable { text + "immutable: the file forbids changes at run time\n" } else { text }
    })
}

fn lifecycle(results: &[LifecycleResult]) -> String {
    let line = |result: &LifecycleResult| {
        let status = result.status.clone().unwrap_or_default();
        let state = word(status.state().as_str_name(), "REACTOR_STATE_");
        format!("{}: {state}{}\n", status.network, if result.changed { "" } else { " already" })
    };
    results.iter().map(line).collect()
}

/// The command that changes a key while pexd runs.
fn changed_by(key: &str, can_change: bool) -> &'static str {
    match key {
        "p2p.seeds" => "seeds",
        "p2p.persistent_peers" | "p2p.unconditional_peer_ids" | "p2p.private_peer_ids" => "peers",
        "log.level" => "log-level",
        _ if can_change => "set",
        _ => "file",
    }
}
