//! Who is connected, and who is being dialled.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::params::LASTED;
use crate::types::{ConnId, Direction, NetAddress, NodeId, NodeInfo, Now, PeerAddress, Purpose, Wall};

/// A peer whose key, signature and node information were exchanged and checked: it is who it says, of our network.
#[derive(Clone, Debug)]
pub struct Handshaken {
    /// Its end of the TCP connection.
    pub remote: SocketAddr,
    /// What it says of itself; `info.id` is authenticated.
    pub info: NodeInfo,
    /// From the first byte to the end of the handshake (with the dial, when we dialled).
    pub took: Duration,
}

/// A connected peer.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its connection.
    pub conn: ConnId,
    /// Its end of the connection.
    pub remote: SocketAddr,
    /// What it says of itself; `info.id` is authenticated.
    pub info: Arc<NodeInfo>,
    /// Who dialled.
    pub direction: Direction,
    /// Why we dialled; `None` for inbound peers.
    pub purpose: Option<Purpose>,
    /// Since when.
    pub since: Now,
    /// Whether a message came from it.
    pub spoke: bool,
    /// Whether its ID is that of a persistent peer: it is redialled when it is lost, and stays however long.
    pub persistent: bool,
    /// Counts in no limit.
    pub unconditional: bool,
    /// Where it was dialled, as the book names it.
    pub dialled: Option<NetAddress>,
    /// When it last asked for addresses, and how often it did on this connection.
    pub requests: (Wall, u32),
}

impl Peer {
    /// Whether the connection was more than a handshake with a node that has no room for us.
    pub fn lasted(&self, now: Now) -> bool {
        self.spoke || now.mono.since(self.since.mono) >= LASTED
    }
}

/// A dial under way.
#[derive(Clone, Debug)]
pub struct Dial {
    /// Whom.
    pub target: PeerAddress,
    /// Why.
    pub purpose: Purpose,
}

/// The peers by connection, ID and IP, with the counts that limits are checked against.
#[derive(Debug, Default)]
pub(super) struct Peers {
    by_conn: BTreeMap<ConnId, Peer>,
    by_id: BTreeMap<NodeId, ConnId>,
    by_ip: BTreeMap<IpAddr, u32>,
    inbound: u32,
    outbound: u32,
}

impl Peers {
    pub(super) fn insert(&mut self, peer: Peer) {
        self.by_id.insert(peer.info.id, peer.conn);
        *self.by_ip.entry(peer.remote.ip()).or_default() += 1;
        *self.counter(&peer) += u32::from(!peer.unconditional);
        self.by_conn.insert(peer.conn, peer);
    }

    pub(super) fn remove(&mut self, conn: ConnId) -> Option<Peer> {
        let peer = self.by_conn.remove(&conn)?;
        self.by_id.remove(&peer.info.id);
        if let Some(count) = self.by_ip.get_mut(&peer.remote.ip()) {
            *count -= 1;
            if *count == 0 {
                self.by_ip.remove(&peer.remote.ip());
            }
        }
        *self.counter(&peer) -= u32::from(!peer.unconditional);
        Some(peer)
    }

    fn counter(&mut self, peer: &Peer) -> &mut u32 {
        match peer.direction {
            Direction::Inbound => &mut self.inbound,
            Direction::Outbound => &mut self.outbound,
        }
    }

    pub(super) fn get(&self, conn: ConnId) -> Option<&Peer> {
        self.by_conn.get(&conn)
    }

    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Peer> {
        self.by_conn.get_mut(&conn)
    }

    pub(super) fn by_id(&self, id: &NodeId) -> Option<ConnId> {
        self.by_id.get(id).copied()
    }

