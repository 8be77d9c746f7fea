//! Who comes most often, of any number of sources, in a table of fixed size (Metwally and others, "Efficient computation of
//! frequent elements", 2005: Space-Saving).
//!
//! A source that is not in the full table takes the place of the one with the least count, and takes over that count as
//! its possible error: a count is never too low, and too high by at most the error. Whoever came more often than one in
//! `capacity` times is in the table for certain.

use std::collections::HashMap;
use std::hash::Hash;

use crate::types::Wall;

/// Reasons that are counted for one source; what comes beyond them is counted as [`OTHER`].
const MAX_REASONS: usize = 8;
/// The reason that stands for all that have no place of their own.
const OTHER: &str = "other";

/// A source with its counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transport) struct Hitter<K> {
    pub(in crate::transport) key: K,
    pub(in crate::transport) count: u64,
    /// By how much the count may be too high.
    pub(in crate::transport) error: u64,
    /// What was seen of it since it has its place: these add up to `count - error`.
    pub(in crate::transport) reasons: Vec<(&'static str, u64)>,
    pub(in crate::transport) last: Wall,
    /// Where it stands in the order.
    place: u16,
}

/// The table. Noting costs one look-up, a binary search and a swap, whatever comes.
#[derive(Debug)]
pub(in crate::transport) struct HeavyHitters<K> {
    capacity: u16,
    hitters: Vec<Hitter<K>>,
    by_key: HashMap<K, u16>,
    /// The hitters, the most frequent first.
    order: Vec<u16>,
}

impl<K: Copy + Eq + Hash> HeavyHitters<K> {
    /// An empty table for so many sources, at least one. It takes memory as it fills.
    pub(in crate::transport) fn new(capacity: u16) -> Self {
        HeavyHitters { capacity: capacity.max(1), hitters: Vec::new(), by_key: HashMap::new(), order: Vec::new() }
    }

    /// Notes that `key` came once more.
    pub(in crate::transport) fn note(&mut self, key: K, reason: &'static str, at: Wall) {
        let at_index = match self.by_key.get(&key) {
            Some(&known) => known,
            None => self.admit(key),
        };
        self.raise(at_index);
        let hitter = &mut self.hitters[usize::from(at_index)];
        hitter.last = at;
        count_reason(&mut hitter.reasons, reason);
    }

    /// The sources, the most frequent first.
    pub(in crate::transport) fn iter(&self) -> impl Iterator<Item = &Hitter<K>> {
        self.order.iter().map(|&index| &self.hitters[usize::from(index)])
    }

    fn admit(&mut self, key: K) -> u16 {
        let index = match self.order.last() {
            Some(&least) if self.order.len() >= usize::from(self.capacity) => {
                let hitter = &mut self.hitters[usize::from(least)];
                self.by_key.remove(&hitter.key);
                hitter.key = key;
                hitter.error = hitter.count;
                hitter.reasons.clear();
                least
            }
            _ => {
                // Below the capacity, which is one of these.
                let index = self.hitters.len() as u16;
                self.hitters.push(Hitter {
                    key,
                    count: 0,
                    error: 0,
                    reasons: Vec::new(),
                    last: Wall::NEVER,
                    place: index,
                });
                self.order.push(index);
                index
            }
        };
        self.by_key.insert(key, index);
        index
    }

    /// Counts one more: the first of those with the same count changes places with it, and the order holds.
    fn raise(&mut self, index: u16) {
        let Hitter { count, place, .. } = self.hitters[usize::from(index)];
        let first = self.order.partition_point(|&other| self.hitters[usize::from(other)].count > count);
        let other = self.order[first];
        self.order.swap(first, usize::from(place));
        self.hitters[usize::from(other)].place = place;
        let hitter = &mut self.hitters[usize::from(index)];
        hitter.place = first as u16;
        hitter.count += 1;
    }
}

fn count_reason(reasons: &mut Vec<(&'static str, u64)>, reason: &'static str) {
    let mut known = reasons.iter_mut();
    if let Some((_, count)) = known.find(|(name, _)| *name == reason) {
        *count += 1;
    } else if reasons.len() + 1 < MAX_REASONS || reason == OTHER {
        reasons.push((reason, 1));
    } else {
        count_reason(reasons, OTHER);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn noted(capacity: u16, keys: &[u8]) -> HeavyHitters<u8> {
        let mut table = HeavyHitters::new(capacity);
        keys.iter().for_each(|&key| table.note(key, "full", Wall::from_secs(1)));
        table
    }

    #[test]
    fn who_comes_most_often_stays_whoever_else_comes() {
        let mut table = HeavyHitters::new(4);
        for n in 0..200_u32 {
            table.note(0, if n % 2 == 0 { "full" } else { "banned_ip" }, Wall::from_secs(n.into()));
            table.note(1 + n, "full", Wall::from_secs(n.into()));
        }
        let first = table.iter().next().unwrap();
        assert_eq!((first.key, first.count, first.error, first.last), (0, 200, 0, Wall::from_secs(199)));
        assert_eq!(first.reasons, [("full", 100), ("banned_ip", 100)]);
        assert_eq!(table.hitters.len(), 4);
        assert_eq!(table.by_key.len(), 4);
    }

    #[test]
    fn reasons_without_end_share_a_place() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let mut table = HeavyHitters::new(1);
        names.into_iter().for_each(|name| table.note((), name, Wall::NEVER));
        let hitter = table.iter().next().unwrap();
        assert_eq!((hitter.reasons.len(), hitter.reasons[7]), (MAX_REASONS, (OTHER, 3)));
    }

    proptest! {
        #[test]
        fn a_count_is_never_too_low_and_its_error_is_known(
            capacity in 1_u16..12,
            keys in proptest::collection::vec(0_u8..32, 0..400),
        ) {
            let table = noted(capacity, &keys);
            let mut truth: BTreeMap<u8, u64> = BTreeMap::new();
            keys.iter().for_each(|&key| *truth.entry(key).or_default() += 1);
            let mut before = u64::MAX;
            for hitter in table.iter() {
                let real = truth[&hitter.key];
                prop_assert!(hitter.count - hitter.error <= real && real <= hitter.count);
                prop_assert_eq!(hitter.reasons.iter().map(|(_, count)| count).sum::<u64>(), hitter.count - hitter.error);
                prop_assert!(hitter.count <= before);
                before = hitter.count;
            }
            prop_assert_eq!(table.iter().map(|hitter| hitter.count).sum::<u64>(), keys.len() as u64);
            // Whoever came more often than one in `capacity` times is there.
            for (key, count) in truth {
                let frequent = count * u64::from(capacity) > keys.len() as u64;
                prop_assert!(!frequent || table.by_key.contains_key(&key));
            }
        }
    }
}
