//! What a network shows to the transport: who it is, and within which bounds it speaks.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use super::{Gate, MessageCounters};
use crate::types::NodeInfo;
use crate::wire::mconn::DEFAULT_PAYLOAD;
use crate::wire::node_info;
use crate::wire::secret::NodeKey;

/// The bounds of one network's connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Bytes of data that a packet may bring (`max_packet_msg_payload_size`); we never send more than 1,024.
    pub max_packet_payload: usize,
    /// What can be changed while connections are open.
    pub rates: ConnectionRates,
    /// Bounds an inbound handshake as a whole.
    pub handshake_timeout: Duration,
    /// Bounds opening a TCP connection, for each address that a name stands for.
    pub dial_timeout: Duration,
    /// Bounds the secret connection of a dial.
    pub secret_timeout: Duration,
    /// Bounds the exchange of node information of a dial.
    pub node_info_timeout: Duration,
    /// How long the write of one batch of messages may take; then the peer does not read, and the connection ends. The
    /// stream cannot go on behind half a frame, so that there is no message to drop and no connection to keep.
    pub write_timeout: Duration,
    /// How long a flushed connection waits for the peer to close it (docs/protocol/pex-reactor.md, "Request received").
    pub drain_timeout: Duration,
    /// Whether names may stand for addresses that cannot be reached over the Internet: `addr_book_strict` says no.
    pub strict: bool,
    /// Whether several peers may share an IP.
    pub allow_duplicate_ip: bool,
    /// Dials of this network at once.
    pub max_dials: usize,
}

impl Default for ConnectionSettings {
    /// See docs/protocol/switch.md for the timeouts ("Stages and timeouts").
    fn default() -> Self {
        ConnectionSettings {
            max_packet_payload: DEFAULT_PAYLOAD,
            rates: ConnectionRates::default(),
            handshake_timeout: Duration::from_secs(20),
            dial_timeout: Duration::from_secs(3),
            secret_timeout: Duration::from_secs(4),
            node_info_timeout: Duration::from_secs(4),
            write_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(1),
            strict: true,
            allow_duplicate_ip: false,
            max_dials: 128,
        }
    }
}

/// What of the settings can be changed while connections are open; see [`ConnectionSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionRates {
    /// For connections that begin: bytes a second to one peer; 0 = unlimited.
    pub send_rate: u64,
    /// For connections that begin: bytes a second from one peer; 0 = unlimited.
    pub recv_rate: u64,
    /// The least time between two writes of messages to one peer (`flush_throttle_timeout`). The first one goes out at once,
    /// as do pings and pongs.
    pub flush_throttle: Duration,
}

impl Default for ConnectionRates {
    /// As CometBFT has them (`config/config.go: DefaultP2PConfig`; `flush_throttle_timeout` is 100 ms in 0.34 to 0.38).
    fn default() -> Self {
        ConnectionRates { send_rate: 5_120_000, recv_rate: 5_120_000, flush_throttle: Duration::from_millis(10) }
    }
}

/// One network as its connections see it. Made once for each start of the network.
pub struct LocalNode {
    key: Arc<NodeKey>,
    info: NodeInfo,
    /// `info` as it is sent: the same for every peer.
    encoded_info: Box<[u8]>,
    settings: ConnectionSettings,
    rates: ArcSwap<ConnectionRates>,
    gate: Gate,
    messages: MessageCounters,
    dials: Arc<Semaphore>,
    /// Permits that `dials` was given.
    dials_given: Mutex<usize>,
}

impl LocalNode {
    /// The network that announces `info` and proves itself with `key`.
    pub fn new(key: Arc<NodeKey>, info: NodeInfo, settings: ConnectionSettings) -> Arc<Self> {
        Arc::new(LocalNode {
            encoded_info: node_info::encode(&info).into(),
            gate: Gate::new(settings.allow_duplicate_ip),
            rates: ArcSwap::from_pointee(settings.rates),
            messages: MessageCounters::default(),
            dials: Arc::new(Semaphore::new(settings.max_dials)),
            dials_given: Mutex::new(settings.max_dials),
            key,
            info,
            settings,
        })
    }

    /// Our identity.
    pub const fn key(&self) -> &Arc<NodeKey> {
        &self.key
    }

    /// What we say of ourselves.
    pub const fn info(&self) -> &NodeInfo {
        &self.info
    }

    /// The rates in effect.
    pub fn rates(&self) -> ConnectionRates {
        **self.rates.load()
    }

    /// Sets the rates.
    pub fn set_rates(&self, rates: ConnectionRates) {
        self.rates.store(Arc::new(rates));
    }

    /// Makes room for this many dials at once. Room that was given stays: whoever asks for dials holds himself to fewer.
    pub fn allow_dials(&self, max: usize) {
        let mut given = self.dials_given.lock().unwrap_or_else(PoisonError::into_inner);
        self.dials.add_permits(max.saturating_sub(*given));
        *given = max.max(*given);
    }

    /// The bounds as they were at the start.
    pub const fn settings(&self) -> &ConnectionSettings {
        &self.settings
    }

    /// Who may not connect.
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What was said on its connections.
    pub const fn messages(&self) -> &MessageCounters {
        &self.messages
    }

    pub(super) fn encoded_info(&self) -> &[u8] {
        &self.encoded_info
    }

    pub(super) const fn dials(&self) -> &Arc<Semaphore> {
        &self.dials
    }
}

impl fmt::Debug for LocalNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalNode")
            .field("network", &self.info.network)
            .field("id", &self.info.id)
            .finish_non_exhaustive()
    }
}
