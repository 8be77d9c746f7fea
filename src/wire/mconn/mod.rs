//! The multiplexed connection: packets on channels (CometBFT `p2p/conn/connection.go`; docs/protocol/wire.md,
//! "Multiplexed connection"). Only channel 00 exists here, so there is nothing to schedule.

mod byte_rate_limiter;
mod error;
mod keepalive;
mod packet;
mod packet_reader;

pub use byte_rate_limiter::ByteRateLimiter;
pub use error::PacketError;
pub use keepalive::{Keepalive, MAX_PINGS_PER_MINUTE, PING_INTERVAL, PONG_TIMEOUT};
pub use packet::{DEFAULT_PAYLOAD, encode_message, encode_ping, encode_pong, max_packet_len};
pub use packet_reader::{Incoming, MAX_MESSAGE, PacketReader};

/// Messages that may wait to be sent to a peer (CometBFT `p2p/pex/pex_reactor.go: GetChannels`, `SendQueueCapacity`);
/// beyond it back-pressure.
pub const SEND_QUEUE: usize = 10;
