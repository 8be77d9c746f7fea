//! `pexd init`: a new network's files.

use super::{Failure, NextStep, print};
use crate::config::value::Setting;
use crate::config::{CreateError, Home, NewNetwork, create_network, reachable_as};
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
}

#[derive(Clone, Debug)]
struct Seeds(Vec<PeerAddress>);

fn seeds(text: &str) -> Result<Seeds, String> {
    Setting::from_text(text).map(Seeds)
}

pub(super) fn run(home: &Home, args: Args) -> Result<NextStep, Failure> {
    let seeds = args.seeds.map(|seeds| seeds.0).unwrap_or_default();
    let new = NewNetwork { moniker: args.moniker, seeds, seed_mode: args.seed_mode, shared: None };
    let created = create_network(home, &args.chain_id, &new).map_err(|error| match error {
        CreateError::ChainId(..) | CreateError::Moniker(_) => Failure::InvalidInput(error.to_string()),
        _ => Failure::failed(error),
    })?;
    print(&format!("{}@{}\n", created.id, reachable_as(created.laddr)))
}
