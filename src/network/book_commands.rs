//! What operators ask of the book, one entry or many.

use tokio::sync::oneshot;

use super::actor::Actor;
use super::handle::{Command, Error, Handle, MAX_PAGE};
use crate::node::AddressView;
use crate::types::NetAddress;

/// A question about the book.
#[derive(Debug)]
pub(super) enum BookCommand {
    /// The present entries of these addresses.
    At(Vec<NetAddress>, oneshot::Sender<Vec<AddressView>>),
}

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
}

impl Actor<'_> {
    /// Answers a question about the book.
    pub(super) fn book_command(&mut self, command: BookCommand) {
        match command {
            BookCommand::At(addresses, reply) => {
                let views = addresses.iter().filter_map(|address| self.node.address(address)).collect();
                drop(reply.send(views));
            }
        }
    }
}
