//! Scripted peers and worlds, for tests, benches and simulations.

pub mod sim;
