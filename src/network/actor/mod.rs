//! The actor of one network: the only place where its node, its sockets and its store meet.
//!
//! One loop, biased: shutdown, then what operators ask, then timers, then the disk, then peers. It never waits for a peer.

pub(super) mod audit_log;
mod book;
mod commands;
mod config;
mod dial_waiters;
mod event_log;
mod peers;
mod reports;
pub(super) mod saving;
mod servable_log;
mod starting;

use std::collections::HashMap;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use ipnet::IpNet;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::command::{ChangeAuthor, Command, StartWaiter};
use super::counters::Unanswered;
use super::events::{Events, What};
use super::shared_listener::{BoundListener, SharedListener, by_reason};
use super::tunables::{Configured, RuntimeSettings};
use super::views::Status;
use crate::clock::Clock;
use crate::network::actor::audit_log::AuditAndDialLog;
use crate::network::actor::event_log::EventLog;
use crate::network::actor::saving::{GROUP, Saving};
use crate::network::actor::starting::StartRetry;
use crate::node::row::{EventMark, Key, Row, RowChange};
use crate::node::{Effect, Event, Input, Node, PeerEvent, RunState};
use crate::store::WriteError;
use crate::store::answer_log::AnswerLog;
use crate::switch::Handshaken;
use crate::transport::{Dialled, Dialler, FromPeer, LocalNode, PeerHandle, PeerSaid, Upgraded, spawn_peer};
use crate::types::{CloseHow, ConnId, Direction, Fault, Mono, Purpose, Ticket, Wall};
use crate::wire::pex::Outgoing;
use dial_waiters::DialWaiters;

/// Handshaken connections that wait for the actor; beyond it the listener refuses more.
const UPGRADED_QUEUE: usize = 256;
/// Messages of peers that wait for the actor; each peer has at most one under way.
const PEER_QUEUE: usize = 1_024;
/// Peers that have lost their slot and still take what was sent to them; while there are as many, nobody is let in.
const MAX_CLOSING: usize = 1_024;
/// How long peers have to take what was sent to them when the process ends.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(2);

/// What the actor works with and keeps over a panic of its node.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) chain_id: Arc<str>,
    pub(super) local: Arc<LocalNode>,
    pub(super) shared_listener: SharedListener,
    pub(super) dialler: Dialler,
    pub(super) clock: Clock,
    pub(super) events: Events,
    pub(super) shutdown: CancellationToken,
    /// What the files say; it may change while the network runs.
    pub(super) configured: ArcSwap<Configured>,
    /// `None` when it is off.
    pub(super) answer_log: Option<AnswerLog>,
}

impl Shell {
    /// Has what was answered last written.
    pub(super) async fn close_answer_log(self) {
        if let Some(log) = self.answer_log {
            // Its thread has caught what could panic.
            let _ = tokio::task::spawn_blocking(|| log.close()).await;
        }
    }
}

/// One life of a network, from loading its store to the end of the process or a panic.
pub(super) struct Actor<'a> {
    pub(super) shell: &'a Shell,
    pub(super) node: Node,
    pub(super) saving: Saving,
    pub(super) event_log: EventLog,
    pub(super) logs: AuditAndDialLog,
    pub(super) settings: RuntimeSettings,
    pub(super) peers: HashMap<ConnId, PeerHandle>,
    pub(super) starters: Vec<StartWaiter>,
    /// Who waits for the ends of dials.
    waiting: DialWaiters,
    /// Peers that take what was sent to them before they go.
    closing: HashMap<ConnId, PeerHandle>,
    pub(super) open: Option<BoundListener>,
    pub(super) retry: StartRetry,
    pub(super) unanswered: Unanswered,
    pub(super) upgraded: (mpsc::Sender<Upgraded>, mpsc::Receiver<Upgraded>),
    from_peers: (mpsc::Sender<FromPeer>, mpsc::Receiver<FromPeer>),
    dials: JoinSet<(ConnId, Dialled)>,
    lookups: JoinSet<(Box<str>, Vec<IpAddr>)>,
    dialling: HashMap<ConnId, AbortHandle>,
    /// Handshaken and not yet judged by the node: inbound ones by ticket, our own by number.
    tickets: HashMap<Ticket, Upgraded>,
    reached: HashMap<ConnId, Box<Upgraded>>,
    last_ticket: u64,
}

