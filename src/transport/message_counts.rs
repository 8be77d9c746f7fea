//! Counters of one network's messages and their bytes, received and sent, by kind.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::wire::pex::{Outgoing, Received};

/// Counts since the process started, over all connections of a network.
#[derive(Debug, Default)]
pub struct MessageCounters {
    requests_in: Counter,
    addresses_in: Counter,
    requests_out: Counter,
    addresses_out: Counter,
}

/// Messages of one kind, in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCount {
    /// How many.
    pub messages: u64,
    /// Their bytes, without packets, frames and encryption.
    pub bytes: u64,
}

/// All counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// Requests that came in.
    pub requests_in: MessageCount,
    /// Addresses that came in.
    pub addresses_in: MessageCount,
    /// Requests that were sent.
    pub requests_out: MessageCount,
    /// Addresses that were sent.
    pub addresses_out: MessageCount,
}

#[derive(Debug, Default)]
struct Counter {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Counter {
    fn add(&self, bytes: usize) {
        self.messages.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    fn read(&self) -> MessageCount {
        MessageCount { messages: self.messages.load(Relaxed), bytes: self.bytes.load(Relaxed) }
    }
}

impl MessageCounters {
    /// The counts.
    pub fn counts(&self) -> MessageCounts {
        MessageCounts {
            requests_in: self.requests_in.read(),
            addresses_in: self.addresses_in.read(),
            requests_out: self.requests_out.read(),
            addresses_out: self.addresses_out.read(),
        }
    }

    pub(super) fn received(&self, message: &Received, bytes: usize) {
        match message {
            Received::Request => self.requests_in.add(bytes),
            Received::Addresses { .. } => self.addresses_in.add(bytes),
        }
    }

    pub(super) fn sent(&self, message: &Outgoing, bytes: usize) {
        match message {
            Outgoing::Request => self.requests_out.add(bytes),
            Outgoing::Addresses(_) => self.addresses_out.add(bytes),
        }
    }
}
