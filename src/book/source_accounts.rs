//! What each source brought, and what became of it: who brings the addresses that nobody can reach
//! (docs/protocol/address-book.md, "Sources").
//!
//! There is an account for each group of sources, and one for each watched ID (the configured seeds). Both follow from the
//! source that an entry keeps, so that an entry has nothing of them to remember.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::Book;
use super::entry_index::Ix;
use super::history::History;
use super::params::MAX_SOURCE_ACCOUNTS;
use super::record::Source;
use crate::types::{Group, NodeId};

/// What a source brought, and what became of it. An address counts for the source that brought it first, also after it has
/// left the book; `brought` is at least `reached` and `dead` together, and the rest was not tried yet, or left untried.
///
/// Counted since the start of the process (each up to the greatest number of 32 bits), and from what the book held at the start: after a restart an
/// account says what the book still has of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceAccount {
    /// Addresses that the book did not know, and took.
    pub brought: u32,
    /// Of these, those that a dial of ours has reached, however long ago.
    pub reached: u32,
    /// Of these, those that were dialled and never reached; failures in an outage of our own do not count. One that comes
    /// back with the failures that a trace remembers is dead at once.
    pub dead: u32,
    /// Addresses that the book did not know, and did not take because their source had brought too many (token bucket).
    pub refused: u32,
}

/// What became of an address so far, by its history alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Reached,
    Dead,
}

impl Fate {
    fn of(history: &History) -> Self {
        if history.was_reached() {
            Fate::Reached
        } else if history.attempts > 0 {
            Fate::Dead
        } else {
            Fate::Open
        }
    }
}

impl SourceAccount {
    fn bring(&mut self, fate: Fate) {
        self.brought = self.brought.saturating_add(1);
        self.turn(Fate::Open, fate);
    }

    fn turn(&mut self, before: Fate, after: Fate) {
        if before == Fate::Dead {
            self.dead = self.dead.saturating_sub(1);
        }
        match after {
            Fate::Open => {}
            Fate::Reached => self.reached = self.reached.saturating_add(1),
            Fate::Dead => self.dead = self.dead.saturating_add(1),
        }
        // When this account gave way once and was opened again, the address may be one of before, which counts as brought
        // from here on.
        self.brought = self.brought.max(self.reached.saturating_add(self.dead));
    }

    fn refuse(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }
}

/// The account of a group, and when it last brought something, by the count of all that was brought.
#[derive(Clone, Copy, Debug, Default)]
struct GroupAccount {
    account: SourceAccount,
    last: u64,
}

/// All accounts.
///
/// Those of groups are bounded. The one that brought least gives way, and of equals the one that brought longest ago. So an
/// account is pushed out only by as many groups as there are accounts that each brought more, all of it unknown, taken by the
/// book and within the rate of its bucket: groups are cheap for who has them, and this is not. What is refused or dead moves
/// no account, since it costs nothing to have much of it.
#[derive(Debug, Default)]
pub(super) struct SourceAccounts {
    groups: BTreeMap<Group, GroupAccount>,
    /// The same, the one that gives way first at the front.
    order: BTreeSet<(u32, u64, Group)>,
    /// Addresses that were brought in all.
    brought: u64,
    watched: BTreeMap<NodeId, SourceAccount>,
}

impl SourceAccounts {
    /// Counts an address that came into the book. No account gives way for it: see [`SourceAccounts::make_room`].
    fn bring(&mut self, group: Group, id: &NodeId, fate: Fate) {
        self.brought += 1;
        let own = self.groups.entry(group).or_default();
        self.order.remove(&(own.account.brought, own.last, group));
        own.account.bring(fate);
        own.last = self.brought;
        self.order.insert((own.account.brought, own.last, group));
        self.bring_watched(id, fate);
    }

    fn bring_watched(&mut self, id: &NodeId, fate: Fate) {
        if let Some(account) = self.watched.get_mut(id) {
            account.bring(fate);
        }
    }

    /// Counts what became of an address of the book.
    fn turn(&mut self, group: Group, id: &NodeId, before: Fate, after: Fate) {
        if let Some(own) = self.groups.get_mut(&group) {
            let rank = (own.account.brought, own.last, group);
            own.account.turn(before, after);
            if own.account.brought != rank.0 {
                self.order.remove(&rank);
                self.order.insert((own.account.brought, own.last, group));
            }
        }
        if let Some(account) = self.watched.get_mut(id) {
            account.turn(before, after);
        }
    }

