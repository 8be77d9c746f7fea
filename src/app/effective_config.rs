//! The values in effect, and where they come from: what the files say with the changes that operators made over it.

use super::{runtime_changes, tunables};
use crate::admin::{ConfigEntry, ConfigSource};
use crate::config::{self, Entry, Origin, ProcessConfig};
use crate::node::row::Setting;

/// A network's keys; `changes` are those of [`runtime_changes::view`].
pub(super) fn of_network(file: &config::Network, changes: &[Setting]) -> Vec<ConfigEntry> {
    let show = |entry: &Entry| {
        let path = entry.key.path();
        let mut shown = show(entry, tunables::can_change(entry.key) || runtime_changes::is_list(&path));
        if let Some(change) = changes.iter().find(|change| *change.key == *path) {
            shown.configured = Some(std::mem::replace(&mut shown.value, change.value.to_string()));
            shown.source = ConfigSource::Runtime { author: change.author.to_string(), at: change.at };
        }
        shown
    };
    file.entries.iter().map(show).collect()
}

/// The process's keys.
pub(super) fn of_process(process: &ProcessConfig) -> Vec<ConfigEntry> {
    process.entries.iter().map(|entry| show(entry, false)).collect()
}

pub(super) fn show(entry: &Entry, can_change: bool) -> ConfigEntry {
    let source = match &entry.origin {
        None => ConfigSource::Default,
        Some(origin @ (Origin::Line(..) | Origin::Path(_))) => ConfigSource::File(origin.to_string()),
        Some(Origin::Variable(name)) => ConfigSource::Environment(name.clone()),
        Some(Origin::Flag(name)) => ConfigSource::Flag(name.clone()),
    };
    ConfigEntry { key: entry.key.path(), value: entry.value.clone(), source, configured: None, can_change }
}

/// The keys whose value in effect differs: key, before, after.
pub(super) fn changes(
    (before, changed_before): (&config::Network, &[Setting]),
    (after, changed_after): (&config::Network, &[Setting]),
) -> Vec<(String, String, String)> {
    let pairs = of_network(before, changed_before).into_iter().zip(of_network(after, changed_after));
    let keys = before.entries.iter().map(|entry| entry.key);
    let differing = keys.zip(pairs).filter(|(key, (a, b))| !runtime_changes::is_same(key, &a.value, &b.value));
    differing.map(|(_, (a, b))| (a.key, a.value, b.value)).collect()
}
