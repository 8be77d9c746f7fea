//! From a home, the environment and the flags to a configuration, or to all that is wrong with it.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::broken_network::BrokenNetwork;
use super::document::{self, GivenValue};
use super::errors::{ConfigErrors, Diagnostic, Diagnostics, Origin};
use super::home::{Home, NetworkFolder};
use super::keys::Admin;
use super::layers::{self, Resolved};
use super::layout::Layout;
use super::network::{self, Network, NetworkFiles};
use super::network_tables::NetworkTables;
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

/// A configuration that can be served: the process without an error, and at least one network without one.
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
    /// The networks that are not served, because their own files have errors.
    pub broken: Vec<BrokenNetwork>,
    /// What works and is probably not meant, to be reported once.
    pub warnings: Vec<Diagnostic>,
}

impl Config {
    /// The network in this folder alone, or without one all of them, when none of these is broken.
    ///
    /// # Errors
    /// Their errors.
    pub fn only(mut self, folder: Option<&str>) -> Result<Self, ConfigErrors> {
        if let Some(name) = folder {
            self.networks.retain(|network| network.folder_name() == name);
            self.broken.retain(|broken| broken.folder.name == name);
        }
        self.strict()
    }

    /// The same when no network is broken.
    ///
    /// # Errors
    /// All errors of all networks.
    pub fn strict(self) -> Result<Self, ConfigErrors> {
        let errors: Vec<_> = self.broken.iter().flat_map(|broken| broken.errors.notes()).cloned().collect();
        if errors.is_empty() { Ok(self) } else { Err(ConfigErrors::of(errors)) }
    }
}

/// Reads everything and checks everything. One network's errors are its own: the others are served without it.
///
/// # Errors
/// All errors of all sources at once, when the process's own are among them or no network is left.
pub fn load(sources: &Sources) -> Result<Config, ConfigErrors> {
    let mut notes = Diagnostics::default();
    let (for_process, for_network) = layers::by_file(overrides(sources, &mut notes));

    let process = load_process(&sources.home, for_process, admin_checks::check, &mut notes);
    let folders = folders(&sources.home, &mut notes);
    let target = target(sources, &folders, &for_network, &mut notes);
    let read = folders.iter().map(|folder| {
        let overrides = if target == Some(folder.name.as_str()) { for_network.as_slice() } else { &[] };
        read_network(folder, overrides)
    });
    let (networks, broken) = sort_out(&process, read.collect(), &mut notes);
    conflicts::check_default(&process, &networks, &broken, &sources.home, &mut notes);
    let home = sources.home.clone();
    let sources = Sources { network: target.map(str::to_owned), ..sources.clone() };
    if networks.is_empty() || !notes.errors.is_empty() {
        notes.errors.extend(broken.iter().flat_map(|broken| broken.errors.notes()).cloned());
    }
    let (mut config, warnings) =
        notes.finish(|| Some(Config { home, sources, process, networks, broken, warnings: Vec::new() }))?;
    config.warnings = warnings;
    Ok(config)
}

/// What was read of a network's files.
struct ReadNetwork {
    folder: NetworkFolder,
    /// The chain ID that the file says, as far as it could be read.
    chain_id: Option<String>,
    network: Option<Network>,
    notes: Diagnostics,
}

fn read_network(folder: &NetworkFolder, overrides: &[GivenValue]) -> ReadNetwork {
    let mut notes = Diagnostics::default();
    let mut chain_id = None;
    let network = load_network(folder, overrides, &mut chain_id, &mut notes);
    ReadNetwork { folder: folder.clone(), chain_id, network, notes }
}

/// Holds the networks against each other and against the process, and parts those that can be served from those that cannot.
/// Of two that want the same, the one that has a book already keeps it, then the one whose file was left alone for longer: a
/// mistake is the newcomer's, or that of whoever was edited last.
fn sort_out(
    process: &ProcessConfig,
    mut read: Vec<ReadNetwork>,
    notes: &mut Diagnostics,
) -> (Vec<Network>, Vec<BrokenNetwork>) {
    read.sort_by_key(|read| {
        let has_book = read.network.as_ref().is_some_and(|network| network.book.exists());
        let edited = std::fs::metadata(read.folder.config_file()).and_then(|meta| meta.modified()).ok();
        (!has_book, edited, read.folder.name.clone())
    });
    let (mut networks, mut broken): (Vec<Network>, Vec<ReadNetwork>) = (Vec::new(), Vec::new());
    for mut read in read {
        notes.warnings.append(&mut read.notes.warnings);
        if let Some(network) = read.network.take_if(|_| read.notes.errors.is_empty()) {
            conflicts::check_network(process, &networks, &network, &mut read.notes);
            if read.notes.errors.is_empty() {
                networks.push(network);
                continue;
            }
        }
        broken.push(read);
    }
    networks.sort_by(|a, b| a.folder_name().cmp(b.folder_name()));
    let mut names: BTreeSet<String> = networks.iter().map(|network| network.chain_id.clone()).collect();
    let mut broken: Vec<_> = broken.into_iter().map(|read| read.broken(&mut names)).collect();
    broken.sort_by(|a, b| a.folder.name.cmp(&b.folder.name));
    (networks, broken)
}

