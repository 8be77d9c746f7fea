//! The entries, one for each address, in a slab. Indices of 16 bits instead of pointers, and one array for each use
//! (structure of arrays), so that a walk or a draw touches no more than it reads: the working set of a full book stays
//! close to the processor's caches.

use hashbrown::HashTable;

use super::bucket_hash::BucketHash;
use super::entry_index::{Ix, NONE, SlotAt};
use super::fifo::{CHAINS, Link, Links};
use super::history::{History, Timestamp};
use super::{MAX_NEW_BUCKETS, Source, State};
use crate::types::{NetAddress, NodeId};

/// Entries that fit, removed ones with an unsaved removal included: as many as 16 bits can number. A full book has
/// 20,480 addresses in buckets and those of 1,000 banned IDs.
const MAX_ENTRIES: usize = NONE as usize;

/// The standing of an entry: its ID's state, or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Standing {
    New,
    Old,
    Banned,
    /// Removed, and kept until the removal is reported to the store (a tombstone).
    Gone,
    /// Unused: in the list of free entries.
    Free,
}

impl Standing {
    pub(super) const fn state(self) -> Option<State> {
        match self {
            Standing::New => Some(State::New),
            Standing::Old => Some(State::Old),
            Standing::Banned => Some(State::Banned),
            Standing::Gone | Standing::Free => None,
        }
    }
}

impl From<State> for Standing {
    fn from(state: State) -> Self {
        match state {
            State::New => Standing::New,
            State::Old => Standing::Old,
            State::Banned => Standing::Banned,
        }
    }
}

/// What is known of an address, as far as it is used all the time.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) history: History,
    /// The next entry of its ID, in a ring; of an unused entry, the next unused one.
    sibling: Ix,
    pub(super) standing: Standing,
    slot_count: u8,
    slots: [SlotAt; MAX_NEW_BUCKETS],
    /// When it is due, in seconds on the monotonic clock.
    pub(super) due: u32,
    /// The queue of the crawl schedule that it waits in.
    pub(super) queue: Option<u8>,
    /// Handed out by `due` and not marked since.
    pub(super) taken: bool,
    /// The store has a row for it.
    pub(super) stored: bool,
    /// Its row is to be written or deleted.
    pub(super) dirty: bool,
    /// It represents its ID in the count of the untried.
    pub(super) counts_untried: bool,
}

impl Entry {
    fn new(sibling: Ix) -> Self {
        Entry {
            history: History::new(Timestamp::NEVER),
            sibling,
            standing: Standing::Gone,
            slot_count: 0,
            slots: [SlotAt::default(); MAX_NEW_BUCKETS],
            due: 0,
            queue: None,
            taken: false,
            stored: false,
            dirty: false,
            counts_untried: false,
        }
    }

    pub(super) fn slots(&self) -> &[SlotAt] {
        &self.slots[..usize::from(self.slot_count)]
    }

    pub(super) fn slot_in(&self, bucket: u8) -> Option<SlotAt> {
        self.slots().iter().copied().find(|slot| slot.bucket == bucket)
    }

    pub(super) fn enter(&mut self, slot: SlotAt) {
        self.slots[usize::from(self.slot_count)] = slot;
        self.slot_count += 1;
    }

    pub(super) fn leave(&mut self, slot: SlotAt) {
        if let Some(at) = self.slots().iter().position(|own| *own == slot) {
            self.slots.copy_within(at + 1..usize::from(self.slot_count), at);
            self.slot_count -= 1;
        }
    }

    /// Its slot in this bucket has another position now.
    pub(super) fn moved_to(&mut self, slot: SlotAt) {
        let count = usize::from(self.slot_count);
        if let Some(own) = self.slots[..count].iter_mut().find(|own| own.bucket == slot.bucket) {
            *own = slot;
        }
    }
}

/// Where an ID is in the index, or would be.
#[derive(Clone, Copy)]
pub(super) struct IdAt {
    hash: u64,
    /// Any entry of it, removed ones included.
    known: Option<Ix>,
}

/// All entries and the index of IDs. The addresses of one ID form a ring; the index knows one of them.
pub(super) struct Slab {
    addresses: Vec<NetAddress>,
    entries: Vec<Entry>,
    sources: Vec<Source>,
    /// Positions in the lists of what may be served, one for each kind.
    pub(super) listed_at: Vec<[Ix; 2]>,
    links: Vec<[Link; CHAINS]>,
    free: Ix,
    index: HashTable<Ix>,
    bucket_hash: BucketHash,
}

impl Slab {
    pub(super) fn new(bucket_hash: BucketHash) -> Self {
        Slab {
            addresses: Vec::new(),
            entries: Vec::new(),
            sources: Vec::new(),
            listed_at: Vec::new(),
            links: Vec::new(),
            free: NONE,
            index: HashTable::new(),
            bucket_hash,
        }
    }

    pub(super) fn entry(&self, ix: Ix) -> &Entry {
        &self.entries[usize::from(ix)]
    }

    pub(super) fn entry_mut(&mut self, ix: Ix) -> &mut Entry {
        &mut self.entries[usize::from(ix)]
    }

    pub(super) fn history(&self, ix: Ix) -> &History {
        &self.entry(ix).history
    }

    pub(super) fn address(&self, ix: Ix) -> &NetAddress {
        &self.addresses[usize::from(ix)]
    }

