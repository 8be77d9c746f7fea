//! `pexd start`: the configuration, or all that is wrong with it, before anything is bound.

use super::overrides::Overrides;
use super::{Failure, NextStep, warn};
use crate::config::{self, Home};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    overrides: Overrides,
}

pub(super) fn run(home: Home, args: Args) -> Result<NextStep, Failure> {
    let config = config::load(&args.overrides.sources(home))?;
    warn(&config.warnings);
    Ok(NextStep::Serve(Box::new(config)))
}
