//! The seeds: those of the file, what was changed at run time, and what our dials found.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom as _;

use crate::types::{Delta, Fault, NodeId, Overlay, PeerAddress, SeededRng, Wall};

/// Seeds at most, those of the file included.
pub const MAX_SEEDS: usize = 256;

/// What our dials to a seed found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedHealth {
    /// The seed.
    pub seed: PeerAddress,
    /// When it was last dialled; [`Wall::NEVER`] before the first time.
    pub last_dialled: Wall,
    /// When it last answered the handshake.
    pub last_success: Wall,
    /// What became of the last dial, in words; empty when it went well.
    pub last_fault: String,
    /// Milliseconds that the last successful handshake took.
    pub latency_ms: u32,
    /// The ID that answered when it was another than the configured one.
    pub actual_id: Option<NodeId>,
    /// The chain that answered when it was another.
    pub actual_network: Option<String>,
    /// Addresses in its last answer.
    pub addresses: u32,
    /// When it last answered a request.
    pub last_answer: Wall,
}

/// What the last dial of a seed found, classified here alone: for counts, the API and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedOutcome {
    /// It was never dialled.
    Untried,
    /// It went through the handshake.
    Reached,
    /// It did not.
    Failed,
    /// A node with another ID answered.
    WrongIdentity,
    /// A node of another chain answered.
    WrongNetwork,
    /// It is this node itself, which is never dialled.
    Ourselves,
}

/// A row of the seeds that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeedChange {
    /// A run-time change, or `None` when it lapsed.
    Delta(PeerAddress, Option<Delta<PeerAddress>>),
    /// What was found out, or `None` when the seed is gone.
    Health(PeerAddress, Option<SeedHealth>),
}

/// The seed list of one network.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    list: Overlay<PeerAddress>,
    health: BTreeMap<PeerAddress, SeedHealth>,
    dirty_health: BTreeSet<PeerAddress>,
    /// Seeds of the round that is under way, the next one last.
    round: Vec<PeerAddress>,
}

impl SeedHealth {
    /// What the last dial found.
    pub fn outcome(&self) -> SeedOutcome {
        match (&self.actual_id, &self.actual_network) {
            _ if self.last_dialled.is_never() => SeedOutcome::Untried,
            _ if self.last_fault.is_empty() => SeedOutcome::Reached,
            (Some(_), _) => SeedOutcome::WrongIdentity,
            (None, Some(_)) => SeedOutcome::WrongNetwork,
            (None, None) => SeedOutcome::Failed,
        }
    }

    /// A seed of which nothing is known yet.
    pub fn unknown(seed: PeerAddress) -> Self {
        SeedHealth {
            seed,
            last_dialled: Wall::NEVER,
            last_success: Wall::NEVER,
            last_fault: String::new(),
            latency_ms: 0,
            actual_id: None,
            actual_network: None,
            addresses: 0,
            last_answer: Wall::NEVER,
        }
    }
}

impl Seeds {
    /// The file's seeds with the run-time changes that still apply, and what is known of them.
    pub(super) fn load(from_file: Vec<PeerAddress>, deltas: Vec<Delta<PeerAddress>>, health: Vec<SeedHealth>) -> Self {
        let mut seeds = Seeds { list: Overlay::load(from_file, deltas), ..Seeds::default() };
        seeds.health = health.into_iter().map(|health| (health.seed.clone(), health)).collect();
        seeds.forget_unlisted();
        seeds
    }

    /// Forgets what is known of those that the list has no more. Of one of the file that was removed it stays: it may be
    /// why.
    fn forget_unlisted(&mut self) {
        let listed = |seed: &PeerAddress| self.list.is_from_file(seed) || self.list.contains(seed);
        for (seed, _) in self.health.extract_if(.., |seed, _| !listed(seed)) {
            self.dirty_health.insert(seed);
        }
        self.round.retain(|seed| self.list.contains(seed));
    }

    /// The seeds in effect.
    pub(super) fn iter(&self) -> impl Iterator<Item = &PeerAddress> {
        self.list.iter()
    }

    pub(super) fn contains(&self, seed: &PeerAddress) -> bool {
        self.list.contains(seed)
    }

