//! From a home, the environment and the flags to a configuration, or to all that is wrong with it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::document::{self, GivenValue, Layout};
use super::errors::{ConfigErrors, Diagnostic, Diagnostics, Origin};
use super::home::{Home, NetworkFolder};
use super::keys::Admin;
use super::layers::{self, Resolved};
use super::network::{self, Network};
use super::process::{self, ProcessConfig};
use super::section::Key;
use super::{admin_checks, chain_id, conflicts, files};

/// Where values come from, besides the files of the home.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The home.
    pub home: Home,
    /// The network (its folder's name) that flags and variables for a network are for; needed when there are several.
    pub network: Option<String>,
    /// The environment; what does not begin with `PEXD_` is left alone.
    pub variables: Vec<(String, String)>,
    /// Keys given as flags, with their texts.
    pub flags: Vec<(&'static Key, String)>,
}

impl Sources {
    /// The files of a home, and nothing else.
    pub fn files_of(home: Home) -> Self {
        Sources { home, network: None, variables: Vec::new(), flags: Vec::new() }
    }
}

/// A whole configuration without an error.
#[derive(Clone, Debug)]
pub struct Config {
    /// The home that it was read from.
    pub home: Home,
    /// What it was read from; `network` is the one that the variables and flags for a network were taken for.
    pub sources: Sources,
    /// The process.
    pub process: ProcessConfig,
    /// The networks, by their folders' names; at least one.
    pub networks: Vec<Network>,
    /// What works and is probably not meant, to be reported once.
    pub warnings: Vec<Diagnostic>,
}

/// Reads everything and checks everything.
///
/// # Errors
/// All errors of all sources at once.
pub fn load(sources: &Sources) -> Result<Config, ConfigErrors> {
    let mut notes = Diagnostics::default();
    let (for_process, for_network) = layers::by_file(overrides(sources, &mut notes));

    let process = load_process(&sources.home, for_process, admin_checks::check, &mut notes);
    let folders = folders(&sources.home, &mut notes);
    let target = target(sources, &folders, &for_network, &mut notes);
    let networks: Vec<Network> = folders
        .iter()
        .filter_map(|folder| {
            let overrides = if target == Some(folder.name.as_str()) { for_network.as_slice() } else { &[] };
            load_network(folder, overrides, &mut notes)
        })
        .collect();
    conflicts::check_networks(&process, &networks, &mut notes);
    if networks.len() == folders.len() {
        conflicts::check_default(&process, &networks, &sources.home, &mut notes);
    }
    let home = sources.home.clone();
    let sources = Sources { network: target.map(str::to_owned), ..sources.clone() };
    let (mut config, warnings) =
        notes.finish(|| Some(Config { home, sources, process, networks, warnings: Vec::new() }))?;
    config.warnings = warnings;
    Ok(config)
}

/// Reads one network while the process runs and `others` are served: one that is added, or one whose files changed. The
/// variables and flags that were given at the start stay in effect.
///
/// # Errors
/// All errors of its files, and what it cannot share with the process and the others.
pub fn load_beside<'a>(
    sources: &Sources,
    process: &ProcessConfig,
    others: impl IntoIterator<Item = &'a Network>,
    folder: &NetworkFolder,
) -> Result<(Network, Vec<Diagnostic>), ConfigErrors> {
    let mut for_network = Vec::new();
    if sources.network.as_deref() == Some(folder.name.as_str()) {
        for_network = again(sources).1;
    }
    let mut notes = Diagnostics::default();
    let network = load_network(folder, &for_network, &mut notes);
    if let Some(network) = &network {
        conflicts::check_network(process, others, network, &mut notes);
    }
    notes.finish(|| network)
}

/// Reads what is said of the process again, with the variables and flags of its start: what would hold after a restart.
///
/// # Errors
/// All errors of its file.
pub fn load_process_again(sources: &Sources) -> Result<ProcessConfig, ConfigErrors> {
    let mut notes = Diagnostics::default();
    let process = load_process(&sources.home, again(sources).0, admin_checks::check, &mut notes);
    notes.finish(|| Some(process)).map(|(process, _)| process)
}

/// What variables and flags say: a flag counts more.
fn overrides(sources: &Sources, notes: &mut Diagnostics) -> Vec<GivenValue> {
    let mut given = layers::from_environment(&sources.variables, notes);
    given.extend(layers::from_flags(&sources.flags));
    given
}

/// The same for the process and for the network, without their errors, which were reported at the start.
fn again(sources: &Sources) -> (Vec<GivenValue>, Vec<GivenValue>) {
    layers::by_file(overrides(sources, &mut Diagnostics::default()))
}

