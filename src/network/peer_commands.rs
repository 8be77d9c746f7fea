//! What operators ask of the peers: who is connected, whom to dial or let go, and the lists of those treated otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::actor::Actor;
use super::error::Error;
use super::handle::{By, Change, Command, Handle};
use super::views::{Applied, MAX_PAGE, Page, Peer};
use crate::book::params::MAX_PRIVATE;
use crate::node::row::ListItem;
use crate::node::{DialEnd, ListedView, PeerView};
use crate::pex::MAX_SEEDS;
use crate::switch::NotDialled;
use crate::switch::params::{MAX_OPERATOR_BANS, MAX_PERSISTENT, MAX_UNCONDITIONAL};
use crate::transport::PeerHandle;
use crate::types::{ConnId, NodeId, Now, PeerAddress, Wall};

/// How long a caller waits for the end of a dial. A name with four addresses, none of which answers, takes 15 s.
const DIAL_PATIENCE: Duration = Duration::from_secs(25);
/// Callers that wait for the ends of dials at once.
const MAX_WAITING: usize = 64;

/// A question about the peers, or a dial.
#[derive(Debug)]
pub(super) enum PeerCommand {
    /// Those whose connection is later.
    After { after: Option<ConnId>, max: usize, reply: oneshot::Sender<Page<Peer>> },
    /// The present ones of these connections.
    At(Vec<ConnId>, oneshot::Sender<Vec<Peer>>),
    /// The one with this ID.
    Of(NodeId, oneshot::Sender<Option<Peer>>),
    /// The entries of the lists that are greater.
    Listed { after: Option<ListItem>, max: usize, reply: oneshot::Sender<Page<ListedView>> },
    /// Dial.
    Dial { by: By, target: PeerAddress, reply: Caller },
}

/// Who waits for the end of a dial.
type Caller = oneshot::Sender<Result<DialReport, Error>>;

/// What became of a dial that an operator asked for.
#[derive(Clone, Debug)]
pub struct DialReport {
    /// When it ended.
    pub at: Wall,
    /// Its end.
    pub end: Arc<DialEnd>,
    /// The peer, when it was reached and is connected.
    pub peer: Option<Peer>,
}

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
    pub async fn dial(&self, by: By, target: PeerAddress) -> Result<DialReport, Error> {
        let whom = target.clone();
        let dial = |reply| Command::Peer(PeerCommand::Dial { by, target, reply });
        match self.ask_for(DIAL_PATIENCE, dial).await {
            Err(Error::Unresponsive(_)) => Err(Error::StillDialling(whom)),
            answer => answer?,
        }
    }

    /// Closes the connection of a peer, and bans its ID for as long as `ban` says.
    ///
    /// # Errors
    /// [`Error::TooMany`] bans, and then it stays connected; or see [`Handle::status`].
    pub async fn disconnect(
        &self,
        by: By,
        id: NodeId,
        reason: String,
        ban: Option<Duration>,
    ) -> Result<Applied, Error> {
        self.change(by, Change::Disconnect { id, reason, ban }).await
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
    /// [`Error::TooMany`], [`Error::OwnId`], or see [`Handle::status`].
    pub async fn add_listed(&self, by: By, item: ListItem) -> Result<Applied, Error> {
        self.change(by, Change::AddListed(item)).await
    }

    /// Removes an entry from its list, be it of the file (until the file drops it) or added at run time.
    ///
    /// # Errors
    /// [`Error::NotListed`], or see [`Handle::status`].
    pub async fn remove_listed(&self, by: By, item: ListItem) -> Result<Applied, Error> {
        self.change(by, Change::RemoveListed(item)).await
    }
}

