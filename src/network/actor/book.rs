//! Answers about the book and the bans, and changes of the book.

use tokio::sync::oneshot;

use super::Actor;
use crate::book::Source;
use crate::clock::seeded_rng;
use crate::network::command::{BookCommand, ChangeAuthor, Committed};
use crate::network::error::Error;
use crate::network::views::{Applied, Entered, Page};
use crate::node::AddressRef;
use crate::types::{NetAddress, counted};

impl Actor<'_> {
    /// Answers a question, or changes the book.
    pub(in crate::network) fn book_command(&mut self, command: BookCommand) {
        let now = self.shell.clock.now();
        match command {
            BookCommand::At(addresses, reply) => {
                let views = addresses.iter().filter_map(|address| self.node.address(now, address)).collect();
                drop(reply.send(views));
            }
            BookCommand::Diagnoses(whose, reply) => drop(reply.send(self.node.diagnoses(now, &whose))),
            BookCommand::Sources { after, max, reply } => {
                let max = max.max(1);
                drop(reply.send(Page::cut(self.node.sources(after, max + 1), max)));
            }
            BookCommand::SourcesAt(groups, reply) => {
                drop(reply.send(groups.into_iter().filter_map(|group| self.node.source(group)).collect()));
            }
            BookCommand::Preview(requester, reply) => {
                drop(reply.send(self.node.preview(now, requester, &mut seeded_rng())));
            }
            BookCommand::BansAfter(after, max, reply) => {
                drop(reply.send(self.node.bans_after(now, after.as_ref(), max)));
            }
            BookCommand::BansOf(id, ip, reply) => drop(reply.send(self.node.bans_of(now, id.as_ref(), ip))),
            BookCommand::Enter(addresses, reply) => drop(reply.send(self.enter(&addresses))),
            BookCommand::Commit { by, changed, summary, reply } => self.commit(&by, changed, &summary, reply),
            BookCommand::Remove { by, whose, reply } => self.remove(&by, whose, reply),
        }
    }

    fn enter(&mut self, addresses: &[(NetAddress, Option<Source>)]) -> Result<Entered, Error> {
        self.with_book()?;
        let now = self.shell.clock.now();
        Ok(addresses.iter().map(|(address, source)| self.node.add_address(now, *address, *source)).collect())
    }

    fn remove(&mut self, by: &ChangeAuthor, whose: AddressRef, reply: oneshot::Sender<(u32, Committed)>) {
        let count = if self.with_book().is_ok() { self.node.remove_addresses(&whose) } else { 0 };
        let (done, committed) = oneshot::channel();
        let whose = match whose {
            AddressRef::Id(id) => format!("all that is known of {id}: {}", counted(count, "address")),
            AddressRef::Address(address) => format!("the address {address}"),
        };
        self.commit(by, count > 0, &format!("removed {whose}"), done);
        drop(reply.send((count, committed)));
    }

    /// Notes a change, if it was one, and answers when all that changed is on disk.
    pub(super) fn commit(
        &mut self,
        by: &ChangeAuthor,
        changed: bool,
        summary: &str,
        reply: oneshot::Sender<Result<Applied, Error>>,
    ) {
        if let Err(error) = self.with_book() {
            return drop(reply.send(Err(error)));
        }
        if changed {
            self.note_change(by, summary);
        }
        // All that changed, or the answer could come before the last of it is on disk.
        let changes = self.take_dirty(usize::MAX);
        self.saving.save_now(changes, changed, reply);
    }

    fn with_book(&self) -> Result<(), Error> {
        let no_book = |reason: &str| Error::NoBook { chain_id: self.shell.chain_id.clone(), reason: reason.to_owned() };
        self.saving.no_store().map_or(Ok(()), |reason| Err(no_book(reason)))
    }
}
