//! The private IDs, as operators change them at run time: never stored, never told of, and not believed.

use super::Book;
use super::params::MAX_PRIVATE;
use crate::types::{Delta, ListFull, NodeId, Now, Overlay};

impl Book {
    /// The private IDs.
    pub fn private(&self) -> &Overlay<NodeId> {
        &self.private
    }

    /// Makes an ID private and takes its addresses out of the book, so that nobody is told of them any more; `false` when
    /// it is private already.
    ///
    /// # Errors
    /// When there are [`MAX_PRIVATE`].
    pub fn add_private(&mut self, now: Now, id: NodeId, author: &str) -> Result<bool, ListFull> {
        let added = self.private.add_within(MAX_PRIVATE, id, author, now.wall)?;
        self.remove(&id);
        Ok(added)
    }

    /// Makes an ID like any other: it comes back when somebody tells of it. `false` when it is not private.
    pub fn remove_private(&mut self, now: Now, id: &NodeId, author: &str) -> bool {
        self.private.remove(id, author, now.wall)
    }

    /// Takes the private IDs that the file names now, as if each that differs were added or removed.
    pub fn set_file_private(&mut self, from_file: impl IntoIterator<Item = NodeId>) {
        for id in self.private.set_file(from_file).added {
            self.remove(&id);
        }
    }

    /// One changed private ID, with its change, or `None` when that lapsed.
    pub fn take_dirty_private(&mut self) -> Option<(NodeId, Option<Delta<NodeId>>)> {
        self.private.take_dirty()
    }
}
