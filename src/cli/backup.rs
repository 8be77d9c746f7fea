//! `pexd backup` and `pexd restore`: whole copies of a network's book, made and put back.

use std::path::PathBuf;

use super::{Failure, NextStep, print, variables, warn};
use crate::clock::Clock;
use crate::config::{self, Home, Network, Sources};
use crate::store;

/// The arguments of both.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The copy
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The network whose book it is; not needed when there is one
    #[arg(long, value_name = "CHAIN_ID", env = "PEXD_NETWORK")]
    network: Option<String>,
}

/// Writes a copy, whether pexd runs or not.
pub(super) fn back_up(home: Home, args: Args) -> Result<NextStep, Failure> {
    let network = network(home, args.network)?;
    store::back_up(&network.book, &args.file).map_err(Failure::failed)?;
    print(&format!("{} was copied to {}\n", network.book.display(), args.file.display()))
}

/// Puts a copy in the book's place; pexd must not run.
pub(super) fn restore(home: Home, args: Args) -> Result<NextStep, Failure> {
    let network = network(home, args.network)?;
    let stamp = Clock.now().wall.as_millis().unsigned_abs() / 1_000;
    let old = store::restore(&args.file, &network.book, &network.chain_id, stamp).map_err(Failure::failed)?;
    let mut text = format!("{} is now what {} was\n", network.book.display(), args.file.display());
    if let Some(old) = old {
        text += &format!("the old book was moved to {}\n", old.display());
    }
    print(&text)
}

fn network(home: Home, name: Option<String>) -> Result<Network, Failure> {
    let name = name.filter(|name| !name.is_empty());
    // As `start` reads them: the book may be elsewhere.
    let config = config::load(&Sources { network: name.clone(), variables: variables(), ..Sources::files_of(home) })?;
    warn(&config.warnings);
    let mut networks = config.only(name.as_deref())?.networks;
    match networks.len() {
        1 => Ok(networks.remove(0)),
        _ => {
            let names: Vec<_> = networks.iter().map(|network| network.chain_id.as_str()).collect();
            Err(Failure::InvalidInput(format!(
                "error: there are several networks: add --network, one of {}",
                names.join(", ")
            )))
        }
    }
}
