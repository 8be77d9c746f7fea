//! Defaults, then the file, then the environment, then the flags: the last one counts, and each is checked.

use std::collections::BTreeMap;

use super::document::GivenValue;
use super::errors::{Diagnostics, Origin};
use super::keys::{all_keys, is_network_key};
use super::nearest_key::nearest;
use super::section::Key;

/// What every variable of ours begins with.
const PREFIX: &str = "PEXD_";

/// Variables that are no keys of a file: the home, the network that the others are for, how clients reach pexd, and the network
/// that `pexd start` makes where there is none.
const OTHER_VARIABLES: [&str; 14] = [
    "PEXD_HOME",
    "PEXD_NETWORK",
    "PEXD_SERVER",
    "PEXD_TOKEN",
    "PEXD_TOKEN_FILE",
    "PEXD_CA_FILE",
    "PEXD_CERT_FILE",
    "PEXD_KEY_FILE",
    "PEXD_INIT_CHAIN_ID",
    "PEXD_INIT_SEEDS",
    "PEXD_INIT_SEED_MODE",
    "PEXD_INIT_MONIKER",
    "PEXD_INIT_LADDR",
    "PEXD_INIT_EXTERNAL_ADDRESS",
];

/// The tables of one file as a value.
pub(super) trait Tables {
    /// All defaults of this mode.
    fn defaults(seed_mode: bool) -> Self;
    /// Sets one key.
    fn set(&mut self, key: &Key, text: &str) -> Result<(), String>;
}

/// The values in effect, and where each that was given comes from.
pub(super) struct Resolved<T> {
    pub(super) values: T,
    pub(super) origins: BTreeMap<String, Origin>,
}

impl<T> Resolved<T> {
    /// Where the value in effect was given; `otherwise` when it is the default.
    pub(super) fn origin(&self, path: &str, otherwise: &std::path::Path) -> Origin {
        self.origins.get(path).cloned().unwrap_or_else(|| Origin::path(otherwise))
    }
}

/// Lays what was given, the least first, over the defaults.
pub(super) fn resolve<T: Tables>(given: &[GivenValue], notes: &mut Diagnostics) -> Resolved<T> {
    let mut values = T::defaults(is_seed(given));
    let mut origins = BTreeMap::new();
    for given in given {
        match values.set(given.key, &given.text) {
            Ok(()) => {
                origins.insert(given.key.path(), given.origin.clone());
            }
            Err(what) => notes.error(given.origin.clone(), format!("{} {what}", given.key.path())),
        }
    }
    Resolved { values, origins }
}

/// The mode that decides the defaults: the last valid word on seed_mode.
pub(super) fn is_seed(given: &[GivenValue]) -> bool {
    let words = given.iter().filter(|given| given.key.table == "p2p" && given.key.name == "seed_mode");
    words.rev().find_map(|given| given.text.parse().ok()).unwrap_or(false)
}

/// What the environment gives. An unknown name is only warned of: orchestrators set variables of their own making.
pub(super) fn from_environment(variables: &[(String, String)], notes: &mut Diagnostics) -> Vec<GivenValue> {
    let mut given = Vec::new();
    for (name, value) in variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        let origin = Origin::Variable(name.clone());
        if let Some(key) = all_keys().find(|key| key.variable() == *name) {
            given.push(GivenValue { key, text: value.clone(), origin });
        } else if !OTHER_VARIABLES.contains(&name.as_str()) {
            let keys = all_keys().map(Key::variable);
            let known = keys.chain(OTHER_VARIABLES.map(str::to_owned)).map(|name| name.to_ascii_lowercase());
            let known: Vec<String> = known.collect();
            let near = nearest(name, known.iter().map(String::as_str)).map(str::to_ascii_uppercase);
            let fix = near.map_or(String::new(), |near| format!(", did you mean {near}?"));
            notes.warning(origin, format!("is not known and has no effect{fix}"));
        }
    }
    given
}

/// What the flags give.
pub(super) fn from_flags(flags: &[(&'static Key, String)]) -> Vec<GivenValue> {
    flags
        .iter()
        .map(|(key, text)| GivenValue { key, text: text.clone(), origin: Origin::Flag(format!("--{}", key.path())) })
        .collect()
}

/// Parts what is for the process from what is for a network.
pub(super) fn by_file(given: Vec<GivenValue>) -> (Vec<GivenValue>, Vec<GivenValue>) {
    given.into_iter().partition(|given| !is_network_key(given.key))
}
