//! The callers that wait for the ends of dials.

use std::collections::BTreeMap;

use crate::network::command::DialWaiter;
use crate::types::PeerAddress;

/// Callers that wait for the ends of dials at once.
const MAX_WAITING: usize = 64;

/// The callers that wait for the ends of dials. An ID is dialled once at a time, so the address names the dial.
#[derive(Debug, Default)]
pub(super) struct DialWaiters {
    callers: BTreeMap<PeerAddress, Vec<DialWaiter>>,
}

impl DialWaiters {
    /// Whether as many wait as may; those who went away do not count.
    pub(super) fn is_full(&mut self) -> bool {
        self.callers.retain(|_, callers| {
            callers.retain(|caller| !caller.is_closed());
            !callers.is_empty()
        });
        self.callers.values().map(Vec::len).sum::<usize>() >= MAX_WAITING
    }

    pub(super) fn wait(&mut self, target: PeerAddress, caller: DialWaiter) {
        self.callers.entry(target).or_default().push(caller);
    }

    pub(super) fn take(&mut self, target: &PeerAddress) -> Vec<DialWaiter> {
        self.callers.remove(target).unwrap_or_default()
    }
}
