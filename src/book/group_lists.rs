//! IDs by group, drawn so that a group's share grows much slower than the number of its IDs: who runs many IDs in few
//! places gets little (docs/protocol/address-book.md, "Selection").
//!
//! A group weighs the cube root of its IDs. Groups are kept by the binary logarithm of their size, so that within such a
//! class no weight is far from the heaviest: a class is drawn by its weight, then a group of it that is kept with the
//! ratio of its weight to the heaviest, then an ID. A draw is O(1) at any size.

use rand::{Rng, RngExt as _};

use super::entry_index::{GroupIx, Ix, List, MAX_ENTRIES, NONE};
use super::size_classes::{CLASSES, SizeClasses};
use super::slab::{Slab, Standing};

/// The unit of weights: what a group of one ID weighs.
const UNIT: f64 = 1024.0;
/// IDs beyond which the weight of a group does not grow: the largest hosters have a few hundred nodes of one network.
const HEAVIEST: usize = 1_000;

/// How often an ID is taken when it is drawn, as a part of 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acceptance(u8);

impl Acceptance {
    /// Always.
    pub(super) const SURE: Acceptance = Acceptance(u8::MAX);

    /// A part from 0 to 1, rounded; never 0, so that every ID can be drawn.
    pub(super) fn of(part: f32) -> Self {
        Acceptance((part * 255.0).round().clamp(1.0, 255.0) as u8)
    }
}

/// An entry with its acceptance in four bytes, so that who is drawn and not taken costs no look at the entry: far from all
/// that a processor has at hand when a peer asks.
#[derive(Clone, Copy)]
struct Member(u32);

impl Member {
    const fn new(ix: Ix, acceptance: Acceptance) -> Self {
        Member(ix | (acceptance.0 as u32) << Self::IX_BITS)
    }

    const IX_BITS: u32 = MAX_ENTRIES.ilog2();

    const fn ix(self) -> Ix {
        self.0 & (MAX_ENTRIES as u32 - 1)
    }

    const fn acceptance(self) -> u8 {
        (self.0 >> Self::IX_BITS) as u8
    }
}

/// The IDs of a group, each by one entry.
#[derive(Default)]
struct Members {
    new: Vec<Member>,
    old: Vec<Member>,
    weight: u32,
}

impl Members {
    fn len(&self) -> usize {
        self.new.len() + self.old.len()
    }

    fn list(&mut self, is_old: bool) -> &mut Vec<Member> {
        if is_old { &mut self.old } else { &mut self.new }
    }

    /// The nth of them all, and whether it is new.
    fn at(&self, nth: usize) -> (Member, bool) {
        if nth < self.new.len() { (self.new[nth], true) } else { (self.old[nth - self.new.len()], false) }
    }
}

/// What the groups of a class weigh.
struct Class {
    weight: u64,
    /// What a group of the largest size of this class weighs.
    heaviest: u32,
}

impl Class {
    fn new(number: usize) -> Self {
        Class { weight: 0, heaviest: weight_of((1 << number) - 1).max(1) }
    }
}

/// IDs by group.
pub(super) struct GroupLists {
    list: List,
    members: Vec<Members>,
    by_size: SizeClasses,
    /// Not allocated before the first entry: a book that stays empty is small.
    classes: Vec<Class>,
    weight: u64,
    new: usize,
    old: usize,
}

/// Which IDs of a group are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Any.
    Any,
    /// New ones, if the group has any.
    NewFirst,
}

/// What a draw found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draw {
    /// The list is empty.
    Empty,
    /// One whose acceptance was against it: draw again.
    NotTaken,
    /// This one.
    Taken {
        /// The entry.
        ix: Ix,
        /// Whether its ID is new.
        is_new: bool,
    },
}

impl GroupLists {
    pub(super) const fn new(list: List) -> Self {
        GroupLists {
            list,
            members: Vec::new(),
            by_size: SizeClasses::EMPTY,
            classes: Vec::new(),
            weight: 0,
            new: 0,
            old: 0,
        }
    }

    /// IDs in it.
    pub(super) const fn len(&self) -> usize {
        self.new + self.old
    }

