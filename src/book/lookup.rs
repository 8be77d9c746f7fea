//! Queries that change nothing.

use std::collections::BTreeMap;

use super::params::{LAPSED_DIVISOR, NEEDS_MORE_BELOW, SOURCE_SHARE_DIVISOR};
use super::selection::selection_size;
use super::slab::Standing;
use super::{Book, Counts, NextDialReason, Record, Refused, Share, Source, State, TablePlace};
use crate::types::{Group, Mono, NetAddress, NodeId, Now};

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

    /// How often an advertised address was refused since the start, by why, numbered as [`Refused`] is.
    pub const fn refused(&self) -> [u64; Refused::ALL.len()] {
        self.refused
    }

    /// How many addresses were due to be dialled when the crawl last looked.
    pub fn backlog(&self) -> u32 {
        u32::try_from(self.sources.ready() + self.schedule.rechecks_due()).unwrap_or(u32::MAX)
    }

    /// Verified addresses, those of banned IDs left out.
    pub const fn verified(&self) -> usize {
        self.counts.verified
    }

    /// Groups that have a verified address.
    pub const fn verified_groups(&self) -> usize {
        self.groups.verified()
    }

    /// IDs that may be served.
    pub const fn servable(&self) -> usize {
        self.served.len()
    }

    /// The addresses by which the IDs that may be served are served.
    pub fn served(&self) -> impl Iterator<Item = &NetAddress> {
        self.served.entries().map(|ix| self.slab.address(ix))
    }

    /// Whether exactly this address may be served. An ID with several such addresses is served at the one that was
    /// reached last: then [`Book::is_served`] is true for that one only.
    pub fn is_servable(&self, address: &NetAddress) -> bool {
        self.slab.find(address).is_some_and(|ix| self.may_serve(ix))
    }

    /// Whether a selection may contain exactly this address.
    pub fn is_served(&self, address: &NetAddress) -> bool {
        self.slab.find(address).is_some_and(|ix| self.served.contains(&self.slab, ix))
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

    /// How often answers name an address; `None` when it is not served.
    pub fn share(&self, address: &NetAddress) -> Option<Share> {
        let ix = self.slab.find(address).filter(|&ix| self.served.contains(&self.slab, ix))?;
        let group = self.slab.entry(ix).group;
        let missed = (1.0 - self.served.chance_of(group)).powi(selection_size(self.served.len()) as i32);
        Some(Share { group_ids: self.served.len_of(group), chance: 1.0 - missed })
    }

    /// What decides when an address is dialled next, and where in the book it is; `None` when it is not there.
    pub fn explain(&self, now: Now, address: &NetAddress) -> Option<(NextDialReason, TablePlace)> {
        let ix = self.slab.find(address)?;
        let (entry, history) = (self.slab.entry(ix), self.slab.history(ix));
        let own_wait = self.since_last_attempt(now, ix, self.schedule.longest_wait(history));
        let due_in = entry.due.saturating_sub(now.mono.as_secs());
        // A second for each rounding.
        let held = self.endpoint_wait(now, ix).max(self.trace_hold(now, ix));
        let reason = if due_in > own_wait.saturating_add(2) {
            if held > own_wait { NextDialReason::SameEndpoint } else { NextDialReason::PutOff }
        } else if history.is_untried() {
            NextDialReason::NeverTried
        } else if history.verified && history.outcome.is_success() {
            NextDialReason::Answered
        } else if history.attempts == 0 {
            NextDialReason::Held
        } else if self.schedule.is_given_up(history) {
            NextDialReason::GivenUp
        } else {
            NextDialReason::Failed
        };
        let place = if entry.standing == Standing::Banned {
            TablePlace::Banned
        } else if history.verified {
            TablePlace::Verified
        } else if history.was_reached() {
            TablePlace::Lapsed { of: self.sources.lapsed(), at_most: self.params.capacity / LAPSED_DIVISOR }
        } else {
            let of = self.sources.len_of(entry.source_bucket);
            TablePlace::NeverReached { of, at_most: self.params.capacity / SOURCE_SHARE_DIVISOR }
        };
        Some((reason, place))
    }

    /// Before when a book that is not crawled does not pick an address; `None` when it is not in the book.
    pub fn not_before(&self, address: &NetAddress) -> Option<Mono> {
        let ix = self.slab.find(address).filter(|_| !self.params.crawled)?;
        Some(Mono::from_secs(self.slab.entry(ix).due))
    }

    /// The address by which an ID is served, if it is.
    pub fn served_address(&self, id: &NodeId) -> Option<NetAddress> {
        let mut addresses = self.slab.of_id(self.slab.find_id(id));
        addresses.find(|&ix| self.served.contains(&self.slab, ix)).map(|ix| *self.slab.address(ix))
    }

    /// The group of an address, which decides its share of answers: its autonomous system where that is known, else its range.
    pub fn group(&self, address: &NetAddress) -> Group {
        self.params.group_of(address.ip())
    }

    /// What an ID is called where neither it nor its address may be told: 8 hex digits that are the same after a restart, and
    /// from which nobody without the book's key gets to the ID, or recognizes it.
    pub fn alias(&self, id: &NodeId) -> String {
        format!("{:08x}", self.hash.alias(id))
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

    /// The addresses of an ID, banned or not, at most
    /// [`MAX_ADDRESSES_PER_ID`](super::params::MAX_ADDRESSES_PER_ID).
    pub fn addresses_of(&self, id: &NodeId) -> Vec<NetAddress> {
        self.slab.of_id(self.slab.find_id(id)).map(|ix| *self.slab.address(ix)).collect()
    }

    /// Pagination: at most `max` records after the key `after`, in the order of their addresses; the rest is not read.
    pub fn page(&self, after: Option<&NetAddress>, max: usize) -> Vec<Record> {
        self.order.after(&self.slab, after).take(max).filter_map(|ix| self.record(ix)).collect()
    }

    /// Bytes that the book occupies in memory, its parameters left out.
    pub fn memory(&self) -> usize {
        size_of::<Book>()
            + self.slab.heap_bytes()
            + self.order.heap_bytes()
            + self.groups.heap_bytes()
            + self.sources.heap_bytes()
            + self.accounts.heap_bytes()
            + self.served.heap_bytes()
            + self.known_new.heap_bytes()
            + self.known_old.heap_bytes()
            + self.schedule.heap_bytes()
            + self.traces.heap_bytes()
    }

    /// Addresses that it may hold, banned ones left out.
    pub const fn capacity(&self) -> usize {
        self.params.capacity
    }

    /// Addresses that it holds, banned ones left out.
    pub(super) const fn kept(&self) -> usize {
        self.counts.addresses - self.counts.banned_addresses
    }

    /// Whether one has to leave before another may come.
    pub(super) const fn is_full(&self) -> bool {
        self.kept() >= self.params.capacity
    }

    /// Traces that are kept of what has left the book.
    pub fn traces(&self) -> usize {
        self.traces.len()
    }
}
