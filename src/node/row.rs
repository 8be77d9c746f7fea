//! What a node keeps over a restart: keys and row images, coalesced between two writes of the store.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::book::Record;
use crate::types::{NetAddress, NodeId, PeerAddress, Wall};

/// Names one stored row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An address of the book.
    Address(NetAddress),
    /// A ban.
    Ban(BanTarget),
    /// A run-time change of the configured seeds.
    SeedDelta(PeerAddress),
    /// What was found out about a seed.
    SeedHealth(PeerAddress),
}

/// One row to write (`row` is `Some`) or to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which row.
    pub key: Key,
    /// Its new image; `None` deletes it. Its variant is that of `key`.
    pub row: Option<Row>,
}

/// The image of a stored row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// An address of the book.
    Address(Record),
    /// A ban.
    Ban(Ban),
    /// A run-time change of the configured seeds.
    SeedDelta(SeedDelta),
    /// What was found out about a seed.
    SeedHealth(SeedHealth),
}

/// Whom a ban is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BanTarget {
    /// A node, by its authenticated ID.
    Id(NodeId),
    /// A range of addresses; a single IP is a range of one.
    Range(IpNet),
}

impl BanTarget {
    /// The range that is this one IP.
    pub fn ip(ip: IpAddr) -> Self {
        BanTarget::Range(IpNet::from(ip))
    }
}

/// A ban in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Whom it is for.
    pub target: BanTarget,
    /// Why, in words for the operator; at most 256 bytes.
    pub reason: String,
    /// When it was laid.
    pub since: Wall,
    /// When it ends; [`Wall::NEVER`] = never.
    pub until: Wall,
    /// Whether an operator laid it (else the reactor did).
    pub by_operator: bool,
}

/// A seed that an operator added or removed at run time, over what the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedDelta {
    /// The seed.
    pub seed: PeerAddress,
    /// Added (true) or removed (false).
    pub added: bool,
    /// When.
    pub at: Wall,
}

/// What our dials to a seed found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedHealth {
    /// The seed.
    pub seed: PeerAddress,
    /// When it was last dialled; [`Wall::NEVER`] before the first time.
    pub last_dialled: Wall,
    /// When it last answered the handshake.
    pub last_success: Wall,
    /// What became of the last dial, in words; empty when it went well.
    pub last_fault: String,
    /// Milliseconds that the last successful handshake took.
    pub latency_ms: u32,
    /// The ID that answered when it was another than the configured one.
    pub actual_id: Option<NodeId>,
    /// The chain that answered when it was another.
    pub actual_network: Option<String>,
    /// Addresses in its last answer.
    pub addresses: u32,
    /// When it last answered a request.
    pub last_answer: Wall,
}

/// All rows of a store, as they are loaded at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The book.
    pub addresses: Vec<Record>,
    /// The bans, expired ones included.
    pub bans: Vec<Ban>,
    /// Run-time changes of the seeds.
    pub seed_deltas: Vec<SeedDelta>,
    /// What was found out about seeds.
    pub seed_health: Vec<SeedHealth>,
}
