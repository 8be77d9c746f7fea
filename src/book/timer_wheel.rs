//! A hierarchical timer wheel: entries by the second at which they are due. Joining, leaving and coming due are O(1) an
//! entry, however many wait; an entry moves to a finer level at most twice.

use super::entry_index::{Ix, Queue, WheelSlot};
use super::fifo::{Fifo, WAITING};
use super::slab::Slab;

/// Slots of a level: a slot of the first is a second, of the second 256 seconds, of the third 18 hours.
const SLOTS: u32 = 256;
/// Levels: 194 days in all, far beyond the longest wait.
const LEVELS: usize = 3;
/// The latest time that an entry waits for, from now.
const FARTHEST: u32 = (1 << 24) - (1 << 16) - 1;

struct Level {
    slots: [Fifo<WAITING>; SLOTS as usize],
    /// A bit for each slot that is not empty.
    filled: [u64; SLOTS as usize / 64],
}

/// The wheel. Times are whole seconds on the monotonic clock.
pub(super) struct TimerWheel {
    /// Not allocated before the first entry: a book that stays empty is small.
    levels: Vec<Level>,
    now: u32,
}

impl TimerWheel {
    pub(super) const fn new() -> Self {
        TimerWheel { levels: Vec::new(), now: 0 }
    }

    /// Lets an entry wait until `due`, at least until the next second that [`TimerWheel::advance`] has not reached; where
    /// it waits.
    pub(super) fn insert(&mut self, slab: &mut Slab, ix: Ix, due: u32) -> WheelSlot {
        if self.levels.is_empty() {
            self.levels.resize_with(LEVELS, Level::new);
        }
        let due = due.clamp(self.now.saturating_add(1), self.now.saturating_add(FARTHEST));
        let (level, slot) = self.place(due);
        self.levels[level].push(slab, ix, slot);
        (level as u32 * SLOTS + slot) as WheelSlot
    }

    /// The finest level whose present turn contains the time, and the slot there.
    const fn place(&self, due: u32) -> (usize, u32) {
        if due >> 8 == self.now >> 8 {
            (0, due % SLOTS)
        } else if due >> 16 == self.now >> 16 {
            (1, (due >> 8) % SLOTS)
        } else {
            (2, (due >> 16) % SLOTS)
        }
    }

    /// Takes out an entry that waits in this slot.
    pub(super) fn remove(&mut self, slab: &mut Slab, ix: Ix, slot: WheelSlot) {
        let (level, slot) = (u32::from(slot) / SLOTS, u32::from(slot) % SLOTS);
        self.levels[level as usize].remove(slab, ix, slot);
    }

    /// Moves the wheel towards `to`, and takes out one entry that has come due on the way; `None` when none has, and the
    /// wheel stands at `to`.
    pub(super) fn advance(&mut self, slab: &mut Slab, to: u32) -> Option<Ix> {
        if self.levels.is_empty() {
            self.now = self.now.max(to);
            return None;
        }
        loop {
            if let Some(ix) = self.levels[0].pop(slab, self.now % SLOTS) {
                return Some(ix);
            }
            let Some(next) = self.next().filter(|&next| next <= to) else {
                self.now = self.now.max(to);
                return None;
            };
            self.now = next;
            self.cascade(slab);
        }
    }

    /// Spreads what waits in a coarser slot whose turn has come over the finer level.
    fn cascade(&mut self, slab: &mut Slab) {
        for level in (1..LEVELS).rev() {
            let shift = 8 * level as u32;
            if self.now.trailing_zeros() < shift {
                continue;
            }
            let slot = (self.now >> shift) % SLOTS;
            while let Some(ix) = self.levels[level].pop(slab, slot) {
                let due = slab.entry(ix).due.max(self.now);
                let (finer, slot) = self.place(due);
                self.levels[finer].push(slab, ix, slot);
                slab.entry_mut(ix).queue = Queue::wheel((finer as u32 * SLOTS + slot) as WheelSlot);
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.levels.capacity() * size_of::<Level>()
    }

    /// When the wheel has to be moved next: the second of the earliest entry, or the beginning of the coarser slot that
    /// it waits in.
    pub(super) fn next(&self) -> Option<u32> {
        self.levels.iter().zip([0, 8, 16]).find_map(|(level, shift)| {
            let slot = level.next_filled((self.now >> shift) % SLOTS)?;
            let turn = u64::from(self.now) >> (shift + 8);
            u32::try_from(((turn << 8) | u64::from(slot)) << shift).ok()
        })
    }
}

impl Level {
    const fn new() -> Self {
        Level { slots: [Fifo::EMPTY; SLOTS as usize], filled: [0; SLOTS as usize / 64] }
    }

    fn push(&mut self, slab: &mut Slab, ix: Ix, slot: u32) {
        self.slots[slot as usize].push_back(slab, ix);
        self.filled[slot as usize / 64] |= 1 << (slot % 64);
    }

    fn remove(&mut self, slab: &mut Slab, ix: Ix, slot: u32) {
        self.slots[slot as usize].remove(slab, ix);
        if self.slots[slot as usize].first().is_none() {
            self.filled[slot as usize / 64] &= !(1 << (slot % 64));
        }
    }

    fn pop(&mut self, slab: &mut Slab, slot: u32) -> Option<Ix> {
        let ix = self.slots[slot as usize].first()?;
        self.remove(slab, ix, slot);
        Some(ix)
    }

    /// The first slot after this one that is not empty.
    fn next_filled(&self, after: u32) -> Option<u32> {
        let first = after + 1;
        let words = self.filled.iter().enumerate().skip(first as usize / 64);
        words.map(|(at, word)| (at as u32 * 64, *word)).find_map(|(base, word)| {
            let masked = if first > base { word & (u64::MAX << (first - base).min(63)) } else { word };
            (masked != 0).then(|| base + masked.trailing_zeros())
        })
    }
}
