//! The book's parameters: the constants of the protocol, each with its source, and what an operator sets. Those marked
//! "CometBFT" have the value of the constant of that name in CometBFT's `p2p/pex/params.go`; the others are pexd's own
//! (docs/protocol/address-book.md, "Parameters").

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Servable;
use crate::types::{AsnTable, Group, NodeId, group_of};

/// Addresses that the book of a seed holds, banned ones left out: a whole network and what it gossips. CometBFT's
/// geometry holds 256 x 64 new and 64 x 64 old slots, which was made for a node that needs ten peers.
pub const SEED_CAPACITY: usize = 131_072;
/// Addresses that the book of a node holds: as many as CometBFT's new buckets (256 x 64).
pub const NODE_CAPACITY: usize = 16_384;
/// The least capacity that can be configured.
pub const LEAST_CAPACITY: usize = 1_024;
/// The part of the capacity, in eighths, that verified addresses may take; the rest is left for those to be tried, so
/// that a full book still learns.
pub const VERIFIED_EIGHTHS: usize = 7;
/// The part of the capacity, as a divisor, for what was reached once and is not any more.
pub const LAPSED_DIVISOR: usize = 4;
/// Parts of the table that groups of sources share by a keyed hash: four times CometBFT's 256 new buckets, so that of an
/// honest group's addresses few lie where a flood from 64 groups does.
pub const SOURCE_BUCKETS: usize = 1_024;
/// The part of the capacity, as a divisor, that one source bucket may take with addresses that nobody reached: an eighth
/// of the new buckets is what one group of sources reaches in CometBFT (`newBucketsPerGroup`).
pub const SOURCE_SHARE_DIVISOR: usize = 8;
/// The part of the capacity, as a divisor, that a source may bring at once in addresses that are unknown; as many come
/// back an hour (token bucket). An honest group, a tenth of a network of 20,000 nodes with 80,000 stale addresses, brings
/// less.
pub const SOURCE_BURST_DIVISOR: usize = 16;
/// Groups of sources that have an account: more than a network of 20,000 nodes has, in at most half a megabyte.
pub const MAX_SOURCE_ACCOUNTS: usize = 4_096;
/// Addresses that one ID may have while it is new (CometBFT `maxNewBucketsPerAddress`).
pub const MAX_ADDRESSES_PER_ID: usize = 4;
/// IDs that are kept for one ip:port. One node can be there; more are moved or made up, and each may be the one.
pub const MAX_IDS_PER_ENDPOINT: usize = 4;
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

/// An address that failed [`BAD_FAILURES`] times and was last reached so long ago leaves the book (CometBFT
/// `numMissingDays`, `minBadDays`).
pub const BAD_AFTER_SILENCE: Duration = Duration::from_hours(7 * 24);
/// Failures in a row that make an address bad whose last success is [`BAD_AFTER_SILENCE`] old (CometBFT `maxFailures`).
pub const BAD_FAILURES: u16 = 10;
/// Failures in a row after which an address that was never reached leaves the book (CometBFT
/// `p2p/pex/pex_reactor.go: maxAttemptsToDial`).
pub const GIVEN_UP_FAILURES: u16 = 16;
/// How long an address that was given up is left alone when it is advertised again: a dial a day shows whether it is
/// back.
pub const GIVEN_UP_FOR: Duration = Duration::from_hours(24);

/// An ID is old (good) when it was watched for at least this long. pexd's own: CometBFT marks a peer good for the blocks
/// and votes that it sent (`consensus/reactor.go: peerStatsRoutine`), which a node without consensus never receives. An
/// address has to stay up for hours instead, which costs an attacker hosts and not only messages.
pub const GOOD_AFTER: Duration = Duration::from_hours(3);
/// And answered for at least this share of it: lost packets (2 % of dials in the worlds of `benches/worlds`) cost nobody
/// the state, an hour of three does.
pub const GOOD_SHARE: f32 = 0.85;
/// Failures in a row after which an old ID is new again. pexd's own (CometBFT never demotes for failures): one is not
/// enough, because a lost packet looks the same.
pub const DEMOTED_AFTER_FAILURES: u16 = 3;

