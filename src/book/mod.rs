//! The address book: who is said to be where, what became of our attempts, whom to dial and whom to name.
//!
//! Pure: time and randomness are handed in, changes are drawn out one by one.

mod add_address;
mod address_order;
mod ban_and_remove;
mod bucket_hash;
mod bucket_membership;
mod buckets;
mod crawl_schedule;
mod dirty;
mod entry_index;
mod fifo;
mod history;
mod load;
mod lookup;
mod mark_outcome;
pub mod params;
mod private_ids;
mod record;
mod results;
mod servable;
mod slab;
#[cfg(test)]
mod tests;

pub use bucket_hash::HashKey;
pub use params::{MAX_NEW_BUCKETS, Params};
pub use record::{Record, Source, State};
pub use results::{Added, Counts, LoadReport, MarkOutcome, Refused, Servable};

use address_order::AddressOrder;
use bucket_hash::BucketHash;
use buckets::Buckets;
use crawl_schedule::CrawlSchedule;
use entry_index::Ix;
use fifo::{DIRTY, Fifo, WAITING};
use params::{NEW_BUCKETS, OLD_BUCKETS};
use servable::ServableLists;
use slab::Slab;

use rand::RngExt as _;

use crate::types::{Mono, NetAddress, NodeId, Now, Overlay, SeededRng};

/// The address book of one network. Adding, marking and picking are O(1), a selection of k addresses is O(k), at any size
/// of the book; what enters or leaves it finds its place in the order of addresses.
pub struct Book {
    params: Params,
    /// Who is never stored, and from whom nothing is.
    private: Overlay<NodeId>,
    bucket_hash: BucketHash,
    slab: Slab,
    order: AddressOrder,
    new: Buckets,
    old: Buckets,
    servable_lists: ServableLists,
    schedule: CrawlSchedule,
    /// Addresses of banned IDs, the one banned first in front.
    banned: Fifo<WAITING>,
    /// Entries with changes that are not stored yet.
    dirty: Fifo<DIRTY>,
    counts: Counts,
    /// Addresses that were told and refused since the start because they cannot be routed.
    unroutable: u64,
}

impl Book {
    /// An empty book. The key is the one that it was stored with, or a fresh one.
    pub fn new(params: Params, key: HashKey) -> Self {
        let bucket_hash = BucketHash::new(key, params.strict);
        let schedule = CrawlSchedule::new(params.recheck);
        let private = Overlay::load(params.private_ids.iter().copied(), []);
        Book {
            params,
            private,
            bucket_hash,
            slab: Slab::new(bucket_hash),
            order: AddressOrder::default(),
            new: Buckets::new(NEW_BUCKETS),
            old: Buckets::new(OLD_BUCKETS),
            servable_lists: ServableLists::default(),
            schedule,
            banned: Fifo::EMPTY,
            dirty: Fifo::EMPTY,
            counts: Counts::default(),
            unroutable: 0,
        }
    }

    /// A random address for ensure-peers: the probability of an old one is upstream's (behaviour document, "Address
    /// book"), then a random bucket that is not empty, then a random entry of it. `bias` is the percentage by which new
    /// ones are preferred (above 100 = 100). None of an empty book, nor of one with old ones only at a bias of 100.
    pub fn pick(&self, bias: u8, rng: &mut SeededRng) -> Option<NetAddress> {
        let bias = f64::from(bias.min(100));
        let old = (self.counts.old as f64).sqrt() * (100.0 - bias);
        let new = (self.counts.new as f64).sqrt() * bias;
        let from_old = (old + new) * rng.random::<f64>() < old;
        let ix = if from_old { self.old.pick(rng) } else { self.new.pick(rng) }?;
        Some(*self.slab.address(ix))
    }

    /// Appends to `out` what `asker` is told: one address an ID and never his own ID; of what may be served to him 23 %,
    /// at least 32 if there are so many, at most 250. With `bias`, at least that rounded percentage of the answer is new,
    /// more if there are not enough old ones, and the new ones come first.
    pub fn selection(
        &mut self,
        kind: Servable,
        bias: Option<u8>,
        asker: NodeId,
        rng: &mut SeededRng,
        out: &mut Vec<NetAddress>,
    ) {
        self.servable_lists.select(&self.slab, kind, bias, &asker, rng, out);
    }

    /// The next address for the crawl to dial: those never tried at once, in the order of their coming; the others when
    /// their time has come, [`params::RECHECK_SPACING`] apart. When both wait they take turns. What is handed out is not
    /// handed out again before it is marked, or given back by [`Book::untake`].
    pub fn due(&mut self, now: Now) -> Option<NetAddress> {
        let ix = self.schedule.take(&mut self.slab, now)?;
        Some(*self.slab.address(ix))
    }

    /// When [`Book::due`] will have an address, if nothing changes before; in the past when it has one now.
    pub fn next_due(&self) -> Option<Mono> {
        self.schedule.next_due(&self.slab)
    }

    /// Gives back an address of [`Book::due`] that was not dialled after all; it comes again after `recheck`.
    pub fn untake(&mut self, now: Now, address: &NetAddress) {
        if let Some(ix) = self.slab.find(address).filter(|&ix| self.slab.entry(ix).taken) {
            self.schedule.postpone(&mut self.slab, ix, now);
        }
    }

    /// Makes the addresses of an ID due that were never tried: what stood against their dial (the ID was connected) has
    /// passed. One that is being dialled, or is banned, waits for nothing.
    pub fn retry_untried(&mut self, now: Now, id: &NodeId) {
        let waiting = |ix: &Ix| self.slab.entry(*ix).queue.is_some() && self.slab.history(*ix).is_untried();
        let addresses: Vec<Ix> = self.slab.of_id(self.slab.find_id(id)).filter(waiting).collect();
        for ix in addresses {
            self.schedule.enqueue(&mut self.slab, ix, now);
        }
    }
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("params", &self.params).field("counts", &self.counts).finish_non_exhaustive()
    }
}
