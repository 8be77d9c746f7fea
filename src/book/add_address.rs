//! Adding addresses: what others advertise, what operators configure, and what a peer says of itself (CometBFT
//! `p2p/pex/addrbook.go: addAddress`).

use rand::RngExt as _;

use super::entry_index::Ix;
use super::history::{History, Timestamp};
use super::slab::{IdAt, Standing};
use super::{Added, Book, MAX_NEW_BUCKETS, Refused, Source, State};
use crate::types::{NetAddress, NodeId, Now, SeededRng, is_routable};

impl Book {
    /// Adds an address that `source` advertised, to the new bucket that the groups of both give. An ID that is old is
    /// left as it is: a good peer is not moved by hearsay, which would allow an eclipse attack. A new one that is
    /// already known gets another bucket with probability 1/2n, where n is the number of buckets it is in, 4 at most.
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
        self.check(&address, &source).inspect_err(|refused| self.note_refused(refused))?;
        let id = self.slab.find_id(&address.id());
        let Some(known) = self.slab.of_id(id).next() else {
            return self.add_first(now, id, address, source);
        };
        match self.slab.entry(known).standing {
            Standing::Banned => return Err(Refused::Banned),
            Standing::Old => return Ok(Added::Unchanged),
            _ => {}
        }
        let taken = self.slots_of(known);
        if taken >= MAX_NEW_BUCKETS || rng.random_range(0..2 * taken) != 0 {
            return Ok(Added::Unchanged);
        }
        match self.slab.find_in(id, &address).filter(|&ix| self.slab.is_live(ix)) {
            Some(ix) => Ok(self.take_another_bucket(now, ix, source)),
            None => self.add_entry(now, id, address, source).map(|()| Added::AnotherAddress),
        }
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
            return self.add_first(now, id, address, source);
        };
        let is_here = self.slab.find(&address).is_some();
        match self.slab.entry(known).standing {
            Standing::Banned => Err(Refused::Banned),
            _ if is_here => Ok(Added::Unchanged),
            Standing::Old => Err(Refused::GoodElsewhere),
            _ if self.slots_of(known) >= MAX_NEW_BUCKETS => Err(Refused::HasItsShare),
            _ => self.add_entry(now, id, address, source).map(|()| Added::AnotherAddress),
        }
    }

    /// Adds an address on the word of the peer itself, authenticated, or of our own configuration. Neither chance nor
    /// what others advertised for its ID keeps it out: when the ID has its share of slots, the least of its addresses
    /// is evicted. An ID that is old stays where it was reached, and so does one that was reached at all its addresses.
    ///
    /// # Errors
    /// When it may not be stored.
    pub fn add_own(&mut self, now: Now, address: NetAddress, source: Source) -> Result<Added, Refused> {
        let added = self.add_surely(now, address, source).inspect_err(|refused| self.note_refused(refused));
        match added {
            Err(Refused::HasItsShare) if self.evict_least(&address.id()) => self.add_surely(now, address, source),
            Err(Refused::GoodElsewhere | Refused::HasItsShare) => Ok(Added::Unchanged),
            added => added,
        }
    }

    fn note_refused(&mut self, refused: &Refused) {
        self.unroutable += u64::from(*refused == Refused::Unroutable);
    }

    /// Evicts the address of an ID that is worth least: one that failed, else the one added or tried longest ago.
    /// Verified ones stay. Returns whether one was evicted.
    fn evict_least(&mut self, id: &NodeId) -> bool {
        let unproven = self.slab.of_id(self.slab.find_id(id)).filter(|&ix| !self.slab.history(ix).verified);
        let least = unproven.min_by_key(|&ix| {
            let history = self.slab.history(ix);
            (history.attempts == 0, history.touched(), *self.slab.address(ix))
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

    /// How many slots the ID of this entry has.
    pub(super) fn slots_of(&self, ix: Ix) -> usize {
        self.slab.siblings(ix).map(|sibling| self.slab.entry(sibling).slots().len()).sum()
    }

    fn take_another_bucket(&mut self, now: Now, ix: Ix, source: Source) -> Added {
        let bucket = self.bucket_hash.new_bucket(self.slab.address(ix).ip(), source.ip);
        if self.slab.entry(ix).slot_in(bucket).is_some() {
            return Added::Unchanged;
        }
        self.enter_new(now.wall.into(), ix, bucket);
        Added::AnotherBucket
    }

    /// Adds the first address of an ID that is not in the book.
    fn add_first(&mut self, now: Now, id: IdAt, address: NetAddress, source: Source) -> Result<Added, Refused> {
        self.add_entry(now, id, address, source)?;
        self.counts.new += 1;
        Ok(Added::New)
    }

    /// Makes a new entry; the caller updates the count of IDs.
    fn add_entry(&mut self, now: Now, id: IdAt, address: NetAddress, source: Source) -> Result<(), Refused> {
        let stamp = Timestamp::from(now.wall);
        let history = History::new(stamp);
        let ix = self.insert(id, address, source, State::New, history).ok_or(Refused::Backlog)?;
        self.schedule.enqueue(&mut self.slab, ix, now);
        self.enter_new(stamp, ix, self.home(ix));
        self.refresh(ix);
        Ok(())
    }

    /// Makes the entry of an address that is not in the book, in no bucket and no queue yet; `None` when there is no
    /// room.
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
        let entry = self.slab.entry_mut(ix);
        entry.standing = state.into();
        entry.history = history;
        self.order.insert(&self.slab, ix);
        self.counts.addresses += 1;
        self.counts.outcomes[history.outcome as usize] += 1;
        Some(ix)
    }
}
