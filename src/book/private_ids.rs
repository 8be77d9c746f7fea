//! The private IDs (`private_peer_ids`), as operators change them at run time: never stored, never advertised, and not
//! accepted as a source (CometBFT `p2p/pex/addrbook.go: AddPrivateIDs`; docs/protocol/pex-reactor.md, "Private and
//! unconditional peers").

use super::Book;
use super::params::MAX_PRIVATE;
use crate::types::{Delta, ListFull, NodeId, Now, Overlay};

impl Book {
    /// The private IDs.
    pub fn private(&self) -> &Overlay<NodeId> {
        &self.private
    }

    /// Makes an ID private and removes its addresses from the book, so that they are no longer advertised; `false` when
    /// it is private already.
    ///
    /// # Errors
    /// When there are [`MAX_PRIVATE`].
    pub fn add_private(&mut self, now: Now, id: NodeId, author: &str) -> Result<bool, ListFull> {
        let added = self.private.add_within(MAX_PRIVATE, id, author, now.wall)?;
        self.remove(&id);
        Ok(added)
    }

    /// Makes an ID like any other: it can enter the book again when it is advertised. `false` when it is not private.
    pub fn remove_private(&mut self, now: Now, id: &NodeId, author: &str) -> bool {
        self.private.remove(id, author, now.wall)
    }

    /// Replaces the private IDs that the file names, as if each that differs were added or removed.
    pub fn set_file_private(&mut self, from_file: impl IntoIterator<Item = NodeId>) {
        for id in self.private.set_file(from_file).added {
            self.remove(&id);
        }
    }

    /// One changed private ID, with its run-time change, or `None` when there is none any more.
    pub fn take_dirty_private(&mut self) -> Option<(NodeId, Option<Delta<NodeId>>)> {
        self.private.take_dirty()
    }
}