impl<'a> Actor<'a> {
    pub(super) fn new(
        shell: &'a Shell,
        node: Node,
        saving: Saving,
        logs: AuditAndDialLog,
        settings: RuntimeSettings,
    ) -> Self {
        Actor {
            event_log: EventLog::default(),
            logs,
            settings,
            shell,
            node,
            saving,
            peers: HashMap::new(),
            starters: Vec::new(),
            waiting: DialWaiters::default(),
            closing: HashMap::new(),
            open: None,
            retry: StartRetry::default(),
            unanswered: Unanswered::default(),
            upgraded: mpsc::channel(UPGRADED_QUEUE),
            from_peers: mpsc::channel(PEER_QUEUE),
            dials: JoinSet::new(),
            lookups: JoinSet::new(),
            dialling: HashMap::new(),
            tickets: HashMap::new(),
            reached: HashMap::new(),
            last_ticket: 0,
        }
    }

    /// Runs until the process ends, all handles are gone, or there is no book and somebody wants it to start.
    pub(super) async fn run(&mut self, inbox: &mut mpsc::Receiver<Command>) -> Exit {
        self.publish_bans();
        self.tune();
        // Whoever asks takes turns with the rest: many lists at once slow peers down, and do not shut them out.
        let mut asked = false;
        loop {
            let others_turn = std::mem::take(&mut asked);
            self.drain();
            let now = self.shell.clock.mono();
            let timer = self.node.poll_timeout().into_iter().chain(self.saving.due(self.has_dirty(), now)).min();
            tokio::select! {
                biased;
                () = self.shell.shutdown.cancelled() => return Exit::Over,
                command = inbox.recv(), if !others_turn => match command {
                    Some(Command::Start(by, starter)) if self.saving.no_store().is_some() => {
                        return Exit::Reopen(by, starter);
                    }
                    Some(command) => {
                        self.command(command).await;
                        asked = true;
                    }
                    None => return Exit::Over,
                },
                () = sleep_until(self.shell.clock, timer) => self.timer(),
                () = sleep_until(self.shell.clock, self.retry.due()) => self.try_again().await,
                result = self.saving.written() => self.written(result),
                Some(message) = self.from_peers.1.recv() => self.heard(message),
                Some(upgraded) = self.upgraded.1.recv() => self.inbound(upgraded),
                Some(dialled) = self.dials.join_next() => self.dialled(dialled),
                Some(looked_up) = self.lookups.join_next() => self.looked_up(looked_up),
                () = std::future::ready(()), if others_turn => {}
            }
        }
    }

    fn timer(&mut self) {
        let now = self.shell.clock.now();
        if self.saving.due(self.has_dirty(), now.mono).is_some_and(|at| at <= now.mono) {
            if self.saving.wants_all() {
                let rows = self.all_rows();
                self.saving.save_all(rows, now.mono);
            } else {
                let mut changes = Vec::new();
                if self.saving.takes_more() {
                    changes = self.take_dirty(GROUP);
                    changes.extend(self.shell.events.take_mark().map(event_mark));
                }
                self.saving.save(changes, self.has_dirty(), now.mono);
            }
        }
        self.node.handle_timeout(now);
    }

    fn has_dirty(&self) -> bool {
        self.logs.has_dirty() || self.node.has_dirty() || self.shell.events.needs_mark()
    }

    /// Takes the end of a write, and reports when the disk began or ceased to fail.
    fn written(&mut self, result: Result<(), WriteError>) {
        match result {
            Ok(()) => self.shell.events.saved(),
            Err(_) => self.shell.events.not_saved(),
        }
        let before = self.saving.failure().is_some();
        self.saving.finished(result);
        let failure = self.saving.failure();
        if failure.is_some() != before {
            self.shell.events.record(self.shell.clock.now().wall, What::Store(failure.map(Arc::from)));
        }
    }

    /// At most `max` changed rows, what operators changed first.
    pub(super) fn take_dirty(&mut self, max: usize) -> Vec<RowChange> {
        take_dirty(&mut self.logs, &mut self.node, max)
    }

    /// All rows that are in memory, and what is to be deleted. The audit and the dial log are not among them. Some 100 ms for
    /// a full book.
    fn all_rows(&mut self) -> Vec<RowChange> {
        let mut rows = self.take_dirty(usize::MAX);
        rows.extend(self.node.all_rows());
        rows.extend(self.settings.rows());
        rows.push(event_mark(self.shell.events.mark_again()));
        rows
    }

