//! Why a dial or a connection ended. Each layer has its own errors; this is the one vocabulary that they are converted
//! to, and that is counted, stored and shown. What a fault costs the peer is decided in `switch/fault_consequence.rs` alone.

use std::fmt;

use super::all_variants::all_variants;
use super::{NodeId, NodeInfoError};

all_variants! {
    /// The step of a connection that was under way.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Stage {
        /// Opening the TCP connection.
        Dial,
        /// The secret connection: ephemeral keys and signatures (CometBFT
        /// `p2p/conn/secret_connection.go: MakeSecretConnection`).
        Secret,
        /// The exchange of node information (CometBFT `p2p/transport.go: handshake`).
        NodeInfo,
    }
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

all_variants! {
    /// Why we ended a connection that did nothing wrong.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum CloseReason {
        /// It answered the crawl's request, or its time is over.
        VisitOver,
        /// We are a seed and have answered its request.
        Answered,
        /// It stayed longer than a seed keeps a peer (`seed_disconnect_wait_period`).
        TooOld,
        /// It was evicted: it had sent no request, and another peer needed its slot.
        MadeRoom,
        /// An operator requested it.
        Operator,
        /// It, or its IP, was banned.
        Banned,
        /// The network was stopped.
        Stopped,
    }
}

/// One kind of fault, as the reference page shows it. Its name is the example's [`Fault::name`]; what it counts for is
/// the example's consequence (`switch/fault_consequence.rs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultEntry {
    /// The layer that finds it, as a title.
    pub group: &'static str,
    /// What it means: one sentence.
    pub meaning: &'static str,
    /// A fault of this kind; its fields, if any, are made up.
    pub example: Fault,
}

/// Defines [`Fault`], its names and its catalogue from one list, so that no fault can be without a name, and none is
/// missing from the catalogue. Within a titled group each entry is: the meaning (the doc comment), the message
/// (`#[error]`), the variant `=` its name, and `as` an example of its fields, if it has any.
macro_rules! faults {
    ($($group:literal {
        $(
            #[doc = $meaning:literal]
            #[error($($message:tt)*)]
            $variant:ident $(($field:ty))? $({ $($fields:tt)* })? = $name:literal $(as $example:tt)?,
        )+
    })+) => {
        /// Why a dial failed or a connection ended.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum Fault {
            $($(
                #[doc = $meaning]
                #[error($($message)*)]
                $variant $(($field))? $({ $($fields)* })?,
            )+)+
        }

        impl Fault {
            /// A name that never changes, for counters and machines.
            pub const fn name(&self) -> &'static str {
                match self {
                    $($(Fault::$variant { .. } => $name,)+)+
                }
            }

            /// The names of all faults, in the order of their declaration.
            pub const NAMES: &[&str] = &[$($($name,)+)+];

            /// All faults, in the groups and the order of their declaration.
            pub fn catalogue() -> Vec<FaultEntry> {
                vec![$($(FaultEntry {
                    group: $group,
                    meaning: $meaning.trim_ascii(),
                    example: Fault::$variant $($example)?,
                },)+)+]
            }
        }
    };
}

