//! How a network starts: the listener, then the node.
//!
//! A start that failed for what may pass by itself (the port is taken, an interface is not up yet, no name resolves) is
//! tried again, as whatever supervises a process would do with one that ends. One that failed since there was nobody to ask is tried
//! again once there is somebody more: a seed that an operator has added, for example.

use std::time::Duration;

use super::Actor;
use crate::network::command::{ChangeAuthor, StartWaiter};
use crate::node::RunState;
use crate::types::Mono;

/// The longest pause between two tries; the first one is a second.
const LONGEST: Duration = Duration::from_secs(60);

/// When to try again.
#[derive(Debug, Default)]
pub(in crate::network) struct StartRetry {
    failures: u32,
    at: Option<Mono>,
    /// How many there were to ask when the last look for somebody ended in a failure, or since.
    in_vain: Option<usize>,
}

impl StartRetry {
    /// A start failed: the pauses double.
    pub(in crate::network) fn failed(&mut self, now: Mono) {
        let pause = Duration::from_secs(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.at = Some(now + pause);
    }

    /// A start or a run ended in this state: after one that went well, or a stop, nothing is tried again. A failure is
    /// when it
    /// `may_pass` by itself.
    fn ended(&mut self, state: &RunState, may_pass: bool, now: Mono) {
        match state {
            RunState::Starting => {}
            RunState::Running | RunState::Stopped => *self = StartRetry::default(),
            RunState::Failed(_) if may_pass => self.failed(now),
            RunState::Failed(_) => {}
        }
    }

    /// A failed network knows this many to ask. When its start `has_looked` for somebody in vain, the next one is due as soon as
    /// there are more.
    fn knows(&mut self, contacts: usize, has_looked: bool, now: Mono) {
        let Some(before) = self.in_vain.or(has_looked.then_some(contacts)) else { return };
        if contacts > before && !has_looked {
            self.at = Some(now);
        }
        self.in_vain = Some(contacts);
    }

    /// When the next try is due.
    pub(in crate::network) const fn due(&self) -> Option<Mono> {
        self.at
    }
}

impl Actor<'_> {
    /// Opens the listener and starts the node; the answer comes when the node has decided.
    pub(in crate::network) async fn start(&mut self, by: Option<&ChangeAuthor>, reply: StartWaiter) {
        if let Some(reason) = self.saving.no_store() {
            return drop(reply.send(Err(reason.to_owned())));
        }
        match self.node.state() {
            RunState::Running => drop(reply.send(Ok(false))),
            RunState::Starting => self.starters.push(reply),
            RunState::Stopped | RunState::Failed(_) => {
                let reply = match by {
                    Some(by) => self.note_before(by, "started the reactor", reply),
                    None => reply,
                };
                self.starters.push(reply);
                let opened = self.open_listener().await;
                let now = self.shell.clock.now();
                match opened {
                    Ok(()) => drop(self.node.start(now)),
                    Err(reason) => {
                        self.retry.failed(now.mono);
                        self.node.fail(now, format!("{reason}; it is tried again by itself"));
                    }
                }
            }
        }
    }

    /// Opens the listener, or joins it.
    pub(in crate::network) async fn open_listener(&mut self) -> Result<(), String> {
        let (local, limits) = (self.shell.local.clone(), self.settings.in_effect().handshake_limits);
        self.open = Some(self.shell.shared_listener.open(local, limits, self.upgraded.0.clone()).await?);
        Ok(())
    }

    /// Tries to start once more, unless that is no longer wanted. A port that is still taken changes nothing, and is not
    /// reported again.
    pub(in crate::network) async fn try_again(&mut self) {
        self.retry.at = None;
        if !matches!(self.node.state(), RunState::Failed(_)) {
            return;
        }
        match self.open_listener().await {
            Ok(()) => drop(self.node.start(self.shell.clock.now())),
            Err(_) => self.retry.failed(self.shell.clock.mono()),
        }
    }

    /// Takes note of how a start went. One that got as far as looking for somebody to ask is tried again; without a seed
    /// that will not change before somebody is added.
    pub(in crate::network) fn judge_start(&mut self) {
        let (has_looked, now) = (self.open.is_some(), self.shell.clock.mono());
        let may_pass = has_looked && self.node.seed_counts().total() > 0;
        self.retry.ended(self.node.state(), may_pass, now);
        if matches!(self.node.state(), RunState::Failed(_)) {
            self.retry.knows(self.node.contacts(), has_looked, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let mut retry = StartRetry::default();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            retry.failed(Mono::ZERO);
            pauses.push(retry.due().unwrap().as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn who_looked_in_vain_tries_again_once_there_is_somebody_more_to_ask() {
        let (mut retry, later) = (StartRetry::default(), Mono::ZERO + LONGEST);
        let failed = RunState::Failed("nobody".into());
        retry.knows(2, false, Mono::ZERO);
        assert_eq!(retry.due(), None, "it never looked: something else is wrong");
        retry.knows(2, true, Mono::ZERO);
        for contacts in [2, 1] {
            retry.knows(contacts, false, Mono::ZERO);
            assert_eq!(retry.due(), None, "nobody came");
        }
        retry.knows(2, false, later);
        assert_eq!(retry.due(), Some(later));
        // In the place of the pause after a look at seeds that did not resolve.
        retry.ended(&failed, true, later);
        retry.knows(2, true, later);
        assert!(retry.due() > Some(later));
        retry.knows(3, false, later);
        assert_eq!(retry.due(), Some(later));
        retry.ended(&RunState::Stopped, false, later);
        retry.knows(4, false, later);
        assert_eq!(retry.due(), None, "an operator stopped it");
    }

    #[test]
    fn after_a_stop_or_a_start_nothing_is_tried_again() {
        for state in [RunState::Stopped, RunState::Running] {
            let mut retry = StartRetry::default();
            retry.failed(Mono::ZERO);
            retry.ended(&RunState::Failed("the port is taken".into()), false, Mono::ZERO);
            assert!(retry.due().is_some(), "a failure that nothing else is known of leaves the next try where it was");
            retry.ended(&state, true, Mono::ZERO);
            assert_eq!(retry.due(), None, "{state:?}");
        }
    }
}
