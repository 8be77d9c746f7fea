//! The table of bans: IDs and ranges of addresses, with a reason and an end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;
use std::time::Duration;

use ipnet::IpNet;

use super::params::{MAX_BAN_REASON, MAX_OPERATOR_BANS, MAX_REACTOR_BANS};
use crate::types::{IpRangeSet, NodeId, Wall, all_variants};

/// The target of a ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BanTarget {
    /// A node, by its authenticated ID.
    Id(NodeId),
    /// A range of addresses; a single IP is a range of one.
    Range(IpNet),
}

impl BanTarget {
    /// The range that is this one IP.
    pub fn ip(ip: IpAddr) -> Self {
        BanTarget::Range(IpNet::from(ip))
    }

    /// The range, unless it is an ID.
    const fn range(&self) -> Option<IpNet> {
        match self {
            BanTarget::Id(_) => None,
            BanTarget::Range(range) => Some(*range),
        }
    }
}

impl std::fmt::Display for BanTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BanTarget::Id(id) => id.fmt(f),
            BanTarget::Range(net) if net.prefix_len() == net.max_prefix_len() => net.addr().fmt(f),
            BanTarget::Range(net) => net.fmt(f),
        }
    }
}

all_variants! {
    /// What a ban keeps from happening.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum BanScope {
        /// Any connection, and that it is served.
        #[default]
        All,
        /// That we dial it, and serve it to others, who would: whoever complains of our dials may still dial us.
        Dials,
    }
}

impl BanScope {
    /// A name that never changes, for machines and the store.
    pub const fn name(self) -> &'static str {
        match self {
            BanScope::All => "all",
            BanScope::Dials => "dials",
        }
    }
}

/// A ban in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Its target.
    pub target: BanTarget,
    /// What it keeps from happening.
    pub scope: BanScope,
    /// Why, in words for the operator; at most 256 bytes.
    pub reason: String,
    /// When it was set.
    pub since: Wall,
    /// When it ends; [`Wall::NEVER`] = never.
    pub until: Wall,
    /// Whether an operator set it (else the reactor did).
    pub by_operator: bool,
    /// The operator, as in the audit log; empty when it was the reactor.
    pub author: Box<str>,
}

/// The bans of a network. Time comes in with each question, so that one that has ended never counts.
#[derive(Debug, Default)]
pub(super) struct Bans {
    bans: BTreeMap<BanTarget, Ban>,
    dirty: BTreeSet<BanTarget>,
    by_operator: usize,
    /// The targets that are ranges.
    ranges: IpRangeSet,
    /// Lifted to make room, and not named by [`Bans::expire`] yet.
    crowded_out: Vec<BanTarget>,
}

/// There are as many bans by operators as are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are {MAX_OPERATOR_BANS} bans already: lift some, or ban wider ranges")]
pub struct TooManyBans;

impl Bans {
    /// The bans that a store kept; what has ended is dropped when [`Bans::expire`] comes by.
    pub(super) fn load(bans: impl IntoIterator<Item = Ban>) -> Self {
        let bans: BTreeMap<_, _> = bans.into_iter().map(|ban| (ban.target, ban)).collect();
        let by_operator = bans.values().filter(|ban| ban.by_operator).count();
        let ranges = bans.keys().filter_map(BanTarget::range).collect();
        Bans { bans, by_operator, ranges, ..Bans::default() }
    }

    pub(super) fn bans_id(&self, id: &NodeId, now: Wall) -> bool {
        self.of_id(id, now).is_some()
    }

    /// Whether any range with this IP in it is banned.
    pub(super) fn bans_ip(&self, ip: IpAddr, now: Wall) -> bool {
        self.of_ip(ip, now).next().is_some()
    }

    /// Whether connections from this IP are refused.
    pub(super) fn refuses_ip(&self, ip: IpAddr, now: Wall) -> bool {
        self.of_ip(ip, now).any(|ban| ban.scope == BanScope::All)
    }

    /// Whether connections of this ID are refused.
    pub(super) fn refuses_id(&self, id: &NodeId, now: Wall) -> bool {
        self.of_id(id, now).is_some_and(|ban| ban.scope == BanScope::All)
    }

