//! The persistent and the unconditional peers, as operators change them at run time. A change takes effect at once.

use super::Switch;
use super::params::MAX_UNCONDITIONAL;
use crate::types::{Delta, ListFull, Mono, NodeId, Now, Overlay, PeerAddress};

/// A row of the lists that changed: the run-time change, or `None` when it lapsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// Of the persistent peers.
    Persistent(PeerAddress, Option<Delta<PeerAddress>>),
    /// Of the unconditional peers.
    Unconditional(NodeId, Option<Delta<NodeId>>),
}

impl Switch {
    /// The persistent peers.
    pub fn persistent(&self) -> &Overlay<PeerAddress> {
        self.reconnect.list()
    }

    /// The unconditional peers.
    pub fn unconditional(&self) -> &Overlay<NodeId> {
        &self.unconditional
    }

    /// Adds a persistent peer, which is due at once when `dial` says so and it is not connected; `false` when it is there
    /// already.
    ///
    /// # Errors
    /// When there are [`super::params::MAX_PERSISTENT`].
    pub fn add_persistent(
        &mut self,
        now: Now,
        address: PeerAddress,
        author: &str,
        dial: bool,
    ) -> Result<bool, ListFull> {
        let id = address.id();
        let next = (dial && !self.is_connected(&id)).then_some(now.mono);
        let added = self.reconnect.add(address, author, now.wall, next)?;
        self.peers.set_persistent(&id, true);
        Ok(added)
    }

    /// Takes the persistent peers that the file names now, as if each that differs were added or removed; those that came
    /// into force.
    pub fn set_file_persistent(&mut self, now: Now, from_file: Vec<PeerAddress>, dial: bool) -> Vec<PeerAddress> {
        let Switch { reconnect, peers, .. } = self;
        let next = |id: &NodeId| (dial && peers.by_id(id).is_none()).then_some(now.mono);
        let diff = reconnect.set_file(from_file, next);
        for id in diff.added.iter().chain(&diff.removed).map(PeerAddress::id) {
            peers.set_persistent(&id, reconnect.has_id(&id));
        }
        diff.added
    }

    /// Removes a persistent peer; `false` when there is none. Its connection stays, as that of a peer that is kept.
    pub fn remove_persistent(&mut self, now: Now, address: &PeerAddress, author: &str) -> bool {
        let removed = self.reconnect.remove(address, author, now.wall);
        let id = address.id();
        self.peers.set_persistent(&id, self.reconnect.has_id(&id));
        removed
    }

    /// Adds an unconditional peer, which counts in no limit from now on; `false` when it is there already.
    ///
    /// # Errors
    /// When there are [`MAX_UNCONDITIONAL`].
    pub fn add_unconditional(&mut self, now: Now, id: NodeId, author: &str) -> Result<bool, ListFull> {
        let added = self.unconditional.add_within(MAX_UNCONDITIONAL, id, author, now.wall)?;
        self.peers.set_unconditional(&id, true);
        Ok(added)
    }

    /// Removes an unconditional peer, which counts in the limits from now on; `false` when there is none. No peer is
    /// disconnected for it.
    pub fn remove_unconditional(&mut self, now: Now, id: &NodeId, author: &str) -> bool {
        let removed = self.unconditional.remove(id, author, now.wall);
        self.peers.set_unconditional(id, self.unconditional.contains(id));
        removed
    }

    /// Takes the unconditional peers that the file names now, as if each that differs were added or removed.
    pub fn set_file_unconditional(&mut self, from_file: impl IntoIterator<Item = NodeId>) {
        let diff = self.unconditional.set_file(from_file);
        diff.added.iter().for_each(|id| self.peers.set_unconditional(id, true));
        diff.removed.iter().for_each(|id| self.peers.set_unconditional(id, false));
    }

    /// Has a persistent peer not redialled before the next start.
    pub fn hold(&mut self, id: &NodeId) {
        self.reconnect.hold(id);
    }

    /// When a persistent address will be dialled; `None` while it is connected, dialled, or not to be dialled.
    pub fn next_dial(&self, address: &PeerAddress) -> Option<Mono> {
        self.reconnect.next_of(address)
    }

    pub(super) fn has_dirty_list(&self) -> bool {
        self.reconnect.list().has_dirty() || self.unconditional.has_dirty()
    }

    /// One changed row of the lists.
    pub fn take_dirty_list(&mut self) -> Option<ListChange> {
        if let Some((address, delta)) = self.reconnect.take_dirty() {
            return Some(ListChange::Persistent(address, delta));
        }
        let (id, delta) = self.unconditional.take_dirty()?;
        Some(ListChange::Unconditional(id, delta))
    }
}
