//! The gRPC services: a file or a folder each.

pub(super) mod address_book;
pub(super) mod audit;
pub(super) mod bans;
pub(super) mod events;
pub(super) mod health;
mod listener_status;
pub(super) mod log_level;
pub(super) mod networks;
pub(super) mod peers;
pub(super) mod process_status;
pub(super) mod reactor;
pub(super) mod refusals;
pub(super) mod seeds;
