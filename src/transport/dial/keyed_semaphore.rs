//! A semaphore for each key: at most so many at once, the others waiting in order. Where nobody is to wait,
//! `rate_limit::Permits` counts.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A semaphore for each key in use; a key that nobody holds or waits for takes no room.
#[derive(Debug)]
pub(in crate::transport) struct KeyedSemaphore<K: Hash + Eq + Copy> {
    permits: usize,
    in_use: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Hash + Eq + Copy> KeyedSemaphore<K> {
    pub(in crate::transport) fn new(permits: usize) -> Arc<Self> {
        Arc::new(KeyedSemaphore { permits, in_use: Mutex::new(HashMap::new()) })
    }

    /// Waits until there is room for `key`, in the order of the calls.
    pub(in crate::transport) async fn acquire(self: &Arc<Self>, key: K) -> KeyedPermit<K> {
        let semaphore = self.lock().entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.permits))).clone();
        // Made before waiting, so that one who gives up cleans up.
        let mut held = KeyedPermit { keyed: self.clone(), key, permit: None };
        held.permit = semaphore.acquire_owned().await.ok();
        held
    }

    fn release(&self, key: K, permit: Option<OwnedSemaphorePermit>) {
        let mut in_use = self.lock();
        drop(permit);
        if in_use.get(&key).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            in_use.remove(&key);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Arc<Semaphore>>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for one key, for as long as this is held.
#[derive(Debug)]
pub(in crate::transport) struct KeyedPermit<K: Hash + Eq + Copy> {
    keyed: Arc<KeyedSemaphore<K>>,
    key: K,
    permit: Option<OwnedSemaphorePermit>,
}

impl<K: Hash + Eq + Copy> Drop for KeyedPermit<K> {
    fn drop(&mut self) {
        self.keyed.release(self.key, self.permit.take());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn keys_wait_for_themselves_only_and_leave_nothing_behind() {
        let keyed = KeyedSemaphore::new(1);
        let brief = Duration::from_secs(1);
        let first = keyed.acquire(1).await;
        assert!(timeout(brief, keyed.acquire(2)).await.is_ok());
        assert!(timeout(brief, keyed.acquire(1)).await.is_err());
        assert_eq!(keyed.lock().len(), 1);
        drop(first);
        assert!(timeout(brief, keyed.acquire(1)).await.is_ok());
        assert!(keyed.lock().is_empty());
    }
}
