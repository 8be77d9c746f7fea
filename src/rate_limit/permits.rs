//! Permits by key: how many of something (connections, streams, handshakes) there may be at once, in all and for each key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the permits that are held. The limits come with each request, so that they can change while permits are held.
#[derive(Debug)]
pub struct Permits<K: Hash + Eq> {
    held: Mutex<Counts<K>>,
}

#[derive(Debug)]
struct Counts<K> {
    total: usize,
    /// A key without a permit takes no memory, so that `total` bounds the size.
    by_key: HashMap<K, usize>,
}

/// The most permits at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermitLimits {
    /// In all.
    pub total: usize,
    /// Of one key.
    pub per_key: usize,
}

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPermit {
    /// As many are held as there may be.
    Total,
    /// The key holds as many as one may.
    PerKey,
}

impl<K: Hash + Eq> Default for Permits<K> {
    fn default() -> Self {
        Permits { held: Mutex::new(Counts { total: 0, by_key: HashMap::new() }) }
    }
}

impl<K: Hash + Eq + Clone> Permits<K> {
    /// One more permit for this key, returned when it is dropped.
    ///
    /// # Errors
    /// The limit that is reached, the key's own first: a key that takes too much learns that.
    pub fn acquire(self: &Arc<Self>, key: K, limits: PermitLimits) -> Result<Permit<K>, NoPermit> {
        let mut held = self.lock();
        if held.by_key.get(&key).copied().unwrap_or_default() >= limits.per_key {
            return Err(NoPermit::PerKey);
        }
        if held.total >= limits.total {
            return Err(NoPermit::Total);
        }
        held.total += 1;
        *held.by_key.entry(key.clone()).or_default() += 1;
        Ok(Permit { permits: self.clone(), key })
    }
}

impl<K: Hash + Eq> Permits<K> {
    /// Whether no permit is held, and no memory of one is left.
    pub fn is_empty(&self) -> bool {
        let held = self.lock();
        held.total == 0 && held.by_key.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Counts<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit, for as long as this is held.
#[derive(Debug)]
pub struct Permit<K: Hash + Eq> {
    permits: Arc<Permits<K>>,
    key: K,
}

impl<K: Hash + Eq> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut held = self.permits.lock();
        held.total -= 1;
        if let Some(count) = held.by_key.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.by_key.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_cannot_take_all_and_nothing_is_left_behind() {
        let permits = Arc::new(Permits::default());
        let limits = PermitLimits { total: 3, per_key: 2 };
        let held = ["a", "a"].map(|key| permits.acquire(key, limits).unwrap());
        assert_eq!(permits.acquire("a", limits).unwrap_err(), NoPermit::PerKey);
        let third = permits.acquire("b", limits).unwrap();
        assert_eq!(permits.acquire("b", limits).unwrap_err(), NoPermit::Total);
        drop(held);
        assert!(permits.acquire("a", limits).is_ok());
        drop(third);
        assert!(permits.is_empty());
    }

    #[test]
    fn lower_limits_refuse_until_enough_came_back() {
        let permits = Arc::new(Permits::default());
        let limits = |total| PermitLimits { total, per_key: usize::MAX };
        let mut held: Vec<_> = (0..3).map(|key| permits.acquire(key, limits(3)).unwrap()).collect();
        held.pop();
        assert_eq!(permits.acquire(9, limits(1)).unwrap_err(), NoPermit::Total);
        held.clear();
        assert!(permits.acquire(9, limits(1)).is_ok());
    }
}
