//! What a peer can do wrong below the level of messages.

use crate::types::Fault;
use crate::wire::delimited::DelimitedError;
use crate::wire::protobuf::Malformed;

/// Why a packet ends the connection (docs/protocol/wire.md, "Multiplexed connection").
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// A packet announces more bytes than the longest valid one has.
    #[error("a packet of {announced} bytes")]
    TooLong {
        /// The announced length in bytes.
        announced: u64,
    },
    /// A packet does not decode, or is none of the three kinds.
    #[error("a packet of unknown kind")]
    Unknown,
    /// A packet is for a channel that we did not announce.
    #[error("a packet on unknown channel {0}")]
    UnknownChannel(i32),
    /// A message is larger than [`MAX_MESSAGE`](super::MAX_MESSAGE).
    #[error("a message above the channel's capacity")]
    MessageTooLong,
    /// A flood of packets without data that do not end a message.
    #[error("a flood of empty packets")]
    EmptyPackets,
    /// A flood of pings: more than [`MAX_PINGS_PER_MINUTE`](super::MAX_PINGS_PER_MINUTE).
    #[error("a flood of pings")]
    PingFlood,
    /// No pong in time.
    #[error("no pong in time")]
    PongTimeout,
}

impl From<Malformed> for PacketError {
    fn from(_: Malformed) -> Self {
        PacketError::Unknown
    }
}

impl From<DelimitedError> for PacketError {
    fn from(error: DelimitedError) -> Self {
        match error {
            DelimitedError::Length => PacketError::Unknown,
            DelimitedError::TooLong { announced, .. } => PacketError::TooLong { announced },
        }
    }
}

impl From<PacketError> for Fault {
    fn from(error: PacketError) -> Fault {
        match error {
            PacketError::TooLong { announced } => Fault::PacketTooLong { actual: announced },
            PacketError::Unknown => Fault::UnknownPacket,
            PacketError::UnknownChannel(channel) => Fault::UnknownChannel(channel),
            PacketError::MessageTooLong => Fault::MessageTooLong,
            PacketError::EmptyPackets => Fault::EmptyFlood,
            PacketError::PingFlood => Fault::PingFlood,
            PacketError::PongTimeout => Fault::PongTimeout,
        }
    }
}
