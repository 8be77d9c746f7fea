//! The multiplexed connection: packets on channels (wire document, section 4). Only channel 00 exists here, so that
//! there is nothing to schedule.

mod error;
mod keepalive;
mod packet;
mod rate;
mod reader;

pub use error::PacketError;
pub use keepalive::{Keepalive, MAX_PINGS_PER_MINUTE, PING_INTERVAL, PONG_TIMEOUT};
pub use packet::{DEFAULT_PAYLOAD, encode_message, encode_ping, encode_pong, max_packet_len};
pub use rate::Rate;
pub use reader::{Item, MAX_MESSAGE, Reader};

/// Messages that may wait to be sent to a peer (wire document, section 5).
pub const SEND_QUEUE: usize = 10;
