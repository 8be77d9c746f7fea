//! Why a dial or a connection ended. Each layer has errors of its own; this is the one vocabulary that they end in, that
//! is counted, stored and shown. What a fault costs the peer is decided elsewhere, in `switch/verdict.rs` alone.

use std::fmt;

use super::NodeId;

/// The step of a connection that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Opening the TCP connection.
    Dial,
    /// Keys and signatures.
    Secret,
    /// Exchange of node information.
    NodeInfo,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Dial => "dial",
            Stage::Secret => "secret connection",
            Stage::NodeInfo => "node info",
        })
    }
}

/// Why we ended a connection that did nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// It gave its answer, or had its time: the crawl lets it go.
    VisitOver,
    /// A seed answered it.
    Answered,
    /// It stayed longer than a seed keeps a peer.
    TooOld,
    /// It asked a seed for nothing, and another one needed its slot.
    MadeRoom,
    /// The operator asked for it.
    Operator,
    /// It, or its IP, was banned.
    Banned,
    /// The network was stopped.
    Stopped,
}

/// Why a dial failed or a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    // --- reaching the peer
    /// The host refused the connection.
    #[error("connection refused")]
    Refused,
    /// No route to the host or its network.
    #[error("host unreachable")]
    Unreachable,
    /// The name does not resolve.
    #[error("the name does not resolve")]
    Unresolved,
    /// The name resolves only to addresses that may not be dialled.
    #[error("the name resolves to no address that may be dialled (addr_book_strict refuses private ones)")]
    Unroutable,
    /// A step took too long.
    #[error("timed out in {0}")]
    TimedOut(Stage),
    /// The peer closed the connection within the handshake.
    #[error("closed by the peer in {0}")]
    ClosedInHandshake(Stage),
    /// This machine could not open a connection (no ports or descriptors left).
    #[error("this host cannot open a connection (raise its limit of open files)")]
    LocalResources,

    // --- secret connection
    /// An ephemeral key that has not 32 bytes.
    #[error("the ephemeral key has not 32 bytes")]
    EphemeralKeyLength,
    /// An ephemeral key of low order.
    #[error("the ephemeral key is of low order")]
    LowOrderKey,
    /// A handshake message that is not what the protocol says, or is too long.
    #[error("malformed handshake message")]
    MalformedHandshake,
    /// A handshake message that announces more bytes than it may have.
    #[error("a handshake message announces too many bytes")]
    HandshakeTooLong,
    /// A key that is not Ed25519.
    #[error("the node key is not Ed25519")]
    KeyType,
    /// A signature that does not verify.
    #[error("the signature of the challenge is wrong")]
    BadSignature,
    /// A frame that does not authenticate.
    #[error("a frame does not decrypt")]
    BadFrame,
    /// A frame that claims more than 1,024 bytes.
    #[error("a frame claims more bytes than it has")]
    FrameLength,
    /// The nonce counter is used up.
    #[error("the connection's nonces are used up")]
    NoncesUsedUp,

    // --- identity
    /// The key belongs to another ID than the dialled or announced one.
    #[error("the peer's key belongs to ID {actual}")]
    WrongId {
        /// Whose key it is.
        actual: NodeId,
    },
    /// It is ourselves.
    #[error("the peer is ourselves")]
    Ourselves,
    /// It is of another chain.
    #[error("the peer is of network {actual:?}")]
    WrongNetwork {
        /// The chain ID that it announced, cut at 50 bytes.
        actual: Box<str>,
    },
    /// It speaks another block version.
    #[error("the peer has block version {actual}")]
    WrongBlockVersion {
        /// What it announced.
        actual: u64,
    },
    /// It is alive and speaks no channel of ours.
    #[error("no common channel (the peer runs without PEX)")]
    NoCommonChannel,
    /// Its node information breaks a rule.
    #[error("bad node info: {0}")]
    BadNodeInfo(super::NodeInfoError),

    // --- refused by us
    /// The ID is connected already.
    #[error("already connected to this ID")]
    DuplicateId,
    /// The IP is connected already.
    #[error("already connected to this IP (allow_duplicate_ip = false)")]
    DuplicateIp,
    /// The ID is banned.
    #[error("the ID is banned")]
    BannedId,
    /// The IP is banned.
    #[error("the IP is banned")]
    BannedIp,
    /// All inbound slots are taken.
    #[error("no free inbound slot (max_num_inbound_peers)")]
    Full,
    /// Too many new connections from its IP or its range.
    #[error("too many new connections from this address")]
    ConnectionRate,
    /// Too many unfinished handshakes.
    #[error("too many unfinished handshakes")]
    HandshakeFlood,
    /// The network is not running.
    #[error("the network is stopped")]
    NotRunning,

    // --- packets
    /// A packet longer than `max_packet_msg_payload_size` allows.
    #[error(
        "a packet of {actual} bytes (the peer's max_packet_msg_payload_size is above ours: raise it to at least the peer's)"
    )]
    PacketTooLong {
        /// What its prefix announced.
        actual: u64,
    },
    /// A packet that does not decode, or of an unknown kind.
    #[error("a packet of unknown kind")]
    UnknownPacket,
    /// A packet on a channel that we did not announce.
    #[error("a packet on unknown channel {0}")]
    UnknownChannel(i32),
    /// A message above the channel's capacity.
    #[error("a message above 64000 bytes")]
    MessageTooLong,
    /// Empty packets or frames without end.
    #[error("empty packets or frames without end")]
    EmptyFlood,
    /// More pings than anyone needs.
    #[error("a flood of pings")]
    PingFlood,
    /// No pong in time.
    #[error("no pong in time")]
    PongTimeout,
    /// The peer does not read.
    #[error("the peer does not read what we send")]
    WriteStalled,

    // --- PEX
    /// An undecodable or empty message.
    #[error("an undecodable PEX message")]
    BadMessage,
    /// Addresses nobody asked for.
    #[error("addresses that were not asked for")]
    Unsolicited,
    /// An address whose IP does not parse or whose port is above 65535.
    #[error("a message with an address that cannot be one")]
    BadAddress,
    /// A request sooner than the last one allows.
    #[error("a request too soon after the last")]
    RequestTooSoon,
    /// The third request that came too soon.
    #[error("requests too soon after one another, three times")]
    RequestsTooOften,

    // --- ends
    /// The peer closed the connection.
    #[error("closed by the peer")]
    ClosedByPeer,
    /// The connection broke.
    #[error("connection reset")]
    Reset,
    /// We closed it.
    #[error("closed by us: {0}")]
    ClosedByUs(CloseReason),
    /// A fault in pexd itself; the log has it.
    #[error("internal fault")]
    Internal,
}

