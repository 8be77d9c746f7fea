//! The address book (CometBFT `p2p/pex/addrbook.go`): which node is said to be at which address, what became of our
//! dials, which address to dial next and which ones to serve. Its buckets bound what one group of addresses or one
//! source can occupy, against sybil and eclipse attacks (docs/protocol/address-book.md, "Buckets and groups").
//!
//! Pure: time and randomness are passed in, changes are pulled out one by one ([`Book::take_dirty`]).
//!
//! # Invariants
//! `tests/invariants.rs` recounts those that can be recounted, after random sequences of operations.
//!
//! - Inbound never verifies: only our own dial to exactly that id@ip:port makes an address verified, or its ID old.
//! - What answered is not moved by hearsay: an old ID keeps the one address at which it was reached, whatever others
//!   advertise; and an ID's own word replaces only addresses of it that are not verified.
//! - Our own outage costs no address anything: a failure that is held changes neither `verified` nor the state.
//! - A verified address was reached at least once, and its latest attempt that counts did not fail.
//! - All addresses of an ID share one state: new, old or banned.
//! - A new ID is in 1 to 4 slots in all ([`MAX_NEW_BUCKETS`]), each of its addresses in at least one.
//! - An old ID has one address, in one slot of the old bucket that its hash gives.
//! - A banned ID is in no bucket and no queue of the crawl, is never picked, dialled or served, and at most
//!   [`params::MAX_BANNED`] are kept.
//! - A bucket holds at most [`params::BUCKET_SIZE`] entries; what leaves a full one is bad, or was added or tried
//!   longest ago.
//! - An ID is served by one address at most, and by one whenever one of its addresses is servable.
//! - No selection contains the requester's own ID, or an ID twice.
//! - Each entry that is not banned waits in exactly one queue of the crawl, or is handed out and not marked since.
//! - Our own ID and endpoints, private IDs and (in strict mode) unroutable addresses are never in the book.
//! - Each change is reported once by [`Book::take_dirty`]; a removed address that the store knows occupies its entry
//!   until then, so that what waits to be stored is bounded.
//! - The counts, the eviction keys of the buckets and the lists of the servable agree with the entries at all times.

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

/// The address book of one network. Adding, marking and picking are O(1), a selection of k addresses is O(k), at any
/// size of the book; what enters or leaves it is also inserted into, or removed from, the order of addresses (a binary
/// search).
pub struct Book {
    params: Params,
    /// IDs that are never stored, and from which nothing is accepted.
    private: Overlay<NodeId>,
    bucket_hash: BucketHash,
    slab: Slab,
    order: AddressOrder,
    new: Buckets,
    old: Buckets,
    servable_lists: ServableLists,
    schedule: CrawlSchedule,
    /// Addresses of banned IDs, the one that was banned first at the front.
    banned: Fifo<WAITING>,
    /// Entries with changes that are not stored yet.
    dirty: Fifo<DIRTY>,
    counts: Counts,
    /// How often an advertised address was refused since the start because it is not routable.
    unroutable: u64,
}

impl Book {
    /// An empty book. The key is the one that the book was stored with, or a fresh one.
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

    /// A random address for ensure-peers: old or new with CometBFT's probability (`p2p/pex/addrbook.go: PickAddress`;
    /// docs/protocol/address-book.md, "Picking an address to dial"), then a random bucket that is not empty, then a
    /// random entry of it. `bias` is the percentage by which new ones are preferred (above 100 = 100). `None` when the
    /// book is empty, or has old ones only and the bias is 100.
    pub fn pick(&self, bias: u8, rng: &mut SeededRng) -> Option<NetAddress> {
        let bias = f64::from(bias.min(100));
        let old = (self.counts.old as f64).sqrt() * (100.0 - bias);
        let new = (self.counts.new as f64).sqrt() * bias;
        let from_old = (old + new) * rng.random::<f64>() < old;
        let ix = if from_old { self.old.pick(rng) } else { self.new.pick(rng) }?;
        Some(*self.slab.address(ix))
    }

    /// Appends to `out` the answer to `requester`: one address for each ID, and never its own; 23 % of what may be
    /// served to it, at least 32 if there are so many, at most 250 (CometBFT `p2p/pex/addrbook.go: GetSelection`). With
    /// `bias`, at least that rounded percentage of the answer is new, more if there are not enough old ones, and the
    /// new ones come first (`GetSelectionWithBias`).
    pub fn selection(
        &mut self,
        kind: Servable,
        bias: Option<u8>,
        requester: NodeId,
        rng: &mut SeededRng,
        out: &mut Vec<NetAddress>,
    ) {
        self.servable_lists.select(&self.slab, kind, bias, &requester, rng, out);
    }

    /// The next address for the crawl to dial: those never tried at once, first in, first out; the others when they are
    /// due, [`params::RECHECK_SPACING`] apart. When both kinds wait they take turns. What is handed out is not handed
    /// out again before it is marked, or returned by [`Book::untake`].
    pub fn due(&mut self, now: Now) -> Option<NetAddress> {
        let ix = self.schedule.take(&mut self.slab, now)?;
        Some(*self.slab.address(ix))
    }

    /// When [`Book::due`] will have an address, if nothing changes before; in the past when it has one now.
    pub fn next_due(&self) -> Option<Mono> {
        self.schedule.next_due(&self.slab)
    }

    /// Returns an address of [`Book::due`] that was not dialled after all; it is due again after [`Params::recheck`].
    pub fn untake(&mut self, now: Now, address: &NetAddress) {
        if let Some(ix) = self.slab.find(address).filter(|&ix| self.slab.entry(ix).taken) {
            self.schedule.postpone(&mut self.slab, ix, now);
        }
    }

    /// Makes those addresses of an ID due that were never tried: what prevented their dial (the ID was connected) is
    /// over. One that is being dialled, or is banned, is in no queue and stays as it is.
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
