//! What is reported of a network besides its status: for metrics, for the health of our dials, and for who floods us.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::actor::Actor;
use super::counters::Outbound;
use super::handle::Command;
use super::shared_listener::OpenEntrance;
use super::{Error, Handle, Status};
use crate::node::Event;
pub use crate::store::StoreStats;
pub use crate::transport::{Grouping, MessageCount, MessageCounts, RefusedSource};
use crate::types::{ConnId, Direction, Purpose, Wall};

/// What is asked for it.
#[derive(Debug)]
pub(super) enum ReportCommand {
    /// Everything that is counted.
    All(oneshot::Sender<Box<Report>>),
    /// Whether our dials reach anybody.
    Outbound(oneshot::Sender<Outbound>),
    /// Who was refused.
    Refused(Grouping, oneshot::Sender<RefusedSources>),
    /// Which listener its peers come in at.
    Listener(oneshot::Sender<Option<ListenerNumber>>),
}

/// All that is counted of a network.
#[derive(Clone, Debug)]
pub struct Report {
    /// The status.
    pub status: Status,
    /// Connected peers, by who dialled and why.
    pub peers: BTreeMap<(Direction, Option<Purpose>), u32>,
    /// Messages of all its connections.
    pub messages: MessageCounts,
    /// The file of its book; `None` while it cannot be opened.
    pub store: Option<StoreStats>,
}

/// Who was refused, the most frequent first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusedSources {
    /// Those that meant this network.
    pub network: Vec<RefusedSource>,
    /// Those that its listener refused before it was known which network they meant. Of a listener that several networks
    /// share, each of them tells this.
    pub listener: Vec<RefusedSource>,
}

/// Which listener it is: equal for networks that share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerNumber(pub(super) usize);

impl Handle {
    /// All that is counted.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn report(&self) -> Result<Box<Report>, Error> {
        self.ask(|reply| Command::Report(ReportCommand::All(reply))).await
    }

    /// How our dials of the last ten minutes ended.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn outbound(&self) -> Result<Outbound, Error> {
        self.ask(|reply| Command::Report(ReportCommand::Outbound(reply))).await
    }

    /// From where connections were refused most often.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn refused(&self, grouping: Grouping) -> Result<RefusedSources, Error> {
        self.ask(|reply| Command::Report(ReportCommand::Refused(grouping, reply))).await
    }

    /// Which listener its peers come in at; `None` while it has none.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn listener(&self) -> Result<Option<ListenerNumber>, Error> {
        self.ask(|reply| Command::Report(ReportCommand::Listener(reply))).await
    }
}

impl Actor<'_> {
    pub(super) fn report(&mut self, command: ReportCommand) {
        match command {
            ReportCommand::All(reply) => drop(reply.send(Box::new(self.full_report()))),
            ReportCommand::Outbound(reply) => drop(reply.send(self.journal.tallies.outbound.clone())),
            ReportCommand::Refused(grouping, reply) => drop(reply.send(self.refused_sources(grouping))),
            ReportCommand::Listener(reply) => drop(reply.send(self.open.as_ref().map(OpenEntrance::number))),
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
            messages: self.shell.local.messages().counts(),
            store: self.saving.stats(),
        }
    }

    fn refused_sources(&self, grouping: Grouping) -> RefusedSources {
        let listener = self.open.as_ref().map(|open| open.refusals().sources(grouping)).unwrap_or_default();
        RefusedSources { network: self.shell.local.gate().refusals().sources(grouping), listener }
    }

    /// Tells the journal of an event. Who is refused after the handshake is counted beside those refused before it.
    pub(super) fn count(&mut self, event: &Event, at: Wall) {
        match event {
            Event::Refused { ip, fault, .. } => self.shell.local.gate().refusals().add(*ip, fault.clone(), at),
            Event::PeerDown { conn, .. } => self.unanswered.gone(*conn),
            _ => {}
        }
        self.journal.note(event, at);
    }

    /// Notes that a peer was sent addresses.
    pub(super) fn note_answer(&mut self, conn: ConnId) {
        if let Some(took) = self.unanswered.answered(conn, self.shell.clock.mono()) {
            self.journal.tallies.sessions.note(took);
        }
    }
}
