//! The groups of the addresses in the book, each with a number, so that an entry and the lists name it in four bytes.

use hashbrown::HashTable;

use super::entry_index::GroupIx;
use super::keyed_hash::KeyedHash;
use crate::types::Group;

struct Numbered {
    group: Group,
    /// Entries of it.
    entries: u32,
    /// Verified ones among them.
    verified: u32,
}

/// The groups that have entries.
pub(super) struct Groups {
    groups: Vec<Numbered>,
    free: Vec<GroupIx>,
    index: HashTable<GroupIx>,
    hash: KeyedHash,
    /// Groups with a verified entry.
    verified: usize,
}

impl Groups {
    pub(super) const fn new(hash: KeyedHash) -> Self {
        Groups { groups: Vec::new(), free: Vec::new(), index: HashTable::new(), hash, verified: 0 }
    }

    /// The number of a group, which gets one entry more.
    pub(super) fn enter(&mut self, group: Group) -> GroupIx {
        let hash = self.hash.of_group(group);
        if let Some(&known) = self.index.find(hash, |&ix| self.groups[ix as usize].group == group) {
            self.groups[known as usize].entries += 1;
            return known;
        }
        let numbered = Numbered { group, entries: 1, verified: 0 };
        let ix = match self.free.pop() {
            Some(ix) => {
                self.groups[ix as usize] = numbered;
                ix
            }
            None => {
                self.groups.push(numbered);
                (self.groups.len() - 1) as GroupIx
            }
        };
        let (groups, keyed) = (&self.groups, &self.hash);
        self.index.insert_unique(hash, ix, |&ix| keyed.of_group(groups[ix as usize].group));
        ix
    }

    /// Takes one entry out of a group.
    pub(super) fn leave(&mut self, ix: GroupIx) {
        let numbered = &mut self.groups[ix as usize];
        numbered.entries -= 1;
        if numbered.entries > 0 {
            return;
        }
        let hash = self.hash.of_group(numbered.group);
        if let Ok(known) = self.index.find_entry(hash, |&other| other == ix) {
            known.remove();
        }
        self.free.push(ix);
    }

    /// Counts a verified entry of a group, or counts it no more.
    pub(super) fn count_verified(&mut self, ix: GroupIx, more: bool) {
        let verified = &mut self.groups[ix as usize].verified;
        if more {
            self.verified += usize::from(*verified == 0);
            *verified += 1;
        } else {
            *verified -= 1;
            self.verified -= usize::from(*verified == 0);
        }
    }

    /// Groups that have a verified entry.
    pub(super) const fn verified(&self) -> usize {
        self.verified
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Numbered>()
            + self.free.capacity() * size_of::<GroupIx>()
            + self.index.allocation_size()
    }
}
