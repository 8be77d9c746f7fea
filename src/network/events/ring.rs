//! The ring: the latest events, and the readers to wake when there are more.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::numbers::Numbers;
use super::{Cursor, KEPT, What};
use crate::node::row::EventMark;
use crate::types::Wall;

/// An event as a reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place: the reader's cursor once it has this.
    pub cursor: Cursor,
    /// When it happened.
    pub at: Wall,
    /// What happened.
    pub what: What,
}

/// The latest events.
#[derive(Debug, Default)]
pub(super) struct Ring {
    pub(super) numbers: Numbers,
    /// With the numbers up to the last one.
    kept: VecDeque<(Wall, What)>,
    /// Of the readers, by their own numbers.
    bells: Vec<(u64, Arc<Notify>)>,
    last_bell: u64,
    /// Grows when the numbers begin anew.
    pub(super) generation: u64,
    pub(super) ended: bool,
}

impl Ring {
    pub(super) fn record(&mut self, at: Wall, what: What) {
        if self.ended {
            return;
        }
        self.numbers.give();
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((at, what));
        self.wake();
    }

    pub(super) fn adopt(&mut self, mark: Option<&EventMark>) -> EventMark {
        if self.numbers.adopt(mark) {
            self.kept.clear();
            self.generation += 1;
        }
        self.wake();
        self.numbers.reserve()
    }

    pub(super) fn saved(&mut self) {
        let before = self.numbers.shown();
        self.numbers.saved();
        if self.numbers.shown() > before {
            self.wake();
        }
    }

    pub(super) fn not_saved(&mut self) {
        self.numbers.not_saved();
        self.wake();
    }

    pub(super) fn end(&mut self) -> EventMark {
        self.ended = true;
        self.wake();
        self.numbers.end()
    }

    /// The number of the oldest event that is kept, or would be.
    pub(super) fn first(&self) -> u64 {
        self.numbers.last() + 1 - self.kept.len() as u64
    }

    /// At most `max` events from this number on that may be shown; all before it are not kept any more.
    pub(super) fn entries(&self, from: u64, max: usize) -> Vec<Entry> {
        let first = self.first();
        let shown = (self.numbers.shown() + 1).saturating_sub(from.max(first));
        let skipped = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let count = usize::try_from(shown).unwrap_or(usize::MAX).min(max);
        let entry =
            |(at, (wall, what)): (u64, &(Wall, What))| Entry { cursor: self.cursor(at), at: *wall, what: what.clone() };
        (from.max(first)..).zip(self.kept.iter().skip(skipped).take(count)).map(entry).collect()
    }

    pub(super) fn cursor(&self, number: u64) -> Cursor {
        Cursor { epoch: self.numbers.epoch_of(number).clone(), number }
    }

    // --- bells

    fn wake(&self) {
        self.bells.iter().for_each(|(_, bell)| bell.notify_one());
    }

    pub(super) fn add_bell(&mut self, bell: Arc<Notify>) -> u64 {
        self.last_bell += 1;
        self.bells.push((self.last_bell, bell));
        self.last_bell
    }

    #[cfg(test)]
    pub(super) fn bells(&self) -> usize {
        self.bells.len()
    }

    pub(super) fn remove_bell(&mut self, number: u64) {
        self.bells.retain(|(other, _)| *other != number);
    }
}
