//! What operators ask of the book and of the bans, one entry or many, and how they change the book.

use std::net::IpAddr;

use tokio::sync::oneshot;

use super::actor::Actor;
use super::error::Error;
use super::handle::{By, Command, Handle};
use super::views::{Applied, MAX_PAGE};
use crate::book::{Added, Source};
use crate::clock::seeded_rng;
use crate::node::row::{Ban, BanTarget};
use crate::node::{AddressRef, AddressStory, AddressView, NotAdded, Preview};
use crate::types::{NetAddress, NodeId};

/// Addresses that enter the book in one turn of the actor: with what leaves for them, about a millisecond.
pub const MAX_GROUP: usize = 200;

/// What became of each address that was to enter the book.
pub type Entered = Vec<Result<Added, NotAdded>>;

/// A question about the book or the bans, or a change of the book.
#[derive(Debug)]
pub(super) enum BookCommand {
    /// The present entries of these addresses.
    At(Vec<NetAddress>, oneshot::Sender<Vec<AddressView>>),
    /// All about an address, or those of an ID.
    Stories(AddressRef, oneshot::Sender<Vec<AddressStory>>),
    /// What an asker would be told.
    Preview(Option<NodeId>, oneshot::Sender<Preview>),
    /// The bans after a target.
    BansAfter(Option<BanTarget>, usize, oneshot::Sender<Vec<Ban>>),
    /// The bans that keep an ID or an IP out.
    BansOf(Option<NodeId>, Option<IpAddr>, oneshot::Sender<Vec<Ban>>),
    /// Puts addresses into the book, in force at once and saved soon.
    Enter(Vec<(NetAddress, Option<Source>)>, oneshot::Sender<Result<Entered, Error>>),
    /// Notes what an operator did to the book, and saves it.
    Commit { by: By, changed: bool, summary: String, reply: oneshot::Sender<Result<Applied, Error>> },
    /// Takes addresses out of the book.
    Remove { by: By, whose: AddressRef, reply: oneshot::Sender<(u32, Committed)> },
}

/// The end of a change that is in force: whether it is on disk.
type Committed = oneshot::Receiver<Result<Applied, Error>>;

impl Handle {
    /// The entries of these addresses, in their order; those that are not in the book, and all after the first
    /// [`MAX_PAGE`], are left out.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn addresses_at(&self, mut addresses: Vec<NetAddress>) -> Result<Vec<AddressView>, Error> {
        addresses.truncate(MAX_PAGE);
        self.ask(|reply| Command::Book(BookCommand::At(addresses, reply))).await
    }

    /// All that decides about an address, or about each of an ID's: at most four.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn stories(&self, whose: AddressRef) -> Result<Vec<AddressStory>, Error> {
        self.ask(|reply| Command::Book(BookCommand::Stories(whose, reply))).await
    }

    /// What an inbound peer with this ID (`None` = anybody) would be told now. Nothing that a peer could see changes.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn preview(&self, asker: Option<NodeId>) -> Result<Preview, Error> {
        self.ask(|reply| Command::Book(BookCommand::Preview(asker, reply))).await
    }

    /// The bans in force after a target, in the order of their targets, at most `max` of them (and at most [`MAX_PAGE`]).
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn bans_after(&self, after: Option<BanTarget>, max: usize) -> Result<Vec<Ban>, Error> {
        self.ask(|reply| Command::Book(BookCommand::BansAfter(after, max.min(MAX_PAGE), reply))).await
    }

    /// The bans that keep an ID or an IP out: the one of the ID, and those of the ranges that the IP lies in.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn bans_of(&self, id: Option<NodeId>, ip: Option<IpAddr>) -> Result<Vec<Ban>, Error> {
        self.ask(|reply| Command::Book(BookCommand::BansOf(id, ip, reply))).await
    }

    /// Puts addresses into the book, without a source as our own: what became of each. They enter in groups of
    /// [`MAX_GROUP`], so that the reactor is not paused; they are in force, and to be noted and saved by
    /// [`Handle::commit_addresses`].
    ///
    /// # Errors
    /// [`Error::NoBook`], or see [`Handle::status`]. What entered before stays.
    pub async fn enter_addresses(&self, addresses: &[(NetAddress, Option<Source>)]) -> Result<Entered, Error> {
        let mut entered = Vec::with_capacity(addresses.len());
        for group in addresses.chunks(MAX_GROUP) {
            let group = group.to_vec();
            entered.extend(self.ask(|reply| Command::Book(BookCommand::Enter(group, reply))).await??);
        }
        Ok(entered)
    }

    /// Notes a change of the book, `summary` in words, for the audit and the log, and answers when it is on disk. One that
    /// `changed` nothing is not noted.
    ///
    /// # Errors
    /// [`Error::NoBook`], or see [`Handle::status`].
    pub async fn commit_addresses(&self, by: By, changed: bool, summary: String) -> Result<Applied, Error> {
        self.ask(|reply| Command::Book(BookCommand::Commit { by, changed, summary, reply })).await?
    }

    /// Takes an address, or all of an ID, out of the book: how many there were. Connections and bans stay as they are.
    ///
    /// # Errors
    /// [`Error::NoBook`], or see [`Handle::status`].
    pub async fn remove_addresses(&self, by: By, whose: AddressRef) -> Result<(u32, Applied), Error> {
        let (count, committed) = self.ask(|reply| Command::Book(BookCommand::Remove { by, whose, reply })).await?;
        Ok((count, committed.await.map_err(|_| Error::Gone(self.chain_id().clone()))??))
    }
}

impl Actor<'_> {
    /// Answers a question, or changes the book.
    pub(super) fn book_command(&mut self, command: BookCommand) {
        let now = self.shell.clock.now();
        match command {
            BookCommand::At(addresses, reply) => {
                let views = addresses.iter().filter_map(|address| self.node.address(now, address)).collect();
                drop(reply.send(views));
            }
            BookCommand::Stories(whose, reply) => drop(reply.send(self.node.stories(now, &whose))),
            BookCommand::Preview(asker, reply) => {
                drop(reply.send(self.node.preview(now, asker, &mut seeded_rng())));
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

    fn remove(&mut self, by: &By, whose: AddressRef, reply: oneshot::Sender<(u32, Committed)>) {
        let count = if self.with_book().is_ok() { self.node.remove_addresses(&whose) } else { 0 };
        let (told, committed) = oneshot::channel();
        let whose = match whose {
            AddressRef::Id(id) => format!("all {count} addresses of {id}"),
            AddressRef::Address(address) => format!("the address {address}"),
        };
        self.commit(by, count > 0, &format!("removed {whose}"), told);
        drop(reply.send((count, committed)));
    }

    fn commit(&mut self, by: &By, changed: bool, summary: &str, reply: oneshot::Sender<Result<Applied, Error>>) {
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
