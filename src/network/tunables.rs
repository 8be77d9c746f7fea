//! What of a network can be changed while it runs, and the changes that operators made over what the file says.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::node::row::{Key, Row, RowChange, Setting};
use crate::node::{Params, Tuning};
use crate::transport::{ConnectionRates, HandshakeLimits};
use crate::types::Wall;

/// The values that can be changed while the network runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunables {
    /// The node's.
    pub node: Tuning,
    /// Of each connection.
    pub rates: ConnectionRates,
    /// The listener's; with several networks on one listener the strictest of each holds.
    pub handshake_limits: HandshakeLimits,
}

/// Sets one of the values from a key of the configuration and its text. An error is what is wrong, to be put behind the
/// key's name, with the fix.
pub type ReadSetting = fn(&mut Tunables, key: &str, value: &str) -> Result<(), String>;

/// What operators may change of the configuration at run time, as it is known outside.
#[derive(Clone, Debug)]
pub struct Changeable {
    /// Reads a change.
    pub read: ReadSetting,
    /// Where the file forbids all changes; `None` = it does not.
    pub forbidden: Option<Arc<str>>,
}

impl Default for Changeable {
    /// For a network that no file describes: its lists can be changed, and no key.
    fn default() -> Self {
        Changeable { read: |_, _, _| Err("cannot be changed: no file describes this network".into()), forbidden: None }
    }
}

/// What a network's files say that can take effect while it runs.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The machine's parameters.
    pub params: Params,
    /// The pace of connections.
    pub rates: ConnectionRates,
    /// The limits of its listener.
    pub handshake_limits: HandshakeLimits,
}

impl Configured {
    fn tunables(&self) -> Tunables {
        Tunables { node: self.params.tuning(), rates: self.rates, handshake_limits: self.handshake_limits }
    }
}

/// The changes that were made at run time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsView {
    /// Those in effect, by key.
    pub changes: Vec<Setting>,
    /// Where the file forbids all changes; `None` = it does not.
    pub forbidden: Option<Arc<str>>,
}

/// The file's values with the changes over them.
pub(super) struct RuntimeSettings {
    changeable: Changeable,
    file: Tunables,
    changes: BTreeMap<Box<str>, Setting>,
}

impl RuntimeSettings {
    /// The changes that still apply, and what the store is to forget: a change lapses when the file says the same. One
    /// that does not read is left out and kept in the store; while the file forbids changes, so are all.
    pub(super) fn load(changeable: Changeable, configured: &Configured, kept: Vec<Setting>) -> (Self, Vec<RowChange>) {
        let mut settings = RuntimeSettings { changeable, file: configured.tunables(), changes: BTreeMap::new() };
        if settings.changeable.forbidden.is_some() {
            return (settings, Vec::new());
        }
        for setting in kept {
            match settings.over_file(&setting.key, &setting.value) {
                Ok(_) => drop(settings.changes.insert(setting.key.clone(), setting)),
                Err(what) => tracing::warn!(key = %setting.key, "a change made at run time {what}; it has no effect"),
            }
        }
        let lapsed = settings.lapse();
        (settings, lapsed)
    }

    /// The values in effect.
    pub(super) fn in_effect(&self) -> Tunables {
        let mut tunables = self.file;
        for setting in self.changes.values() {
            // Each was read before it was kept.
            let _ = (self.changeable.read)(&mut tunables, &setting.key, &setting.value);
        }
        tunables
    }

    /// Takes what the file says now, and says what the store is to forget.
    pub(super) fn set_file(&mut self, configured: &Configured) -> Vec<RowChange> {
        self.file = configured.tunables();
        self.lapse()
    }

