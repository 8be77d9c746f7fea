//! `pexd backup` and `pexd restore`: whole copies of a network's book, or of the whole home, made and put back.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::{Failure, NextStep, print, variables, warn};
use crate::app::{self, HomeCopy};
use crate::clock::Clock;
use crate::config::{self, Home, Network, Sources};
use crate::store;
use crate::types::{counted, error_text};

/// The arguments of both.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The copy of one network's book
    #[arg(value_name = "FILE", required_unless_present = "all", conflicts_with = "all")]
    file: Option<PathBuf>,

    /// The network whose book it is; not needed when there is one
    #[arg(long, value_name = "CHAIN_ID", env = "PEXD_NETWORK")]
    network: Option<String>,

    /// A folder for all of the home: configuration, tokens, and each network's key and book
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
}

/// The arguments of a restore.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    args: Args,

    /// With --all: replace files that are there and differ; they are moved aside
    #[arg(long, requires = "all")]
    overwrite: bool,
}

/// Writes a copy, whether pexd runs or not.
pub(super) fn back_up(home: Home, args: Args) -> Result<NextStep, Failure> {
    let Args { file, network, all } = args;
    if let Some(folder) = all {
        let copy = app::back_up_home(&sources(&home, &home, network)?, &folder).map_err(failed)?;
        tell(&copy);
        if copy.failed > 0 {
            let text = format!("{}: the backup lacks what could not be copied (see above)", folder.display());
            return Err(Failure::Failed(text));
        }
        return print(&format!("{} was copied to {}: {}\n", home.path().display(), folder.display(), counts(&copy)));
    }
    let (Some(file), network) = (file, self::network(home, network)?) else { return Ok(NextStep::Done) };
    store::back_up(&network.book, &file).map_err(Failure::failed)?;
    print(&format!("{} was copied to {}\n", network.book.display(), file.display()))
}

/// Puts a copy in the book's place, or a backup in the home's; pexd must not run.
pub(super) fn restore(home: Home, args: RestoreArgs) -> Result<NextStep, Failure> {
    let RestoreArgs { args: Args { file, network, all }, overwrite } = args;
    let stamp = Clock.now().wall.as_millis().unsigned_abs() / 1_000;
    if let Some(folder) = all {
        let folder = std::path::absolute(folder).map_err(Failure::failed)?;
        let sources = sources(&home, &Home::new(&folder), network)?;
        let copy = app::restore_home(&sources, &folder, overwrite, stamp).map_err(failed)?;
        tell(&copy);
        let mut text = format!("{} is now what {} was: {}\n", home.path().display(), folder.display(), counts(&copy));
        for (network, mark) in &copy.brought_back {
            let _ = writeln!(
                text,
                "{network} had been removed from pexd; the next start serves it again: the mark of its removal was moved to {}",
                mark.display()
            );
        }
        return print(&text);
    }
    let (Some(file), network) = (file, self::network(home, network)?) else { return Ok(NextStep::Done) };
    let old = store::restore(&file, &network.book, &network.chain_id, stamp).map_err(Failure::failed)?;
    let mut text = format!("{} is now what {} was\n", network.book.display(), file.display());
    if let Some(old) = old {
        text += &format!("the old book was moved to {}\n", old.display());
    }
    print(&text)
}

/// What a home's files and the variables say. Variables of a network's keys are for the one that is named, or the only one of
/// `folders`.
fn sources(home: &Home, folders: &Home, network: Option<String>) -> Result<Sources, Failure> {
    let mut folders = folders.networks().map_err(Failure::failed)?;
    let only = (folders.len() == 1).then(|| folders.remove(0).name);
    let network = network.filter(|name| !name.is_empty()).or(only);
    Ok(Sources { network, variables: variables(), ..Sources::files_of(home.clone()) })
}

fn failed(error: anyhow::Error) -> Failure {
    Failure::Failed(error_text(error.as_ref()))
}

/// What there is to say beside the counts.
fn tell(copy: &HomeCopy) {
    for note in &copy.notes {
        // There is no reader when standard error is closed.
        let _ = writeln!(io::stderr(), "{note}");
    }
}

fn counts(copy: &HomeCopy) -> String {
    format!("{}, of which {}", counted(copy.files, "file"), counted(copy.books, "book"))
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
                "error: there are several networks: add --network, one of {} (or --all DIR for all of the home)",
                names.join(", ")
            )))
        }
    }
}
