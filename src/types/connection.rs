//! Numbers and kinds of connections.

use std::fmt;

use super::all_variants::all_variants;

/// The number of a connection or of a dial, issued by the node and never used again: what comes late for an old
/// number is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// The shell's own number of an inbound connection that the node has not admitted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

all_variants! {
    /// Who opened a connection.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Direction {
        /// They dialled us.
        Inbound,
        /// We dialled them.
        Outbound,
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        })
    }
}

all_variants! {
    /// Why we dialled; it decides how long the peer stays.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Purpose {
        /// Ensure-peers wants one more outbound peer, for as long as it lasts.
        Keep,
        /// The crawl asks it for addresses and lets it go with its answer.
        Visit,
        /// The crawl only wants to know whether it answers.
        Verify,
        /// A configured seed, asked for addresses.
        Seed,
        /// A persistent peer: redialled whenever it is lost.
        Persistent,
        /// An operator asked for it.
        Manual,
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Keep => "keep",
            Purpose::Visit => "visit",
            Purpose::Verify => "verify",
            Purpose::Seed => "seed",
            Purpose::Persistent => "persistent",
            Purpose::Manual => "manual",
        })
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