    /// Counts an address that was refused. It opens an account only while there is room.
    fn refuse(&mut self, group: Group, id: &NodeId) {
        let is_full = self.groups.len() >= MAX_SOURCE_ACCOUNTS;
        match self.groups.entry(group) {
            Entry::Occupied(own) => own.into_mut().account.refuse(),
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(place) => {
                let own = place.insert(GroupAccount::default());
                own.account.refuse();
                self.order.insert((0, 0, group));
            }
        }
        if let Some(account) = self.watched.get_mut(id) {
            account.refuse();
        }
    }

    /// Sees to it that a group has an account or can have one.
    fn make_room(&mut self, group: Group) {
        if !self.groups.contains_key(&group) {
            self.bound(MAX_SOURCE_ACCOUNTS - 1);
        }
    }

    /// Lets accounts of groups give way until there are no more than `most`.
    fn bound(&mut self, most: usize) {
        while self.groups.len() > most
            && let Some((_, _, group)) = self.order.pop_first()
        {
            self.groups.remove(&group);
        }
    }

    /// Bytes on the heap, about: the nodes of the trees are two thirds full on average.
    pub(super) fn heap_bytes(&self) -> usize {
        let group = size_of::<(Group, GroupAccount)>() + size_of::<(u32, u64, Group)>();
        let bytes = self.groups.len() * group + self.watched.len() * size_of::<(NodeId, SourceAccount)>();
        bytes * 3 / 2
    }
}

impl Book {
    /// The account of a watched source; `None` when it is not watched.
    pub fn watched_account(&self, id: &NodeId) -> Option<SourceAccount> {
        self.accounts.watched.get(id).copied()
    }

    /// The account of a group of sources; `None` when it has none.
    pub fn source_account(&self, group: Group) -> Option<SourceAccount> {
        self.accounts.groups.get(&group).map(|own| own.account)
    }

