//! An entry of the address book as it is stored and shown.

use std::net::IpAddr;

use super::reliability::Reliability;
use crate::types::{DialOutcome, NetAddress, NodeId, Wall, all_variants};

/// The source of an address (CometBFT's `src`): the authenticated ID of the peer that advertised it, and the IP of its
/// socket.
///
/// An address that an inbound peer claims for itself has that peer as its source; one that an operator configured has
/// this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The source's authenticated ID.
    pub id: NodeId,
    /// The remote IP of its connection.
    pub ip: IpAddr,
}

all_variants! {
    /// The state of an ID in the book (docs/protocol/address-book.md, "Marking").
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum State {
        /// Known by hearsay, or not yet good for long enough (CometBFT's "new").
        New = 1,
        /// Good: watched for three hours, and reached for at least 85 % of the time (CometBFT's "old").
        Old = 2,
        /// Banned: never picked, dialled or served, kept to be reinstated.
        Banned = 3,
    }
}

impl State {
    /// A name that never changes, for machines and the store.
    pub const fn name(self) -> &'static str {
        match self {
            State::New => "new",
            State::Old => "old",
            State::Banned => "banned",
        }
    }
}

/// What is remembered of an ip:port or an address that was dialled and left the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceRecord {
    /// Its keyed hash, the key: which ip:port or address it was is not kept.
    pub hash: u64,
    /// When it was last dialled.
    pub last_attempt: Wall,
    /// Failures in a row, by then; 0 when it had answered.
    pub attempts: u16,
    /// The outcome of that dial.
    pub outcome: DialOutcome,
}

/// One address with all that is known of it. Several records may have the same ID; they then share one state. Times are
/// kept to the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The address, the record's key.
    pub address: NetAddress,
    /// The state of its ID.
    pub state: State,
    /// Who advertised it first.
    pub source: Source,
    /// When it was added.
    pub added: Wall,
    /// Failed attempts since the last success.
    pub attempts: u16,
    /// The outcome of the latest attempt.
    pub outcome: DialOutcome,
    /// When the latest attempt ended; [`Wall::NEVER`] before the first.
    pub last_attempt: Wall,
    /// When it was last reached; [`Wall::NEVER`] before the first time.
    pub last_success: Wall,
    /// The first of the successes since the last failure, from which "good" is counted; [`Wall::NEVER`] without one.
    pub reached_since: Wall,
    /// How reliably it answered, over five windows.
    pub reliability: Reliability,
    /// Whether it is served by a seed: reached, and not failed since (or held through an outage of our own).
    pub verified: bool,
}
