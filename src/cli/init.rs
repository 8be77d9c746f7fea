//! `pexd init`: a new network's files; and what `pexd start` makes of variables where there is no network.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use super::{Failure, NextStep, print};
use crate::config::value::{ExternalAddress, Setting};
use crate::config::{
    self, CreateError, Created, Home, NewNetwork, SharedListener, create_or_complete_network, node_key, reachable_as,
};
use crate::types::PeerAddress;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The chain's ID, as its genesis.json has it
    chain_id: String,

    /// Nodes to ask for addresses: id@host:port, comma-separated
    #[arg(long, value_name = "LIST", value_parser = seeds)]
    seeds: Option<Seeds>,

    /// Crawl the network and answer with addresses, as a seed does
    #[arg(long)]
    seed_mode: bool,

    /// The node's name, as peers see it [default: the host's name]
    #[arg(long, value_name = "NAME")]
    moniker: Option<String>,

    /// Where it listens for peers [default: the first port from 26656 on that nobody has]
    #[arg(long, value_name = "ADDRESS", value_parser = SocketAddr::from_text)]
    laddr: Option<SocketAddr>,

    /// The host:port that others dial, and that is advertised to peers
    #[arg(long, value_name = "HOST:PORT", value_parser = external_address)]
    external_address: Option<ExternalAddress>,

    /// Listen where this network of the home does, under its node key, so that both are published as one id@host:port
    #[arg(long, value_name = "CHAIN_ID", conflicts_with = "laddr")]
    share_listener_with: Option<String>,

    /// Do nothing when the network is there already, and succeed
    #[arg(long)]
    if_missing: bool,
}

#[derive(Clone, Debug)]
struct Seeds(Vec<PeerAddress>);

fn seeds(text: &str) -> Result<Seeds, String> {
    Setting::from_text(text).map(Seeds)
}

fn external_address(text: &str) -> Result<ExternalAddress, String> {
    Option::<ExternalAddress>::from_text(text)?.ok_or_else(|| "is empty: write host:port".to_owned())
}

pub(super) fn run(home: &Home, args: Args) -> Result<NextStep, Failure> {
    let folder = home.network(&args.chain_id);
    if folder.is_removed() {
        let (chain_id, mark) = (&args.chain_id, folder.removal_mark());
        return Err(Failure::Precondition(format!(
            "{chain_id} is there and was removed from pexd: `pexd network add {chain_id}` serves it again, or delete {} before \
             the next start",
            mark.display()
        )));
    }
    if args.if_missing && folder.config_file().exists() {
        return there_already(home, &args.chain_id);
    }
    let shared = args.share_listener_with.map(|other| listener_of(home, &other)).transpose()?;
    let new = NewNetwork {
        moniker: args.moniker,
        seeds: args.seeds.map(|seeds| seeds.0).unwrap_or_default(),
        seed_mode: args.seed_mode,
        laddr: args.laddr,
        external_address: args.external_address,
        shared,
    };
    let created = make(home, &args.chain_id, &new)?;
    print(&format!("{}\n", published(&created, &new)))
}

/// Makes the network, and says so when it knows nobody to ask.
fn make(home: &Home, chain_id: &str, new: &NewNetwork) -> Result<Created, Failure> {
    let created = create_or_complete_network(home, chain_id, new).map_err(|error| match error {
        CreateError::ChainId(..) | CreateError::Moniker(_) | CreateError::Taken { .. } => {
            Failure::InvalidInput(error.to_string())
        }
        _ => Failure::failed(error),
    })?;
    if let Some(key) = &created.kept_key {
        say(&format!("{chain_id} has the node key that was there, {}: its node ID is {}", key.display(), created.id));
        if node_key::is_open_to_others(key) {
            say(&format!("others can read this secret: chmod 600 {}", key.display()));
        }
    }
    if new.seeds.is_empty() {
        let file = created.folder.config_file();
        say(&format!(
            "{chain_id} has no seeds, and nobody to ask for addresses: it does not start before it knows somebody; set p2p.seeds \
             in {}, or use `pexd seeds add` once pexd runs",
            file.display()
        ));
    }
    Ok(created)
}

