//! What an operator sets of the switch, and the protocol's constants.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::types::{NodeId, OwnEndpoints, PeerAddress};

/// Who may be connected, and how eagerly we dial. The names are those of CometBFT's `[p2p]` keys.
#[derive(Clone, Debug)]
pub struct Params {
    /// Our own ID.
    pub own_id: NodeId,
    /// Where we are to be found.
    pub own_endpoints: OwnEndpoints,
    /// What can be changed while connections are open.
    pub limits: SwitchLimits,
    /// `unconditional_peer_ids`, as the file has them: count in no limit.
    pub unconditional: BTreeSet<NodeId>,
    /// `persistent_peers`, as the file has them: exactly these addresses are redialled for ever.
    pub persistent: Vec<PeerAddress>,
    /// `allow_duplicate_ip`.
    pub allow_duplicate_ip: bool,
}

/// The limits of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwitchLimits {
    /// `max_num_inbound_peers`.
    pub max_inbound: u32,
    /// `max_num_outbound_peers`: what ensure peers fills.
    pub max_outbound: u32,
    /// `persistent_peers_max_dial_period`: no wait for a persistent peer is longer; zero = no such bound.
    pub persistent_max_period: Duration,
    /// Dials at once, whatever their purpose.
    pub max_dials: usize,
}

impl SwitchLimits {
    /// Dials at once of a seed: with 3 s until a dial is given up (`dial_timeout`) 50,000 stale addresses are tried within
    /// a quarter of an hour (`benches/worlds`), and a quarter of the process's dials is left to its other networks.
    pub const SEED_DIALS: usize = 192;
}

impl Default for SwitchLimits {
    /// A node's, as CometBFT has them (`config/config.go: DefaultP2PConfig`), and our own bound on dials.
    fn default() -> Self {
        SwitchLimits { max_inbound: 40, max_outbound: 10, persistent_max_period: Duration::ZERO, max_dials: 128 }
    }
}

/// Dials at once to one IP that is not this host's. A NAT or a provider's proxy has a few nodes behind it; one that
/// advertises hundreds of ports of one address does not fill all dials.
pub const MAX_DIALS_PER_HOST: usize = 8;
/// The least time between the beginnings of two dials of one IP that is not this host's.
pub const HOST_INTERVAL: Duration = Duration::from_secs(1);
/// A connection that lasted this long was no full node's.
pub const LASTED: Duration = Duration::from_secs(10);

/// Redials of a persistent peer at short intervals, the first one at once (`p2p/switch.go: reconnectAttempts`).
pub const RECONNECT_ATTEMPTS: u32 = 20;
/// Their interval (`p2p/switch.go: reconnectInterval`).
pub const RECONNECT_INTERVAL: Duration = Duration::from_secs(5);
/// The least wait after a failed dial, however short `persistent_peers_max_dial_period` is.
pub const RECONNECT_LEAST: Duration = Duration::from_secs(1);
/// The jitter of every wait for a persistent peer (`p2p/switch.go: dialRandomizerIntervalMilliseconds`).
pub const RECONNECT_JITTER: Duration = Duration::from_secs(3);
/// Redials at intervals that grow by [`RECONNECT_BACKOFF_BASE`] each, after those (`p2p/switch.go:
/// reconnectBackOffAttempts`).
pub const RECONNECT_BACKOFF_ATTEMPTS: u32 = 10;
/// Seconds of the first growing interval, and its factor (`p2p/switch.go: reconnectBackOffBaseSeconds`).
pub const RECONNECT_BACKOFF_BASE: u64 = 3;
/// Upstream gives up then; we try once an hour, which costs nothing and brings back what was moved or repaired.
pub const RECONNECT_AT_LAST: Duration = Duration::from_secs(3600);

/// Persistent peers that operators may bring the list to, those of the file included.
pub const MAX_PERSISTENT: usize = 256;
/// Unconditional peers that operators may bring the list to, those of the file included.
pub const MAX_UNCONDITIONAL: usize = 1_024;

/// How long the reactor bans an ID (`p2p/pex/pex_reactor.go: defaultBanTime`).
pub const BAN_LENGTH: Duration = Duration::from_secs(24 * 3600);
/// Bans by operators that are kept at most.
pub const MAX_OPERATOR_BANS: usize = 10_000;
/// Bans by the reactor that are kept at most; the oldest makes room.
pub const MAX_REACTOR_BANS: usize = 4_096;
/// The longest reason of a ban, in bytes.
pub const MAX_BAN_REASON: usize = 256;
