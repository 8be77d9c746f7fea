//! Run-time changes of keys, and what the files say when they are read again.

use super::Handle;
use crate::network::command::{ChangeAuthor, ChangeRequest, Command, ConfigCommand};
use crate::network::error::Error;
use crate::network::tunables::{Configured, NewSetting, SettingsView};
use crate::network::views::Applied;

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
    pub async fn set(&self, by: ChangeAuthor, key: &str, value: &str) -> Result<Applied, Error> {
        self.change(by, ChangeRequest::Set(NewSetting { key: key.into(), value: value.into() })).await
    }

    /// Takes the change of a key back.
    ///
    /// # Errors
    /// [`Error::Immutable`], or see [`Handle::status`].
    pub async fn reset(&self, by: ChangeAuthor, key: &str) -> Result<Applied, Error> {
        self.change(by, ChangeRequest::Reset(key.into())).await
    }

    /// Applies what the files say now, as far as that is possible while the network runs: the lists and what can
    /// be tuned. What was changed at run time stays over it.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn reconfigure(&self, configured: Configured) -> Result<(), Error> {
        self.ask(|reply| Command::Config(ConfigCommand::Reconfigure(Box::new(configured), reply))).await
    }

    /// Has an entry in the audit for what was done to the network from outside. Answers when it is committed.
    ///
    /// # Errors
    /// [`Error::NoBook`], or see [`Handle::status`].
    pub async fn note(&self, by: ChangeAuthor, summary: String) -> Result<Applied, Error> {
        self.ask(|reply| Command::Config(ConfigCommand::Note(by, summary, reply))).await?
    }

    /// Tells those who watch the network of what was done to the process, which has an audit of its own.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn announce(&self, by: ChangeAuthor, summary: String) -> Result<(), Error> {
        self.ask(|reply| Command::Config(ConfigCommand::Announce(by, summary, reply))).await
    }
}
