//! What is remembered of the latest who came, in a table of bounded size.

use std::collections::BTreeMap;

/// Two generations of at most `N` keys each: when the younger one is full, the older one is forgotten and it becomes the
/// older one.
#[derive(Debug)]
pub(super) struct Generations<K, V, const N: usize> {
    young: BTreeMap<K, V>,
    old: BTreeMap<K, V>,
}

impl<K, V, const N: usize> Default for Generations<K, V, N> {
    fn default() -> Self {
        Generations { young: BTreeMap::new(), old: BTreeMap::new() }
    }
}

impl<K: Ord, V, const N: usize> Generations<K, V, N> {
    /// What is remembered of a key.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Remembers a value, in place of an earlier one.
    pub(super) fn insert(&mut self, key: K, value: V) {
        self.make_room(&key);
        self.young.insert(key, value);
    }

    /// What is remembered of a key, to be changed; the default when there is nothing.
    pub(super) fn entry(&mut self, key: K) -> &mut V
    where
        V: Copy + Default,
    {
        let remembered = self.old.get(&key).copied().unwrap_or_default();
        self.make_room(&key);
        self.young.entry(key).or_insert(remembered)
    }

    fn make_room(&mut self, key: &K) {
        if self.young.len() >= N && !self.young.contains_key(key) {
            self.old = std::mem::take(&mut self.young);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_no_more_than_twice_as_many_are_kept() {
        let mut numbers = Generations::<u32, u32, 4>::default();
        for n in 0..10 {
            *numbers.entry(n) += n;
            assert!(numbers.len() <= 8);
        }
        assert_eq!([5, 6, 9].map(|n| numbers.get(&n).copied()), [Some(5), Some(6), Some(9)]);
        assert_eq!(numbers.get(&3), None);
        *numbers.entry(5) += 1;
        assert_eq!(numbers.get(&5), Some(&6), "what the older generation had is gone on with");
        numbers.insert(5, 1);
        assert_eq!(numbers.get(&5), Some(&1));
    }
}