    /// The bans of ranges that this IP lies in, the widest first.
    pub(super) fn of_ip(&self, ip: IpAddr, now: Wall) -> impl Iterator<Item = &Ban> {
        let around = self.ranges.containing(ip).map(BanTarget::Range);
        around.filter_map(|target| self.bans.get(&target)).filter(move |ban| ban.holds(now))
    }

    /// The ban of an ID.
    pub(super) fn of_id(&self, id: &NodeId, now: Wall) -> Option<&Ban> {
        self.bans.get(&BanTarget::Id(*id)).filter(|ban| ban.holds(now))
    }

    /// The bans after a target, in the order of their targets.
    pub(super) fn after(&self, after: Option<&BanTarget>) -> impl Iterator<Item = &Ban> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.bans.range((from, Bound::Unbounded)).map(|(_, ban)| ban)
    }

    /// The ban of a target.
    pub(super) fn get(&self, target: &BanTarget) -> Option<&Ban> {
        self.bans.get(target)
    }

    /// Lays or renews a ban.
    ///
    /// # Errors
    /// When an operator's one would be one too many.
    pub(super) fn lay(&mut self, mut ban: Ban) -> Result<(), TooManyBans> {
        if let BanTarget::Range(net) = ban.target {
            ban.target = BanTarget::Range(net.trunc());
        }
        truncate(&mut ban.reason, MAX_BAN_REASON);
        if !self.bans.contains_key(&ban.target) {
            self.make_room(ban.by_operator)?;
        }
        self.remove(&ban.target);
        self.by_operator += usize::from(ban.by_operator);
        if let Some(range) = ban.target.range() {
            self.ranges.insert(range);
        }
        self.dirty.insert(ban.target);
        self.bans.insert(ban.target, ban);
        Ok(())
    }

    fn make_room(&mut self, by_operator: bool) -> Result<(), TooManyBans> {
        if by_operator {
            return if self.by_operator < MAX_OPERATOR_BANS { Ok(()) } else { Err(TooManyBans) };
        }
        if self.bans.len() - self.by_operator >= MAX_REACTOR_BANS {
            let ours = self.bans.values().filter(|ban| !ban.by_operator);
            if let Some(oldest) = ours.min_by_key(|ban| ban.since).map(|ban| ban.target) {
                self.remove(&oldest);
                self.crowded_out.push(oldest);
            }
        }
        Ok(())
    }

    /// Lifts a ban; `None` when there was none.
    pub(super) fn remove(&mut self, target: &BanTarget) -> Option<Ban> {
        let ban = self.bans.remove(target)?;
        self.by_operator -= usize::from(ban.by_operator);
        if let Some(range) = target.range() {
            self.ranges.remove(range);
        }
        self.dirty.insert(*target);
        Some(ban)
    }

    /// Lifts the bans that have ended, and names them and those that made room for others.
    pub(super) fn expire(&mut self, now: Wall) -> Vec<BanTarget> {
        let mut ended: Vec<_> = self.bans.values().filter(|ban| !ban.holds(now)).map(|ban| ban.target).collect();
        for target in &ended {
            self.remove(target);
        }
        let crowded_out = std::mem::take(&mut self.crowded_out).into_iter();
        // It may have been banned anew.
        ended.extend(crowded_out.filter(|target| !self.bans.contains_key(target)));
        ended
    }

    /// How long it takes until [`Bans::expire`] names a ban; `None` = for ever.
    pub(super) fn next_end(&self, now: Wall) -> Option<Duration> {
        if !self.crowded_out.is_empty() {
            return Some(Duration::ZERO);
        }
        let ends = self.bans.values().map(|ban| ban.until).filter(|until| !until.is_never());
        ends.min().map(|end| end.since(now))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ban> {
        self.bans.values()
    }

    /// How many of the bans are for ranges.
    pub(super) fn ranges(&self) -> usize {
        self.ranges.len()
    }

    pub(super) fn len(&self) -> usize {
        self.bans.len()
    }

    pub(super) fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// One changed ban: its image, or `None` when it was lifted.
    pub(super) fn take_dirty(&mut self) -> Option<(BanTarget, Option<Ban>)> {
        let target = self.dirty.pop_first()?;
        Some((target, self.bans.get(&target).cloned()))
    }
}