impl ReadNetwork {
    /// `names` are those of all other networks.
    fn broken(self, names: &mut BTreeSet<String>) -> BrokenNetwork {
        let ReadNetwork { folder, chain_id, notes, .. } = self;
        let broken = BrokenNetwork::new(folder, chain_id, ConfigErrors::of(notes.errors), names);
        names.insert(broken.name.clone());
        broken
    }
}

/// Reads one network while the process runs and `others` are served: one that is added, or one whose files changed. The
/// variables and flags that were given at the start stay in effect. `names` are those of all other networks, be they served or
/// broken.
///
/// # Errors
/// All errors of its files, and what it cannot share with the process and the others.
pub fn load_beside<'a>(
    sources: &Sources,
    process: &ProcessConfig,
    others: impl IntoIterator<Item = &'a Network>,
    names: &BTreeSet<String>,
    folder: &NetworkFolder,
) -> Result<(Network, Vec<Diagnostic>), BrokenNetwork> {
    let mut for_network = Vec::new();
    if sources.network.as_deref() == Some(folder.name.as_str()) {
        for_network = again(sources).1;
    }
    let (mut notes, mut chain_id) = (Diagnostics::default(), None);
    let network = load_network(folder, &for_network, &mut chain_id, &mut notes);
    if let Some(network) = &network {
        conflicts::check_network(process, others, network, &mut notes);
        conflicts::check_name(names, network, &mut notes);
    }
    notes.finish(|| network).map_err(|errors| BrokenNetwork::new(folder.clone(), chain_id, errors, names))
}

/// Where the files of a network are that would stand in `folder`, as `config_file` and what was given at the start say.
///
/// # Errors
/// All errors of the file; the files that it names are not looked at.
pub fn network_files(
    sources: &Sources,
    folder: &NetworkFolder,
    config_file: &Path,
) -> Result<NetworkFiles, ConfigErrors> {
    let mut notes = Diagnostics::default();
    let mut given = read_file(config_file, network::LAYOUT, false, &mut notes).unwrap_or_default();
    if sources.network.as_deref() == Some(folder.name.as_str()) {
        given.extend(again(sources).1);
    }
    let resolved: Resolved<NetworkTables> = layers::resolve(&given, &mut notes);
    notes.finish(|| Some(NetworkFiles::of(folder, &resolved.values))).map(|(files, _)| files)
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
    let network = load_network(folder, &[], &mut None, &mut notes);
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

/// A network without an error; with one, its values say nothing about what it shares with others. `chain_id` is what its
/// file says, error or not.
fn load_network(
    folder: &NetworkFolder,
    overrides: &[GivenValue],
    chain_id: &mut Option<String>,
    notes: &mut Diagnostics,
) -> Option<Network> {
    if let Err(error) = chain_id::check(&folder.name) {
        notes.error(Origin::path(&folder.path), format!("the folder does not name a network: {error}"));
        return None;
    }
    let before = notes.errors.len();
    if folder.has_lost_its_file() {
        let text = "has a node key or a book, and no config.toml: copy that back (pexd backup --all has one), or with the node \
                    key alone make it with pexd init";
        notes.error(Origin::path(&folder.path), text);
        return None;
    }
    let from_file = read_file(&folder.config_file(), network::LAYOUT, false, notes)?;
    let mut given = from_file.clone();
    given.extend_from_slice(overrides);
    let last = given.iter().rfind(|given| given.key.path() == "pex.chain_id");
    *chain_id = last.map(|given| given.text.clone());
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
    let found = match home.networks() {
        Ok(found) => found,
        // Whether there is a network is not known then.
        Err(error) => {
            notes.error(Origin::path(&path), format!("cannot be read: {error}"));
            return Vec::new();
        }
    };
    // What cannot be looked into is read, so that the reason of the failure is reported.
    let may_be =
        |folder: &NetworkFolder| folder.config_file().try_exists().unwrap_or(true) || folder.has_lost_its_file();
    let (removed, found): (Vec<_>, Vec<_>) = found.into_iter().partition(NetworkFolder::is_removed);
    let (with_file, without): (Vec<_>, Vec<_>) = found.into_iter().partition(may_be);
    for folder in without {
        notes.warning(
            Origin::path(&folder.path),
            "has no config.toml, node key or book, and is no network: make it with pexd init",
        );
    }
    if with_file.is_empty() {
        let removed = removed.first().map(|folder| {
            let (name, mark) = (&folder.name, folder.removal_mark());
            format!(", or delete {} to have {name}, which was removed, served again", mark.display())
        });
        let removed = removed.unwrap_or_default();
        let text = format!(
            "there is no network: make one with pexd init CHAIN_ID (in a container: set PEXD_INIT_CHAIN_ID){removed}"
        );
        notes.error(Origin::path(&path), text);
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
