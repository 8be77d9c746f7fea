//! The command line: one file a command.

mod backup;
mod check_config;
mod check_seeds;
mod client;
mod completions;
mod confirm;
mod gen_node_key;
mod humanize;
mod init;
mod localnet;
mod output;
mod overrides;
mod reference;
mod seed_check_report;
mod show_node_id;
mod start;
mod table;
mod token;

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigErrors, Diagnostic, Home};

/// A peer-exchange node for CometBFT networks.
#[derive(Debug, Parser)]
#[command(name = "pexd", version = crate::version::with_commit(), about, max_term_width = 100)]
pub struct Cli {
    /// The folder with pexd.toml and the networks [default: ~/.pexd]
    #[arg(long, global = true, value_name = "DIR", env = "PEXD_HOME")]
    home: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a network's files and print its id@address
    Init(init::Args),
    /// Serve all networks of the home
    Start(start::Args),
    /// Check the configuration as start would, and show what a reload would change
    CheckConfig(start::Args),
    /// Show it all on loopback: a seed that finds twenty nodes among addresses that lead nowhere
    Localnet(localnet::Args),
    /// Look at the seeds of a configuration: alive, the right node, the right chain, any addresses? Needs no pexd running
    CheckSeeds(check_seeds::Args),
    /// Print the node ID of each network
    ShowNodeId(show_node_id::Args),
    /// Make the node key of a network whose other files are there, and print its ID
    GenNodeKey(gen_node_key::Args),
    /// Make, show and remove the tokens by which others may use the admin API
    Token(token::Args),
    /// Write a whole copy of a network's book (addresses, bans, changes, audit) or of the whole home, also while pexd runs
    Backup(backup::Args),
    /// Put such a copy in the book's place, or the home's; pexd must not run
    Restore(backup::RestoreArgs),
    #[command(flatten)]
    Client(Box<client::Command>),
    /// Print a script that completes pexd's commands in your shell
    Completions(completions::Args),
    /// Print a reference page
    #[command(hide = true)]
    Reference(reference::Args),
}

/// What is left to do when a command has run.
#[derive(Debug)]
pub enum NextStep {
    /// Nothing.
    Done,
    /// Serve these networks until a signal stops it.
    Serve(Box<Config>),
    /// Run the demo.
    Localnet(crate::localnet::Options),
}

/// A whole number on the command line.
fn whole_number<T: FromStr + PartialOrd + Display>(text: &str, from: T, to: T) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| (&from..=&to).contains(&number));
    number.ok_or_else(|| format!("write a whole number from {from} to {to}"))
}

/// Why a command failed; its text is for standard error.
#[derive(Debug)]
pub enum Failure {
    /// The command line or the configuration has errors: exit code 2.
    InvalidInput(String),
    /// Something went wrong: exit code 1.
    Failed(String),
    /// What was looked at is definitely wrong: exit code 3.
    Definite(String),
    /// What was looked at may be wrong or not: exit code 4.
    Inconclusive(String),
    /// No pexd can be reached, or it does not answer in time: exit code 5.
    Unreachable(String),
    /// The caller may not do that, or did not authenticate: exit code 6.
    NotAllowed(String),
    /// There is no such thing: exit code 7.
    NotFound(String),
    /// A precondition fails that must be fixed first: exit code 8.
    Precondition(String),
    /// Networks need attention: exit code 9.
    Sick(String),
    /// It is done, and not on disk: exit code 10.
    Unsaved(String),
}

impl Failure {
    /// The process's exit code.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Failure::Failed(_) => 1,
            Failure::InvalidInput(_) => 2,
            Failure::Definite(_) => 3,
            Failure::Inconclusive(_) => 4,
            Failure::Unreachable(_) => 5,
            Failure::NotAllowed(_) => 6,
            Failure::NotFound(_) => 7,
            Failure::Precondition(_) => 8,
            Failure::Sick(_) => 9,
            Failure::Unsaved(_) => 10,
        }
    }

    fn failed(error: impl Display) -> Self {
        Failure::Failed(error.to_string())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Failure::InvalidInput(text)
        | Failure::Failed(text)
        | Failure::Definite(text)
        | Failure::Inconclusive(text)
        | Failure::Unreachable(text)
        | Failure::NotAllowed(text)
        | Failure::NotFound(text)
        | Failure::Precondition(text)
        | Failure::Sick(text)
        | Failure::Unsaved(text)) = self;
        f.write_str(text)
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Failure::InvalidInput(errors.to_string())
    }
}

/// Runs one command.
///
/// # Errors
/// What to show the user, and the exit code that it means.
pub fn run(cli: Cli) -> Result<NextStep, Failure> {
    match cli.command {
        Command::Init(args) => init::run(&home(cli.home)?, args),
        Command::Start(args) => start::run(home(cli.home)?, args),
        Command::CheckConfig(args) => check_config::run(home(cli.home)?, args),
        Command::Localnet(args) => Ok(localnet::run(&args)),
        Command::CheckSeeds(args) => check_seeds::run(args),
        Command::ShowNodeId(args) => show_node_id::run(home(cli.home)?, args),
        Command::GenNodeKey(args) => gen_node_key::run(&home(cli.home)?, &args),
        Command::Backup(args) => backup::back_up(home(cli.home)?, args),
        Command::Restore(args) => backup::restore(home(cli.home)?, args),
        Command::Token(args) => token::run(&home(cli.home)?, args),
        Command::Client(command) => client::run(&home(cli.home)?, *command),
        Command::Completions(args) => completions::run(&args),
        Command::Reference(args) => reference::run(&args),
    }
}

fn home(given: Option<PathBuf>) -> Result<Home, Failure> {
    let path = given.filter(|path| !path.as_os_str().is_empty()).or_else(Home::default_path);
    let path = path.ok_or_else(|| Failure::InvalidInput("no home folder: give --home or set PEXD_HOME".into()))?;
    // Messages and a later change of the working folder need the whole path.
    std::path::absolute(path).map(Home::new).map_err(Failure::failed)
}

/// The environment's variables that are ours, for [`config::Sources`].
fn variables() -> Vec<(String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let ours = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    ours.filter(|(name, _)| name.starts_with("PEXD_")).collect()
}

/// Tells what works and is probably not meant, once.
fn warn(notes: &[Diagnostic]) {
    for note in notes {
        // There is no reader when standard error is closed.
        let _ = writeln!(io::stderr(), "warning: {note}");
    }
}

fn print(text: &str) -> Result<NextStep, Failure> {
    output::say(text)?;
    Ok(NextStep::Done)
}
