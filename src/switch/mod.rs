//! The switch's policy: who may be connected, whom to dial now, whom to leave alone and whom to keep out.
//!
//! Pure. What it wants done comes out as [`Effect`]s, what happened as [`Event`]s.

mod backoff;
mod bans;
mod effect;
mod event;
pub mod params;
mod peers;
mod reconnect;
mod verdict;

use std::collections::VecDeque;
use std::time::Duration;

use ipnet::IpNet;

pub use bans::{Ban, BanTarget, TooManyBans};
pub use effect::Effect;
pub use event::Event;
pub use params::Params;
pub use peers::{Dial, Handshaken, Peer};
pub use verdict::{Blame, Penalty, Verdict, verdict};

use crate::types::{
    CloseHow, CloseReason, ConnId, Direction, Fault, Mono, NetAddress, NodeId, Now, PeerAddress, Purpose, SeededRng,
    Ticket, Wall,
};
use crate::wire::pex::{Outgoing, Received};
use backoff::{Backoff, Wait};
use bans::Bans;
use peers::{Dials, Peers};
use reconnect::Reconnect;

/// The connections of one network and the rules for them.
#[derive(Debug)]
pub struct Switch {
    params: Params,
    last_conn: u64,
    peers: Peers,
    dials: Dials,
    backoff: Backoff,
    reconnect: Reconnect,
    bans: Bans,
    effects: VecDeque<Effect>,
    events: VecDeque<Event>,
}

/// Why a dial was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDialled {
    /// It is connected, or being dialled.
    #[error("already connected or being dialled")]
    Already,
    /// Somebody else is being dialled at its place.
    #[error("another ID is being dialled at this place")]
    PlaceBusy,
    /// It failed a short while ago.
    #[error("failed too short a while ago")]
    TooEarly(Mono),
    /// It failed too often.
    #[error("failed too often")]
    GivenUp,
    /// It is banned.
    #[error("banned")]
    Banned,
    /// It is ourselves.
    #[error("it is ourselves")]
    Ourselves,
    /// As many dials as allowed are under way.
    #[error("too many dials under way")]
    Busy,
}

/// A dial that ended.
#[derive(Debug)]
pub struct Dialled {
    /// What was dialled, and why.
    pub dial: Dial,
    /// The address in the form of the book, once it was resolved.
    pub address: Option<NetAddress>,
    /// Why it failed; a connection that was reached and not kept has no fault here.
    pub fault: Option<Fault>,
    /// The connection, when it is kept.
    pub conn: Option<ConnId>,
    /// How long dial and handshake took, when they went well.
    pub took: Duration,
}

