//! Looking things up.

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

    /// Whether to ask peers for more addresses.
    pub fn needs_more(&self) -> bool {
        self.size() < NEEDS_MORE_BELOW
    }

    /// The book's numbers.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How often an address that somebody told of was refused since the start because it cannot be routed (strict mode).
    pub const fn unroutable(&self) -> u64 {
        self.unroutable
    }

    /// Addresses whose time to be dialled by the crawl has come; looks at the whole book, for some 100 us when it is full.
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

    /// The addresses by which the IDs that may be served are told.
    pub fn served(&self, kind: Servable) -> impl Iterator<Item = &NetAddress> {
        self.servable_lists.entries(kind).map(|ix| self.slab.address(ix))
    }

    /// Whether this very address may be served. An ID that may be served at several is served at the one that was reached
    /// last: then [`Book::is_served`] holds for that one only.
    pub fn is_servable(&self, kind: Servable, address: &NetAddress) -> bool {
        self.slab.find(address).is_some_and(|ix| may_serve(&self.slab, ix, kind))
    }

    /// Whether a selection may contain this very address.
    pub fn is_served(&self, kind: Servable, address: &NetAddress) -> bool {
        self.slab.find(address).is_some_and(|ix| is_listed(&self.slab, ix, kind))
    }

    /// Where an ID stands; `None` when it is unknown.
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

    /// When the turn of an address comes in the crawl: [`Mono::ZERO`] = as soon as may be. `None` when it is handed out,
    /// banned or not in the book.
    pub fn turn(&self, address: &NetAddress) -> Option<Mono> {
        self.slab.find(address).and_then(|ix| self.schedule.turn(&self.slab, ix))
    }

    /// The address by which an ID is served, if it is.
    pub fn served_address(&self, kind: Servable, id: &NodeId) -> Option<NetAddress> {
        let mut addresses = self.slab.of_id(self.slab.find_id(id));
        addresses.find(|&ix| is_listed(&self.slab, ix, kind)).map(|ix| *self.slab.address(ix))
    }

    /// The part of the network that an address lies in.
    pub fn group(&self, address: &NetAddress) -> Group {
        group_of(address.ip(), self.params.strict)
    }

    /// Why an address that `source` tells of is not stored, whatever the book holds; `None` when it may be.
    pub fn refusal(&self, address: &NetAddress, source: &Source) -> Option<Refused> {
        self.check(address, source).err()
    }

    /// Of each of these IDs, how many addresses it told us of first, and how many of those are verified. Looks at the
    /// source of every address once.
    pub fn told_by(&self, ids: &[NodeId]) -> BTreeMap<NodeId, (u32, u32)> {
        let mut told: BTreeMap<NodeId, (u32, u32)> = ids.iter().map(|id| (*id, (0, 0))).collect();
        let mut first_bytes = [false; 256];
        ids.iter().for_each(|id| first_bytes[usize::from(id.as_bytes()[0])] = true);
        for ix in self.slab.live() {
            let source = &self.slab.source(ix).id;
            if first_bytes[usize::from(source.as_bytes()[0])]
                && let Some((all, good)) = told.get_mut(source)
            {
                *all += 1;
                *good += u32::from(self.slab.history(ix).verified);
            }
        }
        told
    }

    /// The addresses of an ID, banned or not, at most 4.
    pub fn addresses_of(&self, id: &NodeId) -> Vec<NetAddress> {
        self.slab.of_id(self.slab.find_id(id)).map(|ix| *self.slab.address(ix)).collect()
    }

    /// At most `max` records that come after the key `after`, in the order of their addresses; the rest is not looked at.
    pub fn page(&self, after: Option<&NetAddress>, max: usize) -> Vec<Record> {
        self.order.after(&self.slab, after).take(max).filter_map(|ix| self.record(ix)).collect()
    }

    /// Bytes that the book occupies, its parameters left out.
    pub fn memory(&self) -> usize {
        let buckets = self.new.heap_bytes() + self.old.heap_bytes();
        size_of::<Book>()
            + self.slab.heap_bytes()
            + self.order.heap_bytes()
            + buckets
            + self.servable_lists.heap_bytes()
    }
}
