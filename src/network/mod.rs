//! One chain's actor: it joins the pure node to sockets, store and callers.

mod actor;
mod book_commands;
mod commands;
mod config_commands;
mod counters;
mod directory;
mod error;
pub mod events;
mod handle;
mod peer_commands;
mod report;
#[cfg(test)]
pub(crate) mod scripted;
mod shared_listener;
mod supervisor;
#[cfg(test)]
pub(crate) mod tests;
mod tunables;
mod views;

pub use book_commands::{Entered, MAX_GROUP};
pub use counters::{BOUNDS, Histogram, Outbound, Tallies};
pub use directory::{Directory, LookupError};
pub use error::Error;
pub use handle::{By, Handle};
pub use peer_commands::DialReport;
pub use report::{
    Grouping, ListenerNumber, MessageCount, MessageCounts, RefusedSource, RefusedSources, Report, StoreStats,
};
pub use shared_listener::Entrance;
pub use supervisor::{Config, Running, spawn};
pub use tunables::{Changeable, Configured, ReadSetting, SettingsView, Tunables};
pub use views::{Applied, MAX_PAGE, Page, Peer, PeerEnd, Reach, Saved, Status};

pub use crate::store::history::{AuditQuery, DialQuery, Part, Portion, Time};
pub use crate::transport::{DialLoad, Dialler, Traffic};
