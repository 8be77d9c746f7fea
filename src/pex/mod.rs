//! The PEX reactor: it fills the book by asking peers, answers requests, and decides which addresses to dial.
//!
//! The sections of docs/protocol/pex-reactor.md have their places here: Start and Stop in [`Pex::start`] and
//! [`Pex::stop`], AddPeer in [`Pex::add_peer`], RemovePeer in [`Pex::remove_peer`], Receive in [`Pex::receive`],
//! ensurePeersRoutine in `ensure.rs`, dialSeeds and dialPeer in `dial.rs`, the crawl in `crawl.rs`. GetChannels is
//! `types::PEX_CHANNEL` and `wire::mconn`.

mod anchors;
mod answers;
mod claimed_addresses;
mod crawl;
mod dial;
mod ensure;
mod generations;
mod outage;
pub mod params;
mod receive;
mod request_times;
mod retention;
mod seeds;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use anchors::Anchors;
use answers::Answers;
use claimed_addresses::ClaimedAddresses;
pub use outage::OUTAGE;
use outage::Outage;
pub use params::Params;
use request_times::Requests;
pub use retention::RetentionReason;
use seeds::Seeds;
pub use seeds::{MAX_SEEDS, SeedChange, SeedHealth, SeedOutcome, TooManySeeds};

use crate::book::Book;
use crate::switch::params::BAN_LENGTH;
use crate::switch::{Ban, BanTarget, CrawlEvent, Dial, Event, Outbox, Peer, Penalty, Switch, consequence};
use crate::types::{
    CloseHow, CloseReason, ConnId, Delta, DialOutcome, Direction, Fault, Mono, NetAddress, NodeId, Now, PeerAddress,
    Purpose, SeededRng, Wall,
};
use crate::wire::pex::Outgoing;

/// What the reactor works on: the rest of the node, for the length of one call.
pub struct Context<'a> {
    /// The present.
    pub now: Now,
    /// The address book.
    pub book: &'a mut Book,
    /// The switch.
    pub switch: &'a mut Switch,
    /// Effects and events.
    pub out: &'a mut Outbox,
    /// Chance.
    pub rng: &'a mut SeededRng,
}

/// The reactor of one network.
#[derive(Debug)]
pub struct Pex {
    params: Params,
    seeds: Seeds,
    requests: Requests,
    outage: Outage,
    claims: ClaimedAddresses,
    answers: Answers,
    anchors: Anchors,
    /// Requests sent and not yet answered.
    asked: BTreeMap<ConnId, Mono>,
    /// When those who stay connected were asked, for as long as it matters.
    asked_ids: BTreeMap<NodeId, Mono>,
    /// When visited peers have had their time.
    visits: BTreeSet<(Mono, ConnId)>,
    /// The next round; `None` = not running.
    next_round: Option<Mono>,
    /// When a node feels for something new again; `None` = a seed, or not running.
    next_feeler: Option<Mono>,
    /// When the last round was.
    last_round: Wall,
    /// When seeds were dialled last.
    last_seed_round: Option<Now>,
}

impl Pex {
    /// A reactor that does not run yet, with the seeds' run-time changes and health, and the anchors, as they were kept.
    pub fn new(
        params: Params,
        deltas: Vec<Delta<PeerAddress>>,
        health: Vec<SeedHealth>,
        anchors: Vec<NetAddress>,
    ) -> Self {
        Pex {
            seeds: Seeds::load(params.seeds.clone(), deltas, health),
            params,
            requests: Requests::default(),
            outage: Outage::default(),
            claims: ClaimedAddresses::default(),
            answers: Answers::default(),
            anchors: Anchors::load(anchors),
            asked: BTreeMap::new(),
            asked_ids: BTreeMap::new(),
            visits: BTreeSet::new(),
            next_round: None,
            next_feeler: None,
            last_round: Wall::NEVER,
            last_seed_round: None,
        }
    }

    /// Start (docs/protocol/pex-reactor.md, "Start"): begins the rounds. The first one is at once, or after a random part
    /// of the period when there are peers already, so that nodes that start together do not ask together.
    pub fn start(&mut self, cx: &mut Context<'_>) {
        use rand::RngExt as _;
        let busy = cx.switch.peers().len() > 0 || cx.switch.dialling() > 0;
        let spread = self.params.ensure_peers_period.as_micros() as u64;
        let wait = if busy && !self.params.seed_mode && spread > 0 { cx.rng.random_range(0..spread) } else { 0 };
        self.next_round = Some(cx.now.mono + std::time::Duration::from_micros(wait));
        self.last_seed_round = None;
        self.next_feeler = (!self.params.seed_mode).then(|| cx.now.mono + params::FEELER_INTERVAL);
        if !self.params.seed_mode {
            self.dial_anchors(cx);
        }
    }

