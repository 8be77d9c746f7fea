//! One network's pure machine: book, switch policy and reactor together. Time and randomness are handed in; effects,
//! events and changed rows are drawn out.

mod all_rows;
mod book_access;
mod input;
mod lifecycle;
mod manual_dials;
mod params;
pub mod row;
mod runtime_lists;
#[cfg(test)]
mod tests;
mod view_builder;
mod views;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

pub use input::Input;
use ipnet::IpNet;
pub use params::{Params, Tuning};
use row::{Key, ListItem, Row, RowChange, Rows};
use runtime_lists::Deltas;
pub use views::{
    AddressDiagnosis, AddressRef, AddressView, BookView, CrawlView, ListedView, PeerView, Preview, RunState,
    SeedCounts, SeedView, SourceView, StatusView,
};

pub use crate::book::Refused;
use crate::book::{Book, HashKey, LoadReport, Source, StoredBook};
use crate::pex::{self, Pex, SeedChange, TooManySeeds};
pub use crate::pex::{OUTAGE, SeedOutcome};
use crate::switch::{self, Ban, BanTarget, Outbox, Switch, TooManyBans};
pub use crate::switch::{
    About, AddressEvent, BanEvent, CrawlEvent, DialEnd, Effect, Event, ExchangeEvent, Handshaken, PeerEvent,
    ReactorEvent,
};
use crate::types::{CloseReason, ConnId, Fault, Mono, NodeId, Now, PeerAddress, SeededRng, Ticket, Wall};

/// Why an address that an operator gave is not in the book. The texts name the fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdded {
    /// The book does not take it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Its ID is banned.
    #[error("its ID is banned; BanService.Unban lifts that")]
    BannedId,
    /// Its IP lies in a range that is banned.
    #[error("its IP address is banned ({0}); BanService.Unban lifts that")]
    BannedRange(BanTarget),
}

/// One network: a machine without I/O, clock or randomness of its own. The shell feeds it inputs and timeouts and carries
/// out its effects.
///
/// # Contract
/// - **Who calls what.** [`Node::handle`] takes what happened outside, [`Node::handle_timeout`] the passing of time;
///   `start`, `stop`, `dial`, `disconnect`, `ban`, `unban`, `tune`, and the changes of lists are what operators do. Any of
///   them may leave effects, events and changed rows. Methods that take `&self` leave none, and neither does [`Node::preview`].
/// - **After each of them**, in this order: [`Node::poll_effect`] to `None`, and carry each effect out before the next one
///   (a `Close` may follow the `Send` that it flushes); [`Node::poll_event`] to `None`, for whoever watches; then
///   [`Node::poll_timeout`] anew, since any call may change it. [`Node::take_dirty`] may come later: the rows are
///   coalesced, and the latest image of each is given.
/// - **Effects that are answered**: `Dial` by one [`Input::Dialled`], `Resolve` by one [`Input::Resolved`], `Admit` and
///   `Open` by one [`Input::Closed`] when the connection is gone. What comes late, for a number that the node gave up, is
///   ignored.
/// - **Time** is handed in. `mono` never goes back from call to call; `wall` may jump either way, and only stored and
///   shown times hang on it. A timeout that is called too early or twice does nothing; one that is called late does what
///   is due, once.
/// - **Randomness** is the generator that [`Node::new`] is given: the same seed, inputs and times give the same run.
///
/// ```text
/// loop {
///     handle(now, input), or handle_timeout(now) when poll_timeout() has come, or an operator's call;
///     while let Some(effect) = poll_effect() { carry it out }
///     while let Some(event) = poll_event() { notify whoever watches }
///     now and then: store take_dirty(max)
/// }
/// ```
#[derive(Debug)]
pub struct Node {
    book: Book,
    switch: Switch,
    pex: Pex,
    out: Outbox,
    rng: SeededRng,
    state: RunState,
    since: Wall,
    /// Why it failed last, and since when; `None` once it ran or was stopped.
    failure: Option<(String, Wall)>,
    /// While starting: names that are being looked up, and when we go on without them.
    lookups: BTreeSet<Box<str>>,
    start_by: Mono,
    /// Whether a seed's name or IP is usable.
    usable_seeds: bool,
}

impl Node {
    /// A stopped node with what a store kept. Nothing that is loaded is trusted; the report says what was repaired.
    pub fn new(params: Params, key: HashKey, rows: Rows, now: Now, rng: SeededRng) -> (Self, LoadReport) {
        let own = Source { id: params.switch.own_id, ip: std::net::Ipv4Addr::LOCALHOST.into() };
        let Deltas { seeds, persistent, unconditional, private } = Deltas::sort(rows.deltas);
        let stored = StoredBook { records: rows.addresses, traces: rows.traces, private };
        let (book, report) = Book::load(params.book, key, stored, now);
        let kept = switch::RestoredState { bans: rows.bans, persistent, unconditional };
        let mut node = Node {
            book,
            switch: Switch::new(params.switch, kept),
            pex: Pex::new(params.pex, seeds, rows.seed_health, rows.anchors),
            out: Outbox::default(),
            rng,
            state: RunState::Stopped,
            since: now.wall,
            failure: None,
            lookups: BTreeSet::new(),
            start_by: Mono::NEVER,
            usable_seeds: false,
        };
        node.agree_on_bans(now);
        node.watch_seeds();
        let persistent: Vec<_> = node.switch.persistent().iter().filter_map(PeerAddress::as_net_address).collect();
        for address in persistent {
            // Refused are private, banned and unroutable ones, which stay persistent all the same.
            node.with(now, |_, cx| Pex::learn_surely(cx, address, own));
        }
        (node, report)
    }

