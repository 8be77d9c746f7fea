//! The vocabulary that every part of pexd shares: identities, addresses, node information, time, faults, and small pure
//! algorithms (IP ranges, rate limits).
//!
//! Pure: parse, format and compare only.

mod address_group;
mod all_variants;
mod asn_table;
mod connection;
mod counted;
mod dial_outcome;
mod error_text;
mod fault;
mod gcra;
mod ip_ranges;
mod list_overlay;
mod net_address;
mod node_id;
mod node_info;
mod own_endpoints;
mod peer_address;
mod routability;
mod shortened;
mod time;

pub use address_group::{Group, NotAGroup, group_of};
pub(crate) use all_variants::all_variants;
pub use asn_table::{AsnTable, AsnTableError};
pub use connection::{CloseHow, ConnId, Direction, Purpose, Ticket};
pub use counted::counted;
pub use dial_outcome::DialOutcome;
pub use error_text::error_text;
pub use fault::{CloseReason, Fault, FaultEntry, Stage};
pub use gcra::Gcra;
pub use ip_ranges::IpRangeSet;
pub use list_overlay::{Delta, ListDiff, ListFull, Overlay};
pub use net_address::{AddressError, NetAddress, canonical};
pub use node_id::{NodeId, NodeIdError};
pub use node_info::{NodeInfo, NodeInfoError, PEX_CHANNEL, ProtocolVersion};
pub use own_endpoints::OwnEndpoints;
pub use peer_address::{Host, PeerAddress, PeerAddressError};
pub use routability::is_routable;
pub use shortened::shortened;
pub use time::{Mono, Now, Wall};

/// The seeded random number generator that pure code uses; only the shell seeds it.
pub type SeededRng = rand_chacha::ChaCha8Rng;
