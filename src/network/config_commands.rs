//! What operators ask of the configuration: changes of keys at run time, and what the files say when they are read again.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::actor::Actor;
use super::error::Error;
use super::handle::{By, Change, Command, Handle};
use super::tunables::{Configured, NewSetting, SettingsView};
use super::views::Applied;

/// See the methods of [`Handle`] below.
#[derive(Debug)]
pub(super) enum ConfigCommand {
    Settings(oneshot::Sender<SettingsView>),
    Reconfigure(Box<Configured>, oneshot::Sender<()>),
    Note(By, String, oneshot::Sender<()>),
}

impl Handle {
    /// The keys that were changed at run time.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn settings(&self) -> Result<SettingsView, Error> {
        self.ask(|reply| Command::Config(ConfigCommand::Settings(reply))).await
    }

    /// Changes a key over what the file says; kept over a restart, until the file says the same. Answers when it is
    /// committed.
    ///
    /// # Errors
    /// [`Error::BadValue`], [`Error::Immutable`], or see [`Handle::status`].
    pub async fn set(&self, by: By, key: &str, value: &str) -> Result<Applied, Error> {
        self.change(by, Change::Set(NewSetting { key: key.into(), value: value.into() })).await
    }

    /// Takes the change of a key back.
    ///
    /// # Errors
    /// [`Error::Immutable`], or see [`Handle::status`].
    pub async fn reset(&self, by: By, key: &str) -> Result<Applied, Error> {
        self.change(by, Change::Reset(key.into())).await
    }

    /// Brings into force what the files say now, as far as that is possible while the network runs: the lists and what can
    /// be tuned. What was changed at run time stays over it.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn reconfigure(&self, configured: Configured) -> Result<(), Error> {
        self.ask(|reply| Command::Config(ConfigCommand::Reconfigure(Box::new(configured), reply))).await
    }

    /// Has an entry in the audit for what was done to the network from outside.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn note(&self, by: By, summary: String) -> Result<(), Error> {
        self.ask(|reply| Command::Config(ConfigCommand::Note(by, summary, reply))).await
    }
}

impl Actor<'_> {
    pub(super) fn config_command(&mut self, command: ConfigCommand) {
        match command {
            ConfigCommand::Settings(reply) => drop(reply.send(self.settings.view())),
            ConfigCommand::Reconfigure(configured, reply) => {
                self.reconfigure(*configured);
                let _ = reply.send(());
            }
            ConfigCommand::Note(by, summary, reply) => {
                self.note_change(&by, &summary);
                let _ = reply.send(());
            }
        }
    }

    fn reconfigure(&mut self, configured: Configured) {
        self.node.set_file_lists(self.shell.clock.now(), &configured.params);
        let lapsed = self.settings.set_file(&configured);
        lapsed.into_iter().for_each(|change| self.ledger.keep(change));
        self.shell.configured.store(Arc::new(configured));
        self.tune();
    }

    /// Changes a key; whether that changed anything.
    pub(super) fn set(&mut self, setting: NewSetting, author: &str) -> Result<bool, Error> {
        let key = setting.key.clone();
        let setting = setting.by(author, self.shell.clock.now().wall);
        let change = self.settings.set(setting).map_err(|what| Error::BadValue(format!("{key} {what}")))?;
        Ok(self.keep(change))
    }

    /// Takes the change of a key back; whether there was one.
    pub(super) fn reset(&mut self, key: &str) -> bool {
        let change = self.settings.reset(key);
        self.keep(change)
    }

    fn keep(&mut self, change: Option<crate::node::row::Change>) -> bool {
        let Some(change) = change else { return false };
        self.ledger.keep(change);
        self.tune();
        true
    }

    /// Has everyone hold to the values in force.
    pub(super) fn tune(&mut self) {
        let tunables = self.settings.in_effect();
        self.node.tune(self.shell.clock.now(), tunables.node);
        self.shell.local.set_pace(tunables.pace);
        self.shell.local.allow_dials(tunables.node.limits.max_dials);
        if let Some(open) = &self.open {
            open.set_limits(tunables.door);
        }
    }
}
