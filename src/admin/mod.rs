//! The admin API: gRPC on a loopback address, over the networks' handles (`proto/pexd/v1`).
//!
//! A request passes the listener's limits ([`incoming`]), the guard against panics and stalls ([`guard`]), is given its
//! caller ([`access`]) and reaches one service. The service reads the request's fields ([`fields`], [`page`]), finds the networks that it is about
//! ([`scope`]), asks their handles, and turns the answers ([`convert`]) or errors ([`status`]) into protobuf.

mod access;
mod address_book;
mod address_list;
mod ban_list;
mod bans;
mod caller;
mod check_seeds;
mod convert;
mod fields;
mod files;
mod filters;
mod guard;
mod incoming;
mod intake;
mod networks;
mod page;
mod peers;
mod reactor;
mod scope;
mod seeds;
mod server;
mod status;
mod story;
#[cfg(test)]
mod tests;
mod text;

pub use server::{Admin, BindError, ServeError};
