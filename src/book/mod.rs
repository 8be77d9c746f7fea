//! The address book (CometBFT `p2p/pex/addrbook.go`): which node is said to be at which address, what became of our
//! dials, which address to dial next and which ones to serve. It is made to hold a whole network, and to give an attacker
//! no more than their share of it (docs/protocol/address-book.md).
//!
//! Pure: time and randomness are passed in, changes are pulled out one by one ([`Book::take_dirty`]).
//!
//! # Invariants
//! `tests/invariants.rs` recounts those that can be recounted, after random sequences of operations.
//!
//! - Inbound never verifies: only our own dial to exactly that id@ip:port makes an address verified, or its ID old.
//! - What answered is not moved by hearsay: a verified address leaves its place only to another one that was reached, and
//!   only after it was dialled again and did not answer. An old ID keeps the one address at which it was reached, and an
//!   ID's own word replaces only addresses of it that are not verified.
//! - Our own outage costs no address anything: a failure that is held changes neither `verified` nor the state.
//! - A verified address was reached at least once, and its latest attempt that counts did not fail.
//! - All addresses of an ID share one state: new, old or banned.
//! - A new ID has at most [`params::MAX_ADDRESSES_PER_ID`] addresses, an old one has one.
//! - At most [`params::MAX_IDS_PER_ENDPOINT`] IDs are kept for one ip:port.
//! - A banned ID is in no list and no queue, is never picked, dialled or served, and at most [`params::MAX_BANNED`] are
//!   kept.
//! - At most [`Params::capacity`] addresses are kept, banned ones left out. When the book is full, what nobody reached
//!   gives way, of the source bucket that has most of it: what failed first, then at random; and only when there is none
//!   of that, what was reached once and is not any more.
//! - What was dialled and leaves the book leaves a trace, and comes back with its backoff: no ip:port is dialled by the
//!   crawl more often than the schedule of an address allows.
//! - An ID is served by one address at most, and by one whenever one of its addresses is servable.
//! - No selection contains the requester's own ID, or an ID twice.
//! - Each entry of a crawled book that is not banned waits for exactly one thing, or is handed out and not marked since.
//! - Our own ID and endpoints, private IDs and (in strict mode) unroutable addresses are never in the book.
//! - Each change is reported once by [`Book::take_dirty`]; a removed address that the store knows occupies its entry
//!   until then, so that what waits to be stored is bounded.
//! - Of what a source brought, as much was reached or is dead as its account says, and at most all of it.
//! - The counts and the lists agree with the entries at all times.

mod add_address;
mod address_order;
mod ban_and_remove;
mod contests;
mod crawl_schedule;
mod dirty;
mod entry_index;
mod fifo;
mod group_lists;
mod groups;
mod history;
mod keyed_hash;
mod load;
mod lookup;
mod mark_outcome;
mod membership;
pub mod params;
mod private_ids;
mod record;
mod reliability;
mod results;
mod selection;
mod size_classes;
mod slab;
mod source_accounts;
mod source_table;
#[cfg(test)]
pub(crate) mod tests;
mod timer_wheel;
mod traces;

pub use keyed_hash::HashKey;
pub use load::StoredBook;
pub use params::Params;
pub use record::{Record, Source, State, TraceRecord};
pub use reliability::{Reliability, WINDOWS};
pub use results::{Added, Counts, LoadReport, MarkOutcome, NextDialReason, Refused, Servable, Share, TablePlace};
pub use selection::Answer;
pub use source_accounts::SourceAccount;

use address_order::AddressOrder;
use contests::Contests;
use crawl_schedule::CrawlSchedule;
use entry_index::{Ix, List};
use fifo::{DIRTY, Fifo, WAITING};
use group_lists::GroupLists;
use groups::Groups;
use keyed_hash::{Chance, KeyedHash};
use params::{MAX_ADDRESSES_PER_ID, MAX_BANNED, SOURCE_BURST_DIVISOR};
use slab::Slab;
use source_accounts::SourceAccounts;
use source_table::SourceTable;
use traces::Traces;

use crate::types::{Mono, NetAddress, NodeId, Now, Overlay};

/// The address book of one network. Adding, marking and picking are O(1), a selection of k addresses is O(k), at any
/// size of the book; what enters or leaves it is also inserted into, or removed from, the order of addresses (a binary
/// search).
pub struct Book {
    params: Params,
    /// IDs that are never stored, and from which nothing is accepted.
    private: Overlay<NodeId>,
    hash: KeyedHash,
    chance: Chance,
    slab: Slab,
    order: AddressOrder,
    groups: Groups,
    sources: SourceTable,
    accounts: SourceAccounts,
    /// What is served, one entry an ID.
    served: GroupLists,
    /// What a node picks from: all IDs that are not banned, one entry each, new and old ones. Empty in a crawled book.
    known_new: GroupLists,
    known_old: GroupLists,
    schedule: CrawlSchedule,
    traces: Traces,
    contests: Contests,
    /// Addresses of banned IDs, the one that was banned first at the front.
    banned: Fifo<WAITING>,
    /// Entries with changes that are not stored yet.
    dirty: Fifo<DIRTY>,
    counts: Counts,
    /// How often an advertised address was refused since the start, by why.
    refused: [u64; Refused::ALL.len()],
}

