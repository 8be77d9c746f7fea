//! What an operator sets of the reactor, and the protocol's constants.

use std::time::Duration;

use crate::types::PeerAddress;

/// How the reactor behaves.
#[derive(Clone, Debug)]
pub struct Params {
    /// Crawl and serve as a seed (`seed_mode`), else keep outbound peers.
    pub seed_mode: bool,
    /// This is a chain's first node: start with neither a seed nor a known address (`bootstrap`).
    pub bootstrap: bool,
    /// `seeds`, as the file has them.
    pub seeds: Vec<PeerAddress>,
    /// Time between two rounds of ensure-peers.
    pub ensure_peers_period: Duration,
    /// Time between two rounds of the crawl.
    pub crawl_period: Duration,
    /// How long a crawling node keeps a peer that is not persistent.
    pub seed_disconnect_wait_period: Duration,
}

impl Params {
    /// Takes another time between two rounds, whatever the mode.
    pub fn set_period(&mut self, period: Duration) {
        (self.ensure_peers_period, self.crawl_period) = (period, period);
    }
}

/// The standard period of ensure-peers and of the crawl, in seconds.
const STANDARD_PERIOD: u64 = 30;
/// Time between two rounds of ensure-peers (`p2p/pex/pex_reactor.go: defaultEnsurePeersPeriod`).
pub const ENSURE_PEERS_PERIOD: Duration = Duration::from_secs(STANDARD_PERIOD);
/// Time between two rounds of the crawl (`p2p/pex/pex_reactor.go: crawlPeerPeriod`).
pub const CRAWL_PERIOD: Duration = Duration::from_secs(STANDARD_PERIOD);
/// Least time between two requests of one ID after the first two: a third of the standard period, whatever ours
/// is (`p2p/pex/pex_reactor.go: minReceiveRequestInterval`).
pub const MIN_REQUEST_INTERVAL: Duration = Duration::from_secs(STANDARD_PERIOD / 3);
/// How long a seed keeps a peer (`p2p/pex/pex_reactor.go: ReactorConfig.SeedDisconnectWaitPeriod`, set in `node/setup.go`).
pub const SEED_DISCONNECT_WAIT_PERIOD: Duration = Duration::from_secs(28 * 3600);
/// How long a visited peer has to answer: real nodes answer at once, and ask every 30 s.
pub const VISIT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connected peer that we dialled counts as reached again after this time, often enough for a peer to be good after three
/// hours.
pub const CREDIT_INTERVAL: Duration = Duration::from_hours(1);
/// The share of new addresses in what a seed sends inbound peers, in percent (`p2p/pex/pex_reactor.go:
/// biasToSelectNewPeers`).
pub const SEED_SELECTION_BIAS: u8 = 30;
/// A crawling node asks its seeds again after this time while the book needs addresses: a seed answers an ID rarely, and
/// others know as much by then.
pub const SEED_ROUND_INTERVAL: Duration = Duration::from_secs(600);
/// How long one asking IP (IPv6: /64) gets the same answer: a real node asks every 30 s, and whoever asks from one place
/// learns a sixth of a network of 1,500 an hour and not all of it in minutes.
pub const SAME_ANSWER_FOR: Duration = Duration::from_secs(600);
/// Outbound peers that a node dials first after a restart (Bitcoin Core's `MAX_BLOCK_RELAY_ONLY_ANCHORS`).
pub const ANCHORS: usize = 2;
/// An outbound peer that was connected for so long may become one.
pub const ANCHOR_AFTER: Duration = Duration::from_secs(600);
/// Time between two feelers of a node: short dials of new addresses (Bitcoin Core's `FEELER_INTERVAL`).
pub const FEELER_INTERVAL: Duration = Duration::from_secs(120);
/// Dials that the crawl leaves to seeds, persistent peers and operators, so that a backlog does not delay them.
pub const DIALS_IN_RESERVE: usize = 8;
/// Names in listen addresses of inbound peers that are looked up at once; more are left out, since a flood of peers with
/// names would flood the resolver.
pub const MAX_PENDING_CLAIMS: usize = 64;
