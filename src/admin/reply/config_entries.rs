//! Keys of the configuration and their values, to protobuf.

use super::conversions::time;
use crate::admin::host::operations::{ConfigEntry, ConfigSource, HiddenChange, Reloaded};
use crate::admin::untrusted_text::{printable, reason, whole};
use crate::proto::pexd::v1 as pb;

pub(in crate::admin) fn entry(entry: ConfigEntry) -> pb::ConfigEntry {
    let mut shown = pb::ConfigEntry {
        key: entry.key,
        value: whole(&entry.value),
        configured_value: entry.configured.as_deref().map(whole).unwrap_or_default(),
        can_change: entry.can_change,
        ..Default::default()
    };
    set_source(&mut shown, entry.source);
    shown
}

fn set_source(shown: &mut pb::ConfigEntry, source: ConfigSource) {
    let source = match source {
        ConfigSource::Default => pb::ConfigSource::Default,
        ConfigSource::File(place) => {
            shown.origin = whole(&place);
            pb::ConfigSource::File
        }
        ConfigSource::Environment(name) => {
            shown.origin = printable(&name);
            pb::ConfigSource::Environment
        }
        ConfigSource::Flag(name) => {
            shown.origin = printable(&name);
            pb::ConfigSource::Flag
        }
        ConfigSource::Runtime { author, at } => {
            (shown.change_author, shown.change_time) = (printable(&author), time(at));
            pb::ConfigSource::Runtime
        }
    };
    shown.source = source.into();
}

fn hidden(hidden: HiddenChange) -> pb::HiddenChange {
    let mut entry = pb::ConfigEntry {
        key: hidden.key,
        value: whole(&hidden.value),
        configured_value: whole(&hidden.file_value),
        ..Default::default()
    };
    set_source(&mut entry, hidden.source);
    pb::HiddenChange { entry: Some(entry), text: whole(&hidden.text) }
}

pub(in crate::admin) fn reloaded(reloaded: Reloaded) -> pb::ReloadNetworkResponse {
    let live = !reloaded.restarted;
    let change = |(key, old, new): (String, String, String)| pb::ConfigChange {
        key,
        old_value: whole(&old),
        new_value: whole(&new),
        live,
    };
    pb::ReloadNetworkResponse {
        changes: reloaded.changes.into_iter().map(change).collect(),
        restarted: reloaded.restarted,
        hidden_changes: reloaded.hidden.into_iter().map(hidden).collect(),
        warnings: reloaded.warnings.iter().map(|warning| reason(warning)).collect(),
    }
}