impl Switch {
    /// A switch without connections, with the bans that were kept.
    pub fn new(params: Params, bans: impl IntoIterator<Item = Ban>) -> Self {
        Switch {
            reconnect: Reconnect::new(&params.persistent),
            params,
            last_conn: 0,
            peers: Peers::default(),
            dials: Dials::default(),
            backoff: Backoff::default(),
            bans: Bans::load(bans),
            effects: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    // --- dialling

    /// Begins a dial unless a rule is against it (behaviour document, "dialPeer"). Seeds, persistent peers and what an
    /// operator asks for are exempt from the back-off; persistent peers have their own.
    ///
    /// # Errors
    /// The rule.
    pub fn dial(&mut self, now: Now, target: PeerAddress, purpose: Purpose) -> Result<ConnId, NotDialled> {
        self.may_dial(now, &target, purpose)?;
        let conn = self.next_conn();
        self.dials.insert(conn, Dial { target: target.clone(), purpose });
        self.effects.push_back(Effect::Dial { conn, target, purpose });
        Ok(conn)
    }

    fn may_dial(&self, now: Now, target: &PeerAddress, purpose: Purpose) -> Result<(), NotDialled> {
        if target.id() == self.params.own_id {
            return Err(NotDialled::Ourselves);
        }
        let address = target.as_net_address();
        let same_ip = |address: NetAddress| !self.params.allow_duplicate_ip && self.peers.has_ip(address.ip());
        if self.is_busy_with(&target.id()) || address.is_some_and(same_ip) {
            return Err(NotDialled::Already);
        }
        if address.is_some_and(|address| self.dials.at(address.socket())) {
            return Err(NotDialled::PlaceBusy);
        }
        let banned_ip = address.is_some_and(|address| self.bans.bans_ip(address.ip(), now.wall));
        if banned_ip || self.bans.bans_id(&target.id(), now.wall) {
            return Err(NotDialled::Banned);
        }
        let exempt = matches!(purpose, Purpose::Seed | Purpose::Persistent | Purpose::Manual);
        if let Some(address) = address.filter(|_| !exempt) {
            let cap = self.reconnect.is_persistent(target).then_some(self.params.persistent_max_period);
            self.backoff.check(&address, now.mono, cap).map_err(|wait| match wait {
                Wait::Until(at) => NotDialled::TooEarly(at),
                Wait::GivenUp => NotDialled::GivenUp,
            })?;
        }
        if self.dials.len() >= self.params.max_dials { Err(NotDialled::Busy) } else { Ok(()) }
    }

    /// Takes the end of a dial: keeps the connection or not, and counts a failure where the verdict says. `None` for a
    /// number that was given up.
    pub fn dialled(
        &mut self,
        now: Now,
        conn: ConnId,
        remote: Option<std::net::SocketAddr>,
        result: Result<Box<Handshaken>, Fault>,
        rng: &mut SeededRng,
    ) -> Option<Dialled> {
        let dial = self.dials.remove(conn)?;
        let place = remote.and_then(|remote| NetAddress::new(dial.target.id(), remote.ip(), remote.port()).ok());
        let address = dial.target.as_net_address().or(place);
        match result {
            Ok(peer) => {
                let took = peer.took;
                let kept = self.keep_or_close(now, conn, &dial, address, *peer);
                Some(Dialled { dial, address, fault: None, conn: kept.then_some(conn), took })
            }
            Err(fault) => {
                self.dial_failed(now, &dial, address, &fault, rng);
                Some(Dialled { dial, address, fault: Some(fault), conn: None, took: Duration::ZERO })
            }
        }
    }

    fn keep_or_close(
        &mut self,
        now: Now,
        conn: ConnId,
        dial: &Dial,
        address: Option<NetAddress>,
        peer: Handshaken,
    ) -> bool {
        if let Err(fault) = self.may_connect(now, &peer) {
            self.effects.push_back(Effect::Close { conn, how: CloseHow::Now, reason: fault.clone() });
            self.events.push_back(Event::DialFailed { target: dial.target.clone(), purpose: dial.purpose, fault });
            return false;
        }
        self.effects.push_back(Effect::Open { conn });
        self.up(now, conn, peer, Direction::Outbound, Some(dial), address);
        true
    }

    fn dial_failed(&mut self, now: Now, dial: &Dial, address: Option<NetAddress>, fault: &Fault, rng: &mut SeededRng) {
        if let Some(address) = address {
            match verdict(fault).blame {
                Blame::Endpoint => self.backoff.failed(&address, true, now.mono, rng),
                Blame::Address => self.backoff.failed(&address, false, now.mono, rng),
                Blame::Nobody => {}
            }
        }
        // Dialling ourselves can never succeed, and a connection that is there already needs no redial.
        if !matches!(fault, Fault::Ourselves | Fault::DuplicateId) {
            self.reconnect.failed(&dial.target, now.mono, self.params.persistent_max_period, rng);
        }
        let (target, purpose, fault) = (dial.target.clone(), dial.purpose, fault.clone());
        self.events.push_back(Event::DialFailed { target, purpose, fault });
    }

    // --- connections

    /// Lets an inbound connection in, or refuses it. The number is the connection's.
    pub fn inbound(&mut self, now: Now, ticket: Ticket, peer: Handshaken) -> Option<ConnId> {
        let unconditional = self.params.unconditional.contains(&peer.info.id);
        let full = !unconditional && self.peers.counted().0 >= self.params.max_inbound;
        let verdict = self.may_connect(now, &peer).and(if full { Err(Fault::Full) } else { Ok(()) });
        if let Err(fault) = verdict {
            self.effects.push_back(Effect::Refuse { ticket, fault: fault.clone() });
            self.events.push_back(Event::Refused { id: peer.info.id, ip: peer.remote.ip(), fault });
            return None;
        }
        let conn = self.next_conn();
        self.effects.push_back(Effect::Admit { ticket, conn });
        self.up(now, conn, peer, Direction::Inbound, None, None);
        Some(conn)
    }

    fn may_connect(&self, now: Now, peer: &Handshaken) -> Result<(), Fault> {
        let ip = peer.remote.ip().to_canonical();
        if peer.info.id == self.params.own_id {
            Err(Fault::Ourselves)
        } else if self.bans.bans_ip(ip, now.wall) {
            Err(Fault::BannedIp)
        } else if self.bans.bans_id(&peer.info.id, now.wall) {
            Err(Fault::BannedId)
        } else if self.is_connected(&peer.info.id) {
            Err(Fault::DuplicateId)
        } else if !self.params.allow_duplicate_ip && self.peers.has_ip(ip) {
            Err(Fault::DuplicateIp)
        } else {
            Ok(())
        }
    }

    fn up(
        &mut self,
        now: Now,
        conn: ConnId,
        peer: Handshaken,
        direction: Direction,
        dial: Option<&Dial>,
        dialled: Option<NetAddress>,
    ) {
        let Handshaken { remote, info, .. } = peer;
        let id = info.id;
        let purpose = dial.map(|dial| dial.purpose);
        self.reconnect.connected(&id);
        self.peers.insert(Peer {
            conn,
            remote: std::net::SocketAddr::new(remote.ip().to_canonical(), remote.port()),
            direction,
            purpose,
            since: now,
            spoke: false,
            persistent: dial.is_some_and(|dial| self.reconnect.is_persistent(&dial.target)),
            unconditional: self.params.unconditional.contains(&id),
            dialled,
            requests: (Wall::NEVER, 0),
            info: Box::new(info),
        });
        self.events.push_back(Event::PeerUp { conn, id, direction, purpose });
    }

    /// A connection ended by itself or by the peer. `None` for an old number.
    pub fn closed(&mut self, now: Now, conn: ConnId, fault: &Fault, rng: &mut SeededRng) -> Option<Peer> {
        let peer = self.down(conn, fault)?;
        self.judge_dialled(now, &peer, rng);
        self.reconnect.lost(&peer.info.id, now.mono);
        Some(peer)
    }

    /// Forgets the failures of a place that lasted or spoke. One that hung up at once after the handshake is full, and
    /// keeps its back-off.
    fn judge_dialled(&mut self, now: Now, peer: &Peer, rng: &mut SeededRng) {
        let Some(address) = peer.dialled else { return };
        if peer.spoke || now.mono.since(peer.since.mono) >= params::LASTED {
            self.backoff.succeeded(&address);
        } else {
            self.backoff.failed(&address, true, now.mono, rng);
        }
    }

    /// Closes a connection. A persistent peer that is closed for a fault of its own is redialled, one that is let go is
    /// not. `None` for an old number.
    pub fn close(&mut self, now: Now, conn: ConnId, how: CloseHow, reason: Fault) -> Option<Peer> {
        let peer = self.down(conn, &reason)?;
        if let Some(address) = peer.dialled {
            self.backoff.succeeded(&address);
        }
        if !matches!(reason, Fault::ClosedByUs(_)) {
            self.reconnect.lost(&peer.info.id, now.mono);
        }
        self.effects.push_back(Effect::Close { conn, how, reason });
        Some(peer)
    }

    fn down(&mut self, conn: ConnId, fault: &Fault) -> Option<Peer> {
        let peer = self.peers.remove(conn)?;
        self.events.push_back(Event::PeerDown { conn, id: peer.info.id, fault: fault.clone() });
        Some(peer)
    }

    /// Sends a message to a connected peer.
    pub fn send(&mut self, conn: ConnId, message: Outgoing) {
        if self.peers.get(conn).is_some() {
            self.effects.push_back(Effect::Send { conn, message });
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

    // --- the life of the network

    /// Begins to dial persistent peers.
    pub fn start(&mut self, now: Now, rng: &mut SeededRng) {
        self.reconnect.start(now.mono, rng);
    }

    /// Gives up all dials, which are returned, and lets all peers go.
    pub fn stop(&mut self, now: Now) -> Vec<Dial> {
        let stopped = Fault::ClosedByUs(CloseReason::Stopped);
        let mut given_up = Vec::new();
        for conn in self.dials.conns() {
            given_up.extend(self.dials.remove(conn));
            self.effects.push_back(Effect::Close { conn, how: CloseHow::Now, reason: stopped.clone() });
        }
        let conns: Vec<ConnId> = self.peers().map(|peer| peer.conn).collect();
        for conn in conns {
            self.close(now, conn, CloseHow::Flush, stopped.clone());
        }
        self.reconnect.stop();
        given_up
    }

    /// When [`Switch::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.reconnect.next()
    }

    /// Dials the persistent peers whose time has come.
    pub fn handle_timeout(&mut self, now: Now, rng: &mut SeededRng) {
        while let Some(target) = self.reconnect.due(now.mono) {
            match self.dial(now, target.clone(), Purpose::Persistent) {
                Ok(_) | Err(NotDialled::Already | NotDialled::Ourselves) => {}
                Err(_) => {
                    self.reconnect.failed(&target, now.mono, self.params.persistent_max_period, rng);
                }
            }
        }
    }

    // --- bans

    /// Lays a ban and closes what it is for.
    ///
    /// # Errors
    /// When there are as many bans by operators as are kept.
    pub fn ban(&mut self, now: Now, ban: Ban) -> Result<(), TooManyBans> {
        let (target, reason) = (ban.target, ban.reason.clone());
        self.bans.lay(ban)?;
        self.events.push_back(Event::Banned { target, reason });
        self.publish(&target);
        let caught = |peer: &&Peer| match target {
            BanTarget::Id(id) => peer.info.id == id,
            BanTarget::Range(net) => net.contains(&peer.remote.ip()),
        };
        let conns: Vec<ConnId> = self.peers().filter(caught).map(|peer| peer.conn).collect();
        for conn in conns {
            self.close(now, conn, CloseHow::Now, Fault::ClosedByUs(CloseReason::Banned));
        }
        Ok(())
    }

    /// Lifts a ban; whether there was one.
    pub fn unban(&mut self, target: &BanTarget) -> bool {
        let lifted = self.bans.remove(target).is_some();
        if lifted {
            self.events.push_back(Event::Unbanned(*target));
            self.publish(target);
        }
        lifted
    }

    /// Lifts the bans that have ended, and names them.
    pub fn expire_bans(&mut self, now: Wall) -> Vec<BanTarget> {
        let ended = self.bans.expire(now);
        for target in &ended {
            self.events.push_back(Event::Unbanned(*target));
            self.publish(target);
        }
        ended
    }

    fn publish(&mut self, target: &BanTarget) {
        if matches!(target, BanTarget::Range(_)) {
            self.effects.push_back(Effect::PublishBans);
        }
    }

    /// Whether an ID is banned now.
    pub fn bans_id(&self, id: &NodeId, now: Wall) -> bool {
        self.bans.bans_id(id, now)
    }

    /// The bans that are kept, one that has just ended perhaps among them.
    pub fn bans(&self) -> impl Iterator<Item = &Ban> {
        self.bans.iter()
    }

    /// How many bans are kept.
    pub fn ban_count(&self) -> usize {
        self.bans.len()
    }

    /// The banned ranges with their ends, for the gate.
    pub fn banned_ranges(&self) -> Vec<(IpNet, Wall)> {
        let range = |ban: &Ban| match ban.target {
            BanTarget::Range(net) => Some((net, ban.until)),
            BanTarget::Id(_) => None,
        };
        self.bans.iter().filter_map(range).collect()
    }

    /// Whether a ban changed that is not stored yet.
    pub fn has_dirty(&self) -> bool {
        self.bans.has_dirty()
    }

    /// One changed ban: its image, or `None` when it was lifted.
    pub fn take_dirty(&mut self) -> Option<(BanTarget, Option<Ban>)> {
        self.bans.take_dirty()
    }

    // --- questions

    /// The peer of a connection.
    pub fn peer(&self, conn: ConnId) -> Option<&Peer> {
        self.peers.get(conn)
    }

    /// All connected peers.
    pub fn peers(&self) -> impl ExactSizeIterator<Item = &Peer> {
        self.peers.iter()
    }

    /// Whether an ID is connected, whoever dialled.
    pub fn is_connected(&self, id: &NodeId) -> bool {
        self.peers.by_id(id).is_some()
    }

    /// Whether an ID is connected or being dialled.
    pub fn is_busy_with(&self, id: &NodeId) -> bool {
        self.is_connected(id) || self.dials.of(id)
    }

    /// Connected inbound and outbound peers that count in the limits.
    pub fn counted(&self) -> (u32, u32) {
        self.peers.counted()
    }

    /// Dials under way.
    pub fn dialling(&self) -> usize {
        self.dials.len()
    }

    /// Outbound slots that neither a peer nor a dial has taken.
    pub fn free_outbound(&self) -> u32 {
        let taken = self.peers.counted().1 as usize + self.dials.len();
        self.params.max_outbound.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// The parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The next thing to do; to be drained to `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Asks the shell for something.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Notes something that happened.
    pub fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    fn next_conn(&mut self) -> ConnId {
        self.last_conn += 1;
        ConnId(self.last_conn)
    }
}
