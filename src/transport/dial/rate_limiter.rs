//! No more than so many starts a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::types::{Gcra, Mono};

/// Starts that may follow each other at once, as a part of a second: a tenth.
const BURST: u32 = 10;

/// Gives each caller a time to start at, evenly apart.
#[derive(Debug)]
pub(in crate::transport) struct DialRateLimiter {
    interval: Duration,
    burst: Duration,
    bucket: Mutex<Gcra>,
    delayed: AtomicU64,
}

impl DialRateLimiter {
    /// 0 a second = no limit.
    pub(in crate::transport) fn new(per_second: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(per_second).unwrap_or_default();
        let burst = interval * (per_second / BURST);
        DialRateLimiter { interval, burst, bucket: Mutex::default(), delayed: AtomicU64::new(0) }
    }

    /// Waits for the caller's turn. A caller that goes away meanwhile leaves its turn unused.
    pub(in crate::transport) async fn turn(&self) {
        let wait = self.reserve(Clock.mono());
        if !wait.is_zero() {
            self.delayed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
        }
    }

    /// Callers that had to wait, in all.
    pub(in crate::transport) fn delayed(&self) -> u64 {
        self.delayed.load(Ordering::Relaxed)
    }

    fn reserve(&self, now: Mono) -> Duration {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = bucket.wait(self.burst, now);
        bucket.spend(self.interval, now);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_a_second_goes_at_once_and_the_rest_evenly() {
        let pacer = DialRateLimiter::new(200);
        let now = Mono::from_micros(1_000_000);
        let waits: Vec<_> = (0..220).map(|_| pacer.reserve(now)).collect();
        assert!(waits[..21].iter().all(Duration::is_zero));
        assert_eq!(waits[21], Duration::from_millis(5));
        assert_eq!(waits[219], Duration::from_millis(995));
        assert!(pacer.reserve(now + Duration::from_secs(2)).is_zero());
    }

    #[tokio::test]
    async fn who_has_to_wait_is_counted() {
        let pacer = DialRateLimiter::new(20);
        pacer.turn().await;
        assert_eq!(pacer.delayed(), 0);
        for _ in 0..6 {
            pacer.turn().await;
        }
        assert!((1..=6).contains(&pacer.delayed()), "{pacer:?}");
    }

    #[test]
    fn zero_is_no_limit() {
        let pacer = DialRateLimiter::new(0);
        assert!((0..1000).all(|_| pacer.reserve(Mono::ZERO).is_zero()));
    }
}
