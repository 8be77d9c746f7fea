//! What an operator is shown: plain values, made on request.

use std::net::SocketAddr;
use std::sync::Arc;

use super::row::{Ban, ListItem, SeedHealth};
use crate::book::{NextDialReason, Record, Refused, Share, SourceAccount, TablePlace};
use crate::pex::{RetentionReason, SeedOutcome};
use crate::types::{
    ConnId, DialOutcome, Direction, Group, Mono, NetAddress, NodeId, NodeInfo, PeerAddress, Purpose, Wall,
};

/// Where a network's reactor is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Not running, on request or not started yet.
    Stopped,
    /// Looking up seeds.
    Starting,
    /// Running.
    Running,
    /// Could not start or broke down; startable again.
    Failed(String),
}

/// A network's reactor at a glance.
#[derive(Clone, Debug)]
pub struct StatusView {
    /// Where it is in its life.
    pub state: RunState,
    /// Since when.
    pub since: Wall,
    /// Whether it crawls and serves as a seed.
    pub seed_mode: bool,
    /// Connected inbound peers.
    pub inbound: u32,
    /// Connected outbound peers.
    pub outbound: u32,
    /// Dials under way.
    pub dialling: u32,
    /// `max_num_inbound_peers`.
    pub max_inbound: u32,
    /// `max_num_outbound_peers`.
    pub max_outbound: u32,
    /// The most dials at once.
    pub max_dials: u32,
    /// The book's counts.
    pub book: BookView,
    /// How the rounds are getting on.
    pub crawl: CrawlView,
    /// The seeds in effect.
    pub seeds: SeedCounts,
    /// Bans in effect.
    pub bans: u32,
    /// Whether most of what was good fails at once, so that nothing is demoted now.
    pub outage: bool,
}

/// How the crawl is getting on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrawlView {
    /// When the last round was.
    pub last_round: Wall,
    /// When the seeds were last asked since the start.
    pub last_seed_round: Wall,
    /// Addresses that wait to be dialled now.
    pub backlog: u32,
    /// When the next one is due; in the past when some are due now, `None` when none is.
    pub next_due: Option<Mono>,
}

/// What our latest dials of the seeds in effect found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeedCounts {
    /// Not dialled yet.
    pub untried: u32,
    /// It answered.
    pub reached: u32,
    /// Nobody answered, or the handshake failed.
    pub failed: u32,
    /// A node with another ID answered.
    pub wrong_identity: u32,
    /// A node of another chain answered.
    pub wrong_network: u32,
}

impl SeedCounts {
    /// How many seeds there are.
    pub fn total(&self) -> u32 {
        self.untried + self.reached + self.failed + self.wrong_identity + self.wrong_network
    }
}

/// The book's counts; all of IDs except `addresses` and `outcomes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookView {
    /// IDs in all, banned ones left out.
    pub size: u32,
    /// IDs that are new.
    pub new: u32,
    /// IDs that are old.
    pub old: u32,
    /// IDs that are banned and kept.
    pub banned: u32,
    /// Addresses of them all.
    pub addresses: u32,
    /// IDs with an address that was never tried.
    pub untried: u32,
    /// IDs that a requester could be sent now, in this mode.
    pub servable: u32,
    /// IDs that a requester could be sent, were their addresses not in banned ranges.
    pub in_banned_ranges: u32,
    /// Addresses that it may hold, banned ones left out.
    pub capacity: u32,
    /// Traces of what has left it.
    pub traces: u32,
    /// How often an advertised address was refused since the start, by why, numbered as [`Refused`] is.
    pub refused: [u64; Refused::ALL.len()],
    /// Addresses by what became of the latest attempt, numbered as [`DialOutcome`] is.
    pub outcomes: [u32; DialOutcome::ALL.len()],
}

/// A connected peer.
#[derive(Clone, Debug)]
pub struct PeerView {
    /// Its connection.
    pub conn: ConnId,
    /// What it says of itself, the ID authenticated.
    pub info: Arc<NodeInfo>,
    /// Its end of the connection.
    pub remote: SocketAddr,
    /// Who dialled.
    pub direction: Direction,
    /// Why we dialled; `None` for inbound peers.
    pub purpose: Option<Purpose>,
    /// Since when.
    pub connected_since: Wall,
    /// When it last asked for addresses; never = 0.
    pub last_request: Wall,
    /// Requests that it sent on this connection.
    pub requests: u32,
    /// When we asked it for addresses and wait for the answer.
    pub asked_at: Option<Mono>,
    /// Whether it is persistent.
    pub persistent: bool,
    /// Whether it is unconditional.
    pub unconditional: bool,
    /// Why it is connected.
    pub kept: RetentionReason,
    /// When it will be disconnected, if it is still there; never = no time is set.
    pub leaves: Wall,
    /// Where we dialled it.
    pub dialled: Option<NetAddress>,
}

