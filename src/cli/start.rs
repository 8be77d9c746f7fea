//! `pexd start`: the configuration, or all that is wrong with it, before anything is bound.

use super::overrides::Overrides;
use super::{Failure, NextStep, init, variables};
use crate::app;
use crate::config::{self, Config, ConfigErrors, Home};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    overrides: Overrides,
    /// Serve nothing when any network's files have errors, instead of serving the others
    #[arg(long)]
    strict: bool,
}

impl Args {
    /// Where the values come from, and what is read of them.
    pub(super) fn load(self, home: Home) -> Result<Config, ConfigErrors> {
        let strict = self.strict;
        let config = config::load(&self.overrides.sources(home))?;
        if strict { config.strict() } else { Ok(config) }
    }
}

pub(super) fn run(home: Home, args: Args) -> Result<NextStep, Failure> {
    init::from_variables(&home, &variables())?;
    // The log has its warnings.
    let config = args.load(home)?;
    // Files that it names are as much a mistake in the configuration as what stands in it.
    app::check_credentials(&config).map_err(Failure::InvalidInput)?;
    Ok(NextStep::Serve(Box::new(config)))
}
