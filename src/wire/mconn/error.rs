//! What a peer can do wrong below the messages.

use crate::types::Fault;
use crate::wire::delimited::DelimitedError;
use crate::wire::protobuf::Malformed;

/// Why packets end a connection (wire document, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// A packet announces more bytes than the longest one has.
    #[error("a packet of {announced} bytes")]
    TooLong {
        /// What its length says.
        announced: u64,
    },
    /// A packet that does not decode, or is none of the three kinds.
    #[error("a packet of unknown kind")]
    Unknown,
    /// A packet on a channel that we did not announce.
    #[error("a packet on unknown channel {0}")]
    UnknownChannel(i32),
    /// A message above 64,000 bytes.
    #[error("a message above the channel's capacity")]
    MessageTooLong,
    /// Packets without data that never end a message.
    #[error("empty packets without end")]
    EmptyPackets,
    /// More pings than anyone needs.
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