impl Fault {
    /// A name that never changes, for counters and machines.
    pub const fn name(&self) -> &'static str {
        match self {
            Fault::Refused => "refused",
            Fault::Unreachable => "unreachable",
            Fault::Unresolved => "unresolved",
            Fault::Unroutable => "unroutable",
            Fault::TimedOut(_) => "timed_out",
            Fault::ClosedInHandshake(_) => "closed_in_handshake",
            Fault::LocalResources => "local_resources",
            Fault::EphemeralKeyLength => "ephemeral_key_length",
            Fault::LowOrderKey => "low_order_key",
            Fault::MalformedHandshake => "malformed_handshake",
            Fault::HandshakeTooLong => "handshake_too_long",
            Fault::KeyType => "key_type",
            Fault::BadSignature => "bad_signature",
            Fault::BadFrame => "bad_frame",
            Fault::FrameLength => "frame_length",
            Fault::NoncesUsedUp => "nonces_used_up",
            Fault::WrongId { .. } => "wrong_id",
            Fault::Ourselves => "ourselves",
            Fault::WrongNetwork { .. } => "wrong_network",
            Fault::WrongBlockVersion { .. } => "wrong_block_version",
            Fault::NoCommonChannel => "no_common_channel",
            Fault::BadNodeInfo(_) => "bad_node_info",
            Fault::DuplicateId => "duplicate_id",
            Fault::DuplicateIp => "duplicate_ip",
            Fault::BannedId => "banned_id",
            Fault::BannedIp => "banned_ip",
            Fault::Full => "full",
            Fault::ConnectionRate => "connection_rate",
            Fault::HandshakeFlood => "handshake_flood",
            Fault::NotRunning => "not_running",
            Fault::PacketTooLong { .. } => "packet_too_long",
            Fault::UnknownPacket => "unknown_packet",
            Fault::UnknownChannel(_) => "unknown_channel",
            Fault::MessageTooLong => "message_too_long",
            Fault::EmptyFlood => "empty_flood",
            Fault::PingFlood => "ping_flood",
            Fault::PongTimeout => "pong_timeout",
            Fault::WriteStalled => "write_stalled",
            Fault::BadMessage => "bad_message",
            Fault::Unsolicited => "unsolicited",
            Fault::BadAddress => "bad_address",
            Fault::RequestTooSoon => "request_too_soon",
            Fault::RequestsTooOften => "requests_too_often",
            Fault::ClosedByPeer => "closed_by_peer",
            Fault::Reset => "reset",
            Fault::ClosedByUs(_) => "closed_by_us",
            Fault::Internal => "internal",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CloseReason::VisitOver => "visit over",
            CloseReason::Answered => "answered",
            CloseReason::TooOld => "connected for too long",
            CloseReason::MadeRoom => "asked for nothing and made room for another",
            CloseReason::Operator => "operator's request",
            CloseReason::Banned => "banned",
            CloseReason::Stopped => "network stopped",
        })
    }
}

