//! What happened, for logs, metrics and those who watch. The state never depends on an event being read.

use std::net::IpAddr;

use crate::types::{ConnId, Direction, Fault, NetAddress, NodeId, Outcome, PeerAddress, Purpose};

use super::BanTarget;

/// Something that an operator may want to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The reactor runs.
    Started,
    /// The reactor could not start.
    StartFailed(String),
    /// The reactor was stopped.
    Stopped,
    /// A peer is connected.
    PeerUp {
        /// Its connection.
        conn: ConnId,
        /// Who.
        id: NodeId,
        /// Who dialled.
        direction: Direction,
        /// Why we dialled.
        purpose: Option<Purpose>,
    },
    /// A peer is gone.
    PeerDown {
        /// Its connection.
        conn: ConnId,
        /// Who.
        id: NodeId,
        /// Why.
        fault: Fault,
    },
    /// An inbound connection was refused after its handshake.
    Refused {
        /// Who.
        id: NodeId,
        /// From where.
        ip: IpAddr,
        /// Why.
        fault: Fault,
    },
    /// A dial failed.
    DialFailed {
        /// Whom.
        target: PeerAddress,
        /// Why we dialled.
        purpose: Purpose,
        /// Why it failed.
        fault: Fault,
    },
    /// An address entered the book.
    Learned {
        /// The address.
        address: NetAddress,
        /// Who told us.
        from: NodeId,
    },
    /// A seed, or any node that was asked, answered.
    Answered {
        /// Who.
        id: NodeId,
        /// Addresses in its message.
        total: u32,
        /// How many of them were new to the book.
        learned: u32,
    },
    /// A request was answered.
    Served {
        /// Whom.
        id: NodeId,
        /// With how many addresses.
        addresses: u32,
    },
    /// An address was reached and may be served from now on.
    Verified(NetAddress),
    /// An address is not served any more.
    Unverified {
        /// The address.
        address: NetAddress,
        /// What became of the attempt.
        outcome: Outcome,
    },
    /// An ID became old (good).
    Promoted(NetAddress),
    /// A ban came into force.
    Banned {
        /// For whom.
        target: BanTarget,
        /// Why.
        reason: String,
    },
    /// A ban ended.
    Unbanned(BanTarget),
    /// Most of what was good fails at once (true), or no longer.
    Outage(bool),
    /// A seed's name does not resolve; it is tried again later.
    SeedUnresolved(PeerAddress),
}