    /// Stop (docs/protocol/pex-reactor.md, "Stop"): ends the rounds. What is known stays; the dials that the switch gave
    /// up are due again.
    pub fn stop(&mut self, cx: &mut Context<'_>, given_up: &[Dial]) {
        self.next_round = None;
        self.next_feeler = None;
        let dialled = given_up.iter().filter_map(|dial| dial.target.as_net_address());
        for address in dialled {
            cx.book.untake(cx.now, &address);
        }
        self.seeds.end_round();
        self.asked.clear();
        self.visits.clear();
        self.claims = ClaimedAddresses::default();
    }

    /// AddPeer (docs/protocol/pex-reactor.md, "AddPeer"). An inbound peer's own address is added, with itself as the
    /// source; an outbound peer is asked for addresses when the book needs some. What was dialled for a crawl visit only
    /// is asked and disconnected.
    pub fn add_peer(&mut self, cx: &mut Context<'_>, conn: ConnId) {
        let Some(peer) = cx.switch.peer(conn) else { return };
        match (peer.direction, peer.purpose) {
            (Direction::Inbound, _) | (_, None) => self.claim(cx, conn),
            (_, Some(Purpose::Verify)) => self.let_go(cx, conn, CloseReason::VisitOver),
            (_, Some(Purpose::Visit | Purpose::Seed)) => {
                self.ask(cx, conn);
                self.visits.insert((cx.now.mono + params::VISIT_TIMEOUT, conn));
            }
            (_, Some(Purpose::Keep | Purpose::Persistent | Purpose::Manual)) => {
                if cx.book.needs_more() {
                    self.ask_again(cx, conn);
                }
            }
        }
    }

    /// RemovePeer (docs/protocol/pex-reactor.md, "RemovePeer"): forgets what the connection was asked. Its request times
    /// stay for as long as they matter. A fault that was found on the connection has its consequences here.
    pub fn remove_peer(&mut self, cx: &mut Context<'_>, peer: &Peer, fault: &Fault) {
        self.forget(peer.conn);
        if peer.direction == Direction::Inbound {
            cx.book.retry_untried(cx.now, &peer.info.id);
        }
        if let Some(address) = peer.dialled.filter(|_| has_no_room(peer, fault, cx.now)) {
            self.note_success(cx, &address, DialOutcome::Full);
        }
        if consequence(fault).penalty == Penalty::Ban {
            self.ban(cx, peer.info.id, fault);
        }
    }

    fn forget(&mut self, conn: ConnId) {
        self.asked.remove(&conn);
        self.visits.retain(|(_, other)| *other != conn);
    }

    /// As [`Pex::ask`], unless its ID was asked so short a while ago that a node like ours would take offence: it knows the
    /// times of requests by ID, whatever became of the connection.
    fn ask_again(&mut self, cx: &mut Context<'_>, conn: ConnId) {
        let Some(id) = cx.switch.peer(conn).map(|peer| peer.info.id) else { return };
        let long_ago = |at: &Mono| cx.now.mono.since(*at) > params::MIN_REQUEST_INTERVAL;
        if self.asked_ids.get(&id).is_none_or(long_ago) {
            self.asked_ids.retain(|_, at| !long_ago(at));
            self.asked_ids.insert(id, cx.now.mono);
            self.ask(cx, conn);
        }
    }

    /// Asks a peer for addresses, unless it was asked and has not answered: a second request would make its late answer
    /// look unsolicited.
    fn ask(&mut self, cx: &mut Context<'_>, conn: ConnId) {
        if let std::collections::btree_map::Entry::Vacant(entry) = self.asked.entry(conn) {
            entry.insert(cx.now.mono);
            cx.switch.send(cx.out, conn, Outgoing::Request);
        }
    }

    /// Closes a connection that has served its purpose. A persistent peer stays, whatever it was dialled for.
    fn let_go(&mut self, cx: &mut Context<'_>, conn: ConnId, reason: CloseReason) {
        if reason == CloseReason::VisitOver && cx.switch.peer(conn).is_some_and(|peer| peer.persistent) {
            return cx.switch.repurpose(conn, Purpose::Persistent);
        }
        let reason = Fault::ClosedByUs(reason);
        if let Some(peer) = cx.switch.close(cx.out, cx.now, conn, CloseHow::Flush, reason.clone()) {
            self.remove_peer(cx, &peer, &reason);
        }
    }

