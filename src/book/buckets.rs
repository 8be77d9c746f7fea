//! Buckets of one kind, new or old.

use rand::RngExt as _;

use super::params::BUCKET_SIZE;
use super::slab::Ix;
use crate::types::SeededRng;

/// Buckets, and which of them are not empty, so that a random one of those is found at once.
pub(super) struct Buckets {
    slots: Vec<Vec<Ix>>,
    filled: Vec<u8>,
    /// Where a bucket that is not empty stands in `filled`.
    filled_at: Vec<u8>,
}

impl Buckets {
    pub(super) fn new(count: usize) -> Self {
        Buckets { slots: vec![Vec::new(); count], filled: Vec::new(), filled_at: vec![0; count] }
    }

    pub(super) fn is_full(&self, bucket: u8) -> bool {
        self.slots(bucket).len() >= BUCKET_SIZE
    }

    pub(super) fn slots(&self, bucket: u8) -> &[Ix] {
        &self.slots[usize::from(bucket)]
    }

    /// Adds an entry to a bucket that has room and has it not.
    pub(super) fn push(&mut self, bucket: u8, ix: Ix) {
        let slots = &mut self.slots[usize::from(bucket)];
        if slots.is_empty() {
            self.filled_at[usize::from(bucket)] = self.filled.len() as u8;
            self.filled.push(bucket);
        }
        slots.push(ix);
    }

    pub(super) fn remove(&mut self, bucket: u8, ix: Ix) {
        let slots = &mut self.slots[usize::from(bucket)];
        let Some(at) = slots.iter().position(|&slot| slot == ix) else { return };
        slots.swap_remove(at);
        if slots.is_empty() {
            let at = self.filled_at[usize::from(bucket)];
            self.filled.swap_remove(usize::from(at));
            if let Some(&moved) = self.filled.get(usize::from(at)) {
                self.filled_at[usize::from(moved)] = at;
            }
        }
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

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let slots: usize = self.slots.iter().map(|slots| slots.capacity() * size_of::<Ix>()).sum();
        slots + self.slots.capacity() * size_of::<Vec<Ix>>() + self.filled.capacity() + self.filled_at.capacity()
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
        for (bucket, ix) in [(3, 0), (9, 1), (9, 2), (200, 3), (255, 4)] {
            buckets.push(bucket, ix);
        }
        buckets.remove(200, 3);
        buckets.remove(3, 7);
        let mut times = [0; 5];
        for _ in 0..6000 {
            times[usize::from(buckets.pick(&mut rng).unwrap())] += 1;
        }
        let [a, b, c, d, e] = times;
        assert_eq!(d, 0);
        assert!([a, b + c, e].iter().all(|n| (1850..2150).contains(n)), "{times:?}");
        assert!((b as i32 - c as i32).abs() < 200, "{times:?}");
        for (bucket, ix) in [(3, 0), (9, 1), (9, 2), (255, 4)] {
            buckets.remove(bucket, ix);
        }
        assert_eq!(buckets.pick(&mut rng), None);
    }
}
