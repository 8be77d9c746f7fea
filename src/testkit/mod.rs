//! Scripted peers and worlds, for tests, benches and simulations.

mod peer;
mod port;
mod seed;
pub mod sim;

pub use peer::{Identity, PATIENCE, Peer};
pub use port::reserve_port;
pub use seed::{Manner, ScriptedSeed};
