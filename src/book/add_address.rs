//! Adding addresses: what others advertise, what operators configure, and what a peer says of itself (CometBFT
//! `p2p/pex/addrbook.go: addAddress`).

use rand::RngExt as _;

use super::entry_index::Ix;
use super::history::{History, Timestamp};
use super::params::{MAX_ADDRESSES_PER_ID, MAX_IDS_PER_ENDPOINT, SOURCE_SHARE_DIVISOR};
use super::slab::{IdAt, Standing};
use super::traces::Trace;
use super::{Added, Book, Refused, Source, State};
use crate::types::{NetAddress, NodeId, Now, SeededRng, is_routable};

impl Book {
    /// Adds an address that `source` advertised. An ID that is old is left as it is: a good peer is not moved by hearsay,
    /// which would allow an eclipse attack. A new one that is known at n other addresses gets this one with probability
    /// 1/2n, and has 4 at most.
    ///
    /// # Errors
    /// When it may not be stored.
    pub fn add(
        &mut self,
        now: Now,
        address: NetAddress,
        source: Source,
        rng: &mut SeededRng,
    ) -> Result<Added, Refused> {
        self.hear(now, address, source, rng).inspect_err(|refused| self.note_refused(*refused))
    }

    fn hear(&mut self, now: Now, address: NetAddress, source: Source, rng: &mut SeededRng) -> Result<Added, Refused> {
        self.check(&address, &source)?;
        let id = self.slab.find_id(&address.id());
        let Some(known) = self.slab.of_id(id).next() else {
            return self.add_entry(now, address, source);
        };
        match self.slab.entry(known).standing {
            Standing::Banned => return Err(Refused::Banned),
            Standing::Old => return Ok(Added::Unchanged),
            _ => {}
        }
        if let Some(ix) = self.slab.find_in(id, &address).filter(|&ix| self.slab.is_live(ix)) {
            let bucket = self.bucket_of(&source);
            self.sources.hear_again(&mut self.slab, ix, bucket);
            return Ok(Added::Unchanged);
        }
        let others = self.slab.of_id(id).count();
        if others >= MAX_ADDRESSES_PER_ID || rng.random_range(0..2 * others) != 0 {
            return Ok(Added::Unchanged);
        }
        self.add_entry(now, address, source)
    }

    /// Adds an address that an operator gives, as [`Book::add`] does, but without chance: it is in the book afterwards,
    /// or the error says why not.
    ///
    /// # Errors
    /// When it may not be stored, or its ID has no room for another address.
    pub fn add_surely(&mut self, now: Now, address: NetAddress, source: Source) -> Result<Added, Refused> {
        self.check(&address, &source)?;
        let id = self.slab.find_id(&address.id());
        let Some(known) = self.slab.of_id(id).next() else {
            return self.add_entry(now, address, source);
        };
        let is_here = self.slab.find(&address).is_some();
        match self.slab.entry(known).standing {
            Standing::Banned => Err(Refused::Banned),
            _ if is_here => Ok(Added::Unchanged),
            Standing::Old => Err(Refused::GoodElsewhere),
            _ if self.slab.of_id(id).count() >= MAX_ADDRESSES_PER_ID => Err(Refused::HasItsShare),
            _ => self.add_entry(now, address, source),
        }
    }

    /// Adds an address on the word of the peer itself, authenticated, or of our own configuration. Neither chance nor
    /// what others advertised for its ID keeps it out: when the ID has its share of addresses, the least of them is
    /// evicted. An ID that is old stays where it was reached, and so does one that was reached at all its addresses.
    ///
    /// # Errors
    /// When it may not be stored.
    pub fn add_own(&mut self, now: Now, address: NetAddress, source: Source) -> Result<Added, Refused> {
        let added = self.add_surely(now, address, source).inspect_err(|refused| self.note_refused(*refused));
        match added {
            Err(Refused::HasItsShare) if self.evict_least(&address.id()) => self.add_surely(now, address, source),
            Err(Refused::GoodElsewhere | Refused::HasItsShare) => Ok(Added::Unchanged),
            added => added,
        }
    }

    fn note_refused(&mut self, refused: Refused) {
        self.refused[refused as usize] += 1;
    }

    /// Evicts the address of an ID that is worth least: one that failed, else the one added or tried longest ago.
    /// Verified ones stay. Returns whether one was evicted.
    fn evict_least(&mut self, id: &NodeId) -> bool {
        let unproven = self.slab.of_id(self.slab.find_id(id)).filter(|&ix| !self.slab.history(ix).verified);
        let least = unproven.min_by_key(|&ix| {
            let history = self.slab.history(ix);
            (history.attempts == 0, history.added.max(history.last_attempt), *self.slab.address(ix))
        });
        if let Some(ix) = least {
            self.discard(ix);
        }
        least.is_some()
    }

    /// What is refused whatever the book contains (docs/protocol/address-book.md, "What is refused").
    pub(super) fn check(&self, address: &NetAddress, source: &Source) -> Result<(), Refused> {
        if address.id() == self.params.own_id || self.params.own_endpoints.contains(&address.socket()) {
            Err(Refused::Ourselves)
        } else if self.private.contains(&address.id()) {
            Err(Refused::Private)
        } else if self.private.contains(&source.id) {
            Err(Refused::PrivateSource)
        } else if self.params.strict && !is_routable(address.ip()) {
            Err(Refused::Unroutable)
        } else {
            Ok(())
        }
    }

