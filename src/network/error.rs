//! Why a network did not do what it was asked.

use std::sync::Arc;

use crate::node::row::ListItem;
use crate::switch::NotDialled;
use crate::types::{NodeId, PeerAddress};

/// Why the network did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The process is ending, or the network was removed.
    #[error("network {0} is gone")]
    Gone(Arc<str>),
    /// Its files have errors, so that there is nothing to run.
    #[error("the files of network {chain_id} have errors, and it is not served: {errors}")]
    Misconfigured {
        /// Which.
        chain_id: Arc<str>,
        /// All that is wrong, with the fixes.
        errors: String,
    },
    /// The actor did not answer in time.
    #[error("network {0} does not answer")]
    Unresponsive(Arc<str>),
    /// It could not be started; it can be tried again.
    #[error("network {chain_id} cannot start: {reason}")]
    CannotStart {
        /// Which.
        chain_id: Arc<str>,
        /// Why, with the fix.
        reason: String,
    },
    /// The seed is not configured.
    #[error("{0} is not a seed of this network")]
    NoSuchSeed(PeerAddress),
    /// The book has no such address.
    #[error("no such address in the book")]
    NoSuchAddress,
    /// The entry is on no list.
    #[error("there is not {0} to remove")]
    NotListed(ListItem),
    /// The entry of a list of peers would be the node itself.
    #[error("it is this node itself, by its ID or by its address")]
    OwnPeer,
    /// The seed would be the node itself.
    #[error("it is this node itself, by its ID or by its address")]
    OwnSeed,
    /// The peer is not connected.
    #[error("peer {0} is not connected")]
    NoSuchPeer(NodeId),
    /// The dial was not begun.
    #[error("{target} was not dialled: {why}")]
    NotDialled {
        /// The target.
        target: PeerAddress,
        /// The rule against it.
        why: NotDialled,
    },
    /// The dial did not end for as long as a caller waits.
    #[error("the dial of {0} has not ended yet")]
    StillDialling(PeerAddress),
    /// There is no such ban.
    #[error("no such ban")]
    NoSuchBan,
    /// The book cannot be opened, so that nothing can be kept.
    #[error("network {chain_id} has no book to keep this in: {reason}")]
    NoBook {
        /// Which.
        chain_id: Arc<str>,
        /// Why, with the fix.
        reason: String,
    },
    /// The file forbids changes at run time.
    #[error("the configuration of network {chain_id} may not be changed at run time: {file} says so (pex.immutable)")]
    Immutable {
        /// Which.
        chain_id: Arc<str>,
        /// The file that says so, with the line.
        file: Arc<str>,
    },
    /// The value of a key that does not fit it.
    #[error("{0}")]
    BadValue(String),
    /// The logs on disk cannot be read.
    #[error("network {chain_id} cannot look into its files: {reason}")]
    Unreadable {
        /// Which.
        chain_id: Arc<str>,
        /// Why.
        reason: String,
    },
    /// The log of answers is off.
    #[error("network {0} keeps no log of answers (book.answer_log_mib is 0)")]
    NoAnswerLog(Arc<str>),
    /// More run-time entries than the node keeps.
    #[error("{what} are full ({limit}): remove some first")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many fit.
        limit: usize,
    },
}