impl Book {
    /// An empty book. The key is the one that the book was stored with, or a fresh one.
    pub fn new(params: Params, key: HashKey) -> Self {
        let hash = KeyedHash::new(key);
        let schedule = CrawlSchedule::new(params.crawled, params.recheck, params.backoff);
        let private = Overlay::load(params.private_ids.iter().copied(), []);
        // Banned IDs come on top, and removed addresses until their removal is stored.
        let max = params.capacity + params.capacity / 4 + MAX_BANNED * MAX_ADDRESSES_PER_ID;
        Book {
            private,
            hash,
            chance: Chance::new(hash),
            slab: Slab::new(hash, max),
            order: AddressOrder::default(),
            groups: Groups::new(hash),
            sources: SourceTable::new(params.capacity / SOURCE_BURST_DIVISOR),
            accounts: SourceAccounts::default(),
            served: GroupLists::new(List::Served),
            known_new: GroupLists::new(List::Known),
            known_old: GroupLists::new(List::Known),
            schedule,
            traces: Traces::default(),
            contests: Contests::default(),
            banned: Fifo::EMPTY,
            dirty: Fifo::EMPTY,
            counts: Counts::default(),
            refused: [0; Refused::ALL.len()],
            params,
        }
    }

    /// The next address for the crawl to dial. Those that are verified, those never reached and those reached once take
    /// turns; re-checks are [`params::RECHECK_SPACING`] apart. What is handed out is not handed out again before it is
    /// marked, or returned by [`Book::untake`], and nothing else at its ip:port meanwhile.
    pub fn due(&mut self, now: Now) -> Option<NetAddress> {
        let ix = self.schedule.take(&mut self.slab, &mut self.sources, &mut self.chance, now)?;
        self.sources.take_out(&mut self.slab, ix);
        self.hold_neighbours(now, ix, self.schedule.least());
        Some(*self.slab.address(ix))
    }

    /// When [`Book::due`] will have an address, if nothing changes before; in the past when it has one now.
    pub fn next_due(&self) -> Option<Mono> {
        self.schedule.next_due(&self.sources)
    }

    /// Returns an address of [`Book::due`] that was not dialled after all; it is due again after [`Params::recheck`].
    pub fn untake(&mut self, now: Now, address: &NetAddress) {
        self.postpone(now, address, self.schedule.least());
    }

    /// Returns an address of [`Book::due`] whose host is busy: it is due again within seconds, at random.
    pub fn wait_for_host(&mut self, now: Now, address: &NetAddress) {
        let secs = 1 + self.chance.below(params::HOST_WAIT) as u32;
        self.postpone(now, address, secs);
    }

    /// Our dial of `dialled` met another node, which proved to be the one of `actual` at the same ip:port: that one is dialled at
    /// once, so that made-up IDs at an honest node's ip:port cost it a moment and not its turn. Only once: nothing else was
    /// dialled there within [`Params::recheck`], else whoever shows a new ID each time would be dialled for ever.
    pub fn follow_up(&mut self, now: Now, dialled: &NetAddress, actual: &NetAddress) {
        let Some(ix) = self.slab.find(actual) else { return };
        let entry = self.slab.entry(ix);
        let waits = !entry.taken && !entry.history.verified && entry.standing != slab::Standing::Banned;
        let least = self.schedule.least();
        let is_fresh = |ix: Ix| {
            !self.slab.entry(ix).taken
                && (self.slab.history(ix).last_attempt.is_never() || self.since_last_attempt(now, ix, least) == 0)
        };
        let others = self.slab.neighbours(ix).filter(|&other| self.slab.address(other) != dialled);
        if waits && self.params.crawled && is_fresh(ix) && others.into_iter().all(is_fresh) {
            self.wait_until(ix, crawl_schedule::next_second(now));
        }
    }

    fn postpone(&mut self, now: Now, address: &NetAddress, secs: u32) {
        if let Some(ix) = self.slab.find(address).filter(|&ix| self.slab.entry(ix).taken) {
            self.slab.entry_mut(ix).taken = false;
            self.wait_until(ix, crawl_schedule::next_second(now).saturating_add(secs));
        }
    }

    /// Makes those addresses of an ID due that were never tried: what prevented their dial (the ID was connected) is
    /// over. One that is being dialled, or is banned, waits for nothing and stays as it is.
    pub fn retry_untried(&mut self, now: Now, id: &NodeId) {
        let waits = |ix: &Ix| {
            let entry = self.slab.entry(*ix);
            entry.history.is_untried() && !entry.taken && entry.standing != slab::Standing::Banned
        };
        let addresses: Vec<Ix> = self.slab.of_id(self.slab.find_id(id)).filter(waits).collect();
        for ix in addresses {
            self.enqueue_anew(now, ix);
        }
    }
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("params", &self.params).field("counts", &self.counts).finish_non_exhaustive()
    }
}