    /// The store commits in groups: after a crash a ban and the state of its ID in the book may disagree. The ban counts.
    fn agree_on_bans(&mut self, now: Now) {
        let banned: BTreeSet<NodeId> = self
            .switch
            .bans()
            .filter_map(|ban| match ban.target {
                BanTarget::Id(id) => Some(id),
                BanTarget::Range(_) => None,
            })
            .collect();
        for id in &banned {
            self.book.ban(id);
        }
        for id in self.book.banned_ids().into_iter().filter(|id| !banned.contains(id)) {
            self.book.reinstate(now, &id);
        }
    }

    /// Has the book keep accounts of the seeds, those of the file that were removed at run time included: what they brought
    /// may be why. To be called whenever their list changes.
    fn watch_seeds(&mut self) {
        self.book.watch_sources(self.pex.seed_entries().map(|(seed, _)| seed.id()));
    }

    fn with<T>(&mut self, now: Now, work: impl FnOnce(&mut Pex, &mut pex::Context<'_>) -> T) -> T {
        let mut context = pex::Context {
            now,
            book: &mut self.book,
            switch: &mut self.switch,
            out: &mut self.out,
            rng: &mut self.rng,
        };
        work(&mut self.pex, &mut context)
    }

    /// Takes what happened outside. What comes late, for a connection that is gone, is ignored.
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::Inbound { ticket, peer } => self.inbound(now, ticket, *peer),
            Input::Dialled { conn, remote, result } => self.dialled(now, conn, remote, result),
            Input::Message { conn, message } => self.with(now, |pex, cx| pex.receive(cx, conn, message)),
            Input::Closed { conn, fault } => self.closed(now, conn, &fault),
            Input::Resolved { name, ips } => {
                self.name_resolved(now, &name, !ips.is_empty());
                self.with(now, |pex, cx| pex.resolved(cx, &name, &ips));
            }
        }
    }

    fn inbound(&mut self, now: Now, ticket: Ticket, peer: Handshaken) {
        if self.state != RunState::Running {
            return self.out.effect(Effect::Refuse { ticket, fault: Fault::NotRunning });
        }
        if self.switch.is_full() && self.switch.may_enter(now, &peer) == Err(Fault::Full) {
            self.with(now, |pex, cx| pex.make_room(cx));
        }
        if let Some(conn) = self.switch.inbound(&mut self.out, now, ticket, peer) {
            self.with(now, |pex, cx| pex.add_peer(cx, conn));
        }
    }

    fn dialled(&mut self, now: Now, conn: ConnId, remote: Option<SocketAddr>, result: Result<Box<Handshaken>, Fault>) {
        if let Some(dialled) = self.switch.dialled(&mut self.out, now, conn, remote, result, &mut self.rng) {
            self.with(now, |pex, cx| pex.dialled(cx, &dialled));
        }
    }

    fn closed(&mut self, now: Now, conn: ConnId, fault: &Fault) {
        if let Some(peer) = self.switch.closed(&mut self.out, now, conn, fault, &mut self.rng) {
            self.with(now, |pex, cx| pex.remove_peer(cx, &peer, fault));
        }
    }

    /// When [`Node::handle_timeout`] has something to do; `None` while it is stopped.
    pub fn poll_timeout(&self) -> Option<Mono> {
        match self.state {
            RunState::Running => {
                let round = self.pex.poll_timeout(&self.book, &self.switch);
                [round, self.switch.poll_timeout()].into_iter().flatten().min()
            }
            RunState::Starting => Some(self.start_by),
            RunState::Stopped | RunState::Failed(_) => None,
        }
    }

    /// Does what is due; nothing when nothing is.
    pub fn handle_timeout(&mut self, now: Now) {
        match self.state {
            RunState::Running => {
                self.switch.handle_timeout(&mut self.out, now);
                self.with(now, |pex, cx| pex.handle_timeout(cx));
            }
            RunState::Starting if now.mono >= self.start_by => self.decide_start(now),
            RunState::Starting | RunState::Stopped | RunState::Failed(_) => {}
        }
    }

    /// The next thing to do; to be drained to `None` after each call.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.poll_effect()
    }

    /// The next thing that happened; to be drained to `None` after each call.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.out.poll_event()
    }

    // --- what is stored

    /// Whether a row changed since it was last taken.
    pub fn has_dirty(&self) -> bool {
        self.book.has_dirty() || self.book.private().has_dirty() || self.switch.has_dirty() || self.pex.has_dirty()
    }

    /// At most `max` changed rows, what operators changed first. They count as stored from here on.
    pub fn take_dirty(&mut self, max: usize) -> Vec<RowChange> {
        let mut changes = Vec::new();
        while changes.len() < max
            && let Some((target, ban)) = self.switch.take_dirty()
        {
            changes.push(RowChange { key: Key::Ban(target), row: ban.map(Row::Ban) });
        }
        while changes.len() < max
            && let Some(change) = self.take_dirty_list()
        {
            changes.push(change);
        }
        while changes.len() < max
            && let Some(change) = self.pex.take_dirty()
        {
            changes.push(seed_change(change));
        }
        while changes.len() < max
            && let Some((slot, anchor)) = self.pex.take_dirty_anchor()
        {
            changes.push(RowChange { key: Key::Anchor(slot), row: anchor.map(Row::Anchor) });
        }
        while changes.len() < max
            && let Some((hash, trace)) = self.book.take_dirty_trace()
        {
            changes.push(RowChange { key: Key::Trace(hash), row: trace.map(Row::Trace) });
        }
        let addresses = self.book.take_dirty(max - changes.len());
        changes.extend(
            addresses
                .into_iter()
                .map(|(address, record)| RowChange { key: Key::Address(address), row: record.map(Row::Address) }),
        );
        changes
    }

    // --- what operators do

    /// Adds a seed; `false` when it is there already.
    ///
    /// # Errors
    /// When there are as many as are kept.
    pub fn add_seed(&mut self, now: Now, seed: PeerAddress, author: &str) -> Result<bool, TooManySeeds> {
        let added = self.with(now, |pex, cx| pex.add_seed(cx, seed, author));
        self.watch_seeds();
        added
    }

    /// Removes a seed; `false` when there is none.
    pub fn remove_seed(&mut self, now: Now, seed: &PeerAddress, author: &str) -> bool {
        let removed = self.pex.remove_seed(seed, author, now);
        self.watch_seeds();
        removed
    }

    /// Sets what can be changed while it runs.
    pub fn tune(&mut self, now: Now, tuning: Tuning) {
        self.switch.set_limits(now, tuning.limits);
        self.pex.set_period(now, tuning.period);
    }

    /// Bans an ID or a range for `length` (`None` = for good), closes what it applies to, and takes the ID out of the book's
    /// lists.
    ///
    /// # Errors
    /// When there are as many bans as are kept.
    pub fn ban(
        &mut self,
        now: Now,
        target: BanTarget,
        reason: String,
        length: Option<Duration>,
        author: &str,
    ) -> Result<(), TooManyBans> {
        self.set_ban(now, Ban::new(target, reason, now.wall, length, Some(author)))
    }

    /// As [`Node::ban`], with a ban of whatever scope.
    ///
    /// # Errors
    /// See [`Node::ban`].
    pub fn set_ban(&mut self, now: Now, ban: Ban) -> Result<(), TooManyBans> {
        let target = ban.target;
        let closed = self.switch.ban(&mut self.out, now, ban)?;
        for peer in closed {
            self.with(now, |pex, cx| pex.remove_peer(cx, &peer, &Fault::ClosedByUs(CloseReason::Banned)));
        }
        if let BanTarget::Id(id) = target {
            self.book.ban(&id);
        }
        Ok(())
    }

    /// Lifts a ban, and makes the ID new again; whether there was one.
    pub fn unban(&mut self, now: Now, target: &BanTarget) -> bool {
        let lifted = self.switch.unban(&mut self.out, target);
        if let BanTarget::Id(id) = target {
            self.book.reinstate(now, id);
        }
        lifted
    }

    /// The banned ranges with their ends ([`Wall::NEVER`] = none), for the gate.
    pub fn banned_ranges(&self) -> Vec<(IpNet, Wall)> {
        self.switch.banned_ranges()
    }

    /// The bans that are kept.
    pub fn bans(&self) -> Vec<Ban> {
        self.switch.bans().cloned().collect()
    }

    /// Whether an address is our own, by its ID or by where it leads.
    pub fn is_ourselves(&self, address: &PeerAddress) -> bool {
        self.switch.is_ourselves(address)
    }

    /// Our own ID.
    pub fn own_id(&self) -> NodeId {
        self.switch.params().own_id
    }
}

fn seed_change(change: SeedChange) -> RowChange {
    match change {
        SeedChange::Delta(seed, delta) => {
            let row = delta.map(|delta| Row::Delta(delta.map(ListItem::Seed)));
            RowChange { key: Key::Delta(ListItem::Seed(seed)), row }
        }
        SeedChange::Health(seed, health) => RowChange { key: Key::SeedHealth(seed), row: health.map(Row::SeedHealth) },
    }
}
