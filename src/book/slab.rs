//! The entries, one an address, in arrays that are walked by need: numbers of 16 bits instead of pointers keep a full
//! book small enough for a processor's cache.

use hashbrown::HashTable;

use super::hash::Placement;
use super::history::{History, Stamp};
use super::list::{Link, Links};
use super::{MAX_NEW_BUCKETS, Source, State};
use crate::types::{NetAddress, NodeId};

/// The number of an entry.
pub(super) type Ix = u16;

/// No entry.
pub(super) const NONE: Ix = Ix::MAX;

/// Entries that fit, removed ones that the store was not told of included.
const MAX_ENTRIES: usize = NONE as usize;

/// Where an entry stands: its ID's state, or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Standing {
    New,
    Old,
    Banned,
    /// Removed, and kept until the store was told.
    Gone,
    /// An unused place.
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

/// What is known of an address besides itself and its history.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) source: Source,
    pub(super) standing: Standing,
    buckets: [u8; MAX_NEW_BUCKETS],
    bucket_count: u8,
    /// The queue of the schedule that it waits in.
    pub(super) queue: Option<u8>,
    /// Handed out by `due` and not marked since.
    pub(super) taken: bool,
    /// The store has a row of it.
    pub(super) stored: bool,
    /// Its row is to be written or deleted.
    pub(super) dirty: bool,
    /// It stands for its ID in the count of the untried.
    pub(super) counts_untried: bool,
    /// The next entry of its ID, in a ring; of an unused place, the next one.
    sibling: Ix,
    /// When its turn in the queue comes, in seconds on the monotonic clock.
    pub(super) due: u32,
}

impl Entry {
    fn new(source: Source, sibling: Ix) -> Self {
        Entry {
            source,
            standing: Standing::Gone,
            buckets: [0; MAX_NEW_BUCKETS],
            bucket_count: 0,
            queue: None,
            taken: false,
            stored: false,
            dirty: false,
            counts_untried: false,
            sibling,
            due: 0,
        }
    }

    pub(super) fn buckets(&self) -> &[u8] {
        &self.buckets[..usize::from(self.bucket_count)]
    }

    pub(super) fn enter(&mut self, bucket: u8) {
        self.buckets[usize::from(self.bucket_count)] = bucket;
        self.bucket_count += 1;
    }

    pub(super) fn leave(&mut self, bucket: u8) {
        if let Some(at) = self.buckets().iter().position(|&b| b == bucket) {
            self.buckets.copy_within(at + 1..usize::from(self.bucket_count), at);
            self.bucket_count -= 1;
        }
    }
}

/// All entries and the index of IDs. The addresses of one ID form a ring; the index knows one of them.
pub(super) struct Slab {
    pub(super) addresses: Vec<NetAddress>,
    pub(super) histories: Vec<History>,
    pub(super) entries: Vec<Entry>,
    /// Places in the lists of what may be served, one of each kind.
    pub(super) served_at: Vec<[Ix; 2]>,
    pub(super) links: Vec<[Link; 2]>,
    free: Ix,
    index: HashTable<Ix>,
    placement: Placement,
}

impl Slab {
    pub(super) fn new(placement: Placement) -> Self {
        Slab {
            addresses: Vec::new(),
            histories: Vec::new(),
            entries: Vec::new(),
            served_at: Vec::new(),
            links: Vec::new(),
            free: NONE,
            index: HashTable::new(),
            placement,
        }
    }

    pub(super) fn entry(&self, ix: Ix) -> &Entry {
        &self.entries[usize::from(ix)]
    }

    pub(super) fn entry_mut(&mut self, ix: Ix) -> &mut Entry {
        &mut self.entries[usize::from(ix)]
    }

    pub(super) fn history(&self, ix: Ix) -> &History {
        &self.histories[usize::from(ix)]
    }

    pub(super) fn history_mut(&mut self, ix: Ix) -> &mut History {
        &mut self.histories[usize::from(ix)]
    }

