//! A list that a file gives and operators change at run time: the items of the file, overlaid by what was added or
//! removed since.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::Wall;

/// A change that an operator made at run time, over what the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta<T> {
    /// The item.
    pub item: T,
    /// Added (true) or removed (false).
    pub added: bool,
    /// The operator, as the audit log names them.
    pub author: Box<str>,
    /// When.
    pub at: Wall,
}

impl<T> Delta<T> {
    /// The same change, the item mapped by `f`.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Delta<U> {
        Delta { item: f(self.item), added: self.added, author: self.author, at: self.at }
    }
}

/// How a new file changed the items in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListDiff<T> {
    /// In effect now, and not before.
    pub added: Vec<T>,
    /// In effect before, and not now.
    pub removed: Vec<T>,
}

/// The file's items with the changes that apply.
#[derive(Clone, Debug)]
pub struct Overlay<T> {
    /// In the file's order, each once.
    from_file: Vec<T>,
    named: BTreeSet<T>,
    deltas: BTreeMap<T, Delta<T>>,
    dirty: BTreeSet<T>,
}

impl<T> Default for Overlay<T> {
    fn default() -> Self {
        Overlay { from_file: Vec::new(), named: BTreeSet::new(), deltas: BTreeMap::new(), dirty: BTreeSet::new() }
    }
}

impl<T: Ord + Clone> Overlay<T> {
    /// The file's items with the changes that still apply: a removal expires when the file drops the item, an addition
    /// when the file names it.
    pub fn load(from_file: impl IntoIterator<Item = T>, deltas: impl IntoIterator<Item = Delta<T>>) -> Self {
        let deltas = deltas.into_iter().map(|delta| (delta.item.clone(), delta)).collect();
        let mut overlay = Overlay { deltas, ..Overlay::default() };
        let _all_added = overlay.set_file(from_file);
        overlay
    }

    /// Replaces the items of the file; changes that no longer apply expire, as in [`Overlay::load`].
    pub fn set_file(&mut self, from_file: impl IntoIterator<Item = T>) -> ListDiff<T> {
        let before: BTreeSet<T> = self.iter().cloned().collect();
        self.from_file.clear();
        self.named.clear();
        for item in from_file {
            if self.named.insert(item.clone()) {
                self.from_file.push(item);
            }
        }
        let expired: Vec<T> = self
            .deltas
            .values()
            .filter(|delta| delta.added == self.is_from_file(&delta.item))
            .map(|delta| delta.item.clone())
            .collect();
        for item in expired {
            self.deltas.remove(&item);
            self.dirty.insert(item);
        }
        let added = self.iter().filter(|item| !before.contains(item)).cloned().collect();
        ListDiff { added, removed: before.into_iter().filter(|item| !self.contains(item)).collect() }
    }

    /// The items in effect: those of the file in its order, then those that were added.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let removed = |item: &T| self.deltas.get(item).is_some_and(|delta| !delta.added);
        let added = self.deltas.values().filter(|delta| delta.added).map(|delta| &delta.item);
        self.from_file.iter().filter(move |item| !removed(item)).chain(added)
    }

    /// All items, those of the file that were removed included, each with its change.
    pub fn entries(&self) -> impl Iterator<Item = (&T, Option<&Delta<T>>)> {
        let added = self.deltas.values().filter(|delta| delta.added).map(|delta| (&delta.item, Some(delta)));
        self.from_file.iter().map(|item| (item, self.deltas.get(item))).chain(added)
    }

    /// Pagination: at most `max` of [`Overlay::entries`] after an item, in the order of the items.
    pub fn entries_after(&self, after: Option<&T>, max: usize) -> Vec<(&T, Option<&Delta<T>>)> {
        let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let named = self.named.range::<T, _>(from).map(|item| (item, self.deltas.get(item))).take(max);
        let added = self.deltas.range::<T, _>(from).filter(|(_, delta)| delta.added);
        let added = added.map(|(item, delta)| (item, Some(delta))).take(max);
        let mut entries: Vec<_> = named.chain(added).collect();
        entries.sort_by_key(|(item, _)| *item);
        entries.truncate(max);
        entries
    }

    /// How many items are in effect.
    pub fn len(&self) -> usize {
        let added = self.added();
        self.named.len() + added - (self.deltas.len() - added)
    }

    /// Whether none is in effect.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many [`Overlay::entries`] there are.
    pub fn entry_count(&self) -> usize {
        self.named.len() + self.added()
    }

    fn added(&self) -> usize {
        self.deltas.values().filter(|delta| delta.added).count()
    }

    /// Whether the item is in effect.
    pub fn contains(&self, item: &T) -> bool {
        self.deltas.get(item).map_or_else(|| self.is_from_file(item), |delta| delta.added)
    }

    /// Whether the file names the item, removed or not.
    pub fn is_from_file(&self, item: &T) -> bool {
        self.named.contains(item)
    }

    /// Adds an item; `false` when it is in effect already.
    pub fn add(&mut self, item: T, author: &str, at: Wall) -> bool {
        !self.contains(&item) && self.change(item, true, author, at)
    }

    /// Adds an item unless `most` are in effect; `false` when it is one of them already.
    ///
    /// # Errors
    /// When it would be one too many.
    pub fn add_within(&mut self, most: usize, item: T, author: &str, at: Wall) -> Result<bool, ListFull> {
        if !self.contains(&item) && self.len() >= most {
            return Err(ListFull);
        }
        Ok(self.add(item, author, at))
    }

    /// Removes an item; `false` when it is not in effect.
    pub fn remove(&mut self, item: &T, author: &str, at: Wall) -> bool {
        self.contains(item) && self.change(item.clone(), false, author, at)
    }

    /// A change to what the file says needs no delta.
    fn change(&mut self, item: T, added: bool, author: &str, at: Wall) -> bool {
        self.dirty.insert(item.clone());
        if added == self.is_from_file(&item) {
            self.deltas.remove(&item);
        } else {
            self.deltas.insert(item.clone(), Delta { item, added, author: author.into(), at });
        }
        true
    }

    /// The changes that apply.
    pub fn deltas(&self) -> impl Iterator<Item = &Delta<T>> {
        self.deltas.values()
    }

    /// Whether a change is not stored yet.
    pub fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// One changed item, with its change, or `None` when that expired.
    pub fn take_dirty(&mut self) -> Option<(T, Option<Delta<T>>)> {
        let item = self.dirty.pop_first()?;
        let delta = self.deltas.get(&item).cloned();
        Some((item, delta))
    }
}

