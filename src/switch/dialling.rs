//! Dials: whether to begin one, and what follows from its end (docs/protocol/pex-reactor.md, "dialPeer").

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Dial, DialEnd, Dialled, Effect, Event, Handshaken, NotDialled, Outbox, Switch, consequence, params};
use crate::types::{CloseHow, ConnId, DialOutcome, Fault, NetAddress, Now, PeerAddress, Purpose, SeededRng};

impl Switch {
    /// Begins a dial unless a rule is against it. When an address of the book may be dialled is the book's to say; seeds,
    /// persistent peers and what an operator asks for are exempt from the limits of a host. What an operator asks for may
    /// be under way already: then that dial, by its number, becomes the operator's.
    ///
    /// # Errors
    /// The rule.
    pub fn dial(
        &mut self,
        out: &mut Outbox,
        now: Now,
        target: PeerAddress,
        purpose: Purpose,
    ) -> Result<ConnId, NotDialled> {
        if purpose == Purpose::Manual
            && let Some(conn) = self.dials.take_over(&target)
        {
            return Ok(conn);
        }
        self.may_dial(now, &target, purpose)?;
        let visit = matches!(purpose, Purpose::Visit | Purpose::Verify | Purpose::Keep);
        let purpose = if visit && self.reconnect.is_persistent(&target) { Purpose::Persistent } else { purpose };
        let conn = self.next_conn();
        self.dials.insert(conn, Dial { target: target.clone(), purpose });
        if let Some(address) = target.as_net_address() {
            self.host_pace.note(address.ip(), now.mono);
        }
        out.effect(Effect::Dial { conn, target, purpose });
        Ok(conn)
    }

    fn may_dial(&self, now: Now, target: &PeerAddress, purpose: Purpose) -> Result<(), NotDialled> {
        // Who dials by hand may want to know what answers at our own address.
        let by_hand = purpose == Purpose::Manual && target.id() != self.params.own_id;
        if self.is_ourselves(target) && !by_hand {
            return Err(NotDialled::Ourselves);
        }
        let address = target.as_net_address();
        let same_ip = |address: NetAddress| !self.params.allow_duplicate_ip && self.peers.has_ip(address.ip());
        if self.is_connected(&target.id()) {
            return Err(NotDialled::Connected);
        }
        if self.dials.of(&target.id()) {
            return Err(NotDialled::Dialling);
        }
        if address.is_some_and(same_ip) {
            return Err(NotDialled::DuplicateIp);
        }
        if address.is_some_and(|address| self.dials.at(address.socket())) {
            return Err(NotDialled::EndpointBusy);
        }
        let banned_ip = address.is_some_and(|address| self.bans.bans_ip(address.ip(), now.wall));
        if banned_ip || self.bans.bans_id(&target.id(), now.wall) {
            return Err(NotDialled::Banned);
        }
        if purpose != Purpose::Manual && self.reconnect.is_held(&target.id()) {
            return Err(NotDialled::Held);
        }
        let exempt = matches!(purpose, Purpose::Seed | Purpose::Persistent | Purpose::Manual);
        if let Some(ip) = address.filter(|_| !exempt).map(|address| address.ip())
            && !ip.is_loopback()
            && (self.dials.to(ip) >= params::MAX_DIALS_PER_HOST || !self.host_pace.allows(ip, now.mono))
        {
            return Err(NotDialled::HostBusy);
        }
        if self.dials.len() >= self.params.limits.max_dials { Err(NotDialled::Busy) } else { Ok(()) }
    }

    /// Takes the end of a dial: keeps the connection or not, and counts a failure where the fault's consequence says.
    /// `None` for a number that was given up.
    pub fn dialled(
        &mut self,
        out: &mut Outbox,
        now: Now,
        conn: ConnId,
        remote: Option<SocketAddr>,
        result: Result<Box<Handshaken>, Fault>,
        rng: &mut SeededRng,
    ) -> Option<Dialled> {
        let dial = self.dials.remove(conn)?;
        let place = remote.and_then(|remote| NetAddress::new(dial.target.id(), remote.ip(), remote.port()).ok());
        let address = dial.target.as_net_address().or(place);
        match result {
            Ok(peer) => {
                let took = peer.took;
                let kept = self.keep_or_close(out, now, conn, &dial, address, *peer);
                let (kept, fault) = (kept.is_ok(), kept.err());
                self.dial_ended(out, &dial, remote, Some(DialOutcome::Reached), fault);
                Some(Dialled { dial, address, fault: None, conn: kept.then_some(conn), took })
            }
            Err(fault) => {
                self.dial_failed(now, &dial, &fault, rng);
                self.dial_ended(out, &dial, remote, consequence(&fault).outcome, Some(fault.clone()));
                Some(Dialled { dial, address, fault: Some(fault), conn: None, took: Duration::ZERO })
            }
        }
    }

    fn keep_or_close(
        &mut self,
        out: &mut Outbox,
        now: Now,
        conn: ConnId,
        dial: &Dial,
        address: Option<NetAddress>,
        peer: Handshaken,
    ) -> Result<(), Fault> {
        if let Err(fault) = self.may_connect(now, &peer) {
            out.effect(Effect::Close { conn, how: CloseHow::Now, reason: fault.clone() });
            if fault != Fault::DuplicateId {
                self.reconnect.postpone(&dial.target.id(), now.mono);
            }
            return Err(fault);
        }
        out.effect(Effect::Open { conn });
        self.up(out, now, conn, peer, Some((dial, address)));
        Ok(())
    }

    fn dial_failed(&mut self, now: Now, dial: &Dial, fault: &Fault, rng: &mut SeededRng) {
        match fault {
            // Dialling ourselves can never succeed, and a connection that is there already needs no redial.
            Fault::Ourselves | Fault::DuplicateId => {}
            // Where a name leads is known only now; what is against it is ours.
            Fault::DuplicateIp | Fault::BannedIp | Fault::LocalResources => {
                self.reconnect.postpone(&dial.target.id(), now.mono);
            }
            _ => self.reconnect.failed(&dial.target, now.mono, self.params.limits.persistent_max_period, rng),
        }
    }

    /// Tells of the end of a dial. Where a name led to is known by `remote` alone.
    pub(super) fn dial_ended(
        &mut self,
        out: &mut Outbox,
        dial: &Dial,
        remote: Option<SocketAddr>,
        outcome: Option<DialOutcome>,
        fault: Option<Fault>,
    ) {
        let remote = dial.target.as_net_address().map(|address| address.socket()).or(remote);
        let end = DialEnd { target: dial.target.clone(), remote, purpose: dial.purpose, outcome, fault };
        out.event(Event::Dialled(Arc::new(end)));
    }
}
