//! First-in-first-out queues of entries, linked through the entries: joining, leaving and taking the first are O(1).

use super::entry_index::{Ix, NONE};

/// Chain of the links that the queues of the crawl use, and the queue of the banned, which the crawl does not dial.
pub(super) const WAITING: usize = 0;
/// Chain of the links that the queue of entries with unsaved changes uses.
pub(super) const DIRTY: usize = 1;
/// Chains that there are.
pub(super) const CHAINS: usize = 2;

/// An entry's neighbours in one queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    before: Ix,
    after: Ix,
}

impl Default for Link {
    fn default() -> Self {
        Link { before: NONE, after: NONE }
    }
}

/// What owns the links of the entries.
pub(super) trait Links {
    /// The entry's link of this chain.
    fn link(&mut self, ix: Ix, chain: usize) -> &mut Link;
}

/// A queue; `CHAIN` says which of its links an entry uses, so it can be in one queue of each chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fifo<const CHAIN: usize> {
    first: Ix,
    last: Ix,
}

impl<const CHAIN: usize> Fifo<CHAIN> {
    pub(super) const EMPTY: Self = Fifo { first: NONE, last: NONE };

    pub(super) fn first(&self) -> Option<Ix> {
        (self.first != NONE).then_some(self.first)
    }

    pub(super) fn push_back(&mut self, links: &mut impl Links, ix: Ix) {
        *links.link(ix, CHAIN) = Link { before: self.last, after: NONE };
        match self.last {
            NONE => self.first = ix,
            last => links.link(last, CHAIN).after = ix,
        }
        self.last = ix;
    }

    /// Takes out an entry that is in this queue.
    pub(super) fn remove(&mut self, links: &mut impl Links, ix: Ix) {
        let Link { before, after } = std::mem::take(links.link(ix, CHAIN));
        match before {
            NONE => self.first = after,
            before => links.link(before, CHAIN).after = after,
        }
        match after {
            NONE => self.last = before,
            after => links.link(after, CHAIN).before = before,
        }
    }
}