/// Reads what is said of the process alone, without asking whether anybody could enter: for those who only want to reach it,
/// or to make the token that is missing.
///
/// # Errors
/// All errors of its file and variables.
pub fn load_process_alone(home: &Home, variables: Vec<(String, String)>) -> Result<ProcessConfig, ConfigErrors> {
    let mut notes = Diagnostics::default();
    // A variable that is not known here is of no concern to a client.
    let given = layers::from_environment(&variables, &mut Diagnostics::default());
    let process = load_process(home, layers::by_file(given).0, |_, _, _| (), &mut notes);
    notes.finish(|| Some(process)).map(|(process, _)| process)
}

/// Reads one network alone, as its files have it.
///
/// # Errors
/// All errors of its files. What it shares with other networks is not checked here.
pub fn load_one(folder: &NetworkFolder) -> Result<(Network, Vec<Diagnostic>), ConfigErrors> {
    let mut notes = Diagnostics::default();
    let network = load_network(folder, &[], &mut notes);
    notes.finish(|| network)
}

fn load_process(
    home: &Home,
    overrides: Vec<GivenValue>,
    check: impl FnOnce(&Admin, &dyn Fn(&str) -> Origin, &mut Diagnostics),
    notes: &mut Diagnostics,
) -> ProcessConfig {
    let file = home.process_file();
    let mut given = read_file(&file, process::LAYOUT, true, notes).unwrap_or_default();
    given.extend(overrides);
    let Resolved { values, origins } = layers::resolve(&given, notes);
    let process = process::build(values, &given, home);
    let origin = |path: &str| origins.get(path).cloned().unwrap_or_else(|| Origin::path(&file));
    check(&process.admin, &origin, notes);
    conflicts::check_listeners(&process, &origin, notes);
    process
}

/// A network without an error; with one, its values say nothing about what it shares with others.
fn load_network(folder: &NetworkFolder, overrides: &[GivenValue], notes: &mut Diagnostics) -> Option<Network> {
    if let Err(error) = chain_id::check(&folder.name) {
        notes.error(Origin::path(&folder.path), format!("the folder does not name a network: {error}"));
        return None;
    }
    let before = notes.errors.len();
    let from_file = read_file(&folder.config_file(), network::LAYOUT, false, notes)?;
    let mut given = from_file.clone();
    given.extend_from_slice(overrides);
    network::warn_of_pasted_limits(&from_file, &given, notes);
    let resolved = layers::resolve(&given, notes);
    network::build(folder, resolved, &given, notes).filter(|_| notes.errors.len() == before)
}

fn read_file(file: &Path, layout: Layout, optional: bool, notes: &mut Diagnostics) -> Option<Vec<GivenValue>> {
    let path: Arc<Path> = file.into();
    match files::read(file) {
        Ok(text) => Some(document::read(&path, &text, layout, notes)),
        Err(error) if optional && error.kind() == io::ErrorKind::NotFound => Some(Vec::new()),
        Err(error) => {
            notes.error(Origin::Path(path), format!("cannot be read: {error}"));
            None
        }
    }
}

/// The networks' folders; one without a file is warned of, none at all is an error.
fn folders(home: &Home, notes: &mut Diagnostics) -> Vec<NetworkFolder> {
    let path = home.networks_path();
    let found = home.networks().unwrap_or_else(|error| {
        notes.error(Origin::path(&path), format!("cannot be read: {error}"));
        Vec::new()
    });
    // What cannot be looked into is read, so that the reason of the failure is reported.
    let may_be = |folder: &NetworkFolder| folder.config_file().try_exists().unwrap_or(true);
    let (with_file, without): (Vec<_>, Vec<_>) = found.into_iter().partition(may_be);
    for folder in without {
        notes.warning(
            Origin::path(&folder.path),
            "has no config.toml and is no network: remove it, or make it with pexd init",
        );
    }
    if with_file.is_empty() {
        notes.error(Origin::path(&path), "there is no network: make one with pexd init CHAIN_ID");
    }
    with_file
}

/// The network that flags and variables are for.
fn target<'a>(
    sources: &Sources,
    folders: &'a [NetworkFolder],
    given: &[GivenValue],
    notes: &mut Diagnostics,
) -> Option<&'a str> {
    let names = || folders.iter().map(|folder| folder.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = &sources.network {
        let found = folders.iter().find(|folder| folder.name == *wanted);
        if found.is_none() && !folders.is_empty() {
            let text = format!("{wanted:?} is not a network of this home: choose one of {}", names());
            notes.error(Origin::Flag("--network".into()), text);
        }
        return found.map(|folder| folder.name.as_str());
    }
    match folders {
        [] => None,
        [only] => Some(&only.name),
        _ => {
            for given in given {
                let text = format!(
                    "{} is a network's, and there are several: say --network with one of {}",
                    given.key.path(),
                    names()
                );
                notes.error(given.origin.clone(), text);
            }
            None
        }
    }
}
