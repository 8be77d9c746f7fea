//! One who watches: a cursor that pulls at its own pace.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{Cursor, Entry, Events};

/// Where a reader begins.
#[derive(Clone, Debug)]
pub enum Begin {
    /// With what happens from now on.
    Now,
    /// With the oldest event that is kept.
    Oldest,
    /// Behind the last event that it got, perhaps from an earlier life.
    After(Cursor),
}

/// Events that are not kept any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// How many, or at most how many; 0 when that is not known.
    pub count: u64,
    /// Whether it was exactly so many.
    pub exact: bool,
    /// Where the reader is now.
    pub cursor: Cursor,
}

/// What a reader gets at a time.
#[derive(Debug)]
pub struct Pulled {
    /// What it missed before the entries.
    pub missed: Option<Missed>,
    /// The next events.
    pub entries: Vec<Entry>,
    /// Where it is now.
    pub cursor: Cursor,
    /// Whether it has all that happened.
    pub caught_up: bool,
    /// Whether nothing more will come: the network has ended.
    pub ended: bool,
}

/// Reads the events of one network. It holds nothing but its place.
#[derive(Debug)]
pub struct Reader {
    events: Events,
    bell: u64,
    generation: u64,
    /// The next number.
    next: u64,
    /// Whether it is not known what it missed.
    lost: bool,
}

impl Events {
    /// A reader from there on. `bell` is rung whenever there may be more for it; it may serve readers of several networks.
    pub fn reader(&self, begin: &Begin, bell: Arc<Notify>) -> Reader {
        let mut ring = self.ring();
        let (next, lost) = match begin {
            Begin::Now => (ring.numbers.shown() + 1, false),
            Begin::Oldest => (ring.first(), false),
            Begin::After(cursor) if ring.numbers.knows(&cursor.epoch, cursor.number) => (cursor.number + 1, false),
            Begin::After(_) => (ring.first(), true),
        };
        let (generation, bell) = (ring.generation, ring.add_bell(bell));
        drop(ring);
        Reader { events: self.clone(), bell, generation, next, lost }
    }
}

impl Reader {
    /// The next events, at most `max`, without waiting.
    pub fn pull(&mut self, max: usize) -> Pulled {
        let ring = self.events.ring();
        if self.generation != ring.generation {
            (self.generation, self.next, self.lost) = (ring.generation, ring.first(), true);
        }
        let here = ring.first().min(ring.numbers.shown() + 1).max(self.next);
        let missed = Missed {
            count: here - self.next,
            exact: !self.lost && ring.numbers.is_exact_after(self.next - 1),
            cursor: ring.cursor(here - 1),
        };
        let missed = Some(missed).filter(|missed| missed.count > 0 || self.lost);
        let missed = missed.map(|missed| if self.lost { Missed { count: 0, ..missed } } else { missed });
        let entries = ring.entries(here, max);
        (self.next, self.lost) = (here + entries.len() as u64, false);
        Pulled {
            missed,
            entries,
            cursor: ring.cursor(self.next - 1),
            caught_up: self.next > ring.numbers.shown(),
            ended: ring.ended,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.events.ring().remove_bell(self.bell);
    }
}
