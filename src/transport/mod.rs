//! Sockets: who may come in, whom we dial, the handshake on both sides, and one task for each peer.
//!
//! A connection's way: [`Listener`] accepts, its [`door`](DoorLimits) and the network's [`Gate`] refuse what costs nothing
//! to refuse, the handshake makes an [`Upgraded`]; [`Dialler`] makes one from our side. [`spawn_peer`] turns it into a task
//! that speaks messages. Nothing here knows a book or a reactor: every end is a [`Fault`](crate::types::Fault), and what
//! it means is decided elsewhere.

mod dial;
mod door;
mod gate;
mod heavy_hitters;
mod inbound;
mod keyed;
mod listener;
mod local;
mod messages;
mod os_error;
mod pacer;
mod peer;
mod refusals;
mod resolve;
mod source;
mod upgrade;

pub use crate::rate::RateLimit;
pub use dial::{DialLimits, DialLoad, Dialled, Dialler};
pub use door::DoorLimits;
pub use gate::Gate;
pub use listener::{BindError, Listener, RouteError};
pub use local::{Local, Pace, Settings};
pub use messages::{MessageCount, MessageCounts, Messages};
pub use peer::{Ack, FromPeer, Full, PeerHandle, PeerSaid, Traffic, spawn_peer};
pub use refusals::{REFUSED_HOSTS, REFUSED_RANGES, Refusal, Refusals, RefusedSource};
pub use resolve::Resolver;
pub use source::Grouping;
pub use upgrade::Upgraded;
