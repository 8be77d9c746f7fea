//! Numbers of entries, and where an entry is within the buckets: what the slab, the queues and the buckets share.

/// The number of an entry of the slab.
pub(super) type Ix = u16;

/// No entry.
pub(super) const NONE: Ix = Ix::MAX;

/// A slot: a bucket and a position in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SlotAt {
    pub(super) bucket: u8,
    pub(super) at: u8,
}
