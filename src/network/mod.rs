//! One chain: the actor that joins the pure node to sockets and store, and the handle that callers ask it through.
//!
//! [`Handle`] (`handle/`) is what callers see; `actor/` is the loop and what it does; `command.rs` and `views.rs` are what
//! they exchange, and neither imports the other. `supervisor.rs` opens the store, runs the actor, and puts another in its
//! place when it panics.

mod actor;
mod command;
mod config_faults;
mod counters;
mod directory;
mod error;
pub mod events;
mod handle;
mod readiness;
#[cfg(test)]
pub(crate) mod scripted;
mod shared_listener;
mod supervisor;
#[cfg(test)]
pub(crate) mod tests;
mod tunables;
mod views;

pub use command::ChangeAuthor;
pub use config_faults::ConfigFaults;
pub use counters::{BOUNDS, Counters, Histogram, Outbound};
pub use directory::{Directory, LookupError};
pub use error::Error;
pub use handle::{Handle, MAX_GROUP, Misconfigured, process_audit};
pub use readiness::NotReady;
pub use shared_listener::SharedListener;
pub use supervisor::{Config, Running, spawn};
pub use tunables::{Changeable, Configured, ReadSetting, SettingsView, Tunables};
pub use views::{
    Applied, DialReport, Entered, ListenerNumber, ListenerView, MAX_PAGE, Page, Peer, PeerEnd, ProbeContext,
    RefusedSources, Report, Saved, Status,
};

pub use crate::store::StoreStats;
pub use crate::store::answer_log::{AnswerEntry, AnswerLogStats, AnswerQuery, WhoOrWhere};
pub use crate::store::history::{AuditQuery, DialQuery, HistoryError, HistoryPage, HistoryRange, Time};
pub use crate::store::process_audit::{AuditKind, NewAuditEntry, ProcessAudit, ProcessAuditEntry};
pub use crate::transport::{
    DescriptorUse, DialLoad, Dialler, Grouping, MessageCount, MessageCounts, RefusedSource, Traffic, descriptor_limit,
    may_keep, note_accept_error, peer_reserve, shortages,
};
