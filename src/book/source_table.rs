//! What the sources brought and nobody reached yet: its part of the table, its order of dials, its evictions and its
//! rate limit, by the group of the source's socket IP (docs/protocol/address-book.md, "Sources").
//!
//! Groups share [`SOURCE_BUCKETS`] buckets by a keyed hash, so that the memory is bounded and nobody can choose whose
//! bucket they fill. The buckets take turns in the crawl (stochastic fairness queueing), and the fullest one gives way
//! when the table is full: a flood from a few groups displaces and delays itself.

use std::time::Duration;

use super::entry_index::{Ix, Pool};
use super::keyed_hash::Chance;
use super::params::{RETRY_TURN, SOURCE_BUCKETS};
use super::size_classes::SizeClasses;
use super::slab::{Entry, Slab};
use crate::types::{Gcra, Mono};

/// Places that a list keeps when it empties, so that what comes and goes allocates nothing.
const KEPT: usize = 16;

#[derive(Clone, Default)]
struct SourceBucket {
    ready: Vec<Ix>,
    due: Vec<Ix>,
    waiting: Vec<Ix>,
    tokens: Gcra,
    /// It is in the queue of those that have something to dial.
    queued: bool,
}

impl SourceBucket {
    fn len(&self) -> usize {
        self.ready.len() + self.due.len() + self.waiting.len()
    }

    /// Entries that may be dialled.
    fn dialable(&self) -> usize {
        self.ready.len() + self.due.len()
    }

    fn list(&mut self, pool: Pool) -> &mut Vec<Ix> {
        match pool {
            Pool::Ready => &mut self.ready,
            Pool::Due => &mut self.due,
            _ => &mut self.waiting,
        }
    }
}

/// The table.
pub(super) struct SourceTable {
    /// Not allocated before the first entry: a book that stays empty is small.
    buckets: Vec<SourceBucket>,
    /// Buckets that may have something to dial, the one whose turn it is at the front.
    turns: std::collections::VecDeque<u16>,
    /// Buckets by what they hold.
    by_size: SizeClasses,
    lapsed: Vec<Ix>,
    ready: usize,
    /// What one new address costs, and how many may come at once, as a time.
    cost: Duration,
    burst: Duration,
}

impl SourceTable {
    /// A table of sources that may each bring `burst` unknown addresses at once, and as many an hour.
    pub(super) fn new(burst: usize) -> Self {
        let burst = u32::try_from(burst.max(1)).unwrap_or(u32::MAX);
        let cost = Duration::from_hours(1) / burst;
        SourceTable {
            buckets: Vec::new(),
            turns: std::collections::VecDeque::new(),
            by_size: SizeClasses::EMPTY,
            lapsed: Vec::new(),
            ready: 0,
            cost,
            burst: cost * (burst - 1),
        }
    }

    fn allocate(&mut self) {
        if self.buckets.is_empty() {
            self.buckets.resize(SOURCE_BUCKETS, SourceBucket::default());
        }
    }

    /// Never reached, and due to be dialled.
    pub(super) const fn ready(&self) -> usize {
        self.ready
    }

    /// Whether the entry waits for nothing but its turn.
    pub(super) fn is_ready(entry: &Entry) -> bool {
        matches!(entry.pool, Pool::Ready | Pool::Due)
    }

    /// Never reached, in this bucket.
    pub(super) fn len_of(&self, bucket: u16) -> usize {
        self.buckets.get(usize::from(bucket)).map_or(0, SourceBucket::len)
    }

    /// Spends what one new address costs its source; `false` when the source has brought too many.
    pub(super) fn spend(&mut self, bucket: u16, now: Mono) -> bool {
        self.allocate();
        let tokens = &mut self.buckets[usize::from(bucket)].tokens;
        let conforms = tokens.wait(self.burst, now).is_zero();
        if conforms {
            tokens.spend(self.cost, now);
        }
        conforms
    }

    /// Puts an entry into a list, out of the one that it is in.
    pub(super) fn put(&mut self, slab: &mut Slab, ix: Ix, pool: Pool) {
        self.take_out(slab, ix);
        if pool == Pool::None {
            return;
        }
        self.allocate();
        let bucket = slab.entry(ix).source_bucket;
        let dialable = matches!(pool, Pool::Ready | Pool::Due);
        self.ready += usize::from(dialable);
        let list = if pool == Pool::Lapsed { &mut self.lapsed } else { self.buckets[usize::from(bucket)].list(pool) };
        let entry = slab.entry_mut(ix);
        (entry.pool, entry.pool_at) = (pool, list.len() as Ix);
        list.push(ix);
        if dialable && !std::mem::replace(&mut self.buckets[usize::from(bucket)].queued, true) {
            self.turns.push_back(bucket);
        }
        if pool != Pool::Lapsed {
            self.classify(bucket);
        }
    }

