//! Buckets of one kind, new or old.

use rand::RngExt as _;

use super::history::{History, Stamp};
use super::params::BUCKET_SIZE;
use super::slab::Ix;
use crate::types::SeededRng;

/// An entry in a bucket, with what decides which one leaves, so that nobody else has to be looked at for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) ix: Ix,
    touched: Stamp,
    bad_from: Stamp,
}

impl Slot {
    pub(super) fn new(ix: Ix, history: &History) -> Self {
        Slot { ix, touched: history.touched(), bad_from: history.bad_from() }
    }
}

/// Where an entry stands: a bucket and a place in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SlotAt {
    pub(super) bucket: u8,
    pub(super) at: u8,
}

/// Buckets, and which of them are not empty, so that a random one of those is found at once.
pub(super) struct Buckets {
    slots: Vec<Vec<Slot>>,
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

    pub(super) fn slots(&self, bucket: u8) -> &[Slot] {
        &self.slots[usize::from(bucket)]
    }

    /// Adds an entry to a bucket that has room and has it not.
    pub(super) fn push(&mut self, bucket: u8, slot: Slot) -> SlotAt {
        let slots = &mut self.slots[usize::from(bucket)];
        if slots.is_empty() {
            self.filled_at[usize::from(bucket)] = self.filled.len() as u8;
            self.filled.push(bucket);
        }
        slots.push(slot);
        SlotAt { bucket, at: (slots.len() - 1) as u8 }
    }

    /// Takes a slot out and tells which entry stands there now.
    pub(super) fn remove(&mut self, slot: SlotAt) -> Option<Ix> {
        let slots = &mut self.slots[usize::from(slot.bucket)];
        slots.swap_remove(usize::from(slot.at));
        if slots.is_empty() {
            let at = self.filled_at[usize::from(slot.bucket)];
            self.filled.swap_remove(usize::from(at));
            if let Some(&moved) = self.filled.get(usize::from(at)) {
                self.filled_at[usize::from(moved)] = at;
            }
        }
        self.slots(slot.bucket).get(usize::from(slot.at)).map(|moved| moved.ix)
    }

    /// Takes over what became of an entry.
    pub(super) fn restamp(&mut self, slot: SlotAt, ix: Ix, history: &History) {
        self.slots[usize::from(slot.bucket)][usize::from(slot.at)] = Slot::new(ix, history);
    }

    /// Who leaves a full new bucket: one that is bad, else the one added or tried longest ago.
    pub(super) fn worst(&self, bucket: u8, now: Stamp) -> Option<Ix> {
        let worth = |slot: &&Slot| (slot.bad_from > now, slot.touched);
        self.slots(bucket).iter().min_by_key(worth).map(|slot| slot.ix)
    }

    /// Who leaves a full old bucket: the one tried longest ago.
    pub(super) fn oldest(&self, bucket: u8) -> Option<Ix> {
        self.slots(bucket).iter().min_by_key(|slot| slot.touched).map(|slot| slot.ix)
    }

    /// A random entry of a random bucket that is not empty.
    pub(super) fn pick(&self, rng: &mut SeededRng) -> Option<Ix> {
        if self.filled.is_empty() {
            return None;
        }
        let bucket = self.filled[rng.random_range(0..self.filled.len())];
        let slots = self.slots(bucket);
        Some(slots[rng.random_range(0..slots.len())].ix)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let slots: usize = self.slots.iter().map(|slots| slots.capacity() * size_of::<Slot>()).sum();
        slots + self.slots.capacity() * size_of::<Vec<Slot>>() + self.filled.capacity() + self.filled_at.capacity()
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
        let history = History::new(Stamp::NEVER);
        let at = [(3, 0), (9, 1), (9, 2), (200, 3), (255, 4)]
            .map(|(bucket, ix)| buckets.push(bucket, Slot::new(ix, &history)));
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