    /// The source bucket of what a source brings.
    fn bucket_of(&self, source: &Source) -> u16 {
        self.hash.source_bucket(self.params.group_of(source.ip))
    }

    /// Makes a new entry, with what a trace remembers of it.
    fn add_entry(&mut self, now: Now, address: NetAddress, source: Source) -> Result<Added, Refused> {
        let mut history = self.remembered(now.wall.into(), &address);
        if self.make_room(now, &address, &source, &history)? {
            // Who left may have been at this ip:port, and left a trace.
            history = self.remembered(now.wall.into(), &address);
        }
        // Only now: who left may have been of this ID.
        let id = self.slab.find_id(&address.id());
        let is_first = self.slab.of_id(id).next().is_none();
        let ix = self.insert(id, address, source, State::New, history).ok_or(Refused::Backlog)?;
        self.note_brought(ix);
        self.counts.new += usize::from(is_first);
        self.enqueue(now, ix);
        self.touch(ix);
        self.refresh(ix);
        Ok(if is_first { Added::New } else { Added::AnotherAddress })
    }

    /// The history of an address that comes into the book: what traces remember of it and of its ip:port, if it was here
    /// before.
    fn remembered(&self, now: Timestamp, address: &NetAddress) -> History {
        let endpoint = self.traces.get(self.hash.of_endpoint(address.socket()));
        let own = self.traces.get(self.hash.of_address(address));
        let traces = || endpoint.into_iter().chain(own);
        let last = traces().map(|trace| trace.last).max().unwrap_or(Timestamp::NEVER).min(now);
        let mut history = History { last_attempt: last, ..History::new(now) };
        let failed = traces().filter(|trace| trace.failures > 0).max_by_key(|trace| trace.failures);
        if let Some(Trace { failures, outcome, .. }) = failed {
            (history.attempts, history.outcome) = (failures, outcome);
        }
        history
    }

    /// Sees to it that an address may come in: its source has not brought too many, and there is room at its ip:port, in
    /// its source's part of the table and in the table. Whether somebody had to leave for it.
    fn make_room(
        &mut self,
        now: Now,
        address: &NetAddress,
        source: &Source,
        history: &History,
    ) -> Result<bool, Refused> {
        let bucket = self.bucket_of(source);
        let by_us = source.id == self.params.own_id;
        if !by_us && !self.sources.spend(bucket, now.mono) {
            self.note_over_rate(source);
            return Err(Refused::SourceRate);
        }
        let is_full = self.is_full();
        let waits = history.attempts > 0
            && u64::from(Timestamp::from(now.wall).since(history.last_attempt)) < self.schedule.wait(history).into();
        if is_full && waits {
            return Err(Refused::FailedLately);
        }
        let mut left = self.make_room_at_endpoint(address)?;
        let has_its_share = self.sources.len_of(bucket) >= self.params.capacity / SOURCE_SHARE_DIVISOR;
        let victim = if !by_us && has_its_share {
            self.sources.victim_of(bucket, &mut self.chance)
        } else if is_full {
            Some(self.sources.victim(&mut self.chance).ok_or(Refused::Full)?)
        } else {
            None
        };
        if let Some(victim) = victim {
            self.discard(victim);
            left = true;
        }
        Ok(left)
    }

    /// Evicts one of the IDs at an ip:port that has as many as are kept: one that failed, else at random; none that is
    /// verified or being dialled. Whether one was.
    fn make_room_at_endpoint(&mut self, address: &NetAddress) -> Result<bool, Refused> {
        let here: Vec<Ix> = self.slab.at_endpoint(address.socket()).collect();
        if here.len() < MAX_IDS_PER_ENDPOINT {
            return Ok(false);
        }
        let gives_way = |ix: &Ix| !self.slab.history(*ix).verified && !self.slab.entry(*ix).taken;
        let mut victims: Vec<Ix> = here.into_iter().filter(gives_way).collect();
        if victims.iter().any(|&ix| self.slab.history(ix).attempts > 0) {
            victims.retain(|&ix| self.slab.history(ix).attempts > 0);
        }
        if victims.is_empty() {
            return Err(Refused::EndpointTaken);
        }
        let victim = victims[self.chance.below(victims.len())];
        self.discard(victim);
        Ok(true)
    }

    /// Makes the entry of an address that is not in the book, in no list and no queue yet; `None` when there is no room.
    pub(super) fn insert(
        &mut self,
        id: IdAt,
        address: NetAddress,
        source: Source,
        state: State,
        history: History,
    ) -> Option<Ix> {
        let removed = self.slab.find_in(id, &address);
        let ix = match removed {
            Some(removed) => removed,
            None if self.slab.has_room() => self.slab.insert(id, address, source),
            None => return None,
        };
        self.slab.set_source(ix, source);
        let group = self.groups.enter(self.params.group_of(address.ip()));
        let source_bucket = self.bucket_of(&source);
        let entry = self.slab.entry_mut(ix);
        entry.standing = state.into();
        entry.history = history;
        (entry.group, entry.source_bucket) = (group, source_bucket);
        self.order.insert(&self.slab, ix);
        self.counts.addresses += 1;
        self.counts.outcomes[history.outcome as usize] += 1;
        self.count_one(ix, true);
        Some(ix)
    }
}
