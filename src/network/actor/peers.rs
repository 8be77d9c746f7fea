//! Answers about the peers, dials that a caller waits for, and the lists of peers with special treatment.

use std::sync::Arc;
use std::time::Duration;

use super::Actor;
use crate::book::params::MAX_PRIVATE;
use crate::network::command::{ChangeAuthor, DialWaiter, PeerCommand};
use crate::network::error::Error;
use crate::network::views::{DialReport, MAX_PAGE, Page, Peer};
use crate::node::row::ListItem;
use crate::node::{DialEnd, PeerView};
use crate::pex::MAX_SEEDS;
use crate::switch::NotDialled;
use crate::switch::params::{MAX_OPERATOR_BANS, MAX_PERSISTENT, MAX_UNCONDITIONAL};
use crate::transport::PeerHandle;
use crate::types::{NodeId, Now, PeerAddress, Wall};

impl Actor<'_> {
    /// Answers a question about the peers, or begins a dial.
    pub(in crate::network) fn peer_command(&mut self, command: PeerCommand) {
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

    fn dial(&mut self, by: &ChangeAuthor, target: PeerAddress, caller: DialWaiter) {
        let now = self.shell.clock.now();
        let begun = if self.waiting.is_full() { Err(NotDialled::Busy) } else { self.node.dial(now, target.clone()) };
        if let Err(why) = begun {
            return drop(caller.send(Err(Error::NotDialled { target, why })));
        }
        let caller = self.note_before(by, &format!("dialled {target}"), caller);
        self.waiting.wait(target, caller);
    }

    /// Tells those who wait for the end of a dial.
    pub(in crate::network) fn dial_ended(&mut self, end: &Arc<DialEnd>, at: Wall) {
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

    pub(in crate::network) fn disconnect(
        &mut self,
        now: Now,
        by: &ChangeAuthor,
        id: NodeId,
        reason: String,
        ban: Option<Duration>,
    ) -> Result<bool, Error> {
        let Some(length) = ban else { return Ok(self.node.disconnect(now, &id)) };
        let limit = Error::TooMany { what: "the bans", limit: MAX_OPERATOR_BANS };
        self.node.disconnect_and_ban(now, id, reason, length, &by.author).map(|()| true).map_err(|_| limit)
    }

    pub(in crate::network) fn add_listed(
        &mut self,
        now: Now,
        by: &ChangeAuthor,
        item: ListItem,
    ) -> Result<bool, Error> {
        let leads_here = match &item {
            ListItem::Seed(peer) | ListItem::Persistent(peer) => self.node.is_ourselves(peer),
            ListItem::Unconditional(id) | ListItem::Private(id) => *id == self.node.own_id(),
        };
        if leads_here {
            return Err(Error::OwnPeer);
        }
        let (what, limit) = match item {
            ListItem::Seed(_) => ("the seeds", MAX_SEEDS),
            ListItem::Persistent(_) => ("the persistent peers", MAX_PERSISTENT),
            ListItem::Unconditional(_) => ("the unconditional peers", MAX_UNCONDITIONAL),
            ListItem::Private(_) => ("the private peers", MAX_PRIVATE),
        };
        self.node.add_listed(now, item, &by.author).map_err(|_| Error::TooMany { what, limit })
    }

    pub(in crate::network) fn remove_listed(
        &mut self,
        now: Now,
        by: &ChangeAuthor,
        item: ListItem,
    ) -> Result<bool, Error> {
        if self.node.remove_listed(now, &item, &by.author) { Ok(true) } else { Err(Error::NotListed(item)) }
    }
}
