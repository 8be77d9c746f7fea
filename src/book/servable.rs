//! What may be served: for each kind a dense list of new and one of old entries, one entry for each ID, from which a
//! random selection is drawn without looking at the rest (docs/protocol/address-book.md, "Selection").

use rand::RngExt as _;

use super::Servable;
use super::entry_index::{Ix, NONE};
use super::params::{SELECTION_LEAST, SELECTION_MOST, SELECTION_PERCENT};
use super::slab::{Slab, Standing};
use crate::types::{NetAddress, NodeId, SeededRng};

/// The new and the old entries that may be served under one kind.
#[derive(Default)]
struct Lists {
    new: Vec<Ix>,
    old: Vec<Ix>,
}

/// The lists of both kinds.
#[derive(Default)]
pub(super) struct ServableLists {
    kinds: [Lists; Servable::ALL.len()],
}

impl ServableLists {
    /// IDs that may be served.
    pub(super) fn count(&self, kind: Servable) -> usize {
        let lists = &self.kinds[kind as usize];
        lists.new.len() + lists.old.len()
    }

    /// The addresses by which those IDs are served.
    pub(super) fn entries(&self, kind: Servable) -> impl Iterator<Item = Ix> {
        let lists = &self.kinds[kind as usize];
        lists.new.iter().chain(&lists.old).copied()
    }

    /// Chooses again by which address the ID of this entry is served.
    pub(super) fn refresh(&mut self, slab: &mut Slab, ix: Ix) {
        for kind in Servable::ALL {
            let best = best(slab, ix, kind);
            let listed = slab.siblings(ix).find(|&sibling| is_listed(slab, sibling, kind));
            if best != listed {
                if let Some(listed) = listed {
                    self.unlist(slab, listed, kind);
                }
                if let Some(best) = best {
                    self.list(slab, best, kind);
                }
            }
        }
    }

    /// Takes one entry out, before its state changes or it is removed.
    pub(super) fn remove(&mut self, slab: &mut Slab, ix: Ix) {
        for kind in Servable::ALL {
            if is_listed(slab, ix, kind) {
                self.unlist(slab, ix, kind);
            }
        }
    }

    fn list(&mut self, slab: &mut Slab, ix: Ix, kind: Servable) {
        let list = self.list_of(slab, ix, kind);
        slab.listed_at[usize::from(ix)][kind as usize] = list.len() as Ix;
        list.push(ix);
    }

    fn unlist(&mut self, slab: &mut Slab, ix: Ix, kind: Servable) {
        let at = std::mem::replace(&mut slab.listed_at[usize::from(ix)][kind as usize], NONE);
        let list = self.list_of(slab, ix, kind);
        list.swap_remove(usize::from(at));
        if let Some(&moved) = list.get(usize::from(at)) {
            slab.listed_at[usize::from(moved)][kind as usize] = at;
        }
    }

    fn list_of(&mut self, slab: &Slab, ix: Ix, kind: Servable) -> &mut Vec<Ix> {
        let lists = &mut self.kinds[kind as usize];
        if slab.entry(ix).standing == Standing::Old { &mut lists.old } else { &mut lists.new }
    }

