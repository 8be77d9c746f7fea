//! Buckets of one kind, new or old: random picks and eviction.

use rand::RngExt as _;

use super::entry_index::{Ix, SlotAt};
use super::history::{History, Timestamp};
use super::params::BUCKET_SIZE;
use crate::types::SeededRng;

/// What decides which entry is evicted from a bucket, kept beside the entries, so that none of them has to be read for
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EvictionKeys {
    touched: Timestamp,
    bad_from: Timestamp,
}

impl From<&History> for EvictionKeys {
    fn from(history: &History) -> Self {
        EvictionKeys { touched: history.touched(), bad_from: history.bad_from() }
    }
}

/// Entries and their eviction keys, side by side.
#[derive(Clone, Default)]
struct Bucket {
    slots: Vec<Ix>,
    keys: Vec<EvictionKeys>,
}

/// Buckets, and which of them are not empty, so that a random one of those is found at once.
pub(super) struct Buckets {
    /// Not allocated before the first entry: a book that stays empty is small.
    buckets: Vec<Bucket>,
    count: usize,
    filled: Vec<u8>,
    /// The position of a bucket that is not empty in `filled`.
    filled_at: Vec<u8>,
}

impl Buckets {
    pub(super) fn new(count: usize) -> Self {
        Buckets { buckets: Vec::new(), count, filled: Vec::new(), filled_at: Vec::new() }
    }

    pub(super) fn is_full(&self, bucket: u8) -> bool {
        self.slots(bucket).len() >= BUCKET_SIZE
    }

    pub(super) fn slots(&self, bucket: u8) -> &[Ix] {
        self.buckets.get(usize::from(bucket)).map_or(&[], |bucket| &bucket.slots)
    }

    /// The entry in a slot that is taken.
    pub(super) fn at(&self, slot: SlotAt) -> Ix {
        self.slots(slot.bucket)[usize::from(slot.at)]
    }

    /// Adds an entry to a bucket that has room and does not contain it.
    pub(super) fn push(&mut self, bucket: u8, ix: Ix, history: &History) -> SlotAt {
        if self.buckets.is_empty() {
            self.buckets.resize_with(self.count, Bucket::default);
            self.filled_at.resize(self.count, 0);
        }
        let Bucket { slots, keys } = &mut self.buckets[usize::from(bucket)];
        if slots.is_empty() {
            self.filled_at[usize::from(bucket)] = self.filled.len() as u8;
            self.filled.push(bucket);
        }
        slots.push(ix);
        keys.push(history.into());
        SlotAt { bucket, at: (slots.len() - 1) as u8 }
    }

    /// Removes the entry of a slot, and returns the entry that moved into the slot, if one did.
    pub(super) fn remove(&mut self, slot: SlotAt) -> Option<Ix> {
        let Bucket { slots, keys } = &mut self.buckets[usize::from(slot.bucket)];
        slots.swap_remove(usize::from(slot.at));
        keys.swap_remove(usize::from(slot.at));
        let moved = slots.get(usize::from(slot.at)).copied();
        if slots.is_empty() {
            let at = self.filled_at[usize::from(slot.bucket)];
            self.filled.swap_remove(usize::from(at));
            if let Some(&last) = self.filled.get(usize::from(at)) {
                self.filled_at[usize::from(last)] = at;
            }
        }
        moved
    }

    /// Updates the eviction key of a slot from the history of its entry.
    pub(super) fn update_eviction_keys(&mut self, slot: SlotAt, history: &History) {
        self.buckets[usize::from(slot.bucket)].keys[usize::from(slot.at)] = history.into();
    }

    /// The slot to evict from a full new bucket: one that is bad, else the one added or tried longest ago (CometBFT
    /// `p2p/pex/addrbook.go: expireNew`).
    pub(super) fn worst(&self, bucket: u8, now: Timestamp) -> SlotAt {
        self.least(bucket, |keys| (u64::from(keys.bad_from > now) << 32) | keys.touched.secs())
    }

    /// The slot to demote from a full old bucket: the one tried longest ago (CometBFT
    /// `p2p/pex/addrbook.go: pickOldest`).
    pub(super) fn oldest(&self, bucket: u8) -> SlotAt {
        self.least(bucket, |keys| keys.touched.secs())
    }

    /// The first slot of the least worth, which has 33 bits. Worth and position are compared as one number, so that the
    /// compiler can vectorize the loop.
    fn least(&self, bucket: u8, worth: impl Fn(&EvictionKeys) -> u64) -> SlotAt {
        let keys = &self.buckets[usize::from(bucket)].keys;
        let least = keys.iter().zip(0_u64..).map(|(keys, at)| (worth(keys) << 8) | at).fold(u64::MAX, u64::min);
        SlotAt { bucket, at: least as u8 }
    }

    /// A random entry of a random bucket that is not empty.
    pub(super) fn pick(&self, rng: &mut SeededRng) -> Option<Ix> {
        if self.filled.is_empty() {
            return None;
        }
        let bucket = self.filled[rng.random_range(0..self.filled.len())];
        let slots = self.slots(bucket);
        Some(slots[rng.random_range(0..slots.len())])
    }

    #[cfg(test)]
    pub(super) fn keys(&self, slot: SlotAt) -> EvictionKeys {
        self.buckets[usize::from(slot.bucket)].keys[usize::from(slot.at)]
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let inside = |bucket: &Bucket| {
            bucket.slots.capacity() * size_of::<Ix>() + bucket.keys.capacity() * size_of::<EvictionKeys>()
        };
        let slots: usize = self.buckets.iter().map(inside).sum();
        slots + self.buckets.capacity() * size_of::<Bucket>() + self.filled.capacity() + self.filled_at.capacity()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn only_filled_buckets_are_picked_from_and_each_as_often() {
        let mut rng = SeededRng::seed_from_u64(1);
        let mut buckets = Buckets::new(256);
        assert_eq!(buckets.pick(&mut rng), None);
        let history = History::new(Timestamp::NEVER);
        let at = [(3, 0), (9, 1), (9, 2), (200, 3), (255, 4)].map(|(bucket, ix)| buckets.push(bucket, ix, &history));
        assert_eq!(buckets.remove(at[3]), None);
        let mut times = [0_i32; 5];
        for _ in 0..6000 {
            times[usize::from(buckets.pick(&mut rng).unwrap())] += 1;
        }
        let [a, b, c, d, e] = times;
        assert_eq!(d, 0);
        assert!([a, b + c, e].iter().all(|n| (1850..2150).contains(n)), "{times:?}");
        assert!((b - c).abs() < 200, "{times:?}");
        assert_eq!(buckets.remove(at[1]), Some(2), "the last one takes the place");
        for slot in [at[0], at[1], at[4]] {
            assert_eq!(buckets.remove(slot), None);
        }
        assert_eq!(buckets.pick(&mut rng), None);
    }
}