/// A list has as many items in effect as operators may give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the list is full: remove an entry first")]
pub struct ListFull;

#[cfg(test)]
mod tests {
    use super::*;

    fn removal(item: &'static str) -> Delta<&'static str> {
        Delta { item, added: false, author: "ops".into(), at: Wall::from_secs(1) }
    }

    fn in_effect(overlay: &Overlay<&'static str>) -> Vec<&'static str> {
        overlay.iter().copied().collect()
    }

    #[test]
    fn a_removal_expires_with_the_files_item_and_an_addition_when_the_file_names_it() {
        let addition = Delta { added: true, ..removal("b") };
        let mut overlay = Overlay::load(vec!["b", "c"], [removal("a"), addition, removal("c")]);
        assert_eq!(in_effect(&overlay), ["b"]);
        assert_eq!(overlay.take_dirty(), Some(("a", None)));
        assert_eq!(overlay.take_dirty(), Some(("b", None)));
        assert_eq!(overlay.take_dirty(), None);
    }

    #[test]
    fn a_new_file_lies_below_the_changes() {
        let mut overlay = Overlay::load(vec!["a", "b"], [removal("a"), Delta { added: true, ..removal("c") }]);
        assert_eq!(in_effect(&overlay), ["b", "c"]);
        let diff = overlay.set_file(vec!["a", "d"]);
        assert_eq!(diff, ListDiff { added: vec!["d"], removed: vec!["b"] });
        assert_eq!(in_effect(&overlay), ["d", "c"]);
        assert_eq!(overlay.take_dirty(), None, "both changes apply as before");
        let diff = overlay.set_file(vec!["c"]);
        assert_eq!(diff, ListDiff { added: vec![], removed: vec!["d"] }, "c was added before");
        assert_eq!(in_effect(&overlay), ["c"]);
        assert_eq!([overlay.take_dirty(), overlay.take_dirty()], [Some(("a", None)), Some(("c", None))]);
    }

    #[test]
    fn changes_are_deltas_only_where_they_differ_from_the_file() {
        let (mut overlay, at) = (Overlay::load(vec!["a"], []), Wall::from_secs(9));
        assert!(!overlay.add("a", "ops", at));
        assert!(overlay.add("b", "ops", at));
        assert!(overlay.remove(&"a", "ops", at));
        assert!(!overlay.remove(&"a", "ops", at));
        assert_eq!(in_effect(&overlay), ["b"]);
        assert_eq!(overlay.entries().count(), 2);
        assert_eq!(overlay.take_dirty(), Some(("a", Some(Delta { at, ..removal("a") }))));
        assert!(matches!(overlay.take_dirty(), Some(("b", Some(Delta { added: true, .. })))));
        assert!(overlay.add("a", "ops", at));
        assert_eq!(overlay.take_dirty(), Some(("a", None)));
        assert_eq!(in_effect(&overlay), ["a", "b"]);
    }

    #[test]
    fn entries_are_walked_in_the_order_of_the_items_each_once() {
        let mut overlay = Overlay::load(vec!["d", "b", "d"], []);
        assert!(overlay.add("a", "ops", Wall::from_secs(1)));
        assert!(overlay.add("c", "ops", Wall::from_secs(1)));
        assert!(overlay.remove(&"d", "ops", Wall::from_secs(1)));
        let after = |after, max| {
            let entries = overlay.entries_after(after, max);
            entries.into_iter().map(|(item, delta)| (*item, delta.map(|delta| delta.added))).collect::<Vec<_>>()
        };
        assert_eq!(after(None, 9), [("a", Some(true)), ("b", None), ("c", Some(true)), ("d", Some(false))]);
        assert_eq!(after(Some(&"b"), 1), [("c", Some(true))]);
        assert_eq!(after(Some(&"d"), 9), []);
        assert_eq!((overlay.len(), overlay.entry_count()), (3, 4));
    }
}
