//! Who was turned away, and why: counts by kind, and the latest few.

use std::collections::{HashMap, VecDeque};
use std::mem::{self, Discriminant};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::types::{Fault, Wall};

/// Refusals that are kept with their IP.
const RECENT: usize = 32;

/// An inbound connection that was turned away before it was a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// From where.
    pub ip: IpAddr,
    /// Why.
    pub fault: Fault,
    /// When.
    pub at: Wall,
}

/// Counts since the start, and the last 32 refusals.
#[derive(Debug, Default)]
pub struct Refusals {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    counts: HashMap<Discriminant<Fault>, (Fault, u64)>,
    recent: VecDeque<Refusal>,
}

impl Refusals {
    /// Refusals of each kind since the start; the fault is the first of its kind that was seen.
    pub fn counts(&self) -> Vec<(Fault, u64)> {
        self.lock().counts.values().cloned().collect()
    }

    /// How many there were of this kind; what the fault carries does not matter.
    pub fn count_of(&self, fault: &Fault) -> u64 {
        self.lock().counts.get(&mem::discriminant(fault)).map_or(0, |&(_, count)| count)
    }

    /// The latest refusals, the last one at the end; at most 32.
    pub fn recent(&self) -> Vec<Refusal> {
        self.lock().recent.iter().cloned().collect()
    }

    pub(super) fn add(&self, ip: IpAddr, fault: Fault, at: Wall) {
        let mut inner = self.lock();
        inner.counts.entry(mem::discriminant(&fault)).or_insert_with(|| (fault.clone(), 0)).1 += 1;
        if inner.recent.len() == RECENT {
            inner.recent.pop_front();
        }
        inner.recent.push_back(Refusal { ip, fault, at });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Counts that a panicking thread left are still counts.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Stage;

    #[test]
    fn counts_go_by_kind_and_the_latest_are_kept() {
        let refusals = Refusals::default();
        let ip = IpAddr::from([1, 2, 3, 4]);
        refusals.add(ip, Fault::TimedOut(Stage::Secret), Wall::NEVER);
        for second in 0..40 {
            refusals.add(ip, Fault::ConnectionRate, Wall::from_secs(second));
        }
        assert_eq!(refusals.count_of(&Fault::TimedOut(Stage::NodeInfo)), 1);
        assert_eq!(refusals.count_of(&Fault::ConnectionRate), 40);
        assert_eq!(refusals.count_of(&Fault::Full), 0);
        assert_eq!(refusals.counts().len(), 2);
        let recent = refusals.recent();
        assert_eq!((recent.len(), recent[31].at), (32, Wall::from_secs(39)));
    }
}
