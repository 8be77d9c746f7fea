//! What peers can do to a whole network, and what it costs: the fault that pexd records, when, how much memory the attack
//! took, and that an honest peer is served meanwhile.
//!
//! The cases run one after the other, since the bound on memory is on this process's heap: pexd's and the attacker's, and
//! not what C libraries take.

#![allow(clippy::unwrap_used)]

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

mod arena;
mod flood;
mod handshake;
mod honest;
mod identity;
mod messages;
mod packets;
mod requests;
mod watchers;