    pub(super) fn source(&self, ix: Ix) -> &Source {
        &self.sources[usize::from(ix)]
    }

    pub(super) fn set_source(&mut self, ix: Ix, source: Source) {
        self.sources[usize::from(ix)] = source;
    }

    /// Whether [`Slab::insert`] has room.
    pub(super) fn has_room(&self) -> bool {
        self.free != NONE || self.entries.len() < MAX_ENTRIES
    }

    pub(super) fn find_id(&self, id: &NodeId) -> IdAt {
        let hash = self.bucket_hash.of_id(id);
        IdAt { hash, known: self.index.find(hash, |&ix| self.address(ix).id() == *id).copied() }
    }

    /// The entry of the address, which is of this ID; removed ones included.
    pub(super) fn find_in(&self, id: IdAt, address: &NetAddress) -> Option<Ix> {
        self.ring(id.known?).find(|&ix| self.address(ix) == address)
    }

    /// The entry of the address.
    pub(super) fn find(&self, address: &NetAddress) -> Option<Ix> {
        self.find_in(self.find_id(&address.id()), address).filter(|&ix| self.is_live(ix))
    }

    /// The entries of the ID.
    pub(super) fn of_id(&self, id: IdAt) -> impl Iterator<Item = Ix> + '_ {
        id.known.into_iter().flat_map(|ix| self.siblings(ix))
    }

    pub(super) fn is_live(&self, ix: Ix) -> bool {
        self.entry(ix).standing.state().is_some()
    }

    /// Whether its ID has no other entry, removed ones included.
    pub(super) fn is_alone(&self, ix: Ix) -> bool {
        self.entry(ix).sibling == ix
    }

    /// The entries of the same ID, this one included if it is not removed.
    pub(super) fn siblings(&self, ix: Ix) -> impl Iterator<Item = Ix> + '_ {
        self.ring(ix).filter(|&ix| self.is_live(ix))
    }

    /// The entries of the same ID, removed ones included, this one first.
    fn ring(&self, first: Ix) -> impl Iterator<Item = Ix> + '_ {
        std::iter::successors(Some(first), move |&ix| {
            let next = self.entry(ix).sibling;
            (next != first).then_some(next)
        })
    }

    /// All entries.
    pub(super) fn live(&self) -> impl Iterator<Item = Ix> + '_ {
        (0..self.entries.len()).map(|at| at as Ix).filter(|&ix| self.is_live(ix))
    }

    /// Makes an entry, a removed one at first, for an address that has none. The caller has checked [`Slab::has_room`].
    pub(super) fn insert(&mut self, id: IdAt, address: NetAddress, source: Source) -> Ix {
        let ix = self.unused();
        let sibling = match id.known {
            Some(known) => std::mem::replace(&mut self.entry_mut(known).sibling, ix),
            None => ix,
        };
        let entry = Entry::new(sibling);
        if usize::from(ix) == self.entries.len() {
            self.addresses.push(address);
            self.entries.push(entry);
            self.sources.push(source);
            self.listed_at.push([NONE; 2]);
            self.links.push([Link::default(); CHAINS]);
        } else {
            self.addresses[usize::from(ix)] = address;
            self.sources[usize::from(ix)] = source;
            *self.entry_mut(ix) = entry;
        }
        if id.known.is_none() {
            let (addresses, bucket_hash) = (&self.addresses, &self.bucket_hash);
            self.index.insert_unique(id.hash, ix, |&ix| bucket_hash.of_id(&addresses[usize::from(ix)].id()));
        }
        ix
    }

    /// An unused entry, perhaps one past the end. The arrays grow by a quarter: doubling would waste up to half of
    /// them.
    fn unused(&mut self) -> Ix {
        if self.free != NONE {
            let ix = self.free;
            self.free = self.entry(ix).sibling;
            return ix;
        }
        let len = self.entries.len();
        if len == self.entries.capacity() {
            let more = (len / 4).max(8).min(MAX_ENTRIES - len);
            self.addresses.reserve_exact(more);
            self.entries.reserve_exact(more);
            self.sources.reserve_exact(more);
            self.listed_at.reserve_exact(more);
            self.links.reserve_exact(more);
        }
        len as Ix
    }

    /// Frees an entry that is in no list and no bucket.
    pub(super) fn release(&mut self, ix: Ix) {
        let id = self.address(ix).id();
        let hash = self.bucket_hash.of_id(&id);
        let next = self.entry(ix).sibling;
        let addresses = &self.addresses;
        if let Ok(known) = self.index.find_entry(hash, |&ix| addresses[usize::from(ix)].id() == id) {
            if next == ix {
                known.remove();
            } else {
                *known.into_mut() = next;
            }
        }
        let before = self.ring(ix).last().unwrap_or(ix);
        self.entry_mut(before).sibling = next;
        let free = std::mem::replace(&mut self.free, ix);
        let entry = self.entry_mut(ix);
        entry.standing = Standing::Free;
        entry.sibling = free;
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.addresses.capacity() * size_of::<NetAddress>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.sources.capacity() * size_of::<Source>()
            + self.listed_at.capacity() * size_of::<[Ix; 2]>()
            + self.links.capacity() * size_of::<[Link; CHAINS]>()
            + self.index.allocation_size()
    }
}

impl Links for Slab {
    fn link(&mut self, ix: Ix, chain: usize) -> &mut Link {
        &mut self.links[usize::from(ix)][chain]
    }
}