    /// At most `max` peers whose connection is later than `after`, the earliest first.
    pub(super) fn after(&self, after: Option<ConnId>, max: usize) -> impl Iterator<Item = &Peer> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_conn.range((from, Bound::Unbounded)).map(|(_, peer)| peer).take(max)
    }

    /// Whether a peer counts in the limits, from now on.
    pub(super) fn set_unconditional(&mut self, id: &NodeId, unconditional: bool) {
        if let Some(mut peer) = self.by_id(id).and_then(|conn| self.by_conn.remove(&conn)) {
            *self.counter(&peer) -= u32::from(!peer.unconditional);
            peer.unconditional = unconditional;
            *self.counter(&peer) += u32::from(!peer.unconditional);
            self.by_conn.insert(peer.conn, peer);
        }
    }

    /// Whether a peer is a persistent one, from now on. One that was dialled as such and is none any more is kept like any
    /// other.
    pub(super) fn set_persistent(&mut self, id: &NodeId, persistent: bool) {
        if let Some(peer) = self.by_id(id).and_then(|conn| self.by_conn.get_mut(&conn)) {
            peer.persistent = persistent;
            if !persistent && peer.purpose == Some(Purpose::Persistent) {
                peer.purpose = Some(Purpose::Keep);
            }
        }
    }

    pub(super) fn has_ip(&self, ip: IpAddr) -> bool {
        self.by_ip.contains_key(&ip)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Peer> {
        self.by_conn.values()
    }

    /// Inbound and outbound peers, unconditional ones left out.
    pub(super) fn counted(&self) -> (u32, u32) {
        (self.inbound, self.outbound)
    }
}

/// The dials by number, ID and ip:port.
#[derive(Debug, Default)]
pub(super) struct Dials {
    by_conn: BTreeMap<ConnId, Dial>,
    by_id: BTreeMap<NodeId, ConnId>,
    endpoints: BTreeMap<SocketAddr, ConnId>,
    hosts: BTreeMap<IpAddr, usize>,
}

impl Dials {
    pub(super) fn insert(&mut self, conn: ConnId, dial: Dial) {
        self.by_id.insert(dial.target.id(), conn);
        if let Some(address) = dial.target.as_net_address() {
            self.endpoints.insert(address.socket(), conn);
            *self.hosts.entry(address.ip()).or_default() += 1;
        }
        self.by_conn.insert(conn, dial);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Dial> {
        self.by_conn.values()
    }

    pub(super) fn remove(&mut self, conn: ConnId) -> Option<Dial> {
        let dial = self.by_conn.remove(&conn)?;
        self.by_id.remove(&dial.target.id());
        if let Some(address) = dial.target.as_net_address() {
            self.endpoints.remove(&address.socket());
            if let Some(count) = self.hosts.get_mut(&address.ip()) {
                *count -= 1;
                if *count == 0 {
                    self.hosts.remove(&address.ip());
                }
            }
        }
        Some(dial)
    }

    /// Makes a dial of this very address, whose end nobody but the book waits for, an operator's.
    pub(super) fn take_over(&mut self, target: &PeerAddress) -> Option<ConnId> {
        let conn = *self.by_id.get(&target.id())?;
        let dial =
            self.by_conn.get_mut(&conn).filter(|dial| dial.target == *target && dial.purpose != Purpose::Seed)?;
        dial.purpose = Purpose::Manual;
        Some(conn)
    }

    /// Whether this ID is being dialled.
    pub(super) fn of(&self, id: &NodeId) -> bool {
        self.by_id.contains_key(id)
    }

    /// Dials under way to one IP.
    pub(super) fn to(&self, ip: IpAddr) -> usize {
        self.hosts.get(&ip).copied().unwrap_or_default()
    }

    /// Whether any ID is being dialled at this very ip:port.
    pub(super) fn at(&self, endpoint: SocketAddr) -> bool {
        self.endpoints.contains_key(&endpoint)
    }

    pub(super) fn len(&self) -> usize {
        self.by_conn.len()
    }

    pub(super) fn conns(&self) -> Vec<ConnId> {
        self.by_conn.keys().copied().collect()
    }
}
