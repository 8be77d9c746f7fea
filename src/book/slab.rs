//! The entries, one for each address, in a slab. Indices of 32 bits instead of pointers, and one array for each use
//! (structure of arrays), so that a walk or a draw touches no more than it reads.

use std::net::SocketAddr;

use hashbrown::HashTable;

use super::entry_index::{GroupIx, Ix, LISTS, List, MAX_ENTRIES, NONE, Pool, Queue};
use super::fifo::{CHAINS, Link, Links};
use super::history::{History, Timestamp};
use super::keyed_hash::KeyedHash;
use super::{Source, State};
use crate::types::{NetAddress, NodeId};

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
    /// The next entry at its ip:port, in a ring.
    neighbour: Ix,
    /// When it is due, in seconds on the monotonic clock.
    pub(super) due: u32,
    /// Its position in the list of its pool.
    pub(super) pool_at: Ix,
    pub(super) group: GroupIx,
    pub(super) source_bucket: u16,
    /// Where it waits for its dial.
    pub(super) queue: Queue,
    pub(super) pool: Pool,
    pub(super) standing: Standing,
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
    fn new(sibling: Ix, neighbour: Ix) -> Self {
        Entry {
            history: History::new(Timestamp::NEVER),
            sibling,
            neighbour,
            due: 0,
            pool_at: NONE,
            group: 0,
            source_bucket: 0,
            queue: Queue::NONE,
            pool: Pool::None,
            standing: Standing::Gone,
            taken: false,
            stored: false,
            dirty: false,
            counts_untried: false,
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

/// What an answer reads of an entry, side by side.
struct Place {
    address: NetAddress,
    /// Positions in the lists by group.
    listed_at: [Ix; LISTS],
}

const _: () = assert!(size_of::<Place>() == 48);

/// All entries and the index of IDs. The addresses of one ID form a ring; the index knows one of them.
pub(super) struct Slab {
    places: Vec<Place>,
    entries: Vec<Entry>,
    sources: Vec<Source>,
    links: Vec<[Link; CHAINS]>,
    free: Ix,
    /// One entry of each ID.
    index: HashTable<Ix>,
    /// One entry of each ip:port.
    endpoints: HashTable<Ix>,
    hash: KeyedHash,
    /// Entries that fit, removed ones with an unsaved removal included.
    max: usize,
}

impl Slab {
    /// An empty slab for so many entries, at most [`MAX_ENTRIES`].
    pub(super) fn new(hash: KeyedHash, max: usize) -> Self {
        let max = max.min(MAX_ENTRIES);
        Slab {
            places: Vec::new(),
            entries: Vec::new(),
            sources: Vec::new(),
            links: Vec::new(),
            free: NONE,
            index: HashTable::new(),
            endpoints: HashTable::new(),
            hash,
            max,
        }
    }

    pub(super) fn entry(&self, ix: Ix) -> &Entry {
        &self.entries[ix as usize]
    }

    pub(super) fn entry_mut(&mut self, ix: Ix) -> &mut Entry {
        &mut self.entries[ix as usize]
    }

    pub(super) fn history(&self, ix: Ix) -> &History {
        &self.entry(ix).history
    }

    pub(super) fn address(&self, ix: Ix) -> &NetAddress {
        &self.places[ix as usize].address
    }

    pub(super) fn source(&self, ix: Ix) -> &Source {
        &self.sources[ix as usize]
    }

    pub(super) fn set_source(&mut self, ix: Ix, source: Source) {
        self.sources[ix as usize] = source;
    }

    /// The position of an entry in a list; [`NONE`] when it is not in it.
    pub(super) fn listed_at(&self, ix: Ix, list: List) -> Ix {
        self.places[ix as usize].listed_at[list as usize]
    }

    pub(super) fn set_listed_at(&mut self, ix: Ix, list: List, at: Ix) {
        self.places[ix as usize].listed_at[list as usize] = at;
    }

    /// Whether [`Slab::insert`] has room.
    pub(super) fn has_room(&self) -> bool {
        self.free != NONE || self.entries.len() < self.max
    }

    pub(super) fn find_id(&self, id: &NodeId) -> IdAt {
        let hash = self.hash.of_id(id);
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

    /// Whether there is an entry with this number, used or not.
    pub(super) fn has(&self, ix: Ix) -> bool {
        (ix as usize) < self.entries.len()
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

    /// The other entries at the same ip:port.
    pub(super) fn neighbours(&self, ix: Ix) -> impl Iterator<Item = Ix> + '_ {
        let next = move |&at: &Ix| Some(self.entry(at).neighbour).filter(|&next| next != ix);
        std::iter::successors(next(&ix), next).filter(|&ix| self.is_live(ix))
    }

    /// The entries at this ip:port.
    pub(super) fn at_endpoint(&self, endpoint: SocketAddr) -> impl Iterator<Item = Ix> + '_ {
        let hash = self.hash.of_endpoint(endpoint);
        let first = self.endpoints.find(hash, |&ix| self.address(ix).socket() == endpoint).copied();
        let others = first.into_iter().flat_map(|ix| self.neighbours(ix));
        first.into_iter().filter(|&ix| self.is_live(ix)).chain(others)
    }

    /// All entries.
    pub(super) fn live(&self) -> impl Iterator<Item = Ix> + '_ {
        (0..self.entries.len() as Ix).filter(|&ix| self.is_live(ix))
    }

    /// Makes an entry, a removed one at first, for an address that has none. The caller has checked [`Slab::has_room`].
    pub(super) fn insert(&mut self, id: IdAt, address: NetAddress, source: Source) -> Ix {
        let ix = self.unused();
        let sibling = match id.known {
            Some(known) => std::mem::replace(&mut self.entry_mut(known).sibling, ix),
            None => ix,
        };
        let endpoint = self.hash.of_endpoint(address.socket());
        let known = self.endpoints.find(endpoint, |&ix| self.address(ix).socket() == address.socket()).copied();
        let neighbour = known.map_or(ix, |known| std::mem::replace(&mut self.entry_mut(known).neighbour, ix));
        let entry = Entry::new(sibling, neighbour);
        if ix as usize == self.entries.len() {
            self.places.push(Place { address, listed_at: [NONE; LISTS] });
            self.entries.push(entry);
            self.sources.push(source);
            self.links.push([Link::default(); CHAINS]);
        } else {
            self.places[ix as usize].address = address;
            self.sources[ix as usize] = source;
            *self.entry_mut(ix) = entry;
        }
        let (places, hash) = (&self.places, &self.hash);
        if id.known.is_none() {
            self.index.insert_unique(id.hash, ix, |&ix| hash.of_id(&places[ix as usize].address.id()));
        }
        if known.is_none() {
            self.endpoints.insert_unique(endpoint, ix, |&ix| hash.of_endpoint(places[ix as usize].address.socket()));
        }
        ix
    }

    /// An unused entry, perhaps one past the end. The arrays grow by an eighth: doubling would waste up to half of
    /// them.
    fn unused(&mut self) -> Ix {
        if self.free != NONE {
            let ix = self.free;
            self.free = self.entry(ix).sibling;
            return ix;
        }
        let len = self.entries.len();
        if len == self.entries.capacity() {
            let more = (len / 8).max(8).min(self.max - len);
            self.places.reserve_exact(more);
            self.entries.reserve_exact(more);
            self.sources.reserve_exact(more);
            self.links.reserve_exact(more);
        }
        len as Ix
    }

    /// Frees an entry that is in no list and no queue.
    pub(super) fn release(&mut self, ix: Ix) {
        self.leave_endpoint(ix);
        let id = self.address(ix).id();
        let hash = self.hash.of_id(&id);
        let next = self.entry(ix).sibling;
        let places = &self.places;
        if let Ok(known) = self.index.find_entry(hash, |&ix| places[ix as usize].address.id() == id) {
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

    /// Takes an entry out of the index of endpoints and out of its ring there.
    fn leave_endpoint(&mut self, ix: Ix) {
        let endpoint = self.address(ix).socket();
        let next = self.entry(ix).neighbour;
        let (hash, places) = (self.hash.of_endpoint(endpoint), &self.places);
        if let Ok(known) = self.endpoints.find_entry(hash, |&ix| places[ix as usize].address.socket() == endpoint) {
            if next == ix {
                known.remove();
            } else {
                *known.into_mut() = next;
            }
        }
        let mut before = ix;
        while self.entry(before).neighbour != ix {
            before = self.entry(before).neighbour;
        }
        self.entry_mut(before).neighbour = next;
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.places.capacity() * size_of::<Place>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.sources.capacity() * size_of::<Source>()
            + self.links.capacity() * size_of::<[Link; CHAINS]>()
            + self.index.allocation_size()
            + self.endpoints.allocation_size()
    }
}

impl Links for Slab {
    fn link(&mut self, ix: Ix, chain: usize) -> &mut Link {
        &mut self.links[ix as usize][chain]
    }
}