    /// All seeds, those of the file that were removed included, each with its run-time change.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&PeerAddress, Option<&Delta<PeerAddress>>)> {
        self.list.entries()
    }

    pub(super) fn is_seed_id(&self, id: &NodeId) -> bool {
        self.iter().any(|seed| seed.id() == *id)
    }

    /// Adds a seed; `false` when it is there already.
    ///
    /// # Errors
    /// When there are [`MAX_SEEDS`].
    pub(super) fn add(&mut self, seed: PeerAddress, author: &str, at: Wall) -> Result<bool, TooManySeeds> {
        if self.contains(&seed) {
            return Ok(false);
        }
        if self.iter().count() >= MAX_SEEDS {
            return Err(TooManySeeds);
        }
        Ok(self.list.add(seed, author, at))
    }

    /// Removes a seed; `false` when there is none.
    pub(super) fn remove(&mut self, seed: &PeerAddress, author: &str, at: Wall) -> bool {
        let removed = self.list.remove(seed, author, at);
        if removed {
            self.forget_unlisted();
        }
        removed
    }

    /// Takes the seeds that the file names now, and forgets what is known of those that are none any more; those that came
    /// into force.
    pub(super) fn set_file(&mut self, from_file: Vec<PeerAddress>) -> Vec<PeerAddress> {
        let came = self.list.set_file(from_file).added;
        self.forget_unlisted();
        came
    }

    /// What is known of a seed.
    pub(super) fn health(&self, seed: &PeerAddress) -> SeedHealth {
        self.health.get(seed).cloned().unwrap_or_else(|| SeedHealth::unknown(seed.clone()))
    }

    /// Notes what a dial or an answer showed, for a seed that is still configured.
    pub(super) fn note(&mut self, seed: &PeerAddress, change: impl FnOnce(&mut SeedHealth)) {
        if self.contains(seed) {
            change(self.health.entry(seed.clone()).or_insert_with(|| SeedHealth::unknown(seed.clone())));
            self.dirty_health.insert(seed.clone());
        }
    }

    /// Notes the answer of whatever seed has this ID.
    pub(super) fn note_answer(&mut self, id: &NodeId, addresses: u32, at: Wall) {
        let seeds: Vec<_> = self.iter().filter(|seed| seed.id() == *id).cloned().collect();
        for seed in seeds {
            self.note(&seed, |health| (health.addresses, health.last_answer) = (addresses, at));
        }
    }

    /// Begins a round: all seeds in random order.
    pub(super) fn begin_round(&mut self, rng: &mut SeededRng) {
        self.round = self.iter().cloned().collect();
        self.round.shuffle(rng);
    }

    /// The next seed of the round.
    pub(super) fn next_of_round(&mut self) -> Option<PeerAddress> {
        self.round.pop()
    }

    /// Ends the round: one is up.
    pub(super) fn end_round(&mut self) {
        self.round.clear();
    }

    pub(super) fn has_dirty(&self) -> bool {
        self.list.has_dirty() || !self.dirty_health.is_empty()
    }

    /// All rows.
    pub(super) fn rows(&self) -> Vec<SeedChange> {
        let deltas = self.list.deltas().map(|delta| SeedChange::Delta(delta.item.clone(), Some(delta.clone())));
        let health = self.health.iter().map(|(seed, health)| SeedChange::Health(seed.clone(), Some(health.clone())));
        deltas.chain(health).collect()
    }

    /// One changed row.
    pub(super) fn take_dirty(&mut self) -> Option<SeedChange> {
        if let Some((seed, delta)) = self.list.take_dirty() {
            return Some(SeedChange::Delta(seed, delta));
        }
        let seed = self.dirty_health.pop_first()?;
        let health = self.health.get(&seed).cloned();
        Some(SeedChange::Health(seed, health))
    }
}

/// There are as many seeds as are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are {MAX_SEEDS} seeds already: remove some first")]
pub struct TooManySeeds;

