//! Numbers and kinds of connections.

use std::fmt;

use super::all_variants::all_variants;

/// The number of a connection or of a dial, issued by the node and never used again: late events for an old number are
/// ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// The shell's own number for an inbound connection that the node has not admitted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

all_variants! {
    /// Who opened a connection.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Direction {
        /// The peer dialled us.
        Inbound,
        /// We dialled the peer.
        Outbound,
    }
}

impl Direction {
    /// A name that never changes, for machines and the store.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

all_variants! {
    /// The purpose of a dial; it decides how long the peer stays connected.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Purpose {
        /// Ensure-peers needs one more outbound peer, kept as long as it lasts (CometBFT
        /// `p2p/pex/pex_reactor.go: ensurePeers`).
        Keep,
        /// The crawl requests addresses, and disconnects after the answer (CometBFT
        /// `p2p/pex/pex_reactor.go: crawlPeers`).
        Visit,
        /// The crawl only checks whether the address is reachable.
        Verify,
        /// A configured seed, dialled to request addresses (CometBFT `p2p/pex/pex_reactor.go: dialSeeds`).
        Seed,
        /// A persistent peer: redialled whenever the connection is lost.
        Persistent,
        /// An operator requested it.
        Manual,
    }
}

impl Purpose {
    /// A name that never changes, for machines and the store.
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Keep => "keep",
            Purpose::Visit => "visit",
            Purpose::Verify => "verify",
            Purpose::Seed => "seed",
            Purpose::Persistent => "persistent",
            Purpose::Manual => "manual",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

all_variants! {
    /// How to close a connection.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum CloseHow {
        /// Send what is queued, shut down the write side, drain briefly, close.
        Flush,
        /// At once.
        Now,
    }
}
