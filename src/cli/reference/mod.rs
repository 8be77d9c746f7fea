//! The reference pages below docs/, printed: each is made of what the program itself goes by.

mod api;
mod faults;

use clap::ValueEnum;

use super::{Failure, NextStep, print};
use crate::config;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which page
    #[arg(value_enum, default_value_t = Page::Configuration)]
    page: Page,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Page {
    /// docs/configuration.md, of the table of keys
    Configuration,
    /// docs/api.md, of the proto files and their comments
    Api,
    /// docs/faults.md, of the list of faults and their consequences
    Faults,
}

pub(super) fn run(args: &Args) -> Result<NextStep, Failure> {
    print(&match args.page {
        Page::Configuration => config::reference(),
        Page::Api => api::reference(),
        Page::Faults => faults::reference(),
    })
}