    /// Pagination: at most `max` accounts of groups of sources after the group `after`, in the order of the groups.
    pub fn source_accounts(&self, after: Option<Group>, max: usize) -> Vec<(Group, SourceAccount)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let accounts = self.accounts.groups.range((from, Bound::Unbounded));
        accounts.take(max).map(|(group, own)| (*group, own.account)).collect()
    }

    /// Keeps accounts of these IDs and of no other. One that was not watched before begins with what the book has of it,
    /// which is a walk over the book.
    pub fn watch_sources(&mut self, ids: impl IntoIterator<Item = NodeId>) {
        let before = std::mem::take(&mut self.accounts.watched);
        let mut came = BTreeSet::new();
        for id in ids {
            let known = before.get(&id).copied();
            if known.is_none() {
                came.insert(id);
            }
            self.accounts.watched.insert(id, known.unwrap_or_default());
        }
        if came.is_empty() {
            return;
        }
        for ix in self.slab.live() {
            let id = self.slab.source(ix).id;
            if came.contains(&id) {
                self.accounts.bring_watched(&id, Fate::of(self.slab.history(ix)));
            }
        }
    }

    /// The group whose account a source has. We ourselves have none: what operators add is nobody's gossip.
    fn account_of(&self, source: &Source) -> Option<Group> {
        (source.id != self.params.own_id).then(|| self.params.group_of(source.ip))
    }

    /// Counts an entry that has just come for its source.
    pub(super) fn note_brought(&mut self, ix: Ix) {
        let source = *self.slab.source(ix);
        if let Some(group) = self.account_of(&source) {
            self.accounts.make_room(group);
            self.accounts.bring(group, &source.id, Fate::of(self.slab.history(ix)));
        }
    }

    /// Counts all entries for their sources, in a book that was just loaded. The bound comes last, so that those stay that
    /// have most, in whatever order the entries lie.
    pub(super) fn count_loaded_sources(&mut self) {
        for ix in self.slab.live() {
            let source = self.slab.source(ix);
            if let Some(group) = self.account_of(source) {
                self.accounts.bring(group, &source.id, Fate::of(self.slab.history(ix)));
            }
        }
        self.accounts.bound(MAX_SOURCE_ACCOUNTS);
    }

    /// Counts for its source what a dial showed of an entry, whose history was `before`.
    pub(super) fn note_fate(&mut self, ix: Ix, before: &History) {
        let (before, after) = (Fate::of(before), Fate::of(self.slab.history(ix)));
        let source = *self.slab.source(ix);
        if before != after
            && let Some(group) = self.account_of(&source)
        {
            self.accounts.turn(group, &source.id, before, after);
        }
    }

    /// Counts an address that a source's rate kept out.
    pub(super) fn note_over_rate(&mut self, source: &Source) {
        if let Some(group) = self.account_of(source) {
            self.accounts.refuse(group, &source.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: NodeId = NodeId::from_bytes([1; NodeId::LEN]);

    fn group(n: usize) -> Group {
        let [.., a, b] = n.to_be_bytes();
        Group::V4([a, b])
    }

    /// As the book does when an address comes.
    fn bring(accounts: &mut SourceAccounts, group: Group, times: usize) {
        for _ in 0..times {
            accounts.make_room(group);
            accounts.bring(group, &ID, Fate::Open);
        }
    }

    fn counts(accounts: &SourceAccounts, group: Group) -> Option<[u32; 4]> {
        accounts.groups.get(&group).map(|own| {
            let SourceAccount { brought, reached, dead, refused } = own.account;
            [brought, reached, dead, refused]
        })
    }

    fn check(accounts: &SourceAccounts) {
        assert!(accounts.groups.len() <= MAX_SOURCE_ACCOUNTS);
        let order: BTreeSet<_> =
            accounts.groups.iter().map(|(group, own)| (own.account.brought, own.last, *group)).collect();
        assert_eq!(accounts.order, order);
    }

    #[test]
    fn a_flood_of_groups_pushes_out_what_brought_less_and_nothing_else() {
        let mut accounts = SourceAccounts::default();
        (0..100).for_each(|n| bring(&mut accounts, group(n), 50));
        // Each of ten thousand groups brings less than the busiest, again and again.
        for round in 0..3 {
            (1_000..11_000).for_each(|n| bring(&mut accounts, group(n), 7));
            assert_eq!(accounts.groups.len(), MAX_SOURCE_ACCOUNTS, "{round}");
        }
        (0..100).for_each(|n| assert_eq!(counts(&accounts, group(n)), Some([50, 0, 0, 0]), "{n}"));
        check(&accounts);
        // One that comes late and brings much finds a place all the same.
        bring(&mut accounts, group(20_000), 40);
        assert_eq!(counts(&accounts, group(20_000)), Some([40, 0, 0, 0]));
        bring(&mut accounts, group(20_001), 1);
        assert_eq!(counts(&accounts, group(20_000)), Some([40, 0, 0, 0]));
    }

    #[test]
    fn of_equals_the_one_that_brought_longest_ago_gives_way() {
        let mut accounts = SourceAccounts::default();
        (0..MAX_SOURCE_ACCOUNTS).for_each(|n| bring(&mut accounts, group(n), 1));
        bring(&mut accounts, group(0), 1);
        bring(&mut accounts, group(60_000), 1);
        let there = [0, 1, 2, 60_000].map(|n| counts(&accounts, group(n)).is_some());
        assert_eq!(there, [true, false, true, true]);
        check(&accounts);
    }

    #[test]
    fn what_is_refused_takes_no_place_from_what_was_brought() {
        let mut accounts = SourceAccounts::default();
        accounts.refuse(group(1), &ID);
        assert_eq!(counts(&accounts, group(1)), Some([0, 0, 0, 1]), "while there is room");
        (2..=MAX_SOURCE_ACCOUNTS).for_each(|n| bring(&mut accounts, group(n), 1));
        accounts.refuse(group(50_000), &ID);
        accounts.refuse(group(2), &ID);
        assert_eq!((counts(&accounts, group(50_000)), counts(&accounts, group(2))), (None, Some([1, 0, 0, 1])));
        bring(&mut accounts, group(50_000), 1);
        assert_eq!(counts(&accounts, group(1)), None, "it brought least");
        check(&accounts);
    }

    #[test]
    fn an_account_that_gave_way_and_came_back_counts_what_is_dialled_of_before() {
        let mut accounts = SourceAccounts::default();
        bring(&mut accounts, group(1), 2);
        accounts.turn(group(1), &ID, Fate::Open, Fate::Dead);
        accounts.bound(0);
        accounts.turn(group(1), &ID, Fate::Open, Fate::Dead);
        assert_eq!(counts(&accounts, group(1)), None, "what becomes of an address opens no account");
        bring(&mut accounts, group(1), 1);
        accounts.turn(group(1), &ID, Fate::Dead, Fate::Reached);
        assert_eq!(counts(&accounts, group(1)), Some([1, 1, 0, 0]));
        accounts.turn(group(1), &ID, Fate::Open, Fate::Dead);
        assert_eq!(counts(&accounts, group(1)), Some([2, 1, 1, 0]));
        check(&accounts);
    }

    #[test]
    fn counts_end_at_the_greatest_number() {
        let mut account = SourceAccount { brought: u32::MAX, reached: u32::MAX, dead: u32::MAX, refused: u32::MAX };
        account.bring(Fate::Reached);
        account.bring(Fate::Dead);
        account.refuse();
        assert_eq!(account.brought, u32::MAX);
        assert_eq!((account.reached, account.dead, account.refused), (u32::MAX, u32::MAX, u32::MAX));
    }
}
