//! `pexd completions`: what a shell needs to complete pexd's commands.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::{Cli, Failure, NextStep, print};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<NextStep, Failure> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "pexd", &mut script);
    print(&String::from_utf8_lossy(&script))
}
