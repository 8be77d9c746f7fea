//! What a network answers to those who hold its handle.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::counters::Counters;
use crate::book::{Added, SourceAccount};
use crate::node::{AddressView, DialEnd, NotAdded, PeerView, StatusView};
use crate::store::StoreStats;
use crate::store::answer_log::AnswerLogStats;
use crate::transport::{Dialler, LocalNode, MessageCounts, RefusedSource, Traffic};
use crate::types::{Direction, Fault, NodeId, Purpose, Wall};

/// Entries of the book in one answer of the actor at most, so that a page never pauses the reactor.
pub const MAX_PAGE: usize = 1_000;

/// Whether a change that is in effect is also on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Committed.
    Yes,
    /// In effect, and not saved: the disk failed; it is tried again.
    No(String),
}

/// A change by an operator that is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Whether it changed anything; repeating a call does not.
    pub changed: bool,
    /// Whether it is on disk.
    pub saved: Saved,
}

/// A network's status with what only its actor knows.
#[derive(Clone, Debug)]
pub struct Status {
    /// The chain ID.
    pub chain_id: Arc<str>,
    /// Our own ID and the address that we announce.
    pub id: NodeId,
    /// The address that the listener is bound to.
    pub listen: std::net::SocketAddr,
    /// What we announce to peers.
    pub announced: String,
    /// The reactor.
    pub node: StatusView,
    /// Changed rows that are not on disk although a write was tried, and why.
    pub unsaved: Option<String>,
    /// Connections that meant this network and were refused since the start, by reason ([`Fault::name`]).
    pub refused: Vec<(&'static str, u64)>,
    /// Where its peers come in; `None` while it listens nowhere.
    pub listener: Option<ListenerView>,
    /// Connections of peers that ended since the start, by reason ([`Fault::name`]).
    pub ended: Vec<(&'static str, u64)>,
    /// The latest of them, the last one at the end; at most 64.
    pub recent_ends: Vec<PeerEnd>,
    /// Counts of dials, answers and times.
    pub counters: Counters,
    /// What is wrong in the network's files as they are on disk now: it runs with what they said before.
    pub config_faults: Arc<Vec<String>>,
}

/// The end of a peer's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerEnd {
    /// When.
    pub at: Wall,
    /// Whose.
    pub id: NodeId,
    /// Why.
    pub fault: Fault,
}

/// A connected peer with its traffic.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What the node knows.
    pub view: PeerView,
    /// What went over its connection.
    pub traffic: Traffic,
}

/// Some entries of the book, in the order of their key.
#[derive(Clone, Debug)]
pub struct Page<T = AddressView> {
    /// At most as many as asked for, and [`MAX_PAGE`].
    pub entries: Vec<T>,
    /// Whether more follow after the last one.
    pub more: bool,
}

impl<T> Page<T> {
    /// Of entries that are one more than wanted when more follow.
    pub(super) fn cut(mut entries: Vec<T>, max: usize) -> Self {
        let more = entries.len() > max;
        entries.truncate(max);
        Page { entries, more }
    }
}

/// What a caller needs to dial by itself, within the process's limits.
#[derive(Clone, Debug)]
pub struct ProbeContext {
    /// Dials.
    pub dialler: Dialler,
    /// Who the network is, and within which bounds it speaks.
    pub local: Arc<LocalNode>,
}

/// The result for each address that was to enter the book.
pub type Entered = Vec<Result<Added, NotAdded>>;

/// The outcome of a dial that an operator asked for.
#[derive(Clone, Debug)]
pub struct DialReport {
    /// When it ended.
    pub at: Wall,
    /// Its end.
    pub end: Arc<DialEnd>,
    /// The peer, when it was reached and is connected.
    pub peer: Option<Peer>,
}

/// All that is counted of a network.
#[derive(Clone, Debug)]
pub struct Report {
    /// The status.
    pub status: Status,
    /// Connected peers, by who dialled and why.
    pub peers: BTreeMap<(Direction, Option<Purpose>), u32>,
    /// What the seeds in effect brought, and what became of it, by the aliases of their IDs.
    pub seeds: BTreeMap<String, SourceAccount>,
    /// How often there is a round of the crawl, or of a node's look after its peers.
    pub round_period: Duration,
    /// Messages of all its connections.
    pub messages: MessageCounts,
    /// The file of its book; `None` while it cannot be opened.
    pub store: Option<StoreStats>,
    /// The log of answers; `None` when it is off.
    pub answer_log: Option<AnswerLogStats>,
}

/// Who was refused, the most frequent first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusedSources {
    /// Those that meant this network.
    pub network: Vec<RefusedSource>,
    /// Those that its listener refused before it was known which network they meant. Of a listener that several networks
    /// share, each of them says this.
    pub listener: Vec<RefusedSource>,
}

/// The listener at which a network's peers come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerView {
    /// Which one it is.
    pub number: ListenerNumber,
    /// Connections that it refused since it was bound, before it was known which network they meant or because they meant
    /// none of its networks, by reason ([`Fault::name`]). Networks that share it all have the same counts: they are to be
    /// counted once, and not as the networks' own.
    pub refused: Vec<(&'static str, u64)>,
}

/// Which listener it is: equal for networks that share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerNumber(pub(super) usize);
