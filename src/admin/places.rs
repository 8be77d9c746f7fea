//! How many connections there may be: in all on each listener, so that a flood on one leaves the other open, and of one
//! source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::remote::Source;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    per_source: usize,
    /// Connections by source; their number bounds its size.
    taken: Mutex<HashMap<Source, usize>>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All are taken.
    Full,
    /// The source has as many as one may have.
    SourceFull,
}

impl Places {
    pub(super) fn new(all: usize, per_source: usize) -> Arc<Self> {
        Arc::new(Places { all: Arc::new(Semaphore::new(all)), per_source, taken: Mutex::default() })
    }

    /// A place for one more connection of this source.
    pub(super) fn take(self: &Arc<Self>, source: Source) -> Result<Place, NoPlace> {
        let mut taken = self.lock();
        if taken.get(&source).is_some_and(|count| *count >= self.per_source) {
            return Err(NoPlace::SourceFull);
        }
        let permit = self.all.clone().try_acquire_owned().map_err(|_| NoPlace::Full)?;
        *taken.entry(source).or_default() += 1;
        Ok(Place { places: self.clone(), source, _permit: permit })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Source, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place, for as long as this is held.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    source: Source,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
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
        assert!(places.lock().is_empty());
    }
}
