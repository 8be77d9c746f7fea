//! What a reload finds changed in a file and cannot take into effect: something else is over it.

use super::{effective_config, runtime_changes};
use crate::admin::{ConfigEntry, ConfigSource, HiddenChange};
use crate::config::{self, Entry};
use crate::node::row::Setting;
use crate::types::Wall;

/// The keys of a network whose value in the file is not the one in effect: those that the file gives, each time, lest they are
/// told to the signal's log alone, and those that it has changed; `changes` are those at run time.
pub(super) fn of_network(before: &config::Network, after: &config::Network, changes: &[Setting]) -> Vec<HiddenChange> {
    let shown = effective_config::of_network(after, changes);
    let entries = before.entries.iter().zip(&after.entries).zip(shown);
    let hidden = |((before, after), shown)| hidden(before, after, shown);
    entries.filter_map(hidden).map(|change| change.in_words(Some(&after.chain_id))).collect()
}

/// As [`of_network`], of the process's own file.
pub(super) fn of_process(before: &[Entry], after: &[Entry]) -> Vec<HiddenChange> {
    let hidden = |(before, after)| hidden(before, after, effective_config::show(after, false));
    before.iter().zip(after).filter_map(hidden).map(|change| change.in_words(None)).collect()
}

fn hidden(before: &Entry, after: &Entry, shown: ConfigEntry) -> Option<Hidden> {
    let same = |a: &str, b: &str| runtime_changes::is_same(after.key, a, b);
    // A list that was changed at run time has its entries told by its own methods.
    let is_list = runtime_changes::is_list(&after.key.path());
    let given = !is_list && !same(&after.in_file, after.key.default);
    let is_hidden = (given || !same(&before.in_file, &after.in_file)) && !same(&after.in_file, &shown.value);
    is_hidden.then(|| Hidden { file_value: after.in_file.clone(), shown })
}

struct Hidden {
    file_value: String,
    shown: ConfigEntry,
}

impl Hidden {
    fn in_words(self, network: Option<&str>) -> HiddenChange {
        let Hidden { file_value, shown: ConfigEntry { key, value, source, .. } } = self;
        let of = network.map(|network| format!(" --network {network}")).unwrap_or_default();
        let over = format!("stays in force over the file's {file_value:?}");
        let text = match &source {
            ConfigSource::Runtime { author, at } if runtime_changes::is_list(&key) => {
                let shows = if key == "p2p.seeds" { "seeds" } else { "peers configured" };
                format!(
                    "{key}: what was changed at run time, last by {author} at {}, stays in force over the file's new list: \
                     `pexd {shows}{of}` shows both",
                    moment(*at)
                )
            }
            ConfigSource::Runtime { author, at } => format!(
                "{key}: {value:?}, set by {author} at {}, {over}: `pexd network reset {key}{of}` takes the file's",
                moment(*at)
            ),
            ConfigSource::Environment(name) => {
                format!("{key}: {value:?}, of the variable {name}, {over}: start pexd without it to take the file's")
            }
            ConfigSource::Flag(name) => {
                format!("{key}: {value:?}, of the flag {name}, {over}: start pexd without it to take the file's")
            }
            // The file's own value is in effect, then.
            ConfigSource::Default | ConfigSource::File(_) => format!("{key}: {value:?} {over}"),
        };
        HiddenChange { key, file_value, value, source, text }
    }
}

/// As the API writes times.
fn moment(at: Wall) -> String {
    prost_types::Timestamp { seconds: at.as_millis().div_euclid(1000), nanos: 0 }.to_string()
}
