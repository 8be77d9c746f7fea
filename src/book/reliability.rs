//! How reliably an address answers, over five decaying windows, as the Bitcoin DNS seeders keep it
//! (docs/protocol/address-book.md, "Reliability").
//!
//! Each outcome speaks for the time since the attempt before it. A window holds the share of its time for which the
//! address was watched, and the share for which it answered, both decaying exponentially: so neither how often it was
//! dialled nor the luck of single dials matters much.

use std::time::Duration;

/// The windows' time constants: after this time what was seen counts for 1/e.
pub const WINDOWS: [Duration; 5] = [
    Duration::from_hours(2),
    Duration::from_hours(8),
    Duration::from_hours(24),
    Duration::from_hours(7 * 24),
    Duration::from_hours(30 * 24),
];
/// The window that decides what is good: one bad hour does not, a night does.
pub(super) const JUDGED_BY: usize = 1;
/// The full scale of a share.
const SCALE: f32 = u16::MAX as f32;

/// The shares of one window, in 1/65,535.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Window {
    watched: u16,
    answered: u16,
}

/// The record of an address over all windows: 20 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reliability {
    windows: [Window; WINDOWS.len()],
}

impl Reliability {
    /// Nothing was seen yet.
    pub(super) const EMPTY: Reliability = Reliability { windows: [Window { watched: 0, answered: 0 }; WINDOWS.len()] };
    /// Bytes that it takes when stored.
    pub const LEN: usize = 4 * WINDOWS.len();

    /// Notes an outcome that speaks for the last `time`.
    pub(super) fn note(&mut self, time: Duration, answered: bool) {
        for (window, span) in self.windows.iter_mut().zip(WINDOWS) {
            let kept = (-time.as_secs_f32() / span.as_secs_f32()).exp();
            let fresh = (1.0 - kept) * SCALE;
            window.watched = decayed(window.watched, kept, fresh);
            let share = decayed(window.answered, kept, if answered { fresh } else { 0.0 });
            window.answered = share.min(window.watched);
        }
    }

    /// The record of an address that answered for so long, and of which no more is known.
    pub fn of_a_streak(time: Duration) -> Self {
        let mut record = Self::EMPTY;
        record.note(time, true);
        record
    }

    /// For which share of a window it was watched, from 0 to 1.
    pub fn watched(&self, window: usize) -> f32 {
        self.windows.get(window).map_or(0.0, |window| f32::from(window.watched) / SCALE)
    }

    /// For which share of a window it answered, from 0 to 1; never more than it was watched for.
    pub fn answered(&self, window: usize) -> f32 {
        self.windows.get(window).map_or(0.0, |window| f32::from(window.answered) / SCALE)
    }

    /// Whether it was watched for at least `time` and answered for at least this share of it, by the window that decides
    /// what is good.
    pub(super) fn is_at_least(&self, time: Duration, share: f32) -> bool {
        let least = 1.0 - (-time.as_secs_f32() / WINDOWS[JUDGED_BY].as_secs_f32()).exp();
        let (watched, answered) = (self.watched(JUDGED_BY), self.answered(JUDGED_BY));
        // What rounding to a share costs.
        watched + 2.0 / SCALE >= least && answered >= share * watched
    }

    /// The bytes, to be stored: for each window what was watched and what was answered, big-endian.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        for (window, chunk) in self.windows.iter().zip(bytes.chunks_exact_mut(4)) {
            chunk[..2].copy_from_slice(&window.watched.to_be_bytes());
            chunk[2..].copy_from_slice(&window.answered.to_be_bytes());
        }
        bytes
    }

    /// What was stored as these bytes. Nothing that is read is trusted: no share of answers exceeds what was watched.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let mut windows = [Window::default(); WINDOWS.len()];
        for (window, chunk) in windows.iter_mut().zip(bytes.chunks_exact(4)) {
            let watched = u16::from_be_bytes([chunk[0], chunk[1]]);
            *window = Window { watched, answered: u16::from_be_bytes([chunk[2], chunk[3]]).min(watched) };
        }
        Reliability { windows }
    }
}

fn decayed(share: u16, kept: f32, fresh: f32) -> u16 {
    (f32::from(share) * kept + fresh).round().clamp(0.0, SCALE) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn watch(record: &mut Reliability, minutes: u32, every: u32, answers: impl Fn(u32) -> bool) {
        for nth in 0..minutes / every {
            record.note(MINUTE * every, answers(nth));
        }
    }

    #[test]
    fn how_often_it_is_asked_does_not_matter() {
        let (mut often, mut seldom) = (Reliability::default(), Reliability::default());
        watch(&mut often, 600, 2, |_| true);
        watch(&mut seldom, 600, 60, |_| true);
        for window in 0..WINDOWS.len() {
            assert!((often.watched(window) - seldom.watched(window)).abs() < 0.02, "{window}");
            assert!((often.answered(window) - often.watched(window)).abs() < 0.001, "{window}");
        }
    }

    #[test]
    fn a_lost_packet_costs_little_and_a_night_much() {
        let mut record = Reliability::default();
        watch(&mut record, 3 * 24 * 60, 15, |nth| nth % 50 != 49);
        assert!(record.is_at_least(Duration::from_hours(3), 0.95));
        assert!(record.answered(4) > 0.09 && record.answered(4) < 0.1, "three days of a month's window");
        watch(&mut record, 8 * 60, 60, |_| false);
        assert!(!record.is_at_least(Duration::from_hours(3), 0.5));
        assert!(record.answered(3) > 0.3, "the week remembers");
    }

    #[test]
    fn good_needs_the_time() {
        let mut record = Reliability::default();
        record.note(Duration::from_hours(3) - Duration::from_secs(60), true);
        assert!(!record.is_at_least(Duration::from_hours(3), 0.85));
        record.note(Duration::from_secs(60), true);
        assert!(record.is_at_least(Duration::from_hours(3), 0.85));
    }

    #[test]
    fn bytes_are_read_as_they_were_written_and_lies_are_cut() {
        let mut record = Reliability::default();
        watch(&mut record, 500, 7, |nth| nth % 3 != 0);
        assert_eq!(Reliability::from_bytes(&record.to_bytes()), record);
        let lie = Reliability::from_bytes(&[0, 1, 0xff, 0xff].repeat(5).try_into().unwrap());
        assert_eq!(lie.answered(0), lie.watched(0));
    }
}
