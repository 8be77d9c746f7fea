//! The book's parameters: what an operator sets, and the protocol's constants (behaviour document, "Address book").

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::types::NodeId;

/// Buckets for new addresses.
pub const NEW_BUCKETS: usize = 256;
/// Buckets for old addresses.
pub const OLD_BUCKETS: usize = 64;
/// Addresses that a bucket holds, of either kind.
pub const BUCKET_SIZE: usize = 64;
/// New buckets that the addresses told by one source group spread over.
pub const NEW_BUCKETS_PER_GROUP: u64 = 32;
/// Old buckets that the addresses of one group spread over.
pub const OLD_BUCKETS_PER_GROUP: u64 = 4;
/// Buckets that one peer may be in while it is new.
pub const MAX_NEW_BUCKETS: usize = 4;
/// IDs below which the book needs more of them.
pub const NEEDS_MORE_BELOW: usize = 1000;
/// Banned IDs that are kept to be reinstated; the one banned first leaves for one more.
pub const MAX_BANNED: usize = 1000;
/// Private IDs that operators may bring the list to, those of the file included.
pub const MAX_PRIVATE: usize = 1_024;

/// The part of what may be served that one selection names, in percent, rounded down.
pub const SELECTION_PERCENT: usize = 23;
/// What a selection names at the least, when there is as much.
pub const SELECTION_LEAST: usize = 32;
/// What a selection names at the most.
pub const SELECTION_MOST: usize = 250;

/// A new address that failed and was not tried for this long is bad.
pub const BAD_AFTER_SILENCE: Duration = Duration::from_hours(7 * 24);
/// One that was tried within this time is not bad yet.
pub const BAD_NOT_BEFORE: Duration = Duration::from_mins(1);
/// Failures in a row that make an address bad that was never reached.
pub const BAD_FAILURES_NEVER_REACHED: u16 = 3;
/// Failures in a row that make an address bad whose last success is [`BAD_AFTER_SILENCE`] old.
pub const BAD_FAILURES: u16 = 10;

/// Two successes this far apart, and no failure between them, make an ID old (good).
pub const GOOD_AFTER: Duration = Duration::from_hours(3);
/// Failures in a row after which an old ID has stopped answering and is new again. One is not enough: a full node and a
/// lost packet look the same.
pub const DEMOTED_AFTER_FAILURES: u16 = 3;

/// The crawl's least time between two re-checks: upstream dials a selection, 250 at most, every 30 s.
pub const RECHECK_SPACING: Duration = Duration::from_millis(30_000 / 250);
/// The longest time until a failing address is tried again.
pub const MAX_BACKOFF: Duration = Duration::from_hours(6);

/// What the book must know of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Whether addresses that cannot be reached over the Internet are refused (`addr_book_strict`).
    pub strict: bool,
    /// Our own ID, which is never stored.
    pub own_id: NodeId,
    /// Where we listen and what we announce: never stored, whatever ID is said to be there.
    pub own_endpoints: Vec<SocketAddr>,
    /// IDs that are never stored, and from which nothing is stored (`private_peer_ids`), as the file has them.
    pub private_ids: BTreeSet<NodeId>,
    /// The least time between two dials of one address by the crawl; whole seconds, rounded up. Failing addresses wait
    /// this time doubled for each failure, at most [`MAX_BACKOFF`].
    pub recheck: Duration,
}

impl Params {
    /// The least time between two dials of one address by the crawl, as upstream has it.
    pub const DEFAULT_RECHECK: Duration = Duration::from_mins(2);

    /// A strict book of the node with this ID, without private IDs and endpoints of its own.
    pub fn new(own_id: NodeId) -> Self {
        Params {
            strict: true,
            own_id,
            own_endpoints: Vec::new(),
            private_ids: BTreeSet::new(),
            recheck: Self::DEFAULT_RECHECK,
        }
    }
}
