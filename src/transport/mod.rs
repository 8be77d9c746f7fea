//! Sockets: accepting within limits, dialling, the handshake on both sides, and one task for each peer.
//!
//! A connection's way: [`Listener`] accepts, its [`limiter`](DoorLimits) and the network's [`Gate`] refuse what costs
//! nothing to refuse, the handshake makes an [`Upgraded`]; [`Dialler`] makes one from our side. [`spawn_peer`] turns it
//! into a task that speaks messages. Nothing here knows a book or a reactor: every end is a
//! [`Fault`](crate::types::Fault), and what it means is decided elsewhere.

mod descriptors;
mod dial;
mod handshake;
mod limits;
mod listen;
mod local_node;
mod message_counts;
mod os_error;
mod peer;

pub use descriptors::{DescriptorUse, descriptor_limit, may_keep, note_accept_error, peer_reserve, shortages};
pub use dial::limits::{DialLimits, DialLoad};
pub use dial::resolve::Resolver;
pub use dial::{Dialled, Dialler};
pub use handshake::Upgraded;
pub use limits::ban_gate::Gate;
pub use limits::handshake_limits::HandshakeLimits;
pub use limits::refusals::{REFUSED_HOSTS, REFUSED_RANGES, Refusal, Refusals, RefusedSource};
pub use limits::source_group::Grouping;
pub use listen::listener::{BindError, Listener, RouteError};
pub use local_node::{ConnectionRates, ConnectionSettings, LocalNode};
pub use message_counts::{MessageCount, MessageCounters, MessageCounts};
pub use peer::{Ack, FromPeer, Full, PeerHandle, PeerSaid, Traffic, spawn_peer};

pub use crate::rate_limit::RateLimit;
