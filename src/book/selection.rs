//! Answers and picks: IDs are drawn by their groups, without looking at the rest (docs/protocol/address-book.md,
//! "Selection", "Picking an address to dial").

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::Book;
use super::entry_index::Ix;
use super::group_lists::{Acceptance, Draw, Wanted};
use super::params::{FRESH_WEIGHT, FULL_WEIGHT, SELECTION_LEAST, SELECTION_MOST, SELECTION_PERCENT};
use super::reliability::JUDGED_BY;
use super::slab::Standing;
use crate::types::{NetAddress, NodeId, Now, SeededRng};

/// Draws for one address of an answer before the rest is looked through instead: so often is somebody drawn who is in the
/// answer already, when the answer is most of what is left.
const DRAWS: usize = 32;
/// Picks that a call tries: some of what is drawn has to wait.
const PICKS: usize = 8;

impl Book {
    /// Draws an answer to `requester`: one address for each ID, and never its own; 23 % of what may be served
    /// to it, at least 32 if there are so many, at most 250 (CometBFT `p2p/pex/addrbook.go: GetSelection`). With `bias`, at
    /// least that rounded percentage of the answer is new as far as the groups that are drawn have new IDs, and the new
    /// ones come first (`GetSelectionWithBias`): no group gets a larger share for being new.
    pub fn selection(&self, bias: Option<u8>, requester: NodeId, rng: &mut SeededRng) -> Answer {
        let own = self.slab.of_id(self.slab.find_id(&requester)).find(|&ix| self.served.contains(&self.slab, ix));
        let left = self.served.len() - usize::from(own.is_some());
        let wanted = selection_size(left);
        let mut draw = Drawn::new(own);
        // Hundreds of draws: by a small generator, which an answer has for itself.
        let rng = &mut SmallRng::from_rng(rng);
        let new_first = bias.map_or(0, |bias| percent_rounded(bias, wanted));
        while draw.chosen.len() < wanted {
            let group_wants = if draw.new < new_first { Wanted::NewFirst } else { Wanted::Any };
            if !self.draw_one(group_wants, &mut draw, rng) {
                self.fill(wanted, &mut draw, rng);
            }
        }
        Answer(if bias.is_some() { draw.new_first() } else { draw.chosen.into_iter().map(|(ix, _)| ix).collect() })
    }

    /// The addresses that an answer names now, to whoever asks: what is not served any more is left out, and so is the
    /// requester.
    pub fn read(&self, answer: &Answer, requester: &NodeId) -> Vec<NetAddress> {
        let served = |ix: &&Ix| self.slab.has(**ix) && self.served.contains(&self.slab, **ix);
        let addresses = answer.0.iter().filter(served).map(|&ix| *self.slab.address(ix));
        addresses.filter(|address| address.id() != *requester).collect()
    }

    /// Draws one ID that is not in the answer yet; `false` when chance found none.
    fn draw_one(&self, wanted: Wanted, draw: &mut Drawn, rng: &mut SmallRng) -> bool {
        for _ in 0..DRAWS {
            match self.served.draw(wanted, rng) {
                Draw::Taken { ix, is_new } if draw.take(ix, is_new) => return true,
                Draw::Taken { .. } | Draw::NotTaken => {}
                Draw::Empty => return false,
            }
        }
        false
    }

    /// How often an ID is taken when it is drawn for an answer: one with a free slot before a full one, one that has stayed
    /// before one that has just come.
    pub(super) fn acceptance(&self, ix: Ix) -> Acceptance {
        let history = self.slab.history(ix);
        let stayed = (history.reliability.answered(JUDGED_BY) * 3.0).min(1.0);
        let full = if history.is_full() { FULL_WEIGHT } else { 1.0 };
        Acceptance::of(full * (FRESH_WEIGHT + (1.0 - FRESH_WEIGHT) * stayed))
    }