    fn handle(&mut self, input: Input) {
        self.node.handle(self.shell.clock.now(), input);
    }

    fn inbound(&mut self, upgraded: Upgraded) {
        if self.closing.len() >= MAX_CLOSING {
            let (id, ip, fault) = (upgraded.info.id, upgraded.remote.ip(), Fault::Full);
            return self.note_event(Event::Peer(PeerEvent::Refused { id, ip, fault }));
        }
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.event_log.counters.shook_hands(Direction::Inbound, upgraded.took);
        let peer = Box::new(handshaken(&upgraded));
        self.tickets.insert(ticket, upgraded);
        self.handle(Input::Inbound { ticket, peer });
    }

    fn dialled(&mut self, ended: Result<(ConnId, Dialled), JoinError>) {
        // A dial that was given up is aborted, and nobody waits for it.
        let Ok((conn, Dialled { remote, result })) = ended else { return };
        self.dialling.remove(&conn);
        let result = result.map(|upgraded| {
            self.event_log.counters.shook_hands(Direction::Outbound, upgraded.took);
            let peer = Box::new(handshaken(&upgraded));
            self.reached.insert(conn, upgraded);
            peer
        });
        self.handle(Input::Dialled { conn, remote, result });
        self.drain();
        self.reached.remove(&conn);
    }

    fn looked_up(&mut self, ended: Result<(Box<str>, Vec<IpAddr>), JoinError>) {
        if let Ok((name, ips)) = ended {
            self.handle(Input::Resolved { name, ips });
        }
    }

    fn heard(&mut self, FromPeer { conn, what }: FromPeer) {
        match what {
            PeerSaid::Message(message, _ack) => self.handle(Input::Message { conn, message }),
            PeerSaid::Closed(fault) => {
                self.peers.remove(&conn);
                self.closing.remove(&conn);
                self.handle(Input::Closed { conn, fault });
            }
        }
    }

    /// Does what the node wants, says what happened, and answers those who wait for a start.
    pub(super) fn drain(&mut self) {
        while let Some(effect) = self.node.poll_effect() {
            self.perform(effect);
        }
        while let Some(event) = self.node.poll_event() {
            self.note_event(event);
        }
        self.judge_start();
        match self.node.state() {
            RunState::Starting => {}
            RunState::Running => self.starters.drain(..).for_each(|starter| drop(starter.send(Ok(true)))),
            RunState::Stopped => {
                self.open = None;
                self.starters.drain(..).for_each(|starter| drop(starter.send(Err("stopped while starting".into()))));
            }
            RunState::Failed(reason) => {
                self.open = None;
                self.starters.drain(..).for_each(|starter| drop(starter.send(Err(reason.clone()))));
            }
        }
    }

