//! How many connections or streams there may be at once: in all, and of one source.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places that sources take. Each listener has its own, so that a flood on one leaves the other open.
#[derive(Debug)]
pub(in crate::admin) struct Places<S: Hash + Eq> {
    all: Arc<Semaphore>,
    per_source: usize,
    /// How many each source has; `all` bounds its size.
    taken: Mutex<HashMap<S, usize>>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum NoPlace {
    /// All are taken.
    Full,
    /// The source has as many as one may have.
    SourceFull,
}

impl<S: Hash + Eq + Clone> Places<S> {
    pub(in crate::admin) fn new(all: usize, per_source: usize) -> Arc<Self> {
        Arc::new(Places { all: Arc::new(Semaphore::new(all)), per_source, taken: Mutex::default() })
    }

    /// One more place for this source.
    pub(in crate::admin) fn take(self: &Arc<Self>, source: S) -> Result<Place<S>, NoPlace> {
        let mut taken = self.lock();
        if taken.get(&source).is_some_and(|count| *count >= self.per_source) {
            return Err(NoPlace::SourceFull);
        }
        let permit = self.all.clone().try_acquire_owned().map_err(|_| NoPlace::Full)?;
        *taken.entry(source.clone()).or_default() += 1;
        Ok(Place { places: self.clone(), source, _permit: permit })
    }
}

impl<S: Hash + Eq> Places<S> {
    /// Whether nobody has a place, and nothing is left of those who had.
    #[cfg(test)]
    pub(in crate::admin) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<S, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, for as long as this is held.
#[derive(Debug)]
pub(in crate::admin) struct Place<S: Hash + Eq> {
    places: Arc<Places<S>>,
    source: S,
    _permit: OwnedSemaphorePermit,
}

impl<S: Hash + Eq> Drop for Place<S> {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(count) = taken.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::auth::peer_credentials::Source;

    #[test]
    fn one_source_cannot_take_all_and_nothing_is_left_behind() {
        let places = Places::new(3, 2);
        let (a, b) = (Source::User(1), Source::Host([1, 2, 3, 4].into()));
        let held = [places.take(a).unwrap(), places.take(a).unwrap()];
        assert_eq!(places.take(a).unwrap_err(), NoPlace::SourceFull);
        let third = places.take(b).unwrap();
        assert_eq!(places.take(b).unwrap_err(), NoPlace::Full);
        drop(held);
        assert!(places.take(a).is_ok());
        drop(third);
        assert!(places.is_empty());
    }
}
