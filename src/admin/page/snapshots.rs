//! Snapshots of keys: what the pages of an order that changes walk. Few, small, and soon forgotten.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tonic::Status;

use super::token::Query;
use crate::admin::reply::status_codes;
use crate::clock::{Clock, entropy};
use crate::types::Mono;

/// All that a filter let through at one moment, in the order of that moment.
#[derive(Debug)]
pub(super) struct Ranked<K> {
    pub(super) networks: Vec<Arc<str>>,
    /// Keys, each with the place of its network in `networks`.
    pub(super) keys: Vec<(u32, K)>,
}

/// How long a snapshot is kept after its last use.
const KEPT: Duration = Duration::from_secs(60);
/// Snapshots at once, over all callers, lists and networks.
const MAX_SNAPSHOTS: usize = 16;
/// Keys in all snapshots together, and so in one: some 60 MB of addresses, the full books of fifty networks.
pub(super) const MAX_KEYS: usize = 1_000_000;

/// The lists' memory between two pages. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(in crate::admin) struct Pages(Arc<Mutex<Snapshots>>);

/// Whose snapshot it is, of which query, and of which network's entries (`-` = of all).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) caller: Arc<str>,
    pub(super) query: Query,
    pub(super) network: Arc<str>,
}

#[derive(Debug, Default)]
struct Snapshots {
    kept: Vec<Snapshot>,
    /// Whether somebody comes to forget what has had its time.
    swept: bool,
}

struct Snapshot {
    number: u64,
    owner: Owner,
    used: Mono,
    /// Whether a second page was asked for. One that was not is the first to be evicted: a dashboard that shows a first page
    /// again and again must not end the walks of others.
    continued: bool,
    /// How many keys there are.
    size: usize,
    /// The list's keys in their order.
    keys: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("owner", &self.owner).field("used", &self.used).finish_non_exhaustive()
    }
}

impl Pages {
    /// Keeps the keys of a query for its next pages; their number is guessed by nobody.
    pub(super) fn keep<T: Send + Sync + 'static>(&self, keys: Arc<T>, size: usize, owner: Owner) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = entropy();
        let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let mut snapshots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        snapshots.keep(Snapshot { number, owner, used: Clock.mono(), continued: false, size, keys });
        if !std::mem::replace(&mut snapshots.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
        number
    }

    /// The keys that were kept under a number.
    ///
    /// # Errors
    /// When they are not kept any more, or are not this caller's of this query.
    pub(super) fn find<T: Send + Sync + 'static>(&self, number: u64, owner: &Owner) -> Result<Arc<T>, Status> {
        let mut snapshots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = snapshots.find(number, owner, Clock.mono());
        keys.and_then(|keys| keys.downcast().ok()).ok_or_else(status_codes::page_expired)
    }
}

/// Forgets what has had its time, until nothing is left.
async fn sweep(snapshots: Weak<Mutex<Snapshots>>) {
    loop {
        tokio::time::sleep(KEPT / 4).await;
        let Some(snapshots) = snapshots.upgrade() else { return };
        let mut snapshots = snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        snapshots.forget_unused(Clock.mono());
        if snapshots.kept.is_empty() {
            snapshots.swept = false;
            return;
        }
    }
}

impl Snapshots {
    fn keep(&mut self, snapshot: Snapshot) {
        self.forget_unused(snapshot.used);
        while self.kept.len() >= MAX_SNAPSHOTS || self.keys() + snapshot.size > MAX_KEYS {
            let first = self.kept.iter().enumerate().min_by_key(|(_, kept)| (kept.continued, kept.used));
            let Some(at) = first.map(|(at, _)| at) else { break };
            self.kept.swap_remove(at);
        }
        self.kept.push(snapshot);
    }

    fn keys(&self) -> usize {
        self.kept.iter().map(|kept| kept.size).sum()
    }

    fn find(&mut self, number: u64, owner: &Owner, now: Mono) -> Option<Arc<dyn Any + Send + Sync>> {
        self.forget_unused(now);
        let found = self.kept.iter_mut().find(|kept| kept.number == number && kept.owner == *owner)?;
        (found.used, found.continued) = (now, true);
        Some(found.keys.clone())
    }

    fn forget_unused(&mut self, now: Mono) {
        self.kept.retain(|kept| now.since(kept.used) < KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(caller: &str, network: &str) -> Owner {
        Owner { caller: caller.into(), query: Query::new("k", "s", b"q"), network: network.into() }
    }

    fn snapshot(number: u64, second: u64) -> Snapshot {
        Snapshot {
            number,
            owner: owner("ops", "a"),
            used: at(second),
            continued: false,
            size: 1,
            keys: Arc::new(vec![number]),
        }
    }

    fn at(second: u64) -> Mono {
        Mono::from_micros(second * 1_000_000)
    }

    fn numbers(snapshots: &Snapshots) -> Vec<u64> {
        let mut numbers: Vec<u64> = snapshots.kept.iter().map(|kept| kept.number).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn a_snapshot_lives_a_minute_after_its_last_use() {
        let mut snapshots = Snapshots::default();
        snapshots.keep(snapshot(1, 0));
        snapshots.keep(snapshot(2, 0));
        assert!(snapshots.find(1, &owner("ops", "a"), at(59)).is_some());
        assert!(snapshots.find(2, &owner("ops", "a"), at(60)).is_none());
        assert!(snapshots.find(1, &owner("ops", "a"), at(118)).is_some());
        assert!(snapshots.find(1, &owner("ops", "a"), at(178)).is_none());
        assert!(snapshots.kept.is_empty());
    }

    #[test]
    fn nobody_walks_the_snapshot_of_another_caller_query_or_network() {
        let mut snapshots = Snapshots::default();
        snapshots.keep(snapshot(1, 0));
        for other in [
            owner("else", "a"),
            owner("ops", "b"),
            Owner { query: Query::new("k", "s", b"other"), ..owner("ops", "a") },
        ] {
            assert!(snapshots.find(1, &other, at(1)).is_none(), "{other:?}");
        }
        assert!(snapshots.find(1, &owner("ops", "a"), at(1)).is_some());
    }

    #[test]
    fn there_are_sixteen_and_those_without_a_second_page_are_evicted_first() {
        let mut snapshots = Snapshots::default();
        for number in 0..16 {
            snapshots.keep(snapshot(number, number));
        }
        assert!(snapshots.find(0, &owner("ops", "a"), at(16)).is_some());
        for number in 16..40 {
            snapshots.keep(snapshot(number, number));
        }
        assert_eq!(numbers(&snapshots), [0].into_iter().chain(25..40).collect::<Vec<_>>());
    }

    #[test]
    fn their_keys_are_bounded_together() {
        let mut snapshots = Snapshots::default();
        for number in 0..3 {
            snapshots.keep(Snapshot { size: MAX_KEYS / 2, ..snapshot(number, number) });
        }
        assert_eq!(numbers(&snapshots), [1, 2]);
        snapshots.keep(Snapshot { size: MAX_KEYS, ..snapshot(3, 3) });
        assert_eq!(numbers(&snapshots), [3]);
    }
}