    fn note_event(&mut self, event: Event) {
        let at = self.shell.clock.now().wall;
        self.count(&event, at);
        if let Event::Dialled(end) = &event {
            self.logs.dialled(end, at);
            self.dial_ended(end, at);
        }
        self.shell.events.record(at, What::Node(event));
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Dial { conn, target, purpose } => {
                let (dialler, local) = (self.shell.dialler.clone(), self.shell.local.clone());
                // A dial that panics has failed: nothing may wait for it for ever.
                let dial = async move {
                    let dial = async {
                        match purpose {
                            Purpose::Manual => dialler.dial_now(local, target).await,
                            _ => dialler.dial(local, target).await,
                        }
                    };
                    let dialled = AssertUnwindSafe(dial).catch_unwind().await;
                    (conn, dialled.unwrap_or(Dialled { remote: None, result: Err(Fault::Internal) }))
                };
                self.dialling.insert(conn, self.dials.spawn(dial));
            }
            Effect::Admit { ticket, conn } => {
                if let Some(upgraded) = self.tickets.remove(&ticket) {
                    self.unanswered.admitted(conn, upgraded.took, self.shell.clock.mono());
                    self.serve(conn, upgraded);
                }
            }
            Effect::Refuse { ticket, .. } => drop(self.tickets.remove(&ticket)),
            Effect::Open { conn } => {
                if let Some(upgraded) = self.reached.remove(&conn) {
                    self.serve(conn, *upgraded);
                }
            }
            Effect::Send { conn, message } => {
                let answer = match &message {
                    Outgoing::Addresses(addresses) => Some(addresses.clone()),
                    Outgoing::Request => None,
                };
                let Some(peer) = self.peers.get(&conn) else { return };
                match (peer.try_send(message), answer) {
                    (Ok(()), Some(addresses)) => self.note_answer(conn, addresses),
                    (Ok(()), None) => {}
                    (Err(_), _) => tracing::debug!(conn = conn.0, "send queue full, message dropped"),
                }
            }
            Effect::Close { conn, how, reason } => self.close(conn, how, reason),
            Effect::Resolve { name } => {
                let dialler = self.shell.dialler.clone();
                self.lookups.spawn(async move {
                    let ips = dialler.resolve(&name).await;
                    (name, ips)
                });
            }
            Effect::PublishBans => self.publish_bans(),
        }
    }

    fn serve(&mut self, conn: ConnId, upgraded: Upgraded) {
        self.peers.insert(conn, spawn_peer(upgraded, conn, self.from_peers.0.clone()));
    }

    fn close(&mut self, conn: ConnId, how: CloseHow, reason: Fault) {
        if let Some(dial) = self.dialling.remove(&conn) {
            dial.abort();
        }
        self.reached.remove(&conn);
        if let Some(peer) = self.peers.remove(&conn) {
            peer.close(how, reason);
            // To drop it would cut short what is being flushed.
            self.closing.insert(conn, peer);
        }
    }

    fn publish_bans(&self) {
        let now = self.shell.clock.now().wall;
        let holding = |(net, until): (IpNet, Wall)| (until.is_never() || now < until).then_some(net);
        self.shell.local.gate().publish_bans(self.node.banned_ranges().into_iter().filter_map(holding));
    }

    pub(super) fn status(&self) -> Status {
        Status {
            chain_id: self.shell.chain_id.clone(),
            id: self.node.own_id(),
            listen: self.open.as_ref().map_or(self.shell.shared_listener.laddr(), BoundListener::local_addr),
            announced: self.shell.local.info().listen_addr.clone(),
            node: self.node.status(self.shell.clock.now()),
            unsaved: self.saving.failure(),
            refused: by_reason(self.shell.local.gate().refusals()),
            listener: self.open.as_ref().map(BoundListener::view),
            ended: self.event_log.ends(),
            recent_ends: self.event_log.recent_ends(),
            // The handle knows them.
            config_faults: Arc::default(),
            counters: self.event_log.counters.clone(),
        }
    }

    /// The end after a panic: nothing of the node is trusted any more, only what it handed to the store.
    pub(super) async fn abandon(self) {
        self.saving.abandon().await;
    }

    /// The orderly end: no more connections, peers take what was sent to them, the last changes are committed.
    pub(super) async fn finish(mut self) {
        self.node.stop(self.shell.clock.now());
        self.drain();
        let shared_listener = &self.shell.shared_listener;
        let mut last = Some(event_mark(self.shell.events.end()));
        let Actor { mut node, saving, mut logs, from_peers: (sender, mut receiver), closing, .. } = self;
        // Each peer's task holds a sender: the queue ends when the last of them has.
        drop(sender);
        let farewell = async { while receiver.recv().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("some peers did not take what was sent to them");
        }
        drop(closing);
        shared_listener.closed().await;
        let left = |max| {
            let changes = take_dirty(&mut logs, &mut node, max);
            if changes.is_empty() { last.take().into_iter().collect() } else { changes }
        };
        saving.close(left).await;
    }
}

pub(super) fn event_mark(mark: EventMark) -> RowChange {
    RowChange { key: Key::EventMark, row: Some(Row::EventMark(mark)) }
}

fn take_dirty(logs: &mut AuditAndDialLog, node: &mut Node, max: usize) -> Vec<RowChange> {
    let mut changes = logs.take_dirty(max);
    changes.extend(node.take_dirty(max - changes.len()));
    changes
}

/// Why an actor's life ended.
#[derive(Debug)]
pub(super) enum Exit {
    /// The process ends, or the network was removed.
    Over,
    /// There is no book; it is to be opened and the network started.
    Reopen(Option<ChangeAuthor>, StartWaiter),
}

fn handshaken(upgraded: &Upgraded) -> Handshaken {
    Handshaken { remote: upgraded.remote, info: upgraded.info.clone(), took: upgraded.took }
}

async fn sleep_until(clock: Clock, at: Option<Mono>) {
    match at {
        Some(at) => tokio::time::sleep_until(clock.deadline(at)).await,
        None => std::future::pending().await,
    }
}
