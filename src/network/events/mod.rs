//! What happened in a network, numbered and kept for those who watch: one writer, the actor, and any number of readers,
//! each of which is a cursor and no more.
//!
//! The ring outlives a panic of the actor, and is read without asking it. A reader learns what it missed, also over a
//! restart ([`numbers`]).

mod numbers;
mod reader;
mod ring;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use reader::{Begin, Missed, Pulled, Reader};
pub use ring::Entry;
use ring::Ring;

use crate::node::Event;
use crate::node::row::EventMark;
use crate::types::Wall;

/// Events that are kept.
pub const KEPT: usize = 8_192;

/// A reader's place: the last event that it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which count of events the number belongs to.
    pub epoch: Arc<str>,
    /// The event's number.
    pub number: u64,
}

/// Something that happened. Thousands are kept, so that what is long is behind a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// In the node.
    Node(Event),
    /// The book cannot be saved, for this reason; or it can be again.
    Store(Option<Arc<str>>),
    /// An operator changed something.
    Changed(Arc<OperatorChange>),
}

/// What an operator changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorChange {
    /// Who, as in the audit log.
    pub author: Arc<str>,
    /// By which method.
    pub method: &'static str,
    /// What, in words.
    pub summary: Box<str>,
}

/// The events of one network. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Events(Arc<Mutex<Ring>>);

impl Events {
    /// Nothing that can panic runs under this lock.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers an event and keeps it.
    pub(super) fn record(&self, at: Wall, what: What) {
        self.ring().record(at, what);
    }

    /// Rounds, numbered from 0, as if they had happened now.
    #[cfg(test)]
    pub(crate) fn record_rounds(&self, count: u32) {
        let round = |backlog| What::Node(Event::Crawl(crate::node::CrawlEvent::Round { backlog, servable: 0 }));
        (0..count).for_each(|n| self.record(Wall::from_secs(1), round(n)));
    }

    /// Goes on from what a book says that was just opened; the row that has to be on disk before anything happens.
    pub(super) fn adopt(&self, mark: Option<&EventMark>) -> EventMark {
        self.ring().adopt(mark)
    }

    /// Whether numbers have to be reserved.
    pub(crate) fn needs_mark(&self) -> bool {
        self.ring().numbers.needs_mark()
    }

    /// The row that reserves numbers, when it is time. The end of the write that it is part of is to be reported.
    pub(super) fn take_mark(&self) -> Option<EventMark> {
        self.ring().numbers.take_mark()
    }

    /// The row that reserves numbers, for a disk that has lost it.
    pub(super) fn mark_again(&self) -> EventMark {
        self.ring().numbers.reserve()
    }

    /// A write succeeded that all marks before it are part of.
    pub(super) fn saved(&self) {
        self.ring().saved();
    }

    /// A write failed.
    pub(super) fn not_saved(&self) {
        self.ring().not_saved();
    }

    /// Takes no more events, lets the readers go, and gives the row of a clean end.
    pub(super) fn end(&self) -> EventMark {
        self.ring().end()
    }
}
