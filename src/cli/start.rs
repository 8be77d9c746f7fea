//! `pexd start`: the configuration, or all that is wrong with it, before anything is bound.

use super::overrides::Overrides;
use super::{Failure, NextStep, init, warn};
use crate::config::{self, Home};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    overrides: Overrides,
    /// Serve nothing when any network's files have errors, instead of serving the others
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(home: Home, args: Args) -> Result<NextStep, Failure> {
    let sources = args.overrides.sources(home);
    init::from_variables(&sources.home, &sources.variables)?;
    let mut config = config::load(&sources)?;
    if args.strict {
        config = config.strict()?;
    }
    warn(&config.warnings);
    Ok(NextStep::Serve(Box::new(config)))
}
