//! What the rest of the process holds of a network: a cloneable handle whose methods ask the actor.

mod book;
mod config;
mod history;
mod peers;
mod reports;

pub use book::MAX_GROUP;
pub use history::process_audit;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::command::{ChangeAuthor, ChangeRequest, Command};
use super::config_faults::ConfigFaults;
use super::error::Error;
use super::events::Events;
use super::views::{Applied, MAX_PAGE, Page, ProbeContext, Status};
use crate::node::row::{Ban, BanScope, BanTarget};
use crate::node::{BookView, SeedView};
use crate::store::answer_log::answer_log_path;
use crate::types::{NetAddress, PeerAddress, Wall};

/// Commands that may wait for the actor at once; more callers wait their turn.
const INBOX: usize = 64;
/// How long a caller waits for the actor before it gets the error that the network does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One network, as its callers see it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    chain_id: Arc<str>,
    /// The book's file.
    book: Arc<Path>,
    /// The file of the log of answers; `None` when it is off.
    answer_log: Option<Arc<Path>>,
    events: Events,
    commands: mpsc::Sender<Command>,
    /// What is wrong in its files now.
    config_faults: ConfigFaults,
    /// When it was found that its files do not describe a network; `None` when there is one.
    misconfigured: Option<Wall>,
}

/// A network whose files have errors, so that there is nothing to run: it has failed, and can only be reloaded or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfigured {
    /// Since when.
    pub since: Wall,
    /// All that is wrong, with the fixes.
    pub errors: Arc<Vec<String>>,
}

impl Handle {
    pub(super) fn new(chain_id: Arc<str>, book: &Path, has_answer_log: bool) -> (Self, mpsc::Receiver<Command>) {
        let (commands, inbox) = mpsc::channel(INBOX);
        let answer_log = has_answer_log.then(|| answer_log_path(book).into());
        let (events, config_faults) = (Events::default(), ConfigFaults::default());
        let handle =
            Handle { chain_id, book: book.into(), answer_log, events, commands, config_faults, misconfigured: None };
        (handle, inbox)
    }

    /// The handle of a network whose files have these errors: whatever it is asked, it answers with
    /// [`Error::Misconfigured`].
    pub fn misconfigured(chain_id: Arc<str>, since: Wall, errors: Vec<String>) -> Self {
        // Nobody receives.
        let (handle, _) = Handle::new(chain_id, Path::new(""), false);
        handle.config_faults.set(errors);
        Handle { misconfigured: Some(since), ..handle }
    }

    /// Why there is nothing to run, when there is not.
    pub fn misconfiguration(&self) -> Option<Misconfigured> {
        self.misconfigured.map(|since| Misconfigured { since, errors: self.config_faults.found() })
    }

    /// What is wrong in the files of the network as they are on disk now, be it served or not.
    pub const fn config_faults(&self) -> &ConfigFaults {
        &self.config_faults
    }

    /// # Errors
    /// [`Error::Misconfigured`] when there is nothing to ask.
    pub fn check_configured(&self) -> Result<(), Error> {
        match self.misconfiguration() {
            None => Ok(()),
            Some(Misconfigured { errors, .. }) => {
                Err(Error::Misconfigured { chain_id: self.chain_id.clone(), errors: errors.join("; ") })
            }
        }
    }

    /// The chain ID.
    pub fn chain_id(&self) -> &Arc<str> {
        &self.chain_id
    }

    /// What happens in the network, and happened lately; read without asking the actor.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Whether this is the very network, and not one that was added later under the same chain ID.
    pub fn is_same(&self, other: &Handle) -> bool {
        self.commands.same_channel(&other.commands)
    }

    /// The book's file.
    pub(super) fn book(&self) -> &Path {
        &self.book
    }

    /// The file of the log of answers; `None` when it is off.
    pub(super) fn answer_log(&self) -> Option<&Path> {
        self.answer_log.as_deref()
    }

    /// The network at a glance.
    ///
    /// # Errors
    /// [`Error::Gone`] and [`Error::Unresponsive`], as of every method here.
    pub async fn status(&self) -> Result<Status, Error> {
        Ok(Status { config_faults: self.config_faults.found(), ..self.ask(Command::Status).await? })
    }

