//! Scripted peers and worlds, for tests, benches and simulations.

mod no_files;
mod peer;
mod port;
mod seed;
pub mod sim;

pub use no_files::NoFiles;
pub use peer::{Identity, PATIENCE, Peer};
pub use port::reserve_port;
pub use seed::{Manner, ScriptedSeed};
