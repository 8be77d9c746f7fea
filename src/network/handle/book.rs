//! Asking about the book and the bans, one entry or many, and changing the book.

use std::net::IpAddr;

use super::Handle;
use crate::book::Source;
use crate::network::command::{BookCommand, ChangeAuthor, Command};
use crate::network::error::Error;
use crate::network::views::{Applied, Entered, MAX_PAGE, Page};
use crate::node::row::{Ban, BanTarget};
use crate::node::{AddressDiagnosis, AddressRef, AddressView, Preview, SourceView};
use crate::types::{Group, NetAddress, NodeId};

/// Addresses that enter the book in one turn of the actor: with what is evicted for them, about a millisecond.
pub const MAX_GROUP: usize = 200;

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
    pub async fn diagnoses(&self, whose: AddressRef) -> Result<Vec<AddressDiagnosis>, Error> {
        self.ask(|reply| Command::Book(BookCommand::Diagnoses(whose, reply))).await
    }

    /// What groups of sources brought, of those after `after`, in their order, at most `max` (and at most [`MAX_PAGE`]).
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn sources(&self, after: Option<Group>, max: usize) -> Result<Page<SourceView>, Error> {
        self.ask(|reply| Command::Book(BookCommand::Sources { after, max: max.min(MAX_PAGE), reply })).await
    }

    /// What these groups of sources brought, in their order; those that have no account, and all after the first
    /// [`MAX_PAGE`], are left out.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn sources_at(&self, mut groups: Vec<Group>) -> Result<Vec<SourceView>, Error> {
        groups.truncate(MAX_PAGE);
        self.ask(|reply| Command::Book(BookCommand::SourcesAt(groups, reply))).await
    }

    /// What an inbound peer with this ID (`None` = any) would be sent now. Nothing that a peer could see changes.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn preview(&self, requester: Option<NodeId>) -> Result<Preview, Error> {
        self.ask(|reply| Command::Book(BookCommand::Preview(requester, reply))).await
    }

    /// The bans in effect after a target, in the order of their targets, at most `max` of them (and at most [`MAX_PAGE`]).
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

    /// Adds addresses to the book, without a source as our own: the result for each. They enter in groups of
    /// [`MAX_GROUP`], so that the reactor is not paused; they are in effect, and to be noted and saved by
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
    pub async fn commit_addresses(&self, by: ChangeAuthor, changed: bool, summary: String) -> Result<Applied, Error> {
        self.ask(|reply| Command::Book(BookCommand::Commit { by, changed, summary, reply })).await?
    }

    /// Takes an address, or all of an ID, out of the book: how many there were. Connections and bans stay as they are.
    ///
    /// # Errors
    /// [`Error::NoBook`], or see [`Handle::status`].
    pub async fn remove_addresses(&self, by: ChangeAuthor, whose: AddressRef) -> Result<(u32, Applied), Error> {
        let (count, committed) = self.ask(|reply| Command::Book(BookCommand::Remove { by, whose, reply })).await?;
        Ok((count, committed.await.map_err(|_| Error::Gone(self.chain_id().clone()))??))
    }
}
