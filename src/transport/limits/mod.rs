//! What is refused before cryptography: banned ranges and duplicate IPs at a network's gate, floods at a listener's
//! handshake limits, and the counts of refusals by source.

pub(super) mod ban_gate;
pub(super) mod handshake_limits;
pub(super) mod heavy_hitters;
pub(super) mod refusals;
pub(super) mod source_group;
