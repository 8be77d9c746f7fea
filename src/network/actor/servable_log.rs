//! When the log says how many nodes can be named to those who ask: as the first one can, when it has doubled or halved, and
//! when none is left.

use std::time::Duration;

use crate::types::Wall;

/// Lines come at most this often: a number that swings around a threshold is one line a minute, and none of them is lost for
/// good, since what was told last is compared with.
const PAUSE: Duration = Duration::from_secs(60);
/// A change of a small number is told when it is at least this much.
const LEAST: u32 = 5;

/// What was told last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServableLog {
    told: u32,
    at: Option<Wall>,
}

/// A number to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServableChange {
    /// What was told last; 0 at first.
    pub(super) before: u32,
    /// How many there are now.
    pub(super) now: u32,
}

impl ServableLog {
    /// Takes note of the number; the change, when it is worth a line.
    pub(super) fn note(&mut self, now: u32, at: Wall) -> Option<ServableChange> {
        // A clock that was set back must not silence it.
        let early = self.at.is_some_and(|told| told <= at && at.since(told) < PAUSE);
        if early || !is_much(self.told, now) {
            return None;
        }
        let before = std::mem::replace(&mut self.told, now);
        self.at = Some(at);
        Some(ServableChange { before, now })
    }
}

const fn is_much(before: u32, now: u32) -> bool {
    match (before, now) {
        (0, 0) => false,
        (0, _) | (_, 0) => true,
        _ => before.abs_diff(now) >= LEAST && (now / 2 >= before || before / 2 >= now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that are told of these, which come half a minute apart.
    fn told(numbers: &[u32]) -> Vec<(u32, u32)> {
        let mut log = ServableLog::default();
        let at = |n: usize| Wall::from_secs(1_000_000 + 30 * i64::try_from(n).unwrap());
        let changes = numbers.iter().enumerate().filter_map(|(n, number)| log.note(*number, at(n)));
        changes.map(|change| (change.before, change.now)).collect()
    }

    #[test]
    fn the_first_doubling_halving_and_the_last_are_told() {
        assert_eq!(told(&[0, 0, 59, 60, 80, 117, 118, 118, 200]), [(0, 59), (59, 118)]);
        assert_eq!(told(&[100, 100, 60, 50, 50, 50, 26, 25]), [(0, 100), (100, 50), (50, 25)]);
        assert_eq!(told(&[7, 7, 7, 0, 0, 0, 0]), [(0, 7), (7, 0)]);
    }

    #[test]
    fn what_swings_is_told_seldom_and_a_small_number_is_no_news() {
        assert_eq!(told(&[1, 2, 4, 2, 1, 3, 1, 2, 1]), [(0, 1)]);
        assert_eq!(told(&[99, 101, 50, 99, 51, 101, 50]), [(0, 99)]);
        assert_eq!(told(&[9, 0, 9, 0, 9, 0, 9, 0]), [(0, 9), (9, 0), (0, 9)]);
    }

    #[test]
    fn a_start_is_told_at_once_and_its_growth_after_the_pause() {
        assert_eq!(told(&[1, 20, 300, 700, 800]), [(0, 1), (1, 300), (300, 800)]);
        let mut log = ServableLog::default();
        assert!(log.note(5, Wall::from_secs(1_000)).is_some());
        assert!(log.note(0, Wall::from_secs(10)).is_some(), "the clock was set back");
    }
}
