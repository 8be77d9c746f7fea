//! The generic cell rate algorithm (GCRA): a token bucket that is kept as a single time.

use std::time::Duration;

use super::Mono;

/// One party's token bucket. It is full at first, and it is full again whenever the theoretical arrival time has
/// passed. How long a token takes to come back (the cost) and how many may be spent at once (the burst, as a time) are
/// the caller's, so that a table of many buckets keeps them once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gcra {
    theoretical_arrival_time: Mono,
}

impl Gcra {
    /// The time at which all that was spent has been paid back.
    pub const fn theoretical_arrival_time(&self) -> Mono {
        self.theoretical_arrival_time
    }

    /// How long it takes until the next spending conforms, when `burst` may be spent ahead of time; zero: it does now.
    pub fn wait(&self, burst: Duration, now: Mono) -> Duration {
        self.theoretical_arrival_time.since(now).saturating_sub(burst)
    }

    /// Spends what takes `cost` to come back, whether it conforms or not: the next wait is longer then.
    pub fn spend(&mut self, cost: Duration, now: Mono) {
        self.theoretical_arrival_time = self.theoretical_arrival_time.max(now) + cost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_at_once_and_what_follows_waits_its_turn() {
        let (mut bucket, cost, burst) = (Gcra::default(), Duration::from_secs(1), Duration::from_secs(2));
        let at = |secs: u64| Mono::from_micros(secs * 1_000_000);
        for _ in 0..3 {
            assert_eq!(bucket.wait(burst, at(100)), Duration::ZERO);
            bucket.spend(cost, at(100));
        }
        assert_eq!(bucket.wait(burst, at(100)), Duration::from_secs(1));
        assert_eq!(bucket.wait(burst, at(101)), Duration::ZERO);
        assert_eq!(bucket.theoretical_arrival_time(), at(103));
        bucket.spend(cost, at(1_000));
        assert_eq!(bucket.theoretical_arrival_time(), at(1_001), "a pause saves no more than the burst");
    }
}
