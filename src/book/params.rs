//! The book's parameters: the constants of the protocol, each with its source, and what an operator sets. Those marked
//! "CometBFT" have the value of the constant of that name in CometBFT's `p2p/pex/params.go`; the others are pexd's own
//! (docs/protocol/address-book.md, "Parameters").

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::types::NodeId;

/// Buckets for new addresses (CometBFT `newBucketCount`).
pub const NEW_BUCKETS: usize = 256;
/// Buckets for old addresses (CometBFT `oldBucketCount`).
pub const OLD_BUCKETS: usize = 64;
/// Addresses that a bucket of either kind holds (CometBFT `newBucketSize`, `oldBucketSize`; its comparison lets in one
/// more).
pub const BUCKET_SIZE: usize = 64;
/// New buckets over which the addresses of one source group are spread (CometBFT `newBucketsPerGroup`): one group of
/// sources reaches an eighth of the new buckets at most.
pub const NEW_BUCKETS_PER_GROUP: u64 = 32;
/// Old buckets over which the addresses of one group are spread (CometBFT `oldBucketsPerGroup`).
pub const OLD_BUCKETS_PER_GROUP: u64 = 4;
/// New buckets that one ID may be in (CometBFT `maxNewBucketsPerAddress`).
pub const MAX_NEW_BUCKETS: usize = 4;
/// With fewer IDs than this the book needs more of them (CometBFT `needAddressThreshold`).
pub const NEEDS_MORE_BELOW: usize = 1000;
/// Banned IDs that are kept to be reinstated; beyond it the one that was banned first is dropped. pexd's own: CometBFT
/// keeps all of them (`p2p/pex/addrbook.go: badPeers`), which a flood of made-up IDs would let grow without bound.
pub const MAX_BANNED: usize = 1000;
/// Private IDs that the list may have when operators add to it, those of the file included. pexd's own: far above the
/// sentries and validators of one operator, and a bound on what the API makes us store.
pub const MAX_PRIVATE: usize = 1_024;

/// The part of what may be served that one selection has, in percent, rounded down (CometBFT `getSelectionPercent`).
pub const SELECTION_PERCENT: usize = 23;
/// The least that a selection has, if there is as much (CometBFT `minGetSelection`).
pub const SELECTION_LEAST: usize = 32;
/// The most that a selection has (CometBFT `maxGetSelection`): as many addresses as a PEX message holds.
pub const SELECTION_MOST: usize = 250;

/// A new address that failed and was not tried for this long is bad (CometBFT `numMissingDays`, `minBadDays`).
pub const BAD_AFTER_SILENCE: Duration = Duration::from_hours(7 * 24);
/// One that was tried within this time is not bad yet (CometBFT `p2p/pex/known_address.go: isBad`).
pub const BAD_NOT_BEFORE: Duration = Duration::from_mins(1);
/// Failures in a row that make an address bad that was never reached (CometBFT `numRetries`).
pub const BAD_FAILURES_NEVER_REACHED: u16 = 3;
/// Failures in a row that make an address bad whose last success is [`BAD_AFTER_SILENCE`] old (CometBFT `maxFailures`).
pub const BAD_FAILURES: u16 = 10;

/// Two successes this far apart, and no failure between them, make an ID old (good). pexd's own: CometBFT marks a peer
/// good for the blocks and votes that it sent (`consensus/reactor.go: peerStatsRoutine`), which a node without
/// consensus never receives. An address has to stay up for hours instead, which costs an attacker hosts and not only
/// messages.
pub const GOOD_AFTER: Duration = Duration::from_hours(3);
/// Failures in a row after which an old ID is new again. pexd's own (CometBFT never demotes for failures): one is not
/// enough, because a full node and a lost packet look the same; three as in [`BAD_FAILURES_NEVER_REACHED`].
pub const DEMOTED_AFTER_FAILURES: u16 = 3;

/// The least time between two re-checks of the crawl: CometBFT dials a selection, 250 at most, every 30 s
/// (`p2p/pex/pex_reactor.go: crawlPeerPeriod`, `crawlPeers`); pexd spreads the same rate evenly.
pub const RECHECK_SPACING: Duration = Duration::from_millis(30_000 / 250);
/// The longest exponential backoff of the crawl, until a failing address is tried again. pexd's own: an address that is
/// back is found within a quarter of a day, and a dead one costs four dials a day.
pub const MAX_BACKOFF: Duration = Duration::from_hours(6);

/// What the book has to know about its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Whether addresses that cannot be reached over the Internet are refused (`addr_book_strict`).
    pub strict: bool,
    /// Our own ID, which is never stored.
    pub own_id: NodeId,
    /// Where we listen and what we announce as our address: never stored, whatever ID is said to be there.
    pub own_endpoints: Vec<SocketAddr>,
    /// IDs that are never stored, and from which nothing is accepted (`private_peer_ids`), as the file has them.
    pub private_ids: BTreeSet<NodeId>,
    /// The least time between two dials of one address by the crawl; whole seconds, rounded up. Failing addresses wait
    /// this time doubled for each failure (exponential backoff), at most [`MAX_BACKOFF`].
    pub recheck: Duration,
}

impl Params {
    /// The default of [`Params::recheck`] (CometBFT `p2p/pex/pex_reactor.go: minTimeBetweenCrawls`).
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
