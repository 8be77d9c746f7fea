//! The entries in the order of their addresses, for pagination: the next ones after any address are found without
//! reading the rest.

use super::entry_index::Ix;
use super::slab::Slab;
use crate::types::NetAddress;

/// One part for each value of the first byte of an ID.
const PARTS: usize = 256;

/// The entries by address. IDs are hashes, so the parts have about the same size, and an insertion or removal costs one
/// move within a part; an attacker who makes up IDs with the same first byte makes that a move of 40 KB.
#[derive(Default)]
pub(super) struct AddressOrder {
    /// Not allocated before the first entry: a book that stays empty is small.
    parts: Vec<Vec<Ix>>,
}

impl AddressOrder {
    /// Adds an entry that is not in it.
    pub(super) fn insert(&mut self, slab: &Slab, ix: Ix) {
        if self.parts.is_empty() {
            self.parts.resize_with(PARTS, Vec::new);
        }
        let address = slab.address(ix);
        let part = &mut self.parts[part_of(address)];
        let at = part.partition_point(|&other| slab.address(other) < address);
        if part.len() == part.capacity() {
            part.reserve_exact((part.len() / 4).max(4));
        }
        part.insert(at, ix);
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, slab: &Slab, ix: Ix) {
        let address = slab.address(ix);
        let Some(part) = self.parts.get_mut(part_of(address)) else { return };
        let at = part.partition_point(|&other| slab.address(other) < address);
        if part.get(at) == Some(&ix) {
            part.remove(at);
        }
    }

    /// The entries whose address is greater than `after`.
    pub(super) fn after<'a>(&'a self, slab: &Slab, after: Option<&NetAddress>) -> impl Iterator<Item = Ix> + use<'a> {
        let first = after.map_or(0, part_of).min(self.parts.len());
        let parts = &self.parts[first..];
        let skip = match (after, parts.first()) {
            (Some(after), Some(part)) => part.partition_point(|&ix| slab.address(ix) <= after),
            _ => 0,
        };
        parts.iter().flatten().copied().skip(skip)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let entries: usize = self.parts.iter().map(Vec::capacity).sum();
        self.parts.capacity() * size_of::<Vec<Ix>>() + entries * size_of::<Ix>()
    }
}

fn part_of(address: &NetAddress) -> usize {
    usize::from(address.id().as_bytes()[0])
}
