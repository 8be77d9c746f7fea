//! `pexd gen-node-key`: a key for a network whose other files are there, from a repository of configurations for example.

use super::{Failure, NextStep, print};
use crate::config::{Home, chain_id, node_key};
use crate::file_owner::FileOwner;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The network's folder in `networks`: its chain ID
    #[arg(value_name = "CHAIN_ID")]
    network: String,
}

/// Makes `node_key.json` where there is none, and prints the ID.
pub(super) fn run(home: &Home, args: &Args) -> Result<NextStep, Failure> {
    chain_id::check(&args.network).map_err(|error| Failure::InvalidInput(format!("error: {error}")))?;
    let folder = home.network(&args.network).path;
    let (path, key) = (folder.join("node_key.json"), node_key::generate());
    let owner = FileOwner::of(home.path()).map_err(Failure::failed)?;
    let made = node_key::create(&path, &key).and_then(|()| owner.give(&path));
    made.map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
    print(&format!("{}\n", key.id()))
}