    /// Draws a selection: see [`Book::selection`](super::Book::selection).
    pub(super) fn select(
        &mut self,
        slab: &Slab,
        kind: Servable,
        bias: Option<u8>,
        requester: &NodeId,
        rng: &mut SeededRng,
        out: &mut Vec<NetAddress>,
    ) {
        let own = slab.of_id(slab.find_id(requester)).find(|&ix| is_listed(slab, ix, kind));
        let own_at = |standing| {
            let own = own.filter(|&ix| slab.entry(ix).standing == standing);
            own.map(|ix| usize::from(slab.listed_at[usize::from(ix)][kind as usize]))
        };
        let lists = &mut self.kinds[kind as usize];
        let mut new = Draw::new(&mut lists.new, own_at(Standing::New));
        let mut old = Draw::new(&mut lists.old, own_at(Standing::Old));
        let wanted = selection_size(new.left() + old.left());
        let new_first = bias.map(|bias| {
            let at_least = percent_rounded(bias, wanted).max(wanted.saturating_sub(old.left()));
            at_least.min(new.left())
        });
        out.reserve(wanted);
        for nth in 0..wanted {
            let (news, olds) = (new.left(), old.left());
            let choice = rng.random_range(match new_first {
                None => 0..news + olds,
                Some(new_first) if nth < new_first => 0..news,
                Some(_) => news..news + olds,
            });
            let ix = if choice < news { new.take(choice) } else { old.take(choice - news) };
            out.push(*slab.address(ix));
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let lists = self.kinds.iter().flat_map(|lists| [&lists.new, &lists.old]);
        lists.map(|list| list.capacity() * size_of::<Ix>()).sum()
    }
}

/// How many addresses a selection has when so many IDs may be served (CometBFT `p2p/pex/addrbook.go: GetSelection`).
fn selection_size(servable: usize) -> usize {
    let percent = servable * SELECTION_PERCENT / 100;
    percent.max(SELECTION_LEAST.min(servable)).min(SELECTION_MOST)
}

/// A percentage (above 100 = 100) of a number, rounded to nearest.
fn percent_rounded(percent: u8, of: usize) -> usize {
    (usize::from(percent.min(100)) * of + 50) / 100
}

/// Whether this entry stands for its ID in the list of this kind.
pub(super) fn is_listed(slab: &Slab, ix: Ix, kind: Servable) -> bool {
    slab.listed_at[usize::from(ix)][kind as usize] != NONE
}

/// Whether this address alone might be served.
pub(super) fn may_serve(slab: &Slab, ix: Ix, kind: Servable) -> bool {
    let history = slab.history(ix);
    let passes = match kind {
        Servable::Verified => history.verified,
        Servable::NotFailed => history.did_not_fail(),
    };
    passes && matches!(slab.entry(ix).standing, Standing::New | Standing::Old)
}

/// The address by which an ID is served: a verified one before an untried one, then the one that was reached last, then
/// the one that is known longest.
fn best(slab: &Slab, ix: Ix, kind: Servable) -> Option<Ix> {
    let worth = |&ix: &Ix| {
        let history = slab.history(ix);
        (history.verified, history.last_success, std::cmp::Reverse((history.added, ix)))
    };
    slab.siblings(ix).filter(|&sibling| may_serve(slab, sibling, kind)).max_by_key(worth)
}

/// Draws from a list without replacement: a partial Fisher-Yates shuffle. What is left is at the front; dropping this
/// undoes the swaps, so that the positions that the entries have recorded stay right.
struct Draw<'a> {
    list: &'a mut [Ix],
    left: usize,
    taken: [Ix; SELECTION_MOST + 1],
}

impl<'a> Draw<'a> {
    /// The entry at `without` must not be drawn.
    fn new(list: &'a mut [Ix], without: Option<usize>) -> Self {
        let left = list.len();
        let mut draw = Draw { list, left, taken: [NONE; SELECTION_MOST + 1] };
        if let Some(at) = without {
            draw.take(at);
        }
        draw
    }

    fn left(&self) -> usize {
        self.left
    }

    /// Takes the entry at this position of what is left; at most as often as a selection is long, and once for the
    /// requester.
    fn take(&mut self, at: usize) -> Ix {
        self.taken[self.list.len() - self.left] = at as Ix;
        self.left -= 1;
        self.list.swap(at, self.left);
        self.list[self.left]
    }
}

impl Drop for Draw<'_> {
    fn drop(&mut self) {
        while self.left < self.list.len() {
            let at = self.taken[self.list.len() - self.left - 1];
            self.list.swap(usize::from(at), self.left);
            self.left += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_cometbft() {
        let sizes = [(0, 0), (1, 1), (32, 32), (33, 32), (139, 32), (140, 32), (144, 33), (1000, 230), (1086, 249)];
        for (servable, size) in sizes.into_iter().chain([(1087, 250), (20_000, 250)]) {
            assert_eq!(selection_size(servable), size, "{servable}");
        }
    }

    #[test]
    fn percentages_are_rounded_to_nearest() {
        for (percent, of, result) in [(30, 250, 75), (30, 5, 2), (30, 4, 1), (0, 9, 0), (200, 9, 9)] {
            assert_eq!(percent_rounded(percent, of), result, "{percent} % of {of}");
        }
    }
}
