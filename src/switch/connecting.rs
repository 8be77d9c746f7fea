//! Connections: who is let in, what is noted of a peer, and what its end brings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Dial, Effect, Event, Handshaken, Outbox, Peer, PeerEvent, Switch, params};
use crate::types::{
    CloseHow, CloseReason, ConnId, Direction, Fault, NetAddress, Now, Purpose, SeededRng, Ticket, Wall,
};
use crate::wire::pex::{Outgoing, Received};

impl Switch {
    /// Lets an inbound connection in, or refuses it. The number is the connection's.
    pub fn inbound(&mut self, out: &mut Outbox, now: Now, ticket: Ticket, peer: Handshaken) -> Option<ConnId> {
        if let Err(fault) = self.may_enter(now, &peer) {
            out.effect(Effect::Refuse { ticket, fault: fault.clone() });
            out.event(Event::Peer(PeerEvent::Refused { id: peer.info.id, ip: peer.remote.ip().to_canonical(), fault }));
            return None;
        }
        let conn = self.next_conn();
        out.effect(Effect::Admit { ticket, conn });
        self.up(out, now, conn, peer, None);
        Some(conn)
    }

    /// Whether an inbound connection would be let in.
    ///
    /// # Errors
    /// Why not; [`Fault::Full`] when nothing but a slot is missing.
    pub fn may_enter(&self, now: Now, peer: &Handshaken) -> Result<(), Fault> {
        self.may_connect(now, peer)?;
        let counts = !self.unconditional.contains(&peer.info.id);
        if counts && self.is_full() { Err(Fault::Full) } else { Ok(()) }
    }

    /// Whether all inbound slots are taken.
    pub fn is_full(&self) -> bool {
        self.peers.counted().0 >= self.params.limits.max_inbound
    }

    pub(super) fn may_connect(&self, now: Now, peer: &Handshaken) -> Result<(), Fault> {
        let ip = peer.remote.ip().to_canonical();
        if peer.info.id == self.params.own_id {
            Err(Fault::Ourselves)
        } else if self.bans.refuses_ip(ip, now.wall) {
            Err(Fault::BannedIp)
        } else if self.bans.refuses_id(&peer.info.id, now.wall) {
            Err(Fault::BannedId)
        } else if self.is_connected(&peer.info.id) {
            Err(Fault::DuplicateId)
        } else if !self.params.allow_duplicate_ip && self.peers.has_ip(ip) {
            Err(Fault::DuplicateIp)
        } else {
            Ok(())
        }
    }

    /// A peer is connected. Of an outbound one: the dial, and its address in the form of the book.
    pub(super) fn up(
        &mut self,
        out: &mut Outbox,
        now: Now,
        conn: ConnId,
        peer: Handshaken,
        dial: Option<(&Dial, Option<NetAddress>)>,
    ) {
        let direction = if dial.is_some() { Direction::Outbound } else { Direction::Inbound };
        let dialled = dial.and_then(|(_, address)| address);
        let Handshaken { remote, info, .. } = peer;
        let id = info.id;
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let persistent = self.reconnect.has_id(&id);
        let purpose = dial.map(|(dial, _)| match dial.purpose {
            // It was removed from the list meanwhile.
            Purpose::Persistent if !persistent => Purpose::Keep,
            purpose => purpose,
        });
        if purpose == Some(Purpose::Manual) {
            self.reconnect.release(&id);
        }
        self.reconnect.connected(&id);
        self.peers.insert(Peer {
            conn,
            remote,
            direction,
            purpose,
            since: now,
            spoke: false,
            persistent,
            unconditional: self.unconditional.contains(&id),
            dialled,
            requests: (Wall::NEVER, 0),
            info: Arc::new(info),
        });
        out.event(Event::Peer(PeerEvent::Up { conn, id, remote, direction, purpose }));
    }

    /// A connection ended by itself or by the peer. `None` for an old number.
    pub fn closed(
        &mut self,
        out: &mut Outbox,
        now: Now,
        conn: ConnId,
        fault: &Fault,
        rng: &mut SeededRng,
    ) -> Option<Peer> {
        let peer = self.down(out, now, conn, fault)?;
        if peer.dialled.is_none() || peer.lasted(now) {
            // Who answers and hangs up, as a seed does, is not to be dialled several times a second.
            let was_short = now.mono.since(peer.since.mono) < params::LASTED;
            let pause = if was_short { params::RECONNECT_INTERVAL } else { Duration::ZERO };
            self.reconnect.lost(&peer.info.id, now.mono + pause);
        } else {
            self.reconnect.hung_up(&peer.info.id, now.mono, self.params.limits.persistent_max_period, rng);
        }
        Some(peer)
    }

    /// Closes a connection. A persistent peer that is closed for a fault of its own is redialled, one that an operator
    /// disconnects is not. `None` for an old number.
    pub fn close(&mut self, out: &mut Outbox, now: Now, conn: ConnId, how: CloseHow, reason: Fault) -> Option<Peer> {
        let peer = self.down(out, now, conn, &reason)?;
        if !matches!(reason, Fault::ClosedByUs(CloseReason::Operator | CloseReason::Stopped)) {
            self.reconnect.postpone(&peer.info.id, now.mono);
        }
        out.effect(Effect::Close { conn, how, reason });
        Some(peer)
    }

    fn down(&mut self, out: &mut Outbox, now: Now, conn: ConnId, fault: &Fault) -> Option<Peer> {
        let peer = self.peers.remove(conn)?;
        let length = now.mono.since(peer.since.mono);
        let (id, remote, fault) = (peer.info.id, peer.remote, fault.clone());
        out.event(Event::Peer(PeerEvent::Down { conn, id, remote, length, fault }));
        Some(peer)
    }

    /// Sends a message to a connected peer.
    pub fn send(&mut self, out: &mut Outbox, conn: ConnId, message: Outgoing) {
        if self.peers.get(conn).is_some() {
            out.effect(Effect::Send { conn, message });
        }
    }

    /// Notes that a message came from a peer: it is alive and takes part. `None` for an old number.
    pub fn heard(&mut self, now: Now, conn: ConnId, message: &Received) -> Option<&Peer> {
        let peer = self.peers.get_mut(conn)?;
        peer.spoke = true;
        if *message == Received::Request {
            peer.requests = (now.wall, peer.requests.1.saturating_add(1));
        }
        Some(peer)
    }

    /// Gives a peer another purpose: a seed that turns out to be a node worth keeping.
    pub fn repurpose(&mut self, conn: ConnId, purpose: Purpose) {
        if let Some(peer) = self.peers.get_mut(conn) {
            peer.purpose = Some(purpose);
        }
    }
}
