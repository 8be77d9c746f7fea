//! What a node keeps over a restart: keys and row images, coalesced between two writes of the store.

use crate::book::Record;
pub use crate::pex::{SeedDelta, SeedHealth};
pub use crate::switch::{Ban, BanTarget};
use crate::types::{NetAddress, PeerAddress};

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
