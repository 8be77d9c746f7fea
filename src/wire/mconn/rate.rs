//! How fast bytes may flow, in one direction of one connection.

use std::time::Duration;

use crate::types::Mono;

/// What may flow at once: the length of upstream's samples.
const BURST: Duration = Duration::from_millis(100);

const MICROS: u128 = 1_000_000;

/// A bucket of tokens, told as a single time: the one at which all that was spent would have flowed evenly.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    bytes_per_second: u64,
    even: Mono,
}

impl Rate {
    /// `send_rate` or `recv_rate` in bytes a second; 0 = unlimited.
    pub const fn new(bytes_per_second: u64) -> Self {
        Rate { bytes_per_second, even: Mono::ZERO }
    }

    /// How long to wait before the next write or read; zero: go on.
    pub fn wait(&self, now: Mono) -> Duration {
        self.even.since(now).saturating_sub(BURST)
    }

    /// These bytes flowed. It may be more than was free: the next wait is longer then.
    pub fn spend(&mut self, bytes: usize, now: Mono) {
        if self.bytes_per_second == 0 {
            return;
        }
        let micros = (bytes as u128 * MICROS).div_ceil(u128::from(self.bytes_per_second));
        let cost = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self.even = self.even.max(now) + cost;
    }
}