/// What became of the latest attempt to reach an address, in a byte: what the book keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DialOutcome {
    /// Never tried.
    #[default]
    Untried = 0,
    /// Our own dial to exactly this id@ip:port matched key and node information.
    Reached = 1,
    /// The host refused, or is unreachable.
    Refused = 2,
    /// A step timed out.
    TimedOut = 3,
    /// Somebody else's key answered.
    WrongIdentity = 4,
    /// A node of another chain or block version answered.
    WrongNetwork = 5,
    /// It closed the connection within the handshake.
    HungUp = 6,
    /// It broke the protocol.
    Misbehaved = 7,
    /// It is alive and runs without PEX.
    NoPex = 8,
}

impl DialOutcome {
    /// All outcomes, in the order of their bytes.
    pub const ALL: [DialOutcome; 9] = [
        DialOutcome::Untried,
        DialOutcome::Reached,
        DialOutcome::Refused,
        DialOutcome::TimedOut,
        DialOutcome::WrongIdentity,
        DialOutcome::WrongNetwork,
        DialOutcome::HungUp,
        DialOutcome::Misbehaved,
        DialOutcome::NoPex,
    ];

    /// A name that never changes, for machines and the store.
    pub const fn name(self) -> &'static str {
        match self {
            DialOutcome::Untried => "untried",
            DialOutcome::Reached => "reached",
            DialOutcome::Refused => "refused",
            DialOutcome::TimedOut => "timed_out",
            DialOutcome::WrongIdentity => "wrong_identity",
            DialOutcome::WrongNetwork => "wrong_network",
            DialOutcome::HungUp => "hung_up",
            DialOutcome::Misbehaved => "misbehaved",
            DialOutcome::NoPex => "no_pex",
        }
    }

    /// The outcome stored as this byte.
    pub const fn from_u8(byte: u8) -> Option<DialOutcome> {
        if (byte as usize) < Self::ALL.len() { Some(Self::ALL[byte as usize]) } else { None }
    }

    /// Whether the attempt found the node alive at that very address.
    pub const fn is_success(self) -> bool {
        matches!(self, DialOutcome::Reached | DialOutcome::NoPex)
    }
}

impl fmt::Display for DialOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DialOutcome::Untried => "untried",
            DialOutcome::Reached => "reached",
            DialOutcome::Refused => "refused",
            DialOutcome::TimedOut => "timed out",
            DialOutcome::WrongIdentity => "wrong identity",
            DialOutcome::WrongNetwork => "wrong network",
            DialOutcome::HungUp => "hung up",
            DialOutcome::Misbehaved => "misbehaved",
            DialOutcome::NoPex => "reached, without PEX",
        })
    }
}
