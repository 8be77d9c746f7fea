//! One chain's actor: it joins the pure node to sockets, store and callers.

mod actor;
mod answers;
mod book_commands;
mod commands;
mod config_commands;
mod directory;
mod entrance;
mod error;
pub mod events;
mod handle;
mod history;
mod journal;
mod ledger;
mod peer_commands;
mod report;
mod saving;
#[cfg(test)]
pub(crate) mod scripted;
mod starting;
mod supervisor;
mod tallies;
#[cfg(test)]
pub(crate) mod tests;
mod tunables;

pub use answers::{Applied, MAX_PAGE, Page, Peer, PeerEnd, Reach, Saved, Status};
pub use book_commands::{Entered, MAX_GROUP};
pub use directory::{Directory, LookupError};
pub use entrance::Entrance;
pub use error::Error;
pub use handle::{By, Handle};
pub use peer_commands::DialReport;
pub use tunables::{Changeable, Configured, ReadSetting, SettingsView, Tunables};

pub use crate::store::history::{AuditQuery, DialQuery, Part, Portion, Time};
pub use crate::transport::{DialLoad, Dialler, Traffic};
pub use report::{
    Grouping, ListenerNumber, MessageCount, MessageCounts, RefusedSource, RefusedSources, Report, StoreStats,
};
pub use supervisor::{Config, Running, spawn};
pub use tallies::{BOUNDS, Histogram, Outbound, Tallies};