faults! {
    "Reaching the peer" {
        /// The host refused the connection.
        #[error("connection refused")]
        Refused = "refused",
        /// There is no route to the host or its network.
        #[error("host unreachable")]
        Unreachable = "unreachable",
        /// The DNS name does not resolve.
        #[error("the name does not resolve")]
        Unresolved = "unresolved",
        /// The DNS name resolves only to addresses that may not be dialled.
        #[error("the name resolves to no address that may be dialled (addr_book_strict refuses private ones)")]
        Unroutable = "unroutable",
        /// A step of the dial or the handshake took too long.
        #[error("timed out in {0}")]
        TimedOut(Stage) = "timed_out" as (Stage::Dial),
        /// The peer closed the connection during the handshake.
        #[error("closed by the peer in {0}")]
        ClosedInHandshake(Stage) = "closed_in_handshake" as (Stage::Secret),
        /// This machine could not open a connection: no ports or file descriptors are left.
        #[error("this host cannot open a connection (raise its limit of open files)")]
        LocalResources = "local_resources",
    }
    "Secret connection" {
        /// The peer's ephemeral key is not 32 bytes long.
        #[error("the ephemeral key is not 32 bytes long")]
        EphemeralKeyLength = "ephemeral_key_length",
        /// The peer's ephemeral key is of low order, which would make the shared secret predictable.
        #[error("the ephemeral key is of low order")]
        LowOrderKey = "low_order_key",
        /// A handshake message does not decode.
        #[error("malformed handshake message")]
        MalformedHandshake = "malformed_handshake",
        /// A handshake message announces more bytes than it may have.
        #[error("a handshake message announces too many bytes")]
        HandshakeTooLong = "handshake_too_long",
        /// The peer's node key is not an Ed25519 key.
        #[error("the node key is not Ed25519")]
        KeyType = "key_type",
        /// The peer's signature of the challenge does not verify.
        #[error("the signature of the challenge is wrong")]
        BadSignature = "bad_signature",
        /// A frame does not authenticate: it was not encrypted with the session's key.
        #[error("a frame does not decrypt")]
        BadFrame = "bad_frame",
        /// A frame claims to carry more than 1,024 bytes.
        #[error("a frame claims more bytes than it has")]
        FrameLength = "frame_length",
        /// The nonce counter of the connection is used up.
        #[error("the connection's nonces are used up")]
        NoncesUsedUp = "nonces_used_up",
    }
    "Identity" {
        /// The peer's key belongs to another ID than the one that was dialled or announced.
        #[error("the peer's key belongs to ID {actual}")]
        WrongId {
            /// The ID of the key.
            actual: NodeId,
        } = "wrong_id" as { actual: NodeId::from_bytes([0; NodeId::LEN]) },
        /// The peer is this node itself.
        #[error("the peer is ourselves")]
        Ourselves = "ourselves",
        /// The peer is a node of another chain.
        #[error("the peer is of network {actual:?}")]
        WrongNetwork {
            /// The chain ID that it announced, truncated to 50 bytes.
            actual: Box<str>,
        } = "wrong_network" as { actual: "another-chain".into() },
        /// The peer has another block protocol version.
        #[error("the peer has block version {actual}")]
        WrongBlockVersion {
            /// What it announced.
            actual: u64,
        } = "wrong_block_version" as { actual: 10 },
        /// The peer is alive and has no channel in common with us: it runs without PEX.
        #[error("no common channel (the peer runs without PEX)")]
        NoCommonChannel = "no_common_channel",
        /// The peer's node information breaks a rule.
        #[error("bad node info: {0}")]
        BadNodeInfo(NodeInfoError) = "bad_node_info" as (NodeInfoError::Moniker),
    }
    "Refused by us" {
        /// The ID is already connected.
        #[error("already connected to this ID")]
        DuplicateId = "duplicate_id",
        /// The IP is already connected, and `allow_duplicate_ip` is off.
        #[error("already connected to this IP (allow_duplicate_ip = false)")]
        DuplicateIp = "duplicate_ip",
        /// The ID is banned.
        #[error("the ID is banned")]
        BannedId = "banned_id",
        /// The IP is banned.
        #[error("the IP is banned")]
        BannedIp = "banned_ip",
        /// All inbound slots are taken (`max_num_inbound_peers`).
        #[error("no free inbound slot (max_num_inbound_peers)")]
        Full = "full",
        /// The rate limit on new connections from its IP or its range is exceeded.
        #[error("too many new connections from this address")]
        ConnectionRate = "connection_rate",
        /// The limit on unfinished handshakes is reached.
        #[error("too many unfinished handshakes")]
        HandshakeFlood = "handshake_flood",
        /// The network is not running.
        #[error("the network is stopped")]
        NotRunning = "not_running",
    }
    "Packets" {
        /// A packet is longer than our `max_packet_msg_payload_size` allows.
        #[error(
            "a packet of {actual} bytes (the peer's max_packet_msg_payload_size is above ours: raise it to at least the peer's)"
        )]
        PacketTooLong {
            /// What its prefix announced.
            actual: u64,
        } = "packet_too_long" as { actual: 2000 },
        /// A packet does not decode, or is of an unknown kind.
        #[error("a packet of unknown kind")]
        UnknownPacket = "unknown_packet",
        /// A packet is for a channel that we did not announce.
        #[error("a packet on unknown channel {0}")]
        UnknownChannel(i32) = "unknown_channel" as (32),
        /// A message is larger than the PEX channel allows (64,000 bytes).
        #[error("a message above 64000 bytes")]
        MessageTooLong = "message_too_long",
        /// The peer floods us with empty packets or frames.
        #[error("a flood of empty packets or frames")]
        EmptyFlood = "empty_flood",
        /// The peer floods us with pings.
        #[error("a flood of pings")]
        PingFlood = "ping_flood",
        /// The peer did not answer a ping in time.
        #[error("no pong in time")]
        PongTimeout = "pong_timeout",
        /// The peer does not read what we send.
        #[error("the peer does not read what we send")]
        WriteStalled = "write_stalled",
    }
    "PEX messages" {
        /// A PEX message does not decode, or is empty.
        #[error("an undecodable PEX message")]
        BadMessage = "bad_message",
        /// The peer sent addresses without a request of ours.
        #[error("addresses that were not requested")]
        Unsolicited = "unsolicited",
        /// A message has an address whose IP does not parse, or whose port is above 65535.
        #[error("a message with an address that cannot be one")]
        BadAddress = "bad_address",
        /// A request came too soon after the last one.
        #[error("a request too soon after the last")]
        RequestTooSoon = "request_too_soon",
        /// Three requests came too soon after one another.
        #[error("requests too soon after one another, three times")]
        RequestsTooOften = "requests_too_often",
    }
    "End of a connection" {
        /// The peer closed the connection.
        #[error("closed by the peer")]
        ClosedByPeer = "closed_by_peer",
        /// The connection was reset.
        #[error("connection reset")]
        Reset = "reset",
        /// We closed the connection, for the reason in the message.
        #[error("closed by us: {0}")]
        ClosedByUs(CloseReason) = "closed_by_us" as (CloseReason::Operator),
        /// A fault in pexd itself; the log has the details.
        #[error("internal fault")]
        Internal = "internal",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_words_of_machines_and_each_stands_for_one_fault() {
        let catalogue = Fault::catalogue();
        let names: BTreeSet<&str> = catalogue.iter().map(|entry| entry.example.name()).collect();
        assert_eq!(names.len(), catalogue.len());
        assert_eq!(names, Fault::NAMES.iter().copied().collect());
        for entry in catalogue {
            let name = entry.example.name();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(entry.meaning.ends_with('.') && !entry.meaning.starts_with(' '), "{name}: {}", entry.meaning);
        }
    }
}
