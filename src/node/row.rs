//! What a node keeps over a restart: keys and row images, coalesced between two writes of the store.

use std::fmt;
use std::net::SocketAddr;

use crate::book::{Record, TraceRecord};
pub use crate::pex::SeedHealth;
pub use crate::switch::{Ban, BanScope, BanTarget};
pub use crate::types::Delta;
use crate::types::{DialOutcome, NetAddress, NodeId, PeerAddress, Purpose, Wall};

/// An entry of one of the configuration's lists that operators change at run time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListItem {
    /// Of `seeds`.
    Seed(PeerAddress),
    /// Of `persistent_peers`.
    Persistent(PeerAddress),
    /// Of `unconditional_peer_ids`.
    Unconditional(NodeId),
    /// Of `private_peer_ids`.
    Private(NodeId),
}

impl ListItem {
    /// Whom it names.
    pub const fn id(&self) -> NodeId {
        match self {
            ListItem::Seed(peer) | ListItem::Persistent(peer) => peer.id(),
            ListItem::Unconditional(id) | ListItem::Private(id) => *id,
        }
    }
}

impl fmt::Display for ListItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListItem::Seed(seed) => write!(f, "the seed {seed}"),
            ListItem::Persistent(peer) => write!(f, "the persistent peer {peer}"),
            ListItem::Unconditional(id) => write!(f, "the unconditional peer {id}"),
            ListItem::Private(id) => write!(f, "the private peer {id}"),
        }
    }
}

/// A key of the configuration that an operator changed at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key, such as `p2p.max_num_inbound_peers`.
    pub key: Box<str>,
    /// Its value, as it is written in a file, without quotes.
    pub value: Box<str>,
    /// Who changed it, as in the audit log.
    pub author: Box<str>,
    /// When.
    pub at: Wall,
}

/// A change that an operator made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Grows with each entry, from 1.
    pub number: u64,
    /// When.
    pub at: Wall,
    /// Who: a token, a certificate, or the socket it came from.
    pub author: Box<str>,
    /// By which method of the admin API.
    pub method: Box<str>,
    /// What, in words.
    pub summary: Box<str>,
}

/// A dial of ours that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialEntry {
    /// Grows with each entry, from 1.
    pub number: u64,
    /// When it ended.
    pub at: Wall,
    /// Whom we dialled.
    pub target: PeerAddress,
    /// Where we really went; `None` when a name did not resolve.
    pub remote: Option<SocketAddr>,
    /// Why we dialled.
    pub purpose: Purpose,
    /// What became of it; `None` when it says nothing about the address.
    pub outcome: Option<DialOutcome>,
    /// The name of what went wrong; empty when nothing did.
    pub fault: Box<str>,
    /// What went wrong, in words.
    pub detail: Box<str>,
}

/// How far the numbers of events are used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMark {
    /// Names this count of events.
    pub epoch: Box<str>,
    /// No event has a higher number yet.
    pub reserved: u64,
    /// Whether the last life ended in order, `reserved` being its last event.
    pub clean: bool,
    /// Up to this number some may never have been given to an event, for a crash.
    pub uncertain: u64,
}

/// Names one stored row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An address of the book.
    Address(NetAddress),
    /// A trace of what has left the book.
    Trace(u64),
    /// A ban.
    Ban(BanTarget),
    /// A run-time change of a configured list.
    Delta(ListItem),
    /// A run-time change of a key.
    Setting(Box<str>),
    /// What was found out about a seed.
    SeedHealth(PeerAddress),
    /// A slot of the anchors.
    Anchor(u8),
    /// A slot of the audit's ring.
    Audit(u32),
    /// A slot of the dials' ring.
    Dial(u32),
    /// The events' mark.
    EventMark,
}

/// One row to write (`row` is `Some`) or to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
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
    /// A trace of what has left the book.
    Trace(TraceRecord),
    /// A ban.
    Ban(Ban),
    /// A run-time change of a configured list.
    Delta(Delta<ListItem>),
    /// A run-time change of a key.
    Setting(Setting),
    /// What was found out about a seed.
    SeedHealth(SeedHealth),
    /// An anchor.
    Anchor(NetAddress),
    /// A change that an operator made.
    Audit(AuditEntry),
    /// A dial of ours.
    Dial(DialEntry),
    /// The events' mark.
    EventMark(EventMark),
}

/// The rows of a store that a network begins with; audit and dials are read when somebody asks for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The book.
    pub addresses: Vec<Record>,
    /// The traces of what has left it.
    pub traces: Vec<TraceRecord>,
    /// The bans, expired ones included.
    pub bans: Vec<Ban>,
    /// Run-time changes of the configured lists.
    pub deltas: Vec<Delta<ListItem>>,
    /// Run-time changes of keys.
    pub settings: Vec<Setting>,
    /// What was found out about seeds.
    pub seed_health: Vec<SeedHealth>,
    /// The outbound peers that are dialled first, in their order.
    pub anchors: Vec<NetAddress>,
    /// The number of the last entry of the audit; 0 = none.
    pub last_audit: u64,
    /// The number of the last dial; 0 = none.
    pub last_dial: u64,
    /// The events' mark; `None` in a new book.
    pub event_mark: Option<EventMark>,
}
