//! Reports, and the counting of events.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Actor;
use crate::network::command::ReportCommand;
use crate::network::shared_listener::BoundListener;
use crate::network::views::{RefusedSources, Report};
use crate::node::{Event, PeerEvent};
use crate::store::answer_log::{AnswerLog, Answered};
use crate::transport::Grouping;
use crate::types::{ConnId, NetAddress, Wall};

impl Actor<'_> {
    pub(in crate::network) fn report(&mut self, command: ReportCommand) {
        match command {
            ReportCommand::All(reply) => drop(reply.send(Box::new(self.full_report()))),
            ReportCommand::Outbound(reply) => drop(reply.send(self.event_log.counters.outbound.clone())),
            ReportCommand::Refused(grouping, reply) => drop(reply.send(self.refused_sources(grouping))),
            ReportCommand::Listener(reply) => drop(reply.send(self.open.as_ref().map(BoundListener::number))),
        }
    }

    fn full_report(&self) -> Report {
        let mut peers: BTreeMap<_, u32> = BTreeMap::new();
        for (direction, purpose) in self.node.peer_kinds() {
            *peers.entry((direction, purpose)).or_default() += 1;
        }
        Report {
            status: self.status(),
            peers,
            // Without a book there is no key of its own, and so no alias that tells nothing.
            seeds: self.saving.no_store().map_or_else(|| self.node.seed_accounts(), |_| BTreeMap::new()),
            round_period: self.settings.in_effect().node.period,
            messages: self.shell.local.messages().counts(),
            store: self.saving.stats(),
            answer_log: self.shell.answer_log.as_ref().map(AnswerLog::stats),
        }
    }

    fn refused_sources(&self, grouping: Grouping) -> RefusedSources {
        let listener = self.open.as_ref().map(|open| open.refusals().sources(grouping)).unwrap_or_default();
        RefusedSources { network: self.shell.local.gate().refusals().sources(grouping), listener }
    }

    /// Tells the journal of an event. Who is refused after the handshake is counted beside those refused before it.
    pub(in crate::network) fn count(&mut self, event: &Event, at: Wall) {
        match event {
            Event::Peer(PeerEvent::Refused { ip, fault, .. }) => {
                self.shell.local.gate().refusals().add(*ip, fault.clone(), at)
            }
            Event::Peer(PeerEvent::Down { conn, .. }) => self.unanswered.gone(*conn),
            _ => {}
        }
        self.event_log.note(event, at);
    }

    /// Notes that a peer was sent addresses.
    pub(in crate::network) fn note_answer(&mut self, conn: ConnId, addresses: Arc<[NetAddress]>) {
        if let Some(log) = &self.shell.answer_log
            && let Some(peer) = self.peers.get(&conn)
        {
            let (at, id, ip) = (self.shell.clock.now().wall, peer.id(), peer.remote().ip());
            log.note(Answered { at, id, ip, addresses });
        }
        if let Some(took) = self.unanswered.answered(conn, self.shell.clock.mono()) {
            self.event_log.counters.sessions.note(took);
        }
    }
}
