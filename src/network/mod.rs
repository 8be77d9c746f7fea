//! One chain's actor: it joins the pure node to sockets, store and callers.

mod actor;
mod book_commands;
mod commands;
mod directory;
mod entrance;
mod handle;
mod journal;
mod ledger;
mod saving;
#[cfg(test)]
pub(crate) mod scripted;
mod supervisor;
#[cfg(test)]
pub(crate) mod tests;

pub use book_commands::{Entered, MAX_GROUP};
pub use directory::{Directory, LookupError};
pub use entrance::Entrance;
pub use handle::{Applied, By, Error, Handle, MAX_PAGE, Page, Peer, PeerEnd, Reach, Saved, Status};
pub use supervisor::{Config, Running, spawn};
