//! The nodes of the demo's world, and which of them know each other.

/// Reachable nodes.
pub(super) const NODES: usize = 20;
/// Of them, those that the first one knows; each of these knows some of the rest.
const MIDDLE: usize = 4;

/// What is at an address that is advertised and must never be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trap {
    /// Nothing listens there.
    Dead,
    /// It accepts connections and never says a word.
    Silent,
    /// It does not even accept.
    BlackHoled,
    /// A live node's place under a made-up ID.
    WrongKey,
    /// A node of another chain.
    WrongChain,
}

impl Trap {
    /// Each kind with how many of it there are.
    pub(super) const ALL: [(Trap, usize); 5] =
        [(Trap::Dead, 4), (Trap::Silent, 2), (Trap::BlackHoled, 2), (Trap::WrongKey, 3), (Trap::WrongChain, 2)];

    /// How it is called in the view.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Trap::Dead => "dead",
            Trap::Silent => "silent",
            Trap::BlackHoled => "black-holed",
            Trap::WrongKey => "wrong key",
            Trap::WrongChain => "wrong chain",
        }
    }
}

/// The nodes that a node knows at the start: the first knows the middle ones, each of them a fourth of the rest, and the
/// last know nobody. The seed knows the first alone, so that the last are three hops away.
pub(super) fn known_by(node: usize) -> Vec<usize> {
    match node {
        0 => (1..=MIDDLE).collect(),
        1..=MIDDLE => (MIDDLE + 1..NODES).filter(|other| other % MIDDLE == node - 1).collect(),
        _ => Vec::new(),
    }
}

/// The middle node that advertises the trap of this number.
pub(super) const fn advertiser(trap: usize) -> usize {
    1 + trap % MIDDLE
}

/// Whether a node is one of those that advertise traps.
pub(super) const fn advertises(node: usize) -> bool {
    1 <= node && node <= MIDDLE
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_node_is_three_hops_away_at_most_and_some_are() {
        let mut reached = BTreeSet::from([0]);
        for _ in 0..2 {
            reached.extend(reached.clone().into_iter().flat_map(known_by));
        }
        assert_eq!(reached, (0..NODES).collect());
        let two: BTreeSet<_> = known_by(0).into_iter().collect();
        assert!(two.len() < NODES - 1);
    }
}
