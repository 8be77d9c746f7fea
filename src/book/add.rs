//! Filing what we are told.

use rand::RngExt as _;

use super::history::{History, Stamp};
use super::slab::{Ix, Standing};
use super::{Added, Book, MAX_NEW_BUCKETS, Refused, Source, State};
use crate::types::{NetAddress, Now, SeededRng, is_routable};

impl Book {
    /// Files an address that `source` told us, in the new bucket that both their groups ask for. An ID that is old is left
    /// as it is: nobody may move a good peer by hearsay. A new one that is known already has a chance of 1 in 2n to take
    /// another bucket, n being those it is in, 4 at most.
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
        self.check(&address, &source)?;
        let known = self.slab.of_id(&address.id()).next();
        let Some(known) = known else {
            self.file(now, address, source)?;
            self.counts.new += 1;
            return Ok(Added::New);
        };
        match self.slab.entry(known).standing {
            Standing::Banned => return Err(Refused::Banned),
            Standing::Old => return Ok(Added::Unchanged),
            _ => {}
        }
        let taken: usize = self.slab.siblings(known).map(|ix| self.slab.entry(ix).buckets().len()).sum();
        if taken >= MAX_NEW_BUCKETS || rng.random_range(0..2 * taken as u32) != 0 {
            return Ok(Added::Unchanged);
        }
        match self.slab.find_live(&address) {
            Some(ix) => Ok(self.take_another_bucket(now, ix, source)),
            None => self.file(now, address, source).map(|()| Added::AnotherAddress),
        }
    }

    /// What is refused whatever the book holds.
    pub(super) fn check(&self, address: &NetAddress, source: &Source) -> Result<(), Refused> {
        if address.id() == self.params.own_id || self.params.own_endpoints.contains(&address.socket()) {
            Err(Refused::Ourselves)
        } else if self.params.private_ids.contains(&address.id()) {
            Err(Refused::Private)
        } else if self.params.private_ids.contains(&source.id) {
            Err(Refused::PrivateSource)
        } else if self.params.strict && !is_routable(address.ip()) {
            Err(Refused::Unroutable)
        } else {
            Ok(())
        }
    }

    fn take_another_bucket(&mut self, now: Now, ix: Ix, source: Source) -> Added {
        let bucket = self.placement.new_bucket(self.slab.address(ix).ip(), source.ip);
        if self.slab.entry(ix).buckets().contains(&bucket) {
            return Added::Unchanged;
        }
        self.enter_new(now.wall.into(), ix, bucket);
        Added::AnotherBucket
    }

    /// Makes a new entry; the count of IDs is the caller's.
    fn file(&mut self, now: Now, address: NetAddress, source: Source) -> Result<(), Refused> {
        let stamp = Stamp::from(now.wall);
        let ix = self.insert(address, source, State::New, History::new(stamp)).ok_or(Refused::Backlog)?;
        self.schedule.enqueue(&mut self.slab, ix, now);
        self.enter_new(stamp, ix, self.home(ix));
        self.refresh(ix);
        Ok(())
    }

    /// Makes the entry of an address that is not in the book, in no bucket and no queue yet; `None` without room.
    pub(super) fn insert(&mut self, address: NetAddress, source: Source, state: State, history: History) -> Option<Ix> {
        let ix = match self.slab.find(&address) {
            Some(gone) => gone,
            None => {
                if !self.slab.has_room() {
                    return None;
                }
                self.slab.insert(address, source)
            }
        };
        self.slab.revive(ix, source, state, history);
        self.counts.addresses += 1;
        Some(ix)
    }
}
