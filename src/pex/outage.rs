//! Outage detection: while most of what was good fails at once, nothing is demoted (docs/protocol/differences.md, "Where
//! pexd does otherwise").

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::types::{Group, Mono, NetAddress};

/// The sentence for operators: in the log, in what needs attention, in the diagnosis of addresses.
pub const OUTAGE: &str = "most of what was good fails at once (an outage): look at this host's own network, then for a halt or an \
                          upgrade of the chain; nothing is demoted meanwhile, and what was served before it still is";

/// Failures that are seen together: within it all that is verified was dialled again (`book::params::PATIENCE_BY_WINDOW`).
const WINDOW: Duration = Duration::from_secs(1_800);
/// Without a success for this long nobody answers; more than it takes until a seed is asked again, or a connected peer
/// counts as reached again.
const SILENCE: Duration = Duration::from_hours(2);
/// After this time what still fails while other good ones answer is gone for good. While none does the chain may stand
/// still.
const LONGEST: Duration = Duration::from_hours(72);
/// Below this many it could be chance.
const LEAST: usize = 8;
/// When all of them fail, as in the upgrade of a small chain, these are enough.
const LEAST_OF_ALL: usize = 3;

/// The good addresses that failed lately.
#[derive(Debug, Default)]
pub(super) struct Outage {
    failing: BTreeMap<NetAddress, Mono>,
    active: bool,
    since: Mono,
    /// When anything was reached last, and since when that happens without a long pause.
    answered: Option<Mono>,
    answering_since: Mono,
}

/// How much of the book is verified.
#[derive(Clone, Copy, Debug)]
pub(super) struct Good {
    pub(super) addresses: usize,
    pub(super) groups: usize,
}

/// The group of an address.
pub(super) type GroupOf<'a> = &'a dyn Fn(&NetAddress) -> Group;

/// What changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OutageChange {
    /// Nothing.
    None,
    /// It began: these were demoted before it was noticed.
    Began(Vec<NetAddress>),
    /// It is over.
    Ended,
    /// It has lasted too long while others answered: these are gone for good.
    Expired(Vec<NetAddress>),
}

impl Outage {
    /// Whether nothing is to be demoted now.
    pub(super) fn is_active(&self) -> bool {
        self.active
    }

    /// Whether the failure of an address costs it nothing now. What never answered is spared only while nobody answers at
    /// all: else our network works, and it is the address's own.
    pub(super) fn spares(&self, verified: bool, now: Mono) -> bool {
        self.active && (verified || self.all_silent(now))
    }

    fn all_silent(&self, now: Mono) -> bool {
        self.answered.is_none_or(|at| now.since(at) >= SILENCE)
    }

    /// A good address failed; `good` counts those that are still good. Groups vote as well as addresses: many of few groups
    /// that vanish together are no outage, but an attack that is over.
    pub(super) fn failed(&mut self, address: NetAddress, good: Good, now: Mono, group: GroupOf<'_>) -> OutageChange {
        self.failing.insert(address, now);
        if self.active {
            return OutageChange::None;
        }
        self.failing.retain(|_, at| now.since(*at) < WINDOW);
        let least = if good.addresses == 0 { LEAST_OF_ALL } else { LEAST };
        if self.failing.len() < least || self.failing.len() <= good.addresses || self.groups(group) < good.groups {
            return OutageChange::None;
        }
        self.active = true;
        self.since = now;
        OutageChange::Began(self.failing.keys().copied().collect())
    }

    /// Groups of what fails.
    fn groups(&self, group: GroupOf<'_>) -> usize {
        self.failing.keys().map(group).collect::<BTreeSet<Group>>().len()
    }

    /// An address was reached; `good` counts the good ones, held ones included.
    /// `is_held` says which of those that failed are still held good.
    pub(super) fn reached(
        &mut self,
        address: &NetAddress,
        good: Good,
        now: Mono,
        is_held: impl Fn(&NetAddress) -> bool,
        group: GroupOf<'_>,
    ) -> OutageChange {
        if self.all_silent(now) {
            self.answering_since = now;
        }
        self.answered = Some(now);
        self.failing.remove(address);
        if !self.active {
            return OutageChange::None;
        }
        self.failing.retain(|address, _| is_held(address));
        let most_fail = self.failing.len() * 2 > good.addresses && self.groups(group) * 2 > good.groups;
        let others_answer = self.failing.len() < good.addresses;
        let lasted = now.since(self.since.max(self.answering_since)) >= LONGEST;
        if most_fail && !(lasted && others_answer) {
            return OutageChange::None;
        }
        self.active = false;
        let failing = std::mem::take(&mut self.failing).into_keys().collect();
        if most_fail { OutageChange::Expired(failing) } else { OutageChange::Ended }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NodeId, group_of};

    fn address(n: u8) -> NetAddress {
        NetAddress::new(NodeId::from_bytes([n; 20]), [1, 2, 3, n].into(), 1).unwrap()
    }

    /// Each in a group of its own.
    fn apart(address: &NetAddress) -> Group {
        group_of(std::net::IpAddr::from([1, address.id().as_bytes()[0], 3, 4]), true, None)
    }

    fn together(_: &NetAddress) -> Group {
        group_of(std::net::IpAddr::from([1, 2, 3, 4]), true, None)
    }

    const fn good(addresses: usize) -> Good {
        Good { addresses, groups: addresses }
    }

    #[test]
    fn begins_when_most_fail_within_the_window_and_ends_when_they_are_back() {
        let mut outage = Outage::default();
        let at = Mono::from_micros(1);
        for n in 0..7 {
            assert_eq!(outage.failed(address(n), good(14 - usize::from(n)), at, &apart), OutageChange::None);
        }
        assert_eq!(outage.failed(address(7), good(7), at, &apart), OutageChange::Began((0..8).map(address).collect()));
        assert_eq!(outage.failed(address(8), good(15), at, &apart), OutageChange::None);
        assert_eq!(outage.reached(&address(0), good(15), at, |_| true, &apart), OutageChange::None);
        assert!(outage.is_active());
        assert_eq!(outage.reached(&address(1), good(15), at, |_| true, &apart), OutageChange::Ended);
        assert!(!outage.is_active());
    }

    #[test]
    fn one_by_one_over_hours_is_no_outage() {
        let mut outage = Outage::default();
        for n in 0..20 {
            let at = Mono::from_micros(u64::from(n) * 900_000_000);
            assert_eq!(outage.failed(address(n), good(5), at, &apart), OutageChange::None);
        }
    }

    #[test]
    fn many_of_one_group_that_vanish_are_no_outage_unless_all_are_of_it() {
        let at = Mono::from_micros(1);
        for (groups, begins) in [(2, false), (1, true)] {
            let mut outage = Outage::default();
            let began = (0..20).any(|n| {
                let change = outage.failed(address(n), Good { addresses: 5, groups }, at, &together);
                change != OutageChange::None
            });
            assert_eq!(began, begins);
        }
    }
}