    /// The entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = Ix> {
        self.members.iter().flat_map(|members| members.new.iter().chain(&members.old)).map(|member| member.ix())
    }

    /// IDs of this group.
    pub(super) fn len_of(&self, group: GroupIx) -> usize {
        self.members.get(group as usize).map_or(0, Members::len)
    }

    /// What one draw finds this ID with, from 0 to 1, all else equal.
    pub(super) fn chance_of(&self, group: GroupIx) -> f64 {
        let Some(members) = self.members.get(group as usize).filter(|members| members.len() > 0) else { return 0.0 };
        f64::from(members.weight) / self.weight.max(1) as f64 / members.len() as f64
    }

    /// Whether the entry stands in it for its ID.
    pub(super) fn contains(&self, slab: &Slab, ix: Ix) -> bool {
        slab.listed_at(ix, self.list) != NONE
    }

    /// Lists an entry that is not listed.
    pub(super) fn insert(&mut self, slab: &mut Slab, ix: Ix, acceptance: Acceptance) {
        let group = slab.entry(ix).group as usize;
        if self.members.len() <= group {
            self.members.resize_with(group + 1, Members::default);
        }
        let is_old = slab.entry(ix).standing == Standing::Old;
        let members = &mut self.members[group];
        let (list, count) = (members.list(is_old), if is_old { &mut self.old } else { &mut self.new });
        slab.set_listed_at(ix, self.list, list.len() as Ix);
        if list.len() == list.capacity() {
            list.reserve_exact((list.len() / 4).max(1));
        }
        list.push(Member::new(ix, acceptance));
        *count += 1;
        self.weigh(group);
    }

    /// Takes an entry out, before its state changes or it is removed.
    pub(super) fn remove(&mut self, slab: &mut Slab, ix: Ix) {
        let at = slab.listed_at(ix, self.list);
        if at == NONE {
            return;
        }
        slab.set_listed_at(ix, self.list, NONE);
        let group = slab.entry(ix).group as usize;
        let is_old = slab.entry(ix).standing == Standing::Old;
        let members = &mut self.members[group];
        let (list, count) = (members.list(is_old), if is_old { &mut self.old } else { &mut self.new });
        list.swap_remove(at as usize);
        if let Some(&moved) = list.get(at as usize) {
            slab.set_listed_at(moved.ix(), self.list, at);
        }
        if list.is_empty() {
            *list = Vec::new();
        }
        *count -= 1;
        self.weigh(group);
    }

    /// Sets how often an entry is taken, if it is listed.
    pub(super) fn set_acceptance(&mut self, slab: &Slab, ix: Ix, acceptance: Acceptance) {
        let at = slab.listed_at(ix, self.list);
        if at != NONE {
            let entry = slab.entry(ix);
            let list = self.members[entry.group as usize].list(entry.standing == Standing::Old);
            list[at as usize] = Member::new(ix, acceptance);
        }
    }

    /// How often an entry is taken, if it is listed.
    #[cfg(test)]
    pub(super) fn acceptance_of(&self, slab: &Slab, ix: Ix) -> Option<Acceptance> {
        let entry = slab.entry(ix);
        let members = self.members.get(entry.group as usize)?;
        let list = if entry.standing == Standing::Old { &members.old } else { &members.new };
        let member = list.get(slab.listed_at(ix, self.list) as usize)?;
        assert_eq!(member.ix(), ix);
        Some(Acceptance(member.acceptance()))
    }

    /// Updates the weight and the class of a group whose size changed.
    fn weigh(&mut self, group: usize) {
        if self.classes.is_empty() {
            self.classes = (0..CLASSES).map(Class::new).collect();
        }
        let members = &mut self.members[group];
        let weight = weight_of(members.len());
        let before = std::mem::replace(&mut members.weight, weight);
        let (old_class, class) = self.by_size.set(group as GroupIx, members.len());
        self.weight = self.weight - u64::from(before) + u64::from(weight);
        self.classes[old_class].weight -= u64::from(before);
        self.classes[class].weight += u64::from(weight);
    }

    /// Draws a group by its weight.
    fn draw_group(&self, rng: &mut impl Rng) -> Option<&Members> {
        if self.weight == 0 {
            return None;
        }
        let mut at = rng.random_range(0..self.weight);
        let (number, class) = self.classes.iter().enumerate().find(|(_, class)| {
            let here = at < class.weight;
            at = at.wrapping_sub(class.weight);
            here
        })?;
        let groups = self.by_size.of(number);
        loop {
            let members = &self.members[groups[below(groups.len(), rng)] as usize];
            // A class spans sizes up to a factor of two, and so weights up to one of 1.26.
            if members.weight == class.heaviest || rng.random_range(0..class.heaviest) < members.weight {
                return Some(members);
            }
        }
    }

    /// Draws an ID: a group by its weight, then one of the wanted IDs of it.
    pub(super) fn draw(&self, wanted: Wanted, rng: &mut impl Rng) -> Draw {
        let Some(members) = self.draw_group(rng) else { return Draw::Empty };
        let new = members.new.len();
        let count = if wanted == Wanted::NewFirst && new > 0 { new } else { members.len() };
        let (member, is_new) = members.at(below(count, rng));
        if member.acceptance() == u8::MAX || rng.random_range(0..u8::MAX) < member.acceptance() {
            Draw::Taken { ix: member.ix(), is_new }
        } else {
            Draw::NotTaken
        }
    }

    /// An ID of one of the largest groups (within a factor of two), at random.
    pub(super) fn of_a_largest_group(&self, mut below: impl FnMut(usize) -> usize) -> Option<Ix> {
        let groups = self.by_size.largest();
        let members = &self.members[*groups.get(below(groups.len().max(1)))? as usize];
        Some(members.at(below(members.len())).0.ix())
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let lists: usize = self.members.iter().map(|members| members.new.capacity() + members.old.capacity()).sum();
        lists * size_of::<Member>()
            + self.members.capacity() * size_of::<Members>()
            + self.classes.capacity() * size_of::<Class>()
            + self.by_size.heap_bytes()
    }
}

/// A random position of a list, of 32 bits: half the work of 64.
fn below(len: usize, rng: &mut impl Rng) -> usize {
    rng.random_range(0..len as u32) as usize
}

/// What a group of this size weighs.
fn weight_of(size: usize) -> u32 {
    ((size.min(HEAVIEST) as f64).cbrt() * UNIT) as u32
}

#[cfg(test)]
mod tests {
    use super::super::size_classes::class_of;
    use super::*;

    #[test]
    fn weights_grow_as_the_cube_root_up_to_a_cap() {
        assert_eq!([0, 1, 8, 27, 1_000, 100_000].map(|size| weight_of(size) / 1024), [0, 1, 2, 3, 10, 10]);
        for size in 1..5_000 {
            let heaviest = weight_of((1 << class_of(size)) - 1);
            assert!(weight_of(size) <= heaviest && f64::from(heaviest) / f64::from(weight_of(size)) < 1.27, "{size}");
        }
    }
}
