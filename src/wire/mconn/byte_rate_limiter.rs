//! The rate limit on the bytes of a connection, in one direction (CometBFT `libs/flowrate/flowrate.go: Limit`).

use std::time::Duration;

use crate::types::{Gcra, Mono};

/// What may flow at once: the length of CometBFT's samples (`libs/flowrate/flowrate.go: New`).
const BURST: Duration = Duration::from_millis(100);

const MICROS: u128 = 1_000_000;

/// A token bucket of bytes.
#[derive(Clone, Copy, Debug)]
pub struct ByteRateLimiter {
    bytes_per_second: u64,
    bucket: Gcra,
}

impl ByteRateLimiter {
    /// `send_rate` or `recv_rate` in bytes a second; 0 = unlimited.
    pub fn new(bytes_per_second: u64) -> Self {
        ByteRateLimiter { bytes_per_second, bucket: Gcra::default() }
    }

    /// How long to wait before the next write or read; zero: go on.
    pub fn wait(&self, now: Mono) -> Duration {
        self.bucket.wait(BURST, now)
    }

    /// These bytes flowed. It may be more than was free: the next wait is longer then.
    pub fn spend(&mut self, bytes: usize, now: Mono) {
        if self.bytes_per_second == 0 {
            return;
        }
        let micros = (bytes as u128 * MICROS).div_ceil(u128::from(self.bytes_per_second));
        self.bucket.spend(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)), now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Mono = Mono::from_micros(1_000_000);

    #[test]
    fn without_a_bound_nothing_waits() {
        let mut rate = ByteRateLimiter::new(0);
        rate.spend(usize::MAX, START);
        assert_eq!(rate.wait(START), Duration::ZERO);
    }

    #[test]
    fn one_sample_flows_at_once_and_the_rest_evenly() {
        let mut rate = ByteRateLimiter::new(10_000);
        rate.spend(1_000, START);
        assert_eq!(rate.wait(START), Duration::ZERO);
        rate.spend(1_000, START);
        assert_eq!(rate.wait(START), Duration::from_millis(100));
        assert_eq!(rate.wait(START + Duration::from_millis(100)), Duration::ZERO);
    }

    #[test]
    fn silence_saves_no_more_than_one_sample() {
        let mut rate = ByteRateLimiter::new(10_000);
        let late = START + Duration::from_secs(3600);
        rate.spend(2_000, late);
        assert_eq!(rate.wait(late), Duration::from_millis(100));
    }

    proptest! {
        /// A caller that waits as asked never exceeds the rate by more than a sample and the last piece.
        #[test]
        fn the_rate_holds_over_time(
            bytes_per_second in 1_u64..10_000_000, pieces in proptest::collection::vec(1_usize..70_000, 1..200),
        ) {
            let (mut rate, mut now) = (ByteRateLimiter::new(bytes_per_second), START);
            for &piece in &pieces {
                now = now + rate.wait(now);
                rate.spend(piece, now);
            }
            let flowed: usize = pieces[..pieces.len() - 1].iter().sum();
            let allowed = (now.since(START) + BURST).as_secs_f64() * bytes_per_second as f64;
            prop_assert!(flowed as f64 <= allowed + 1.0, "{flowed} > {allowed}");
        }
    }
}
