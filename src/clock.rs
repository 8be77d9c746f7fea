//! The only reader of clocks and entropy.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::types::{Mono, Now, SeededRng, Wall};

/// Reads the process's clocks; all copies agree.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

#[allow(clippy::disallowed_methods)]
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock {
    /// Both clocks at once.
    #[allow(clippy::disallowed_methods)]
    pub fn now(self) -> Now {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Wall::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX));
        Now { mono: self.mono(), wall }
    }

    /// The monotonic clock alone.
    #[allow(clippy::disallowed_methods)]
    pub fn mono(self) -> Mono {
        let micros = Instant::now().saturating_duration_since(*START).as_micros();
        Mono::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The point on tokio's clock that a timer at `at` has to wait for.
    pub fn deadline(self, at: Mono) -> tokio::time::Instant {
        let far = std::time::Duration::from_secs(86_400 * 365);
        let after = std::time::Duration::from_micros(at.as_micros()).min(far);
        tokio::time::Instant::from_std(*START) + after
    }
}

/// 32 bytes from the operating system.
///
/// # Panics
/// When the operating system has no entropy to give, which no program survives.
#[allow(clippy::disallowed_methods)]
pub fn entropy() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives entropy");
    bytes
}

/// A generator for pure code, seeded by the operating system.
pub fn seeded_rng() -> SeededRng {
    use rand::SeedableRng as _;
    SeededRng::from_seed(entropy())
}