    /// Fills an answer that is nearly all of what there is, or of what a few groups have, at random.
    fn fill(&self, wanted: usize, draw: &mut Drawn, rng: &mut SmallRng) {
        if self.served.len() > 4 * SELECTION_MOST {
            // A few draws more find the groups that are left.
            for _ in 0..DRAWS * DRAWS {
                if matches!(self.served.draw(Wanted::Any, rng), Draw::Taken { ix, is_new } if draw.take(ix, is_new)) {
                    return;
                }
            }
        }
        let mut left: Vec<Ix> = self.served.entries().filter(|&ix| !draw.has(ix)).collect();
        while draw.chosen.len() < wanted && !left.is_empty() {
            let ix = left.swap_remove(rng.random_range(0..left.len()));
            draw.take(ix, self.slab.entry(ix).standing == Standing::New);
        }
    }

    /// A random address for ensure-peers: old or new with CometBFT's probability (`p2p/pex/addrbook.go: PickAddress`;
    /// docs/protocol/address-book.md, "Picking an address to dial"), then by group, then a random ID of it that may be
    /// dialled now. `bias` is the percentage by which new ones are preferred (above 100 = 100). `None` when the book has
    /// nothing of that kind, or chance found none. For a book that is not crawled.
    pub fn pick(&self, now: Now, bias: u8, rng: &mut SeededRng) -> Option<NetAddress> {
        let bias = f64::from(bias.min(100));
        let old = (self.counts.old as f64).sqrt() * (100.0 - bias);
        let new = (self.counts.new as f64).sqrt() * bias;
        let known = if (old + new) * rng.random::<f64>() < old { &self.known_old } else { &self.known_new };
        for _ in 0..PICKS {
            let Draw::Taken { ix, .. } = known.draw(Wanted::Any, rng) else { continue };
            if self.slab.entry(ix).due <= now.mono.as_secs() {
                return Some(*self.slab.address(ix));
            }
        }
        None
    }
}

/// An answer, in four bytes an address. What is named may leave the book, and another address take its number: then that
/// one is named.
#[derive(Clone, Debug)]
pub struct Answer(Box<[Ix]>);

impl Answer {
    /// Addresses that it had when it was drawn.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it had none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The IDs of an answer so far, in a small open-addressed table beside the list.
struct Drawn {
    /// Each with whether it is new.
    chosen: Vec<(Ix, bool)>,
    /// New ones among them.
    new: usize,
    slots: [u32; Self::SLOTS],
}

impl Drawn {
    /// Twice what an answer has, and a power of two.
    const SLOTS: usize = 512;

    /// Nothing yet; `without` is never taken.
    fn new(without: Option<Ix>) -> Self {
        let mut drawn = Drawn { chosen: Vec::with_capacity(SELECTION_MOST), new: 0, slots: [u32::MAX; Self::SLOTS] };
        without.into_iter().for_each(|ix| drawn.slots[drawn.slot(ix)] = ix);
        drawn
    }

    /// Where an entry is, or would be.
    fn slot(&self, ix: Ix) -> usize {
        let mut at = (ix.wrapping_mul(0x9e37_79b9) >> 23) as usize;
        while self.slots[at] != u32::MAX && self.slots[at] != ix {
            at = (at + 1) % Self::SLOTS;
        }
        at
    }

    fn has(&self, ix: Ix) -> bool {
        self.slots[self.slot(ix)] == ix
    }

    /// Takes an entry; `false` when it is taken already.
    fn take(&mut self, ix: Ix, is_new: bool) -> bool {
        let at = self.slot(ix);
        let fresh = self.slots[at] != ix;
        if fresh {
            self.slots[at] = ix;
            self.chosen.push((ix, is_new));
            self.new += usize::from(is_new);
        }
        fresh
    }

    /// All of them, the new ones first.
    fn new_first(&self) -> Box<[Ix]> {
        let of = |new: bool| self.chosen.iter().filter(move |(_, is_new)| *is_new == new).map(|&(ix, _)| ix);
        of(true).chain(of(false)).collect()
    }
}

/// How many addresses a selection has when so many IDs may be served (CometBFT `p2p/pex/addrbook.go: GetSelection`).
pub(super) fn selection_size(servable: usize) -> usize {
    let percent = servable * SELECTION_PERCENT / 100;
    percent.max(SELECTION_LEAST.min(servable)).min(SELECTION_MOST)
}

/// A percentage (above 100 = 100) of a number, rounded to nearest.
fn percent_rounded(percent: u8, of: usize) -> usize {
    (usize::from(percent.min(100)) * of + 50) / 100
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
