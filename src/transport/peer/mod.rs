//! One task for each connected peer: frames to packets to messages, and back.

mod connection;
mod handle;
mod scratch;
mod task;

pub use handle::{Ack, FromPeer, Full, PeerHandle, PeerSaid, Traffic};
pub use task::spawn_peer;
