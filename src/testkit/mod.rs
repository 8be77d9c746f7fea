//! Scripted peers and worlds, for tests, benches and simulations.

mod asn_database;
mod no_files;
mod peer;
mod port;
mod seed;
pub mod sim;

pub use asn_database::{AsnField, asn_database};
pub use no_files::NoFiles;
pub use peer::{Identity, PATIENCE, Peer};
pub use port::reserve_port;
pub use seed::{Manner, ScriptedSeed};
