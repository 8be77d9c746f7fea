//! Times on the two clocks, as pure code gets them passed in.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on the process's monotonic clock, in microseconds since the process started.
///
/// Timers use this clock: it does not jump when an operator or NTP sets the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(u64);

impl Mono {
    /// The start of the process.
    pub const ZERO: Mono = Mono(0);
    /// A time that never comes.
    pub const NEVER: Mono = Mono(u64::MAX);

    /// The point that lies `micros` microseconds after the start of the process.
    pub const fn from_micros(micros: u64) -> Self {
        Mono(micros)
    }

    /// The point that lies `secs` seconds after the start of the process.
    pub const fn from_secs(secs: u32) -> Self {
        Mono(secs as u64 * 1_000_000)
    }

    /// Microseconds since the start of the process.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the start of the process, for compact tables (136 years fit).
    pub const fn as_secs(self) -> u32 {
        (self.0 / 1_000_000) as u32
    }

    /// The time that passed since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Mono) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;

    fn add(self, rhs: Duration) -> Mono {
        let micros = u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX);
        Mono(self.0.saturating_add(micros))
    }
}

/// A point on the wall clock, in milliseconds since the Unix epoch; 0 stands for "never".
///
/// Times that are stored or shown are on this clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    /// No time at all: what an entry that was never tried has.
    pub const NEVER: Wall = Wall(0);

    /// The point that lies `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Wall(millis)
    }

    /// The point that lies `secs` seconds after the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Wall(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whether this stands for "never".
    pub const fn is_never(self) -> bool {
        self.0 == 0
    }

    /// The time that passed since `earlier`; zero when the clock was set back in between.
    pub fn since(self, earlier: Wall) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Wall {
    type Output = Wall;

    fn add(self, rhs: Duration) -> Wall {
        let millis = i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX);
        Wall(self.0.saturating_add(millis))
    }
}

impl Sub<Duration> for Wall {
    type Output = Wall;

    fn sub(self, rhs: Duration) -> Wall {
        let millis = i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX);
        Wall(self.0.saturating_sub(millis))
    }
}

/// The present, as the shell read it from both clocks at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For timers.
    pub mono: Mono,
    /// For what is stored or shown.
    pub wall: Wall,
}

impl Now {
    /// The moment `by` later, on both clocks.
    #[must_use]
    pub fn after(self, by: Duration) -> Now {
        Now { mono: self.mono + by, wall: self.wall + by }
    }
}
