//! How often somebody comes, for millions of somebodies in a table of fixed size.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::time::Duration;

use super::RateLimit;
use crate::types::{Gcra, Mono};

/// Places that a key may be at.
const WAYS: usize = 4;

/// Token buckets by key (GCRA). A key that is not in the table has all its tokens. When a key finds its places taken,
/// the one that has most tokens left is forgotten: a flood from millions of addresses pushes out first those who spent
/// least. The hash is seeded, so that nobody knows which other key shares its slots.
#[derive(Debug)]
pub struct RateTable {
    slots: Box<[[Slot; WAYS]]>,
    hasher: RandomState,
    interval: Duration,
    tolerance: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    bucket: Gcra,
}

impl RateTable {
    /// A table of `slots` places (a multiple of four); `None` when there is no limit.
    pub fn new(limit: RateLimit, slots: usize) -> Option<Self> {
        let interval = Duration::from_secs(1).checked_div(limit.per_second)?;
        Some(RateTable::every(interval, limit.burst, slots))
    }

    /// A table of `slots` places (a multiple of four, not 0) in which a token comes back each `interval`.
    pub fn every(interval: Duration, burst: u32, slots: usize) -> Self {
        RateTable {
            slots: vec![[Slot::default(); WAYS]; slots.max(WAYS) / WAYS].into(),
            hasher: RandomState::new(),
            interval,
            tolerance: interval * burst.max(1).saturating_sub(1),
        }
    }

    /// Spends one of the key's tokens; `false` when there is none. A refusal costs nothing, so that who keeps knocking
    /// is let in at the permitted rate.
    pub fn admit(&mut self, key: impl Hash, now: Mono) -> bool {
        self.spend(key, now).is_ok()
    }

    /// As [`RateTable::admit`].
    ///
    /// # Errors
    /// How long it takes until there is a token again.
    pub fn spend(&mut self, key: impl Hash, now: Mono) -> Result<(), Duration> {
        let (interval, tolerance) = (self.interval, self.tolerance);
        let (slot, key, mut bucket) = self.find(key, now);
        let wait = bucket.wait(tolerance, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        bucket.spend(interval, now);
        *slot = Slot { key, bucket };
        Ok(())
    }

    /// Whether the key has a token, without spending it.
    pub fn has(&mut self, key: impl Hash, now: Mono) -> bool {
        let tolerance = self.tolerance;
        self.find(key, now).2.wait(tolerance, now).is_zero()
    }

    /// The key's slot, its hash, and its token bucket.
    fn find(&mut self, key: impl Hash, now: Mono) -> (&mut Slot, u64, Gcra) {
        let key = self.hasher.hash_one(key);
        let set = key as usize % self.slots.len();
        let slot = place(&mut self.slots[set], key, now);
        let bucket = if slot.key == key { slot.bucket } else { Gcra::default() };
        (slot, key, bucket)
    }
}

/// The key's own slot, or the one whose holder loses least.
fn place(set: &mut [Slot; WAYS], key: u64, now: Mono) -> &mut Slot {
    let paid_back = |index: usize| set[index].bucket.theoretical_arrival_time();
    let index = (0..WAYS).find(|&index| set[index].key == key && paid_back(index) > now);
    let index = index.or_else(|| (0..WAYS).min_by_key(|&index| paid_back(index))).unwrap_or_default();
    &mut set[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { per_second: 20, burst: 200 };

    fn at(millis: u64) -> Mono {
        Mono::from_micros(1_000_000 + millis * 1000)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut table = RateTable::new(LIMIT, 64).unwrap();
        assert_eq!((0..500).filter(|_| table.admit(1, at(0))).count(), 200);
        assert!(table.admit(2, at(0)), "another key has tokens of its own");
        assert_eq!((1..=1000).filter(|&millis| table.admit(1, at(millis))).count(), 20);
        assert_eq!((0..500).filter(|_| table.admit(1, at(60_000))).count(), 200);
    }

    #[test]
    fn who_is_refused_is_told_how_long_and_looking_costs_nothing() {
        let mut table = RateTable::every(Duration::from_secs(6), 2, 4);
        assert!((0..9).all(|_| table.has("a", at(0))));
        assert_eq!((table.spend("a", at(0)), table.spend("a", at(0))), (Ok(()), Ok(())));
        assert_eq!(table.spend("a", at(1000)), Err(Duration::from_secs(5)));
        assert!(!table.has("a", at(5999)) && table.has("a", at(6000)));
    }

    #[test]
    fn no_limit_needs_no_table() {
        assert!(RateTable::new(RateLimit { per_second: 0, burst: 5 }, 64).is_none());
    }

    #[test]
    fn a_flood_of_keys_does_not_free_the_one_that_spent_all() {
        let mut table = RateTable::new(LIMIT, 64).unwrap();
        while table.admit(u64::MAX, at(0)) {}
        for key in 0..100_000 {
            table.admit(key, at(1));
        }
        assert!(!table.admit(u64::MAX, at(2)));
    }
}
