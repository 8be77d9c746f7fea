//! Asking about the peers, dialling and disconnecting them, and the lists of peers with special treatment.

use std::time::Duration;

use super::Handle;
use crate::network::command::{ChangeAuthor, ChangeRequest, Command, PeerCommand};
use crate::network::error::Error;
use crate::network::views::{Applied, DialReport, MAX_PAGE, Page, Peer};
use crate::node::ListedView;
use crate::node::row::ListItem;
use crate::types::{ConnId, NodeId, PeerAddress};

/// How long a caller waits for the end of a dial. A name with four addresses, none of which answers, takes 15 s.
const DIAL_PATIENCE: Duration = Duration::from_secs(25);

impl Handle {
    /// The peers whose connection is later than `after`, at most `max` of them (and at most [`MAX_PAGE`]), the earliest
    /// first.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn peers_after(&self, after: Option<ConnId>, max: usize) -> Result<Page<Peer>, Error> {
        self.ask(|reply| Command::Peer(PeerCommand::After { after, max, reply })).await
    }

    /// All connected peers, the earliest first.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn peers(&self) -> Result<Vec<Peer>, Error> {
        let mut peers: Vec<Peer> = Vec::new();
        loop {
            let part = self.peers_after(peers.last().map(|peer| peer.view.conn), MAX_PAGE).await?;
            peers.extend(part.entries);
            if !part.more {
                return Ok(peers);
            }
        }
    }

    /// The peers of these connections, in their order; those that are gone, and all after the first [`MAX_PAGE`], are left
    /// out.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn peers_at(&self, mut conns: Vec<ConnId>) -> Result<Vec<Peer>, Error> {
        conns.truncate(MAX_PAGE);
        self.ask(|reply| Command::Peer(PeerCommand::At(conns, reply))).await
    }

    /// The connected peer with this ID.
    ///
    /// # Errors
    /// [`Error::NoSuchPeer`], or see [`Handle::status`].
    pub async fn peer(&self, id: NodeId) -> Result<Peer, Error> {
        self.ask(|reply| Command::Peer(PeerCommand::Of(id, reply))).await?.ok_or(Error::NoSuchPeer(id))
    }

    /// Dials a peer and waits for the end of the dial, 25 s at most. A peer that is reached stays until it is lost or
    /// disconnected.
    ///
    /// # Errors
    /// [`Error::NotDialled`], [`Error::StillDialling`] when it takes longer, or see [`Handle::status`].
    pub async fn dial(&self, by: ChangeAuthor, target: PeerAddress) -> Result<DialReport, Error> {
        let asked_for = target.clone();
        let dial = |reply| Command::Peer(PeerCommand::Dial { by, target, reply });
        match self.ask_for(DIAL_PATIENCE, dial).await {
            Err(Error::Unresponsive(_)) => Err(Error::StillDialling(asked_for)),
            answer => answer?,
        }
    }

    /// Closes the connection of a peer, and bans its ID for as long as `ban` says.
    ///
    /// # Errors
    /// [`Error::TooMany`] bans, and then it stays connected; or see [`Handle::status`].
    pub async fn disconnect(
        &self,
        by: ChangeAuthor,
        id: NodeId,
        reason: String,
        ban: Option<Duration>,
    ) -> Result<Applied, Error> {
        self.change(by, ChangeRequest::Disconnect { id, reason, ban }).await
    }

    /// The entries of the persistent, unconditional and private peers that are greater than `after`, at most `max` of them
    /// (and at most [`MAX_PAGE`]); those of the file that were removed at run time are among them.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn listed(&self, after: Option<ListItem>, max: usize) -> Result<Page<ListedView>, Error> {
        self.ask(|reply| Command::Peer(PeerCommand::Listed { after, max, reply })).await
    }

    /// Adds an entry to its list; kept over a restart. Answers when it is committed.
    ///
    /// # Errors
    /// [`Error::TooMany`], [`Error::OwnPeer`], or see [`Handle::status`].
    pub async fn add_listed(&self, by: ChangeAuthor, item: ListItem) -> Result<Applied, Error> {
        self.change(by, ChangeRequest::AddListed(item)).await
    }

    /// Removes an entry from its list, be it of the file (until the file drops it) or added at run time.
    ///
    /// # Errors
    /// [`Error::NotListed`], or see [`Handle::status`].
    pub async fn remove_listed(&self, by: ChangeAuthor, item: ListItem) -> Result<Applied, Error> {
        self.change(by, ChangeRequest::RemoveListed(item)).await
    }
}