    /// Takes an entry out of the list that it is in, if it is in one.
    pub(super) fn take_out(&mut self, slab: &mut Slab, ix: Ix) {
        let entry = slab.entry_mut(ix);
        let bucket = entry.source_bucket;
        let (pool, at) = (std::mem::replace(&mut entry.pool, Pool::None), entry.pool_at as usize);
        if pool == Pool::None {
            return;
        }
        self.ready -= usize::from(matches!(pool, Pool::Ready | Pool::Due));
        let list = if pool == Pool::Lapsed { &mut self.lapsed } else { self.buckets[usize::from(bucket)].list(pool) };
        list.swap_remove(at);
        if let Some(&moved) = list.get(at) {
            slab.entry_mut(moved).pool_at = at as Ix;
        }
        if list.capacity() > KEPT && list.len() < list.capacity() / 4 {
            list.shrink_to(list.len() * 2);
        }
        if pool != Pool::Lapsed {
            self.classify(bucket);
        }
    }

    /// The wait of an entry that was never reached is over.
    pub(super) fn make_ready(&mut self, slab: &mut Slab, ix: Ix) {
        let pool = if slab.history(ix).is_untried() { Pool::Ready } else { Pool::Due };
        self.put(slab, ix, pool);
    }

    /// Somebody else advertises an entry that was never tried: its turn comes with theirs if that is sooner, so that no
    /// flood hides what others know of.
    pub(super) fn hear_again(&mut self, slab: &mut Slab, ix: Ix, bucket: u16) {
        let own = slab.entry(ix).source_bucket;
        if slab.entry(ix).pool == Pool::Ready && self.len_of(bucket) < self.len_of(own) / 2 {
            self.take_out(slab, ix);
            slab.entry_mut(ix).source_bucket = bucket;
            self.put(slab, ix, Pool::Ready);
        }
    }

    /// Moves a bucket to the class of what it holds now.
    fn classify(&mut self, bucket: u16) {
        self.by_size.set(bucket.into(), self.buckets[usize::from(bucket)].len());
    }

    /// An entry that is due and was never reached, of the bucket whose turn it is.
    pub(super) fn draw_ready(&mut self, slab: &mut Slab, chance: &mut Chance) -> Option<Ix> {
        while let Some(bucket) = self.turns.pop_front() {
            let own = &mut self.buckets[usize::from(bucket)];
            own.queued = false;
            if own.dialable() == 0 {
                continue;
            }
            let retry = own.ready.is_empty() || (!own.due.is_empty() && chance.below(RETRY_TURN) == 0);
            let list = if retry { &own.due } else { &own.ready };
            let ix = list[chance.below(list.len())];
            self.take_out(slab, ix);
            let own = &mut self.buckets[usize::from(bucket)];
            if own.dialable() > 0 {
                own.queued = true;
                self.turns.push_back(bucket);
            }
            return Some(ix);
        }
        None
    }

    /// Whom to evict of a bucket: at random among those that failed, else among those never tried.
    pub(super) fn victim_of(&self, bucket: u16, chance: &mut Chance) -> Option<Ix> {
        let own = self.buckets.get(usize::from(bucket))?;
        let lists = [&own.waiting, &own.due, &own.ready];
        let list = lists.into_iter().find(|list| !list.is_empty()).unwrap_or(&own.ready);
        (!list.is_empty()).then(|| list[chance.below(list.len())])
    }

    /// Whom to evict of the whole table: of one of the fullest buckets (within a factor of two) among those never
    /// reached; when there is none, at random among those that were reached once and are not reached now.
    pub(super) fn victim(&self, chance: &mut Chance) -> Option<Ix> {
        match self.by_size.largest() {
            [] => self.lapsed_victim(chance),
            fullest => self.victim_of(fullest[chance.below(fullest.len())] as u16, chance),
        }
    }

    /// What was reached once and is not reached now.
    pub(super) fn lapsed(&self) -> usize {
        self.lapsed.len()
    }

    /// One of those, at random.
    pub(super) fn lapsed_victim(&self, chance: &mut Chance) -> Option<Ix> {
        (!self.lapsed.is_empty()).then(|| self.lapsed[chance.below(self.lapsed.len())])
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let lists = self
            .buckets
            .iter()
            .map(|bucket| bucket.ready.capacity() + bucket.due.capacity() + bucket.waiting.capacity());
        (lists.sum::<usize>() + self.lapsed.capacity()) * size_of::<Ix>()
            + self.buckets.capacity() * size_of::<SourceBucket>()
            + self.turns.capacity() * size_of::<u16>()
            + self.by_size.heap_bytes()
    }
}