    /// Changes a key; `None` when it has that value already.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub(super) fn set(&mut self, setting: Setting) -> Result<Option<RowChange>, String> {
        let key = setting.key.clone();
        let before = self.in_effect();
        let mut after = before;
        (self.changeable.read)(&mut after, &key, &setting.value)?;
        if after == before {
            return Ok(None);
        }
        if self.over_file(&key, &setting.value)? == self.file {
            return Ok(self.reset(&key));
        }
        self.changes.insert(key.clone(), setting.clone());
        Ok(Some(RowChange { key: Key::Setting(key), row: Some(Row::Setting(setting)) }))
    }

    /// Takes a change back; `None` when there was none.
    pub(super) fn reset(&mut self, key: &str) -> Option<RowChange> {
        self.changes.remove(key).map(|setting| RowChange { key: Key::Setting(setting.key), row: None })
    }

    /// The rows of the changes.
    pub(super) fn rows(&self) -> impl Iterator<Item = RowChange> {
        let row = |setting: &Setting| Some(Row::Setting(setting.clone()));
        self.changes
            .values()
            .map(move |setting| RowChange { key: Key::Setting(setting.key.clone()), row: row(setting) })
    }

    /// Where the file forbids changes.
    pub(super) fn forbidden(&self) -> Option<&Arc<str>> {
        self.changeable.forbidden.as_ref()
    }

    pub(super) fn view(&self) -> SettingsView {
        SettingsView { changes: self.changes.values().cloned().collect(), forbidden: self.changeable.forbidden.clone() }
    }

    fn over_file(&self, key: &str, value: &str) -> Result<Tunables, String> {
        let mut tunables = self.file;
        (self.changeable.read)(&mut tunables, key, value)?;
        Ok(tunables)
    }

    fn lapse(&mut self) -> Vec<RowChange> {
        let same = |setting: &Setting| self.over_file(&setting.key, &setting.value).as_ref() == Ok(&self.file);
        let lapsed: Vec<Box<str>> = self.changes.values().filter(|s| same(s)).map(|s| s.key.clone()).collect();
        lapsed.iter().filter_map(|key| self.reset(key)).collect()
    }
}

/// A change of a key, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewSetting {
    pub(super) key: Box<str>,
    pub(super) value: Box<str>,
}

impl NewSetting {
    pub(super) fn by(self, author: &str, at: Wall) -> Setting {
        Setting { key: self.key, value: self.value, author: author.into(), at }
    }
}

impl fmt::Display for NewSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:?}", self.key, self.value)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::switch::SwitchLimits;

    fn read(tunables: &mut Tunables, key: &str, value: &str) -> Result<(), String> {
        let number = value.parse().map_err(|_| "is no number".to_owned())?;
        match key {
            "in" => tunables.node.limits.max_inbound = number,
            "out" => tunables.node.limits.max_outbound = number,
            _ => return Err("is not known".into()),
        }
        Ok(())
    }

    fn settings(
        max_inbound: u32,
        kept: &[(&str, &str)],
        forbidden: Option<Arc<str>>,
    ) -> (RuntimeSettings, Vec<RowChange>) {
        let limits =
            SwitchLimits { max_inbound, max_outbound: 10, persistent_max_period: Duration::ZERO, max_dials: 1 };
        let rates = ConnectionRates { send_rate: 0, recv_rate: 0, flush_throttle: Duration::ZERO };
        let file = Tunables {
            node: Tuning { limits, period: Duration::ZERO },
            rates,
            handshake_limits: HandshakeLimits::default(),
        };
        let mut settings =
            RuntimeSettings { changeable: Changeable { read, forbidden }, file, changes: BTreeMap::new() };
        for (key, value) in kept {
            settings.changes.insert((*key).into(), setting(key, value));
        }
        let lapsed = settings.lapse();
        (settings, lapsed)
    }

    fn setting(key: &str, value: &str) -> Setting {
        NewSetting { key: key.into(), value: value.into() }.by("ops", Wall::from_secs(1))
    }

    fn deleted(key: &str) -> RowChange {
        RowChange { key: Key::Setting(key.into()), row: None }
    }

    #[test]
    fn a_change_lies_over_the_file_until_the_file_says_the_same() {
        let (mut settings, lapsed) = settings(40, &[("in", "40"), ("out", "11")], None);
        assert_eq!(lapsed, [deleted("in")]);
        let limits = settings.in_effect().node.limits;
        assert_eq!((limits.max_inbound, limits.max_outbound), (40, 11));
        assert_eq!(settings.set(setting("out", "011")), Ok(None), "it is so already");
        assert!(matches!(settings.set(setting("in", "50")), Ok(Some(RowChange { row: Some(_), .. }))));
        assert_eq!(settings.in_effect().node.limits.max_inbound, 50);
        assert_eq!(settings.set(setting("in", "40")), Ok(Some(deleted("in"))), "to what the file says");
        assert_eq!(settings.reset("out"), Some(deleted("out")));
        assert_eq!(settings.reset("out"), None);
        assert_eq!(settings.in_effect(), settings.file);
    }

    #[test]
    fn what_does_not_read_changes_nothing() {
        let (mut settings, _) = settings(40, &[], None);
        assert!(settings.set(setting("in", "x")).is_err());
        assert!(settings.set(setting("other", "1")).is_err());
        assert_eq!(settings.view(), SettingsView::default());
    }
}