impl Actor<'_> {
    /// Answers a question about the peers, or begins a dial.
    pub(super) fn peer_command(&mut self, command: PeerCommand) {
        match command {
            PeerCommand::After { after, max, reply } => {
                let max = max.clamp(1, MAX_PAGE);
                let views = self.node.peers_after(after, max + 1);
                let peers = views.into_iter().map(|view| self.with_traffic(view)).collect();
                drop(reply.send(Page::cut(peers, max)));
            }
            PeerCommand::At(conns, reply) => {
                let views = conns.into_iter().filter_map(|conn| self.node.peer(conn));
                drop(reply.send(views.map(|view| self.with_traffic(view)).collect()));
            }
            PeerCommand::Of(id, reply) => drop(reply.send(self.peer_of(&id))),
            PeerCommand::Listed { after, max, reply } => {
                let max = max.clamp(1, MAX_PAGE);
                let entries = self.node.listed(self.shell.clock.now(), after.as_ref(), max + 1);
                drop(reply.send(Page::cut(entries, max)));
            }
            PeerCommand::Dial { by, target, reply } => self.dial(&by, target, reply),
        }
    }

    fn with_traffic(&self, view: PeerView) -> Peer {
        let traffic = self.peers.get(&view.conn).map(PeerHandle::traffic).unwrap_or_default();
        Peer { view, traffic }
    }

    fn peer_of(&self, id: &NodeId) -> Option<Peer> {
        self.node.peer_of(id).map(|view| self.with_traffic(view))
    }

    fn dial(&mut self, by: &By, target: PeerAddress, caller: Caller) {
        let now = self.shell.clock.now();
        let begun = if self.waiting.is_full() { Err(NotDialled::Busy) } else { self.node.dial(now, target.clone()) };
        if let Err(why) = begun {
            return drop(caller.send(Err(Error::NotDialled { target, why })));
        }
        self.note_change(by, &format!("dialled {target}"));
        self.waiting.wait(target, caller);
    }

    /// Tells those who wait for the end of a dial.
    pub(super) fn dial_ended(&mut self, end: &Arc<DialEnd>, at: Wall) {
        let callers = self.waiting.take(&end.target);
        if callers.is_empty() {
            return;
        }
        let reached = end.fault.is_none();
        let peer = if reached { self.peer_of(&end.target.id()) } else { None };
        for caller in callers {
            drop(caller.send(Ok(DialReport { at, end: end.clone(), peer: peer.clone() })));
        }
    }

    pub(super) fn disconnect(
        &mut self,
        now: Now,
        by: &By,
        id: NodeId,
        reason: String,
        ban: Option<Duration>,
    ) -> Result<bool, Error> {
        let Some(length) = ban else { return Ok(self.node.disconnect(now, &id)) };
        let limit = Error::TooMany { what: "the bans", limit: MAX_OPERATOR_BANS };
        self.node.disconnect_and_ban(now, id, reason, length, &by.author).map(|()| true).map_err(|_| limit)
    }

    pub(super) fn add_listed(&mut self, now: Now, by: &By, item: ListItem) -> Result<bool, Error> {
        if item.id() == self.node.own_id() {
            return Err(Error::OwnId);
        }
        let (what, limit) = match item {
            ListItem::Seed(_) => ("the seeds", MAX_SEEDS),
            ListItem::Persistent(_) => ("the persistent peers", MAX_PERSISTENT),
            ListItem::Unconditional(_) => ("the unconditional peers", MAX_UNCONDITIONAL),
            ListItem::Private(_) => ("the private peers", MAX_PRIVATE),
        };
        self.node.add_listed(now, item, &by.author).map_err(|_| Error::TooMany { what, limit })
    }

    pub(super) fn remove_listed(&mut self, now: Now, by: &By, item: ListItem) -> Result<bool, Error> {
        if self.node.remove_listed(now, &item, &by.author) { Ok(true) } else { Err(Error::NotListed(item)) }
    }
}

/// The callers that wait for the ends of dials. An ID is dialled once at a time, so the address names the dial.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    callers: BTreeMap<PeerAddress, Vec<Caller>>,
}

impl Waiting {
    /// Whether as many wait as may; those who went away do not count.
    fn is_full(&mut self) -> bool {
        self.callers.retain(|_, callers| {
            callers.retain(|caller| !caller.is_closed());
            !callers.is_empty()
        });
        self.callers.values().map(Vec::len).sum::<usize>() >= MAX_WAITING
    }

    fn wait(&mut self, target: PeerAddress, caller: Caller) {
        self.callers.entry(target).or_default().push(caller);
    }

    fn take(&mut self, target: &PeerAddress) -> Vec<Caller> {
        self.callers.remove(target).unwrap_or_default()
    }
}