/// What others put into their `seeds` line, as far as it is known.
fn published(created: &Created, new: &NewNetwork) -> String {
    let shared =
        new.shared.as_ref().map(|shared| shared.external_address.clone()).filter(|address| !address.is_empty());
    let external = new.external_address.as_ref().map(ExternalAddress::to_listen_addr).or(shared);
    format!("{}@{}", created.id, external.unwrap_or_else(|| reachable_as(created.laddr).to_string()))
}

/// Prints what `init` would have printed, as far as the files can be read.
fn there_already(home: &Home, chain_id: &str) -> Result<NextStep, Failure> {
    let folder = home.network(chain_id);
    say(&format!("{chain_id} is there already, in {}: nothing was changed", folder.path.display()));
    match config::load_one(&folder) {
        Ok((network, _)) => print(&format!("{}\n", network.node_address())),
        // Its errors are for start to tell.
        Err(_) => Ok(NextStep::Done),
    }
}

/// The listener of a network of the home.
fn listener_of(home: &Home, name: &str) -> Result<SharedListener, Failure> {
    let folders = home.networks().map_err(Failure::failed)?;
    let mut known = Vec::new();
    for folder in folders {
        let loaded = config::load_one(&folder);
        let is_named = folder.name == name || loaded.as_ref().is_ok_and(|(network, _)| network.chain_id == name);
        if is_named {
            return loaded.map(|(network, _)| SharedListener::of(&network)).map_err(Failure::from);
        }
        known.push(folder.name);
    }
    let known = if known.is_empty() { "it has none".to_owned() } else { format!("choose one of {}", known.join(", ")) };
    Err(Failure::InvalidInput(format!("error: --share-listener-with {name:?} is not a network of this home: {known}")))
}

/// Makes the network that the variables `PEXD_INIT_...` describe when the home has none: what a container has in the place of
/// a command before its first start. At later starts they have no effect.
pub(super) fn from_variables(home: &Home, variables: &[(String, String)]) -> Result<(), Failure> {
    let value =
        |name| variables.iter().find(|(given, _)| given == name).map(|(_, value)| value).filter(|v| !v.is_empty());
    let Some(chain_id) = value("PEXD_INIT_CHAIN_ID") else { return Ok(()) };
    let folders = home.networks().map_err(Failure::failed)?;
    let networks: Vec<_> = folders.iter().filter(|folder| folder.config_file().exists()).collect();
    if networks.iter().any(|folder| folder.name == *chain_id) {
        return Ok(());
    }
    if !networks.is_empty() {
        let names: Vec<_> = networks.iter().map(|folder| folder.name.as_str()).collect();
        say(&format!(
            "variable PEXD_INIT_CHAIN_ID has no effect: the home has networks already ({}); make {chain_id} with pexd init",
            names.join(", ")
        ));
        return Ok(());
    }
    let seeds = parsed("PEXD_INIT_SEEDS", value("PEXD_INIT_SEEDS"))?;
    let seed_mode = parsed("PEXD_INIT_SEED_MODE", value("PEXD_INIT_SEED_MODE"))?;
    let external_address = parsed("PEXD_INIT_EXTERNAL_ADDRESS", value("PEXD_INIT_EXTERNAL_ADDRESS"))?;
    let new = NewNetwork {
        moniker: value("PEXD_INIT_MONIKER").cloned(),
        seeds: seeds.unwrap_or_default(),
        seed_mode: seed_mode.unwrap_or(false),
        laddr: parsed("PEXD_INIT_LADDR", value("PEXD_INIT_LADDR"))?,
        external_address: external_address.flatten(),
        shared: None,
    };
    let created = make(home, chain_id, &new)?;
    say(&format!("made the network {chain_id}: {}", published(&created, &new)));
    Ok(())
}

fn parsed<T: Setting>(name: &str, text: Option<&String>) -> Result<Option<T>, Failure> {
    let wrong = |what| Failure::InvalidInput(format!("variable {name}: {what}"));
    text.map(|text| T::from_text(text)).transpose().map_err(wrong)
}

/// To standard error: what `init` prints is for scripts.
fn say(text: &str) {
    // There is no reader when it is closed.
    let _ = writeln!(io::stderr(), "{text}");
}
