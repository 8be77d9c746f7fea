//! The words that every part of pexd shares: identities, addresses, node information, time and faults.
//!
//! Pure: parse, format and compare only.

mod all_variants;
mod conn;
mod dial_outcome;
mod fault;
mod group;
mod ip_ranges;
mod net_address;
mod node_id;
mod node_info;
mod now;
mod overlay;
mod peer_address;

pub(crate) use all_variants::all_variants;
pub use conn::{CloseHow, ConnId, Direction, Purpose, Ticket};
pub use dial_outcome::DialOutcome;
pub use fault::{CloseReason, Fault, FaultEntry, Stage};
pub use group::{Group, group_of, is_routable};
pub use ip_ranges::IpRangeSet;
pub use net_address::{AddressError, NetAddress, canonical};
pub use node_id::{NodeId, NodeIdError};
pub use node_info::{NodeInfo, NodeInfoError, PEX_CHANNEL, ProtocolVersion};
pub use now::{Mono, Now, Wall};
pub use overlay::{Delta, ListDiff, ListFull, Overlay};
pub use peer_address::{Host, PeerAddress, PeerAddressError};

/// The seeded generator that pure code draws from; only the shell seeds it.
pub type SeededRng = rand_chacha::ChaCha8Rng;
