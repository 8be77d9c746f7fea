//! The admin API: gRPC over the networks' handles (`proto/pexd/v1`), on a TCP address, a Unix socket ([`socket`]), or both.
//!
//! A connection passes the listener's limits ([`incoming`]) and TLS ([`tls`]); a request passes the guard against panics and
//! stalls ([`guard`]), is let in or refused ([`access`], by what is in force: [`reload`]) and reaches one service with its
//! caller. The service reads the request's fields ([`fields`], [`page`]), finds the networks that it is about ([`scope`]),
//! asks their handles, and turns the answers ([`convert`]) or errors ([`status`]) into protobuf.

mod access;
mod address_book;
mod address_list;
mod attempt;
mod attention;
mod audit;
mod ban_list;
mod bans;
mod caller;
mod calls;
mod check_seeds;
pub(crate) mod coming_and_going;
mod configuration;
mod configured_peers;
mod convert;
mod dials;
mod events;
mod explain;
mod fields;
mod files;
mod filters;
mod grants;
mod guard;
mod health;
mod incoming;
mod intake;
mod log_level;
mod method;
mod networks;
mod no_files;
mod operations;
mod page;
mod peer_list;
mod peers;
mod places;
mod process;
mod quota;
mod reactor;
mod refusals;
mod reload;
mod remote;
mod revocable;
mod scope;
mod seeds;
mod servable;
mod server;
mod settings;
mod socket;
mod stamps;
mod status;
mod story;
#[cfg(test)]
mod tests;
mod text;
mod tls;

pub use caller::{Caller, Networks, Role};
pub use calls::{CallCount, Calls};
pub use grants::{Grant, Grants};
pub use method::needed_role;
pub use no_files::NoFiles;
pub use operations::{
    Added, ConfigEntry, ConfigSource, EffectiveConfig, NewNetwork, OperationError, Operations, Reloaded, SetResult,
};
pub use process::{LogControl, LogError, LogLevels, Process};
pub use server::{Admin, BindError, ServeError};
pub use settings::{AccessSource, Limits, ReadAccess, Settings, SocketSettings};
pub use socket::SocketError;
pub use tls::{TlsError, TlsFiles};