impl Ban {
    /// A ban from now on for `length`, or for good; the reactor's when no operator is named.
    pub fn new(target: BanTarget, reason: String, now: Wall, length: Option<Duration>, author: Option<&str>) -> Self {
        let until = length.map_or(Wall::NEVER, |length| now + length);
        let (by_operator, author) = (author.is_some(), author.unwrap_or_default().into());
        Ban { target, scope: BanScope::All, reason, since: now, until, by_operator, author }
    }

    /// The same with another scope.
    #[must_use]
    pub fn of_scope(self, scope: BanScope) -> Self {
        Ban { scope, ..self }
    }

    /// Whether it has not ended yet.
    pub fn holds(&self, now: Wall) -> bool {
        self.until.is_never() || now < self.until
    }
}

fn truncate(text: &mut String, most: usize) {
    while text.len() > most {
        text.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> BanTarget {
        BanTarget::Range(text.parse().unwrap())
    }

    fn ban(target: BanTarget, until: i64, by_operator: bool) -> Ban {
        Ban {
            target,
            scope: BanScope::All,
            reason: "r".into(),
            since: Wall::from_secs(1),
            until: Wall::from_secs(until),
            by_operator,
            author: "".into(),
        }
    }

    #[test]
    fn a_range_holds_for_every_ip_in_it_until_it_ends() {
        let mut bans = Bans::default();
        bans.lay(ban(range("10.1.2.3/8"), 100, true)).unwrap();
        bans.lay(ban(range("2a00::/16"), 0, true)).unwrap();
        let at = Wall::from_secs(50);
        assert!(bans.bans_ip([10, 200, 0, 1].into(), at));
        assert!(bans.bans_ip("::ffff:10.0.0.1".parse().unwrap(), at));
        assert!(bans.bans_ip("2a00:1::1".parse().unwrap(), Wall::from_secs(1 << 40)));
        assert!(!bans.bans_ip([11, 0, 0, 1].into(), at));
        assert!(!bans.bans_ip([10, 200, 0, 1].into(), Wall::from_secs(100)));
        assert_eq!(bans.expire(Wall::from_secs(100)), [range("10.0.0.0/8")]);
        assert_eq!(bans.len(), 1);
    }

    #[test]
    fn both_kinds_are_bounded_and_only_ours_make_room() {
        let id = |n: usize| {
            let mut bytes = [0; 20];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            BanTarget::Id(NodeId::from_bytes(bytes))
        };
        let mut bans = Bans::default();
        for n in 0..MAX_REACTOR_BANS + 5 {
            bans.lay(Ban { since: Wall::from_secs(n as i64), ..ban(id(n), 0, false) }).unwrap();
        }
        assert_eq!(bans.len(), MAX_REACTOR_BANS);
        assert_eq!(bans.next_end(Wall::from_secs(1)), Some(Duration::ZERO));
        bans.lay(ban(id(0), 0, false)).unwrap();
        // The first of them is banned anew, for which the next one had to go.
        assert_eq!(bans.expire(Wall::from_secs(1)), [1, 2, 3, 4, 5].map(id));
        assert_eq!(bans.next_end(Wall::from_secs(1)), None);
        for n in 0..MAX_OPERATOR_BANS {
            bans.lay(ban(id(1_000_000 + n), 0, true)).unwrap();
        }
        assert_eq!(bans.lay(ban(id(9_000_000), 0, true)), Err(TooManyBans));
        assert_eq!(bans.lay(ban(id(1_000_000), 7, true)), Ok(()), "renewing needs no room");
    }

    #[test]
    fn changes_come_out_once_with_their_last_image() {
        let mut bans = Bans::default();
        bans.lay(ban(range("10.0.0.0/8"), 0, true)).unwrap();
        bans.lay(ban(range("11.0.0.0/8"), 0, true)).unwrap();
        bans.remove(&range("10.0.0.0/8"));
        assert_eq!(bans.take_dirty(), Some((range("10.0.0.0/8"), None)));
        assert!(matches!(bans.take_dirty(), Some((_, Some(_)))));
        assert_eq!(bans.take_dirty(), None);
    }
}