    pub(super) fn address(&self, ix: Ix) -> &NetAddress {
        &self.addresses[usize::from(ix)]
    }

    /// Whether [`Slab::insert`] has a place.
    pub(super) fn has_room(&self) -> bool {
        self.free != NONE || self.entries.len() < MAX_ENTRIES
    }

    /// Any entry of the ID, removed ones included.
    pub(super) fn find_id(&self, id: &NodeId) -> Option<Ix> {
        self.index.find(self.placement.of_id(id), |&ix| self.address(ix).id() == *id).copied()
    }

    /// The entry of the address, removed ones included.
    pub(super) fn find(&self, address: &NetAddress) -> Option<Ix> {
        let first = self.find_id(&address.id())?;
        self.ring(first).find(|&ix| self.address(ix) == address)
    }

    /// The entry of the address.
    pub(super) fn find_live(&self, address: &NetAddress) -> Option<Ix> {
        self.find(address).filter(|&ix| self.is_live(ix))
    }

    /// The entries of the ID.
    pub(super) fn of_id(&self, id: &NodeId) -> impl Iterator<Item = Ix> + '_ {
        self.find_id(id).into_iter().flat_map(|ix| self.siblings(ix))
    }

    pub(super) fn is_live(&self, ix: Ix) -> bool {
        self.entry(ix).standing.state().is_some()
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

    /// Makes an entry, a removed one at first, of an address that has none. The caller has asked for room.
    pub(super) fn insert(&mut self, address: NetAddress, source: Source) -> Ix {
        let ix = self.place();
        let at = usize::from(ix);
        let sibling = match self.find_id(&address.id()) {
            Some(first) => std::mem::replace(&mut self.entry_mut(first).sibling, ix),
            None => ix,
        };
        let entry = Entry::new(source, sibling);
        let history = History::new(Stamp::NEVER);
        if at == self.entries.len() {
            self.addresses.push(address);
            self.histories.push(history);
            self.entries.push(entry);
            self.served_at.push([NONE; 2]);
            self.links.push([Link::default(); 2]);
        } else {
            self.addresses[at] = address;
            self.histories[at] = history;
            self.entries[at] = entry;
        }
        if sibling == ix {
            let hash = self.placement.of_id(&address.id());
            let (addresses, placement) = (&self.addresses, &self.placement);
            self.index.insert_unique(hash, ix, |&ix| placement.of_id(&addresses[usize::from(ix)].id()));
        }
        ix
    }

    /// Fills in an entry that is a removed one.
    pub(super) fn revive(&mut self, ix: Ix, source: Source, state: State, history: History) {
        *self.history_mut(ix) = history;
        let entry = self.entry_mut(ix);
        entry.source = source;
        entry.standing = state.into();
    }

    /// An unused place, perhaps one past the end. Arrays grow by a quarter: doubling would waste half of them.
    fn place(&mut self) -> Ix {
        if self.free != NONE {
            let ix = self.free;
            self.free = self.entry(ix).sibling;
            return ix;
        }
        let len = self.entries.len();
        if len == self.entries.capacity() {
            let more = (len / 4).max(8).min(MAX_ENTRIES - len);
            self.addresses.reserve_exact(more);
            self.histories.reserve_exact(more);
            self.entries.reserve_exact(more);
            self.served_at.reserve_exact(more);
            self.links.reserve_exact(more);
        }
        len as Ix
    }

    /// Forgets an entry that is in no list and no bucket.
    pub(super) fn release(&mut self, ix: Ix) {
        let id = self.address(ix).id();
        let hash = self.placement.of_id(&id);
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
            + self.histories.capacity() * size_of::<History>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.served_at.capacity() * size_of::<[Ix; 2]>()
            + self.links.capacity() * size_of::<[Link; 2]>()
            + self.index.allocation_size()
    }
}

impl Links for Slab {
    fn link(&mut self, ix: Ix, chain: usize) -> &mut Link {
        &mut self.links[usize::from(ix)][chain]
    }
}
