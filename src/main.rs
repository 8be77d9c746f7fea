//! The program: command line in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;
use pexd::cli::{self, Cli, NextStep};
use pexd::types::error_text;
use pexd::{app, localnet};

fn main() -> ExitCode {
    let done = match cli::run(Cli::parse()) {
        Ok(NextStep::Done) => Ok(true),
        Ok(NextStep::Serve(config)) => app::run(&config).map(|()| true),
        Ok(NextStep::Localnet(options)) => localnet::run(options),
        Err(failure) => {
            eprintln!("{failure}");
            return ExitCode::from(failure.exit_code());
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", error_text(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
