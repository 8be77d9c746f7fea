//! How many may watch at once, and what ends all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::admin::caller::Caller;
use crate::admin::status;

/// Streams at once in all. One whose reader does not read holds 440 KB at most, most of it HTTP/2's: 110 MB together.
const MAX_STREAMS: usize = 256;
/// Streams of one caller at once.
const MAX_PER_CALLER: usize = 16;

/// The streams under way. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(in crate::admin) struct Watches {
    /// Cancelled when the process ends.
    pub(super) ending: CancellationToken,
    by_caller: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// A stream's place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    watches: Watches,
    caller: String,
}

impl Watches {
    /// Streams that end when the token is cancelled.
    pub(in crate::admin) fn until(ending: CancellationToken) -> Self {
        Watches { ending, ..Watches::default() }
    }

    /// A place for one more stream.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there are as many as may be.
    pub(super) fn enter(&self, caller: &Caller) -> Result<Place, Status> {
        let caller = caller.principal();
        let mut counts = self.counts();
        if counts.values().sum::<usize>() >= MAX_STREAMS {
            return Err(status::limit(format!("{MAX_STREAMS} streams of events are open: close some first")));
        }
        let count = counts.entry(caller.clone()).or_default();
        if *count >= MAX_PER_CALLER {
            let text =
                format!("you have {MAX_PER_CALLER} streams of events open: close one, or watch `-` for all networks");
            return Err(status::limit(text));
        }
        *count += 1;
        drop(counts);
        Ok(Place { watches: self.clone(), caller })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.by_caller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.watches.counts();
        if let Some(count) = counts.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::admin::caller::{Networks, Role};

    fn caller(who: &str) -> Caller {
        Caller { who: who.into(), role: Role::Read, networks: Networks::These(BTreeSet::new()) }
    }

    #[test]
    fn places_are_bounded_for_each_and_for_all_and_come_back() {
        let watches = Watches::default();
        let mut places: Vec<_> =
            (0..MAX_PER_CALLER).map(|n| watches.enter(&caller(&format!("10.0.0.1:{}", n + 1))).unwrap()).collect();
        let refused = watches.enter(&caller("10.0.0.1:999")).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        places.pop();
        places.push(watches.enter(&caller("10.0.0.1:999")).unwrap());
        for n in MAX_PER_CALLER..MAX_STREAMS {
            places.push(watches.enter(&caller(&format!("token t{n} from 10.0.0.1:1"))).unwrap());
        }
        assert!(watches.enter(&caller("somebody else")).unwrap_err().message().contains("256"));
        drop(places);
        assert!(watches.counts().is_empty());
    }
}