/// An address of the book with what the record alone does not say.
#[derive(Clone, Debug)]
pub struct AddressView {
    /// The record.
    pub record: Record,
    /// The part of the network that it lies in.
    pub group: Group,
    /// Whether this very address may be served now.
    pub servable: bool,
    /// Whether it is connected now.
    pub connected: bool,
}

/// Names an address, or all of an ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRef {
    /// All addresses of this ID.
    Id(NodeId),
    /// This one.
    Address(NetAddress),
}

/// An address of the book with all that decides about it.
#[derive(Clone, Debug)]
pub struct AddressDiagnosis {
    /// What a list shows.
    pub view: AddressView,
    /// Whether only verified addresses are served: by a seed.
    pub seed_mode: bool,
    /// Whether the reactor runs.
    pub running: bool,
    /// Whether most of what was good fails at once, so that nothing is demoted now.
    pub outage: bool,
    /// Why the book would not take it now, as by a list that changed since.
    pub refused: Option<Refused>,
    /// Where its ID is served, if anywhere.
    pub served_at: Option<NetAddress>,
    /// How often answers name it; `None` when it is not served.
    pub share: Option<Share>,
    /// Whether its ID is being dialled now.
    pub dialling: bool,
    /// When the crawl will dial it next; `None` when it is being dialled, or there is no crawl of it.
    pub next_attempt: Option<Wall>,
    /// What decides when it is dialled.
    pub next_dial_reason: NextDialReason,
    /// Where in the book it is.
    pub place: TablePlace,
    /// Before when a node does not pick it, because it failed or was dialled a short while ago.
    pub not_before: Option<Wall>,
    /// The bans that hold for its ID or its IP.
    pub bans: Vec<Ban>,
}

/// What a requester would be sent.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The addresses.
    pub addresses: Vec<NetAddress>,
    /// IDs that might have been among them.
    pub servable: u32,
}

/// An entry of one of the lists of peers that are treated otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedView {
    /// The entry, and of which list.
    pub item: ListItem,
    /// Whether the file names it.
    pub from_file: bool,
    /// Whether it is in effect: not when it is one of the file's that was removed at run time.
    pub in_effect: bool,
    /// Who added or removed it at run time, and when; `None` when it is as the file has it.
    pub change: Option<(Box<str>, Wall)>,
    /// Whether its ID is connected now.
    pub connected: bool,
    /// When a persistent peer will be dialled; `None` while it is connected, being dialled, or not to be dialled.
    pub next_dial: Option<Wall>,
}

/// A group of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceView {
    /// The group.
    pub group: Group,
    /// What it brought, and what became of it.
    pub account: SourceAccount,
}

/// A seed.
#[derive(Clone, Debug)]
pub struct SeedView {
    /// Where it is configured to be.
    pub seed: PeerAddress,
    /// Whether the file names it.
    pub from_file: bool,
    /// Whether it is in effect: not when it is one of the file's that was removed at run time.
    pub in_effect: bool,
    /// Who added or removed it at run time, and when; `None` when it is as the file has it.
    pub change: Option<(Box<str>, Wall)>,
    /// Whether it is connected or dialled now.
    pub in_use: bool,
    /// Whether it is this node itself, which is never dialled.
    pub ourselves: bool,
    /// What our dials found.
    pub health: SeedHealth,
    /// Addresses of the book that it advertised first, and how many of them are verified.
    pub advertised: (u32, u32),
    /// What it brought, and what became of it.
    pub account: SourceAccount,
    /// What its ID is called in metrics, which tell no ID ([`Book::alias`](crate::book::Book::alias)).
    pub alias: String,
}

impl SeedView {
    /// What the last dial found.
    pub fn outcome(&self) -> SeedOutcome {
        if self.ourselves { SeedOutcome::Ourselves } else { self.health.outcome() }
    }
}
