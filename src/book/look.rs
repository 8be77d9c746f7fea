//! Looking things up.

use super::params::NEEDS_MORE_BELOW;
use super::served::{is_listed, may_serve};
use super::slab::{Ix, Standing};
use super::{Book, Counts, Record, Servable, State, Survey};
use crate::types::{NetAddress, NodeId, Now};

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

    /// What became of all addresses, and how many wait for the crawl; looks at the whole book, for some 100 us when full.
    pub fn survey(&self, now: Now) -> Survey {
        let mut survey = Survey::default();
        for entry in self.slab.live().map(|ix| self.slab.entry(ix)) {
            if matches!(entry.standing, Standing::New | Standing::Old) {
                survey.outcomes[entry.history.outcome as usize] += 1;
                let waits = entry.queue.is_some();
                let due = entry.history.is_untried() || entry.due <= now.mono.as_secs();
                survey.backlog += u32::from(waits && due);
            }
        }
        survey
    }

    /// IDs that may be served.
    pub fn servable(&self, kind: Servable) -> usize {
        self.served.count(kind)
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

    /// The addresses of an ID, banned or not, at most 4.
    pub fn addresses_of(&self, id: &NodeId) -> Vec<NetAddress> {
        self.slab.of_id(self.slab.find_id(id)).map(|ix| *self.slab.address(ix)).collect()
    }

    /// At most `max` records that come after the key `after`, in the order of their addresses. Each page looks at the
    /// whole book once.
    pub fn page(&self, after: Option<&NetAddress>, max: usize) -> Vec<Record> {
        let is_after = |&ix: &Ix| after.is_none_or(|after| self.slab.address(ix) > after);
        let mut page: Vec<Ix> = self.slab.live().filter(is_after).collect();
        if page.len() > max {
            page.select_nth_unstable_by_key(max, |&ix| self.slab.address(ix));
            page.truncate(max);
        }
        page.sort_unstable_by_key(|&ix| self.slab.address(ix));
        page.into_iter().filter_map(|ix| self.record(ix)).collect()
    }

    /// Bytes that the book occupies, its parameters left out.
    pub fn memory(&self) -> usize {
        let buckets = self.new.heap_bytes() + self.old.heap_bytes();
        size_of::<Book>() + self.slab.heap_bytes() + buckets + self.served.heap_bytes()
    }
}
