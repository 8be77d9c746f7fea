//! What a handle asks of the actor: one match over the commands, and changes by operators: applied, committed, answered.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Actor;
use super::saving::GROUP;
use crate::network::command::{ChangeAuthor, ChangeRequest, Command};
use crate::network::error::Error;
use crate::network::events::{OperatorChange, What};
use crate::network::views::{Applied, MAX_PAGE, Page, ProbeContext};
use crate::node::row::Ban;
use crate::pex::MAX_SEEDS;
use crate::switch::params::MAX_OPERATOR_BANS;
use crate::types::NetAddress;

impl Actor<'_> {
    /// Does what a caller asks. One that has gone away meanwhile is not missed.
    pub(in crate::network) async fn command(&mut self, command: Command) {
        match command {
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Start(by, reply) => self.start(by.as_ref(), reply).await,
            Command::Stop(by, reply) => {
                let stopped = self.node.stop(self.shell.clock.now());
                let reply = if stopped { self.note_before(&by, "stopped the reactor", reply) } else { reply };
                self.drain();
                self.shell.shared_listener.closed().await;
                let _ = reply.send(stopped);
            }
            Command::Peer(command) => self.peer_command(command),
            Command::Summary(reply) => drop(reply.send(self.node.summary(self.shell.clock.now()))),
            Command::Addresses { after, max, reply } => drop(reply.send(self.page(after, max))),
            Command::Book(command) => self.book_command(command),
            Command::Seeds(reply) => drop(reply.send(self.node.seeds())),
            Command::Bans(reply) => drop(reply.send(self.node.bans())),
            Command::Config(command) => self.config_command(command),
            Command::Report(command) => self.report(command),
            Command::ProbeContext(reply) => {
                let (dialler, local) = (self.shell.dialler.clone(), self.shell.local.clone());
                let _ = reply.send(ProbeContext { dialler, local });
            }
            Command::ChangeRequest { by, change, reply } => self.change(&by, change, reply),
            #[cfg(test)]
            Command::Panic => panic!("asked to"),
        }
    }

    fn change(&mut self, by: &ChangeAuthor, change: ChangeRequest, reply: oneshot::Sender<Result<Applied, Error>>) {
        if let Some(reason) = self.saving.no_store() {
            let chain_id = self.shell.chain_id.clone();
            return drop(reply.send(Err(Error::NoBook { chain_id, reason: reason.to_owned() })));
        }
        if let Some(file) = self.settings.forbidden().filter(|_| change.is_configuration()) {
            let (chain_id, file) = (self.shell.chain_id.clone(), file.clone());
            return drop(reply.send(Err(Error::Immutable { chain_id, file })));
        }
        let (now, summary) = (self.shell.clock.now(), change.to_string());
        let outcome = match change {
            ChangeRequest::AddSeed(seed) if self.node.is_ourselves(&seed) => Err(Error::OwnSeed),
            ChangeRequest::AddSeed(seed) => {
                let limit = Error::TooMany { what: "the seeds", limit: MAX_SEEDS };
                self.node.add_seed(now, seed, &by.author).map_err(|_| limit)
            }
            ChangeRequest::RemoveSeed(seed) if self.node.remove_seed(now, &seed, &by.author) => Ok(true),
            ChangeRequest::RemoveSeed(seed) => Err(Error::NoSuchSeed(seed)),
            ChangeRequest::Ban { target, scope, reason, length } => {
                let limit = Error::TooMany { what: "the bans", limit: MAX_OPERATOR_BANS };
                let ban = Ban::new(target, reason, now.wall, length, Some(&by.author)).of_scope(scope);
                self.node.set_ban(now, ban).map(|()| true).map_err(|_| limit)
            }
            ChangeRequest::Unban(target) if self.node.unban(now, &target) => Ok(true),
            ChangeRequest::Unban(_) => Err(Error::NoSuchBan),
            ChangeRequest::Set(setting) => self.set(setting, &by.author),
            ChangeRequest::Reset(key) => Ok(self.reset(&key)),
            ChangeRequest::Disconnect { id, reason, ban } => self.disconnect(now, by, id, reason, ban),
            ChangeRequest::AddListed(item) => self.add_listed(now, by, item),
            ChangeRequest::RemoveListed(item) => self.remove_listed(now, by, item),
        };
        if outcome == Ok(true) {
            self.note_change(by, &summary);
        }
        self.applied(outcome, reply);
    }

    /// Tells the log and the audit of what an operator changed.
    pub(in crate::network) fn note_change(&mut self, by: &ChangeAuthor, summary: &str) {
        tracing::info!(author = %by.author, method = by.method, "{summary}");
        self.logs.changed(by, summary, self.shell.clock.now().wall);
        self.announce(by, summary);
    }

    /// Tells those who watch of what an operator changed.
    pub(in crate::network) fn announce(&mut self, by: &ChangeAuthor, summary: &str) {
        let at = self.shell.clock.now().wall;
        let change = OperatorChange { author: by.author.clone(), method: by.method, summary: summary.into() };
        self.shell.events.record(at, What::Changed(Arc::new(change)));
    }

    /// As [`Actor::note_change`], and what is sent by the new sender reaches the caller when the audit has it on disk, or is known
    /// not to have it.
    pub(in crate::network) fn note_before<T: Send + 'static>(
        &mut self,
        by: &ChangeAuthor,
        summary: &str,
        mut reply: oneshot::Sender<T>,
    ) -> oneshot::Sender<T> {
        self.note_change(by, summary);
        let (done, committed) = oneshot::channel();
        let changes = self.take_dirty(GROUP);
        self.saving.save_now(changes, true, done);
        let (sender, answer) = oneshot::channel();
        tokio::spawn(async move {
            // Without a book there is no end of a commit.
            let _ = committed.await;
            tokio::select! {
                answer = answer => drop(answer.map(|answer| reply.send(answer))),
                () = reply.closed() => {}
            }
        });
        sender
    }

    fn applied(&mut self, outcome: Result<bool, Error>, reply: oneshot::Sender<Result<Applied, Error>>) {
        match outcome {
            Ok(changed) => {
                let changes = self.take_dirty(GROUP);
                self.saving.save_now(changes, changed, reply);
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn page(&self, after: Option<NetAddress>, max: usize) -> Page {
        let max = max.clamp(1, MAX_PAGE);
        Page::cut(self.node.addresses(self.shell.clock.now(), after.as_ref(), max + 1), max)
    }
}
