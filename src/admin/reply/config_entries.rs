//! Keys of the configuration and their values, to protobuf.

use super::conversions::time;
use crate::admin::host::operations::{ConfigEntry, ConfigSource, Reloaded};
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
    let source = match entry.source {
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
    shown
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
        warnings: reloaded.warnings.iter().map(|warning| reason(warning)).collect(),
    }
}