/// The least time between two re-checks of the crawl: 50 a second, a quarter of the process-wide rate of dials. CometBFT
/// dials 250 every 30 s (`p2p/pex/pex_reactor.go: crawlPeerPeriod`, `crawlPeers`), which keeps a book of 8,000 at the
/// pace of [`PATIENCE_BY_WINDOW`].
pub const RECHECK_SPACING: Duration = Duration::from_millis(20);
/// The longest exponential backoff of the crawl, until a failing address is tried again. pexd's own: an address that is
/// back is found within a quarter of a day, and a dead one costs four dials a day.
pub const MAX_BACKOFF: Duration = Duration::from_hours(6);
/// The jitter of the wait after a failure: up to this part of it, as a divisor, is added.
pub const JITTER_DIVISOR: u32 = 4;
/// The jitter of the wait of a verified address: up to this part of it, as a divisor, is added or left out.
pub const VERIFIED_JITTER_DIVISOR: u32 = 3;
/// Of so many turns of a source that has both, one is for what failed before, the others for what was never tried.
pub const RETRY_TURN: usize = 8;
/// How many times [`Params::recheck`] a verified address waits when it has just come: 6 minutes by default.
pub const PATIENCE_AT_FIRST: f32 = 3.0;
/// And how many times more for what it answered of each window of [`WINDOWS`](super::reliability::WINDOWS): 18 minutes
/// after a day, 22 after weeks, each up to a third more or less. So a dead node is dropped within 10 minutes in the
/// median, of what is served 99 % is alive when 5 % of a network leave an hour, and a node that stays is dialled less
/// than four times an hour.
pub const PATIENCE_BY_WINDOW: [f32; 5] = [2.5, 2.0, 2.0, 1.0, 1.0];

/// Seconds at most that an address waits whose host was just dialled. Long enough that a host with thousands of made-up ports
/// costs little, and short for the few nodes that are really behind one IP.
pub const HOST_WAIT: usize = 16;

/// Seconds that a node waits before it dials again who had no free slot: two rounds of ensure-peers.
pub const FULL_WAIT: u32 = 60;
/// How much less often a node without a free slot is drawn than one that had one: it may have one by then.
pub const FULL_WEIGHT: f32 = 0.6;
/// How much less often an address is drawn that has only just come; the weight grows to 1 until it has answered for a third
/// of the window that decides what is good, three hours of answers. What comes in a flood is named less often until it has stayed.
pub const FRESH_WEIGHT: f32 = 0.7;
/// Victims that are tested at once, before one of them gives way to an address that was reached.
pub const MAX_CONTESTS: usize = 64;

/// What the book has to know about its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Whether addresses that cannot be reached over the Internet are refused (`addr_book_strict`).
    pub strict: bool,
    /// The autonomous systems that are the groups of addresses (`book.asn_file`); without them, and where an IP has none, their
    /// ranges are.
    pub asn: Option<AsnTable>,
    /// Our own ID, which is never stored.
    pub own_id: NodeId,
    /// Where we listen and what we announce as our address: never stored, whatever ID is said to be there.
    pub own_endpoints: Vec<SocketAddr>,
    /// IDs that are never stored, and from which nothing is accepted (`private_peer_ids`), as the file has them.
    pub private_ids: BTreeSet<NodeId>,
    /// Addresses that it holds, banned ones left out.
    pub capacity: usize,
    /// What it serves.
    pub serves: Servable,
    /// Whether its addresses are dialled when they are due (a seed's crawl), or when they are picked.
    pub crawled: bool,
    /// The least time between two dials of one ip:port; whole seconds, rounded up.
    pub recheck: Duration,
    /// The wait after the first failure, doubled at each further one (exponential backoff), at most [`MAX_BACKOFF`].
    pub backoff: Duration,
}

impl Params {
    /// The default of [`Params::recheck`] (CometBFT `p2p/pex/pex_reactor.go: minTimeBetweenCrawls`).
    pub const DEFAULT_RECHECK: Duration = Duration::from_mins(2);

    /// The least time between two dials of one ip:port that a node picks.
    pub const NODE_RECHECK: Duration = Duration::from_secs(1);
    /// The first wait of a node's exponential backoff (CometBFT `p2p/pex/pex_reactor.go: dialPeer`: 2^n seconds).
    pub const NODE_BACKOFF: Duration = Duration::from_secs(2);

    /// The strict book of a seed, or of a node, with this ID; without private IDs and endpoints of its own.
    pub fn new(own_id: NodeId, seed_mode: bool) -> Self {
        let (serves, capacity) =
            if seed_mode { (Servable::Verified, SEED_CAPACITY) } else { (Servable::NotFailed, NODE_CAPACITY) };
        Params {
            capacity,
            serves,
            crawled: seed_mode,
            backoff: if seed_mode { Self::DEFAULT_RECHECK } else { Self::NODE_BACKOFF },
            recheck: if seed_mode { Self::DEFAULT_RECHECK } else { Self::NODE_RECHECK },
            strict: true,
            asn: None,
            own_id,
            own_endpoints: Vec::new(),
            private_ids: BTreeSet::new(),
        }
    }

    /// The group of an IP: the one place where the book, and who asks it, have it from.
    pub fn group_of(&self, ip: IpAddr) -> Group {
        group_of(ip, self.strict, self.asn.as_ref())
    }
}
