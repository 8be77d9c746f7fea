//! Numbers of entries, and the places that an entry can be in: what the slab, the schedule and the lists share.

/// The number of an entry of the slab.
pub(super) type Ix = u32;

/// Entries that a book may have, removed and banned ones included: their numbers take 24 bits, and what is beside them in
/// the lists by group the rest.
pub(super) const MAX_ENTRIES: usize = 1 << 24;

/// No entry.
pub(super) const NONE: Ix = Ix::MAX;

/// A slot of the timer wheel.
pub(super) type WheelSlot = u16;

/// Where an entry waits for its dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queue(u16);

impl Queue {
    /// In no queue: handed out, banned, never reached and ready, or in a book that is not crawled.
    pub(super) const NONE: Queue = Queue(u16::MAX);
    /// Due, and verified.
    pub(super) const VERIFIED: Queue = Queue(u16::MAX - 1);
    /// Due, and reached once, but not at the latest attempt.
    pub(super) const LAPSED: Queue = Queue(u16::MAX - 2);

    /// Not due yet.
    pub(super) const fn wheel(slot: WheelSlot) -> Queue {
        Queue(slot)
    }

    /// The slot of the wheel, of an entry that is not due yet.
    pub(super) const fn slot(self) -> WheelSlot {
        self.0
    }
}

/// The list of the source table that an entry is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Pool {
    /// In none: verified, handed out, banned or removed.
    None,
    /// Never tried, and due.
    Ready,
    /// Never reached, and due to be tried again.
    Due,
    /// Never reached, and waiting: it failed, or its turn has not come.
    Waiting,
    /// Reached once, and not at the latest attempt; of no bucket.
    Lapsed,
}

/// A list by group; each entry has a place in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// What is served.
    Served = 0,
    /// What a node may pick to dial, new or old.
    Known = 1,
}

/// Lists by group that there are.
pub(super) const LISTS: usize = 2;

/// The number of a group that has an address in the book.
pub(super) type GroupIx = u32;
