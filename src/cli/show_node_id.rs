//! `pexd show-node-id`: who we are in each network.

use std::fmt::Write as _;

use super::{Failure, NextStep, print, warn};
use crate::config::{self, Home, Sources};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The network whose ID to print, alone
    #[arg(long, value_name = "CHAIN_ID", env = "PEXD_NETWORK")]
    network: Option<String>,
}

pub(super) fn run(home: Home, args: Args) -> Result<NextStep, Failure> {
    let network = args.network.filter(|name| !name.is_empty());
    let config = config::load(&Sources { network: network.clone(), ..Sources::files_of(home) })?;
    warn(&config.warnings);
    let config = config.only(network.as_deref())?;
    let mut text = String::new();
    for found in &config.networks {
        if config.networks.len() == 1 {
            let _ = writeln!(text, "{}", found.id());
        } else {
            let _ = writeln!(text, "{} {}", found.chain_id, found.id());
        }
    }
    print(&text)
}
