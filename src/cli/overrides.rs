//! Flags for keys of the files, made of the table of keys.

use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches};

use super::variables;
use crate::config::value::Shape;
use crate::config::{Home, Key, Sources, keys};

/// Keys given as flags, and the network that they are for.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides {
    network: Option<String>,
    given: Vec<(&'static Key, String)>,
}

impl Overrides {
    /// The sources of a configuration: this home, these flags and the environment.
    pub(super) fn sources(self, home: Home) -> Sources {
        Sources { home, network: self.network, variables: variables(), flags: self.given }
    }
}

fn flagged() -> impl Iterator<Item = &'static Key> {
    keys::all_keys().filter(|key| key.flag)
}

fn arg(key: &'static Key) -> Arg {
    let path = key.path();
    let help: Vec<&str> = key.doc_lines().collect();
    let arg = Arg::new(path.clone())
        .long(path.clone())
        .value_name(key.kind.placeholder)
        .action(ArgAction::Set)
        .help(help.join(" "))
        .help_heading(if keys::is_network_key(key) { "A network's keys" } else { "The process's keys" });
    // CometBFT writes its own flags with either mark.
    let arg = if path.contains('_') { arg.alias(path.replace('_', "-")) } else { arg };
    match key.kind.shape {
        Shape::Bool => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Shape::Integer | Shape::Duration | Shape::Text => arg.allow_hyphen_values(true),
    }
}

impl clap::Args for Overrides {
    fn augment_args(command: Command) -> Command {
        let network = Arg::new("network")
            .long("network")
            .value_name("CHAIN_ID")
            .env("PEXD_NETWORK")
            .help("The network that flags and variables of a network's keys are for, when there are several");
        command.arg(network).args(flagged().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Overrides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut overrides = Overrides::default();
        overrides.update_from_arg_matches(matches)?;
        Ok(overrides)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.network = matches.get_one::<String>("network").filter(|name| !name.is_empty()).cloned();
        let value = |key: &'static Key| matches.get_one::<String>(&key.path()).map(|text| (key, text.clone()));
        self.given = flagged().filter_map(value).collect();
        Ok(())
    }
}