/// What a dial of a seed showed, for its health.
pub(super) fn note_dial(health: &mut SeedHealth, fault: Option<&Fault>, latency_ms: u32, now: Wall) {
    health.last_dialled = now;
    (health.actual_id, health.actual_network) = (None, None);
    match fault {
        None => {
            health.last_success = now;
            health.latency_ms = latency_ms;
            health.last_fault.clear();
        }
        Some(fault) => {
            health.last_fault = fault.to_string();
            match fault {
                Fault::WrongId { actual } => health.actual_id = Some(*actual),
                Fault::WrongNetwork { actual } => health.actual_network = Some(actual.to_string()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(n: u8) -> PeerAddress {
        format!("{}@1.2.3.{n}:1", NodeId::from_bytes([n; 20])).parse().unwrap()
    }

    fn listed(seeds: &Seeds) -> Vec<PeerAddress> {
        seeds.iter().cloned().collect()
    }

    #[test]
    fn changes_lie_over_the_file_and_survive_a_restart() {
        let mut seeds = Seeds::load(vec![seed(1), seed(2)], vec![], vec![]);
        let at = Wall::from_secs(9);
        assert_eq!(seeds.add(seed(3), "ops", at), Ok(true));
        assert_eq!(seeds.add(seed(3), "ops", at), Ok(false));
        assert!(seeds.remove(&seed(1), "ops", at));
        assert!(!seeds.remove(&seed(1), "ops", at));
        assert_eq!(listed(&seeds), [seed(2), seed(3)]);

        let mut deltas = Vec::new();
        while let Some(change) = seeds.take_dirty() {
            if let SeedChange::Delta(_, Some(delta)) = change {
                deltas.push(delta);
            }
        }
        assert_eq!(listed(&Seeds::load(vec![seed(1), seed(2)], deltas.clone(), vec![])), [seed(2), seed(3)]);

        let mut dropped = Seeds::load(vec![seed(2), seed(3)], deltas, vec![]);
        assert_eq!(listed(&dropped), [seed(2), seed(3)]);
        let lapsed: Vec<_> = std::iter::from_fn(|| dropped.take_dirty()).collect();
        let gone = [SeedChange::Delta(seed(1), None), SeedChange::Delta(seed(3), None)];
        assert_eq!(lapsed, gone, "a change lapses when the file says the same");
    }

    #[test]
    fn adding_back_what_the_file_names_leaves_no_delta() {
        let mut seeds = Seeds::load(vec![seed(1)], vec![], vec![]);
        assert!(seeds.remove(&seed(1), "ops", Wall::from_secs(1)));
        assert_eq!(seeds.add(seed(1), "ops", Wall::from_secs(2)), Ok(true));
        assert_eq!(seeds.take_dirty(), Some(SeedChange::Delta(seed(1), None)));
    }

    #[test]
    fn what_is_known_of_a_seed_stays_for_as_long_as_it_is_listed() {
        let at = Wall::from_secs(9);
        let known = |seeds: &Seeds, n| !seeds.health(&seed(n)).last_dialled.is_never();
        let mut seeds = Seeds::load(vec![seed(1), seed(2)], vec![], vec![]);
        assert_eq!(seeds.add(seed(3), "ops", at), Ok(true));
        (1..=3).for_each(|n| seeds.note(&seed(n), |health| health.last_dialled = at));
        assert!(seeds.remove(&seed(1), "ops", at) && seeds.remove(&seed(3), "ops", at));
        assert_eq!([1, 2, 3].map(|n| known(&seeds, n)), [true, true, false], "the file still has the first");
        assert_eq!(seeds.set_file(vec![seed(2)]), []);
        assert_eq!([1, 2].map(|n| known(&seeds, n)), [false, true]);
    }

    #[test]
    fn seeds_are_bounded() {
        let many = (0..MAX_SEEDS as u32).map(|n| {
            let [.., a, b] = n.to_be_bytes();
            format!("{}@1.2.{a}.{b}:1", NodeId::from_bytes([7; 20])).parse().unwrap()
        });
        let mut seeds = Seeds::load(many.collect(), vec![], vec![]);
        assert_eq!(seeds.add(seed(9), "ops", Wall::from_secs(1)), Err(TooManySeeds));
    }
}
