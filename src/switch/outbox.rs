//! The mailbox of the pure machine: effects for the shell to carry out, and events for those who watch.

use std::collections::VecDeque;

use super::{Effect, Event};

/// What a call leaves behind. The node owns it and hands it down, so that switch and reactor write into one queue, in the
/// order in which things are to be done. The shell drains it after each call: its length is bounded by what one input or
/// timeout can cause (a round of dials, or the end of all connections).
#[derive(Debug, Default)]
pub struct Outbox {
    effects: VecDeque<Effect>,
    events: VecDeque<Event>,
}

impl Outbox {
    /// Asks the shell for something, after all that was asked for before.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    /// Reports something that happened. Nothing depends on its being read.
    pub fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// The next effect; to be drained to `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The next event; to be drained to `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