    /// Closes a connection because an operator wants it closed.
    pub fn disconnect(&mut self, cx: &mut Context<'_>, conn: ConnId) {
        self.let_go(cx, conn, CloseReason::Operator);
    }

    /// Ends a connection for what the peer did on it, or did not do.
    fn misbehaved(&mut self, cx: &mut Context<'_>, conn: ConnId, fault: Fault) {
        if let Some(peer) = cx.switch.close(cx.out, cx.now, conn, CloseHow::Now, fault.clone()) {
            self.remove_peer(cx, &peer, &fault);
        }
    }

    fn ban(&mut self, cx: &mut Context<'_>, id: NodeId, fault: &Fault) {
        cx.book.ban(&id);
        let ban = Ban::new(BanTarget::Id(id), fault.to_string(), cx.now.wall, Some(BAN_LENGTH), None);
        // Only an operator's ban can be one too many.
        let _ = cx.switch.ban(cx.out, cx.now, ban);
    }

    /// Bans that have ended are lifted, and their IDs become new again. Runs at the start, when a ban ends, and in each
    /// round of both loops, for a clock that was set.
    pub fn reinstate(&mut self, cx: &mut Context<'_>) {
        for target in cx.switch.expire_bans(cx.out, cx.now) {
            if let BanTarget::Id(id) = target {
                cx.book.reinstate(cx.now, &id);
            }
        }
    }

    /// When [`Pex::handle_timeout`] has something to do.
    pub fn poll_timeout(&self, book: &Book, switch: &Switch) -> Option<Mono> {
        let round = self.next_round?;
        let visit = self.visits.first().map(|(at, _)| *at);
        let crawl = if self.may_crawl(switch) { book.next_due() } else { None };
        [Some(round), visit, crawl, self.next_feeler, switch.next_ban_end()].into_iter().flatten().min()
    }

