//! Banned IDs (CometBFT `p2p/pex/addrbook.go: MarkBad`, `ReinstateBadPeers`), and removals.

use super::entry_index::Ix;
use super::params::MAX_BANNED;
use super::{Book, State};
use crate::types::{NetAddress, NodeId, Now};

impl Book {
    /// Takes an ID out of all lists and queues, and keeps it to be reinstated. At most [`MAX_BANNED`] are kept: the one that was
    /// banned first is dropped. Returns whether it was in the book and not banned.
    pub fn ban(&mut self, id: &NodeId) -> bool {
        if !self.has(id) {
            return false;
        }
        let addresses: Vec<Ix> = self.slab.of_id(self.slab.find_id(id)).collect();
        for &ix in &addresses {
            self.schedule.remove(&mut self.slab, ix);
            self.sources.take_out(&mut self.slab, ix);
            self.contests.forget(ix);
            self.slab.entry_mut(ix).taken = false;
        }
        if let Some(&any) = addresses.first() {
            self.set_state(any, State::Banned);
        }
        for ix in addresses {
            self.banned.push_back(&mut self.slab, ix);
        }
        self.bound_banned();
        true
    }

    /// The banned IDs that are kept; one that has several addresses may occur several times.
    pub fn banned_ids(&self) -> Vec<NodeId> {
        let banned = |&ix: &Ix| self.slab.entry(ix).standing == super::slab::Standing::Banned;
        self.slab.live().filter(banned).map(|ix| self.slab.address(ix).id()).collect()
    }

    /// Drops the IDs that were banned first, until no more than [`MAX_BANNED`] are kept.
    pub(super) fn bound_banned(&mut self) {
        while self.counts.banned > MAX_BANNED
            && let Some(first) = self.banned.first()
        {
            let id = self.slab.address(first).id();
            self.remove(&id);
        }
    }

    /// Makes a banned ID new, at all its addresses; their histories are kept. Returns whether it was banned, and is new
    /// now: a full book may have no place for it.
    pub fn reinstate(&mut self, now: Now, id: &NodeId) -> bool {
        if self.state(id) != Some(State::Banned) {
            return false;
        }
        let addresses: Vec<Ix> = self.slab.of_id(self.slab.find_id(id)).collect();
        for &ix in &addresses {
            self.banned.remove(&mut self.slab, ix);
        }
        if let Some(&any) = addresses.first() {
            self.set_state(any, State::New);
        }
        for ix in addresses {
            self.enqueue_anew(now, ix);
            self.bound_size(ix);
        }
        self.has(id)
    }

    /// When there are more addresses than the book holds, one gives way: what nobody reached, else this one.
    fn bound_size(&mut self, reinstated: Ix) {
        if self.kept() > self.params.capacity {
            let victim = self.sources.victim(&mut self.chance).unwrap_or(reinstated);
            self.discard(victim);
        }
    }

    /// Removes one address; its ID keeps the others. Returns whether it was in the book.
    pub fn drop_address(&mut self, address: &NetAddress) -> bool {
        let found = self.slab.find(address);
        if let Some(ix) = found {
            self.discard(ix);
        }
        found.is_some()
    }

    /// Removes all addresses of an ID, banned or not. Returns whether there were any.
    pub fn remove(&mut self, id: &NodeId) -> bool {
        let addresses: Vec<Ix> = self.slab.of_id(self.slab.find_id(id)).collect();
        for &ix in &addresses {
            self.discard(ix);
        }
        !addresses.is_empty()
    }
}
