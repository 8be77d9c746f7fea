//! The admin API: gRPC on a loopback address, over the networks' handles (`proto/pexd/v1`).
//!
//! A request passes the listener's limits ([`incoming`]), the guard against panics and stalls ([`guard`]), is given its
//! caller ([`access`]) and reaches one service. The service reads the request's fields ([`fields`], [`page`]), finds the networks that it is about
//! ([`scope`]), asks their handles, and turns the answers ([`convert`]) or errors ([`status`]) into protobuf.

mod access;
mod address_book;
mod bans;
mod caller;
mod calls;
mod check_seeds;
mod convert;
mod fields;
mod guard;
mod health;
mod incoming;
mod log_level;
mod networks;
mod page;
mod peers;
mod process;
mod reactor;
mod refusals;
mod scope;
mod seeds;
mod servable;
mod server;
mod status;
#[cfg(test)]
mod tests;
mod text;

pub use calls::{CallCount, Calls};
pub use process::{LogControl, LogError, LogLevels, Process};
pub use server::{Admin, BindError, ServeError};
