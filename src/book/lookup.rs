//! Queries that change nothing.

use std::collections::BTreeMap;

use super::params::NEEDS_MORE_BELOW;
use super::servable::{is_listed, may_serve};
use super::slab::Entry;
use super::{Book, Counts, Record, Refused, Servable, Source, State};
use crate::types::{Group, Mono, NetAddress, NodeId, Now, group_of};

impl Book {
    /// IDs in the book, banned ones left out.
    pub fn size(&self) -> usize {
        self.counts.new + self.counts.old
    }

    /// Whether there is no ID that is not banned.
    pub fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// Whether to request more addresses from peers (CometBFT `p2p/pex/addrbook.go: NeedMoreAddrs`).
    pub fn needs_more(&self) -> bool {
        self.size() < NEEDS_MORE_BELOW
    }

    /// The book's numbers.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How often an advertised address was refused since the start because it is not routable (strict mode).
    pub const fn unroutable(&self) -> u64 {
        self.unroutable
    }

    /// How many addresses are due to be dialled by the crawl; reads the whole book, which takes about 100 us when it is
    /// full.
    pub fn backlog(&self, now: Now) -> u32 {
        let waits =
            |entry: &Entry| entry.queue.is_some() && (entry.history.is_untried() || entry.due <= now.mono.as_secs());
        let count = self.slab.live().filter(|&ix| waits(self.slab.entry(ix))).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// IDs that may be served.
    pub fn servable(&self, kind: Servable) -> usize {
        self.servable_lists.count(kind)
    }

    /// The addresses by which the IDs that may be served are served.
    pub fn served(&self, kind: Servable) -> impl Iterator<Item = &NetAddress> {
        self.servable_lists.entries(kind).map(|ix| self.slab.address(ix))
    }

    /// Whether exactly this address may be served. An ID with several such addresses is served at the one that was
    /// reached last: then [`Book::is_served`] is true for that one only.
    pub fn is_servable(&self, kind: Servable, address: &NetAddress) -> bool {
        self.slab.find(address).is_some_and(|ix| may_serve(&self.slab, ix, kind))
    }

    /// Whether a selection may contain exactly this address.
    pub fn is_served(&self, kind: Servable, address: &NetAddress) -> bool {
        self.slab.find(address).is_some_and(|ix| is_listed(&self.slab, ix, kind))
    }

    /// The state of an ID; `None` when it is unknown.
    pub fn state(&self, id: &NodeId) -> Option<State> {
        self.slab.of_id(self.slab.find_id(id)).next().and_then(|ix| self.slab.entry(ix).standing.state())
    }

    /// Whether the ID is in the book and not banned.
    pub fn has(&self, id: &NodeId) -> bool {
        matches!(self.state(id), Some(State::New | State::Old))
    }

    /// Whether the ID is old (good).
    pub fn is_old(&self, id: &NodeId) -> bool {
        self.state(id) == Some(State::Old)
    }

    /// All that is known of one address.
    pub fn get(&self, address: &NetAddress) -> Option<Record> {
        self.slab.find(address).and_then(|ix| self.record(ix))
    }

    /// When an address is due to be dialled by the crawl: [`Mono::ZERO`] = as soon as possible. `None` when it is
    /// handed out, banned or not in the book.
    pub fn due_at(&self, address: &NetAddress) -> Option<Mono> {
        self.slab.find(address).and_then(|ix| self.schedule.due_at(&self.slab, ix))
    }

    /// The address by which an ID is served, if it is.
    pub fn served_address(&self, kind: Servable, id: &NodeId) -> Option<NetAddress> {
        let mut addresses = self.slab.of_id(self.slab.find_id(id));
        addresses.find(|&ix| is_listed(&self.slab, ix, kind)).map(|ix| *self.slab.address(ix))
    }

    /// The group of an address, which decides its buckets.
    pub fn group(&self, address: &NetAddress) -> Group {
        group_of(address.ip(), self.params.strict)
    }

    /// Why an address that `source` advertises is refused, whatever the book contains; `None` when it may be stored.
    pub fn refusal(&self, address: &NetAddress, source: &Source) -> Option<Refused> {
        self.check(address, source).err()
    }

    /// For each of these IDs, the number of addresses of which it is the source, and how many of those are verified.
    /// Reads the source of every address once.
    pub fn count_by_source(&self, ids: &[NodeId]) -> BTreeMap<NodeId, (u32, u32)> {
        let mut counts: BTreeMap<NodeId, (u32, u32)> = ids.iter().map(|id| (*id, (0, 0))).collect();
        let mut first_bytes = [false; 256];
        ids.iter().for_each(|id| first_bytes[usize::from(id.as_bytes()[0])] = true);
        for ix in self.slab.live() {
            let source = &self.slab.source(ix).id;
            if first_bytes[usize::from(source.as_bytes()[0])]
                && let Some((all, good)) = counts.get_mut(source)
            {
                *all += 1;
                *good += u32::from(self.slab.history(ix).verified);
            }
        }
        counts
    }

    /// The addresses of an ID, banned or not, at most [`MAX_NEW_BUCKETS`](super::MAX_NEW_BUCKETS).
    pub fn addresses_of(&self, id: &NodeId) -> Vec<NetAddress> {
        self.slab.of_id(self.slab.find_id(id)).map(|ix| *self.slab.address(ix)).collect()
    }

    /// Pagination: at most `max` records after the key `after`, in the order of their addresses; the rest is not read.
    pub fn page(&self, after: Option<&NetAddress>, max: usize) -> Vec<Record> {
        self.order.after(&self.slab, after).take(max).filter_map(|ix| self.record(ix)).collect()
    }

    /// Bytes that the book occupies in memory, its parameters left out.
    pub fn memory(&self) -> usize {
        let buckets = self.new.heap_bytes() + self.old.heap_bytes();
        size_of::<Book>()
            + self.slab.heap_bytes()
            + self.order.heap_bytes()
            + buckets
            + self.servable_lists.heap_bytes()
    }
}