    /// Does what is due: ends visits, crawls, and runs a round.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let Some(round) = self.next_round else { return };
        while let Some(&(at, conn)) = self.visits.first()
            && at <= cx.now.mono
        {
            self.visits.pop_first();
            self.let_go(cx, conn, CloseReason::VisitOver);
        }
        if cx.switch.next_ban_end().is_some_and(|at| at <= cx.now.mono) {
            self.reinstate(cx);
        }
        if round <= cx.now.mono {
            self.next_round = Some(cx.now.mono + self.period());
            self.last_round = cx.now.wall;
            self.reinstate(cx);
            self.credit_connected(cx);
            self.tell_of_round(cx);
            if self.params.seed_mode {
                self.crawl_round(cx);
            } else {
                self.keep_anchors(cx);
                self.ensure_peers(cx, false);
            }
        }
        self.feel(cx);
        self.crawl(cx);
    }

    /// A peer that we dialled and that is still connected answers at its address, as the pings show: that is worth as much
    /// as another dial. Else who never leaves would never be good, and be the first to make room in its bucket.
    fn credit_connected(&mut self, cx: &mut Context<'_>) {
        let stale = |address: &NetAddress| {
            let record = cx.book.get(address);
            // In the future it is from a clock that was wrong.
            record.is_some_and(|record| {
                let ago = cx.now.wall.since(record.last_success);
                ago >= params::CREDIT_INTERVAL || record.last_success > cx.now.wall
            })
        };
        let dialled = cx.switch.peers().filter_map(|peer| peer.dialled);
        let due: Vec<NetAddress> = dialled.filter(stale).collect();
        for address in due {
            self.note_success(cx, &address, DialOutcome::Reached);
        }
    }

    fn tell_of_round(&self, cx: &mut Context<'_>) {
        let backlog = if self.params.seed_mode { cx.book.backlog() } else { 0 };
        let servable = cx.book.servable() - self.in_banned_ranges(cx.book, cx.switch, cx.now);
        let servable = u32::try_from(servable).unwrap_or(u32::MAX);
        cx.out.event(Event::Crawl(CrawlEvent::Round { backlog, servable }));
    }

    /// How many IDs are not served only because their addresses lie in banned ranges. A walk over them, while there are
    /// such ranges.
    pub fn in_banned_ranges(&self, book: &Book, switch: &Switch, now: Now) -> usize {
        if !switch.bans_ranges() {
            return 0;
        }
        book.served().filter(|address| switch.bans_ip(address.ip(), now.wall)).count()
    }

    fn period(&self) -> std::time::Duration {
        if self.params.seed_mode { self.params.crawl_period } else { self.params.ensure_peers_period }
    }

    // --- questions

    /// Whether the reactor crawls and serves as a seed.
    pub fn is_seed(&self) -> bool {
        self.params.seed_mode
    }

    /// Whether it may start with neither a seed nor a known address.
    pub fn may_bootstrap(&self) -> bool {
        self.params.bootstrap
    }

    /// Whether most of what was good fails at once.
    pub fn in_outage(&self) -> bool {
        self.outage.is_active()
    }

    /// When the last round of ensure-peers or of the crawl was; [`Wall::NEVER`] before the first one.
    pub fn last_round(&self) -> Wall {
        self.last_round
    }

    /// When the seeds were asked last since the start; [`Wall::NEVER`] when they were not.
    pub fn last_seed_round(&self) -> Wall {
        self.last_seed_round.map_or(Wall::NEVER, |at| at.wall)
    }

    /// When a peer was asked for addresses that it has not sent yet.
    pub fn asked_at(&self, conn: ConnId) -> Option<Mono> {
        self.asked.get(&conn).copied()
    }

    /// The seeds in effect.
    pub fn seeds(&self) -> impl Iterator<Item = &PeerAddress> {
        self.seeds.iter()
    }

    /// All seeds, those of the file that were removed at run time included, each with its run-time change.
    pub fn seed_entries(&self) -> impl Iterator<Item = (&PeerAddress, Option<&Delta<PeerAddress>>)> {
        self.seeds.entries()
    }

    /// What is known of a seed.
    pub fn seed_health(&self, seed: &PeerAddress) -> SeedHealth {
        self.seeds.health(seed)
    }

    /// Adds a seed at run time and, when the reactor runs and needs addresses, dials it; `false` when it is there already.
    ///
    /// # Errors
    /// When there are [`MAX_SEEDS`].
    pub fn add_seed(&mut self, cx: &mut Context<'_>, seed: PeerAddress, author: &str) -> Result<bool, TooManySeeds> {
        let added = self.seeds.add(seed.clone(), author, cx.now.wall)?;
        if added {
            self.ask_new(cx, seed);
        }
        Ok(added)
    }

    fn ask_new(&self, cx: &mut Context<'_>, seed: PeerAddress) {
        if self.next_round.is_some() && cx.book.needs_more() {
            // What is connected or dialled already needs no dial; the health shows the rest.
            let _ = cx.switch.dial(cx.out, cx.now, seed, Purpose::Seed);
        }
    }

    /// Removes a seed; `false` when there is none.
    pub fn remove_seed(&mut self, seed: &PeerAddress, author: &str, now: Now) -> bool {
        self.seeds.remove(seed, author, now.wall)
    }

    /// Takes the seeds that the file names now, as if each that differs were added or removed.
    pub fn set_file_seeds(&mut self, cx: &mut Context<'_>, from_file: Vec<PeerAddress>) {
        for seed in self.seeds.set_file(from_file) {
            self.ask_new(cx, seed);
        }
    }

    /// Sets the time between two rounds. A shorter one counts from now on, not from the end of a long one.
    pub fn set_period(&mut self, now: Now, period: std::time::Duration) {
        self.params.set_period(period);
        self.next_round = self.next_round.map(|round| round.min(now.mono + period));
    }

    /// Takes the answer to a look-up of a name in a peer's listen address.
    pub fn resolved(&mut self, cx: &mut Context<'_>, name: &str, ips: &[IpAddr]) {
        for (address, source) in self.claims.resolved(name, ips) {
            Self::learn_surely(cx, address, source);
        }
    }

    /// Whether a row of a seed, or an anchor, changed that is not stored yet.
    pub fn has_dirty(&self) -> bool {
        self.seeds.has_dirty() || self.anchors.has_dirty()
    }

    /// One slot of the anchors that changed, and what is in it.
    pub fn take_dirty_anchor(&mut self) -> Option<(u8, Option<NetAddress>)> {
        self.anchors.take_dirty()
    }

    /// The anchors, by slot.
    pub fn anchors(&self) -> impl Iterator<Item = (u8, NetAddress)> {
        self.anchors.iter()
    }

    /// All rows of the seeds.
    pub fn seed_rows(&self) -> Vec<SeedChange> {
        self.seeds.rows()
    }

    /// One changed row of the seeds.
    pub fn take_dirty(&mut self) -> Option<SeedChange> {
        self.seeds.take_dirty()
    }
}

/// Whether a peer that we dialled shook hands and hung up at once, as a node without a free slot does (CometBFT
/// `p2p/switch.go: acceptRoutine`).
fn has_no_room(peer: &Peer, fault: &Fault, now: Now) -> bool {
    matches!(fault, Fault::ClosedByPeer | Fault::Reset) && !peer.lasted(now)
}
