//! The switch's policy: which peers may be connected, which addresses may be dialled now (exponential backoff), and which
//! are banned.
//!
//! Pure. What it wants done goes into the [`Outbox`] that it is handed, as [`Effect`]s, and what happened as [`Event`]s.

mod ban_enforcement;
mod bans;
mod connecting;
mod dialling;
mod effect;
mod event;
mod fault_consequence;
mod host_pace;
mod outbox;
pub mod params;
mod peer_lists;
mod peers;
mod persistent_reconnect;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bans::Bans;
pub use bans::{Ban, BanScope, BanTarget, TooManyBans};
pub use effect::Effect;
pub use event::{About, AddressEvent, BanEvent, CrawlEvent, DialEnd, Event, ExchangeEvent, PeerEvent, ReactorEvent};
pub use fault_consequence::{Consequence, Penalty, consequence};
use host_pace::HostPace;
pub use outbox::Outbox;
pub use params::{Params, SwitchLimits};
pub use peer_lists::ListChange;
pub use peers::{Dial, Handshaken, Peer};
use peers::{Dials, Peers};
use persistent_reconnect::Reconnect;

use crate::types::{
    CloseHow, CloseReason, ConnId, Delta, Fault, Mono, NetAddress, NodeId, Now, Overlay, PeerAddress, Purpose,
    SeededRng,
};

/// The connections of one network and the rules for them.
#[derive(Debug)]
pub struct Switch {
    params: Params,
    last_conn: u64,
    peers: Peers,
    dials: Dials,
    host_pace: HostPace,
    reconnect: Reconnect,
    unconditional: Overlay<NodeId>,
    bans: Bans,
    /// When the first ban ends; `None` = never.
    ban_ends: Option<Mono>,
}

/// Why a dial was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDialled {
    /// It is connected.
    #[error("it is connected already")]
    Connected,
    /// It is being dialled.
    #[error("it is being dialled already")]
    Dialling,
    /// Its IP is connected.
    #[error("a peer with its IP is connected (allow_duplicate_ip = false)")]
    DuplicateIp,
    /// Another ID is being dialled at its ip:port.
    #[error("another ID is being dialled at this ip:port")]
    EndpointBusy,
    /// As many dials as one IP gets are under way to it, or one began within the last second.
    #[error("enough dials of this host are under way")]
    HostBusy,
    /// It is banned.
    #[error("it is banned")]
    Banned,
    /// It is ourselves.
    #[error("it is ourselves")]
    Ourselves,
    /// As many dials as allowed are under way.
    #[error("too many dials under way")]
    Busy,
    /// It is a persistent peer that an operator disconnected.
    #[error("an operator disconnected it")]
    Held,
    /// The reactor does not run.
    #[error("the reactor does not run")]
    NotRunning,
}

/// What a store kept of a switch.
#[derive(Debug, Default)]
pub struct RestoredState {
    /// The bans, expired ones included.
    pub bans: Vec<Ban>,
    /// Run-time changes of the persistent peers.
    pub persistent: Vec<Delta<PeerAddress>>,
    /// Run-time changes of the unconditional peers.
    pub unconditional: Vec<Delta<NodeId>>,
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
    /// A switch without connections, with what was kept.
    pub fn new(params: Params, kept: RestoredState) -> Self {
        Switch {
            reconnect: Reconnect::load(&params.persistent, kept.persistent),
            unconditional: Overlay::load(params.unconditional.iter().copied(), kept.unconditional),
            params,
            last_conn: 0,
            peers: Peers::default(),
            dials: Dials::default(),
            host_pace: HostPace::default(),
            bans: Bans::load(kept.bans),
            ban_ends: None,
        }
    }

    /// Begins to dial persistent peers.
    pub fn start(&mut self, now: Now, rng: &mut SeededRng) {
        self.reconnect.start(now.mono, rng);
    }

    /// Gives up all dials, which are returned, and disconnects all peers.
    pub fn stop(&mut self, out: &mut Outbox, now: Now) -> Vec<Dial> {
        let stopped = Fault::ClosedByUs(CloseReason::Stopped);
        let mut given_up = Vec::new();
        for conn in self.dials.conns() {
            if let Some(dial) = self.dials.remove(conn) {
                self.dial_ended(out, &dial, None, None, Some(stopped.clone()));
                given_up.push(dial);
            }
            out.effect(Effect::Close { conn, how: CloseHow::Now, reason: stopped.clone() });
        }
        let conns: Vec<ConnId> = self.peers().map(|peer| peer.conn).collect();
        for conn in conns {
            self.close(out, now, conn, CloseHow::Flush, stopped.clone());
        }
        self.reconnect.stop();
        given_up
    }

    /// When [`Switch::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.reconnect.next()
    }

    /// Dials the persistent peers whose time has come.
    pub fn handle_timeout(&mut self, out: &mut Outbox, now: Now) {
        while let Some(target) = self.reconnect.due(now.mono) {
            let id = target.id();
            match self.dial(out, now, target, Purpose::Persistent) {
                // The loss of the one that is connected brings it back.
                Ok(_) | Err(NotDialled::Ourselves | NotDialled::Connected) => {}
                // No dial, no failure: what is against it is on our side.
                Err(_) => self.reconnect.postpone(&id, now.mono),
            }
        }
    }

    /// Whether an address is our own, by its ID or by where it leads.
    pub fn is_ourselves(&self, address: &PeerAddress) -> bool {
        address.id() == self.params.own_id || self.params.own_endpoints.contains(address)
    }

    /// The peer of a connection.
    pub fn peer(&self, conn: ConnId) -> Option<&Peer> {
        self.peers.get(conn)
    }

    /// The connection of an ID.
    pub fn conn_of(&self, id: &NodeId) -> Option<ConnId> {
        self.peers.by_id(id)
    }

    /// At most `max` peers whose connection is later than `after`, the earliest first.
    pub fn peers_after(&self, after: Option<ConnId>, max: usize) -> impl Iterator<Item = &Peer> {
        self.peers.after(after, max)
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

    /// The dials under way.
    pub fn dials(&self) -> impl Iterator<Item = &Dial> {
        self.dials.iter()
    }

    /// Outbound slots that neither a peer nor a dial has taken.
    pub fn free_outbound(&self) -> u32 {
        let taken = self.peers.counted().1 as usize + self.dials.len();
        self.params.limits.max_outbound.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// Sets the limits. No peer is disconnected and no dial given up for a lower one: it applies to new connections. A
    /// shorter pause between dials of a persistent peer shortens those that are under way.
    pub fn set_limits(&mut self, now: Now, limits: SwitchLimits) {
        self.params.limits = limits;
        if !limits.persistent_max_period.is_zero() {
            self.reconnect.hurry(now.mono + limits.persistent_max_period);
        }
    }

    /// The parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    fn next_conn(&mut self) -> ConnId {
        self.last_conn += 1;
        ConnId(self.last_conn)
    }
}
