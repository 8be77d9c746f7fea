//! Scripted peers and worlds, for tests, benches and simulations.

mod peer;
pub mod sim;

pub use peer::{Identity, PATIENCE, Peer};
