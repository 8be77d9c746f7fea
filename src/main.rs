//! The program: command line in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;
use pexd::cli::{self, Cli, Outcome};

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Serve(config)) => {
            for network in &config.networks {
                println!("{} {}@{}", network.chain_id, network.id(), network.announced_address());
            }
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
