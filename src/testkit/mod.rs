//! Scripted peers and worlds, for tests, benches and simulations.

mod peer;
mod seed;
pub mod sim;

pub use peer::{Identity, PATIENCE, Peer};
pub use seed::{Manner, ScriptedSeed};
