//! Start and stop (docs/protocol/pex-reactor.md, "Start"; `p2p/pex/pex_reactor.go: OnStart`, `OnStop`).

use std::time::Duration;

use super::{Effect, Event, Node, ReactorEvent, RunState};
use crate::types::{Now, PeerAddress};

/// How long a start waits for the names of seeds; what resolves later is used later.
const LOOKUP_PATIENCE: Duration = Duration::from_secs(5);
/// Upstream's words, with the fix.
const NOWHERE_TO_GO: &str = "address book is empty and couldn't resolve any seed nodes: \
                             add a seed (p2p.seeds), a persistent peer, or set pex.bootstrap = true on a chain's first node";

impl Node {
    /// Starts the reactor, unless it runs or is about to; whether this call did. Names of seeds are looked up first, so
    /// the outcome may come later, as a change of the state.
    pub fn start(&mut self, now: Now) -> bool {
        if matches!(self.state, RunState::Running | RunState::Starting) {
            return false;
        }
        self.enter(now, RunState::Starting);
        let usable = self.other_seeds().any(|seed| seed.as_net_address().is_some());
        self.usable_seeds = usable;
        self.lookups = self.other_seeds().filter_map(PeerAddress::host_name).map(Into::into).collect();
        self.start_by = now.mono + LOOKUP_PATIENCE;
        for name in self.lookups.clone() {
            self.out.effect(Effect::Resolve { name });
        }
        if self.lookups.is_empty() {
            self.decide_start(now);
        }
        true
    }

    pub(super) fn name_resolved(&mut self, now: Now, name: &str, usable: bool) {
        if self.state != RunState::Starting || !self.lookups.remove(name) {
            return;
        }
        self.usable_seeds |= usable;
        if !usable {
            self.with(now, |pex, cx| pex.seed_name_unresolved(cx, name));
        }
        if self.lookups.is_empty() {
            self.decide_start(now);
        }
    }

    pub(super) fn decide_start(&mut self, now: Now) {
        for name in std::mem::take(&mut self.lookups) {
            self.with(now, |pex, cx| pex.seed_name_unresolved(cx, &name));
        }
        // IDs whose ban ended while nothing ran count again.
        self.with(now, |pex, cx| pex.reinstate(cx));
        let persistent = self.switch.persistent().iter().any(|peer| !self.switch.is_ourselves(peer));
        if self.usable_seeds || !self.book.is_empty() || persistent || self.pex.may_bootstrap() {
            self.enter(now, RunState::Running);
            self.switch.start(now, &mut self.rng);
            self.with(now, |pex, cx| pex.start(cx));
            self.out.event(Event::Reactor(ReactorEvent::Started));
        } else {
            self.fail(now, NOWHERE_TO_GO.to_owned());
        }
    }

    /// Leaves the node failed, startable again: it could not start, or its shell broke down.
    /// Failing again for the same reason, as at the tries of a shell that does not give up, is no news.
    pub fn fail(&mut self, now: Now, reason: String) {
        self.halt(now);
        if self.failure.as_ref().is_none_or(|(before, _)| *before != reason) {
            self.out.event(Event::Reactor(ReactorEvent::Failed(reason.as_str().into())));
            self.failure = Some((reason.clone(), now.wall));
        }
        self.enter(now, RunState::Failed(reason));
        self.since = self.failure.as_ref().map_or(now.wall, |(_, since)| *since);
    }

    /// Stops the reactor, disconnects all peers and keeps what it knows; whether it was not stopped already.
    pub fn stop(&mut self, now: Now) -> bool {
        if self.state == RunState::Stopped {
            return false;
        }
        self.halt(now);
        self.out.event(Event::Reactor(ReactorEvent::Stopped));
        self.enter(now, RunState::Stopped);
        true
    }

    fn halt(&mut self, now: Now) {
        self.lookups.clear();
        let given_up = self.switch.stop(&mut self.out, now);
        self.with(now, |pex, cx| pex.stop(cx, &given_up));
    }

    fn enter(&mut self, now: Now, state: RunState) {
        if matches!(state, RunState::Running | RunState::Stopped) {
            self.failure = None;
        }
        self.state = state;
        self.since = now.wall;
    }

    /// The state of its lifecycle.
    pub fn state(&self) -> &RunState {
        &self.state
    }
}