    /// Starts the reactor, and waits until it runs; `false` when it ran already. `by` is whoever asked for it; `None` when
    /// the process itself starts.
    ///
    /// # Errors
    /// [`Error::CannotStart`] when the port is taken, or there is neither a seed nor a known address.
    pub async fn start(&self, by: Option<ChangeAuthor>) -> Result<bool, Error> {
        let started = self.ask(|reply| Command::Start(by, reply)).await?;
        started.map_err(|reason| Error::CannotStart { chain_id: self.chain_id.clone(), reason })
    }

    /// Stops the reactor: closes the listener and all peers, keeps the book, the seeds and the bans readable and editable.
    /// `false` when it was stopped already.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn stop(&self, by: ChangeAuthor) -> Result<bool, Error> {
        self.ask(|reply| Command::Stop(by, reply)).await
    }

    /// The book's counts.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn summary(&self) -> Result<BookView, Error> {
        self.ask(Command::Summary).await
    }

    /// The entries of the book whose key is greater than `after`, at most `max` of them (and at most [`MAX_PAGE`]).
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn addresses(&self, after: Option<NetAddress>, max: usize) -> Result<Page, Error> {
        self.ask(|reply| Command::Addresses { after, max: max.min(MAX_PAGE), reply }).await
    }

    /// The seeds, those of the file and those added at run time.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn seeds(&self) -> Result<Vec<SeedView>, Error> {
        self.ask(Command::Seeds).await
    }

    /// What it takes to dial as this network would.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn probe_context(&self) -> Result<ProbeContext, Error> {
        self.ask(Command::ProbeContext).await
    }

    /// Adds a seed; kept over a restart. Answers when it is committed.
    ///
    /// # Errors
    /// [`Error::TooMany`], [`Error::OwnSeed`], or see [`Handle::status`].
    pub async fn add_seed(&self, by: ChangeAuthor, seed: PeerAddress) -> Result<Applied, Error> {
        self.change(by, ChangeRequest::AddSeed(seed)).await
    }

    /// Removes a seed, be it of the file (until the file drops it) or added at run time.
    ///
    /// # Errors
    /// [`Error::NoSuchSeed`], or see [`Handle::status`].
    pub async fn remove_seed(&self, by: ChangeAuthor, seed: PeerAddress) -> Result<Applied, Error> {
        self.change(by, ChangeRequest::RemoveSeed(seed)).await
    }

    /// The bans in effect.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn bans(&self) -> Result<Vec<Ban>, Error> {
        self.ask(Command::Bans).await
    }

    /// Bans an ID or a range for `length` (`None` = for good); what is connected from there is closed.
    ///
    /// # Errors
    /// [`Error::TooMany`], or see [`Handle::status`].
    pub async fn ban(
        &self,
        by: ChangeAuthor,
        target: BanTarget,
        reason: String,
        length: Option<Duration>,
    ) -> Result<Applied, Error> {
        self.set_ban(by, target, BanScope::All, reason, length).await
    }

    /// As [`Handle::ban`], with a ban of whatever scope.
    ///
    /// # Errors
    /// See [`Handle::ban`].
    pub async fn set_ban(
        &self,
        by: ChangeAuthor,
        target: BanTarget,
        scope: BanScope,
        reason: String,
        length: Option<Duration>,
    ) -> Result<Applied, Error> {
        self.change(by, ChangeRequest::Ban { target, scope, reason, length }).await
    }

    /// Lifts a ban.
    ///
    /// # Errors
    /// [`Error::NoSuchBan`], or see [`Handle::status`].
    pub async fn unban(&self, by: ChangeAuthor, target: BanTarget) -> Result<Applied, Error> {
        self.change(by, ChangeRequest::Unban(target)).await
    }

    pub(super) async fn change(&self, by: ChangeAuthor, change: ChangeRequest) -> Result<Applied, Error> {
        self.ask(|reply| Command::ChangeRequest { by, change, reply }).await?
    }

    #[cfg(test)]
    pub(crate) async fn panic(&self) {
        drop(self.commands.send(Command::Panic).await);
    }

    pub(super) async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Error> {
        self.ask_for(PATIENCE, command).await
    }

    /// As [`Handle::ask`], for what takes longer than the actor itself.
    pub(super) async fn ask_for<T>(
        &self,
        patience: Duration,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Error> {
        self.check_configured()?;
        let (reply, answer) = oneshot::channel();
        let exchange = async {
            self.commands.send(command(reply)).await.map_err(|_| Error::Gone(self.chain_id.clone()))?;
            answer.await.map_err(|_| Error::Gone(self.chain_id.clone()))
        };
        match tokio::time::timeout(patience, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Unresponsive(self.chain_id.clone())),
        }
    }
}
