//! Buffers that all peers of a thread share, so that an idle peer holds none.

use std::cell::RefCell;

use crate::clock::seeded_rng;
use crate::types::SeededRng;
use crate::wire::secret::SEALED_FRAME;

/// Bytes that are read from a socket at once: eight frames. A peer whose message waits for the network keeps at most so
/// many bytes behind it.
const READ: usize = 8 * SEALED_FRAME;
/// What a buffer may keep between two uses: an honest batch. A rare larger one gives its memory back.
const KEPT: usize = 64 * 1024;

/// Used within one poll, never across.
pub(super) struct Scratch {
    /// Received bytes.
    pub(super) input: Box<[u8]>,
    /// What is to be sealed.
    pub(super) plain: Vec<u8>,
    /// What is to be written.
    pub(super) sealed: Vec<u8>,
    /// Draws the addresses that are looked at.
    pub(super) rng: SeededRng,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        input: vec![0; READ].into(),
        plain: Vec::new(),
        sealed: Vec::new(),
        rng: seeded_rng(),
    });
}

/// Lends the thread's buffers; not to be called within itself.
pub(super) fn with<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        let result = work(scratch);
        for buffer in [&mut scratch.plain, &mut scratch.sealed] {
            buffer.clear();
            buffer.shrink_to(KEPT);
        }
        result
    })
}
