//! Run-time changes of keys, and what the files say when they are read again.

use std::sync::Arc;

use super::Actor;
use crate::network::command::ConfigCommand;
use crate::network::error::Error;
use crate::network::tunables::{Configured, NewSetting};

impl Actor<'_> {
    pub(in crate::network) fn config_command(&mut self, command: ConfigCommand) {
        match command {
            ConfigCommand::Settings(reply) => drop(reply.send(self.settings.view())),
            ConfigCommand::Reconfigure(configured, reply) => {
                self.reconfigure(*configured);
                let _ = reply.send(());
            }
            ConfigCommand::Note(by, summary, reply) => self.commit(&by, true, &summary, reply),
            ConfigCommand::Announce(by, summary, reply) => {
                self.announce(&by, &summary);
                let _ = reply.send(());
            }
        }
    }

    fn reconfigure(&mut self, configured: Configured) {
        self.node.set_file_lists(self.shell.clock.now(), &configured.params);
        let lapsed = self.settings.set_file(&configured);
        lapsed.into_iter().for_each(|change| self.logs.keep(change));
        self.shell.configured.store(Arc::new(configured));
        self.tune();
    }

    /// Changes a key; whether that changed anything.
    pub(in crate::network) fn set(&mut self, setting: NewSetting, author: &str) -> Result<bool, Error> {
        let key = setting.key.clone();
        let setting = setting.by(author, self.shell.clock.now().wall);
        let change = self.settings.set(setting).map_err(|what| Error::BadValue(format!("{key} {what}")))?;
        Ok(self.keep(change))
    }

    /// Takes the change of a key back; whether there was one.
    pub(in crate::network) fn reset(&mut self, key: &str) -> bool {
        let change = self.settings.reset(key);
        self.keep(change)
    }

    fn keep(&mut self, change: Option<crate::node::row::RowChange>) -> bool {
        let Some(change) = change else { return false };
        self.logs.keep(change);
        self.tune();
        true
    }

    /// Applies the values in effect everywhere.
    pub(in crate::network) fn tune(&mut self) {
        let tunables = self.settings.in_effect();
        self.node.tune(self.shell.clock.now(), tunables.node);
        self.shell.local.set_rates(tunables.rates);
        self.shell.local.allow_dials(tunables.node.limits.max_dials);
        if let Some(open) = &self.open {
            open.set_limits(tunables.handshake_limits);
        }
    }
}
