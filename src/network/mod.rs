//! One chain's actor: it joins the pure node to sockets, store and callers.

mod directory;
mod handle;
#[cfg(test)]
pub(crate) mod scripted;

pub use directory::{Directory, LookupError};
pub use handle::{Applied, Error, Handle, MAX_PAGE, Page, Peer, Saved, Status};
