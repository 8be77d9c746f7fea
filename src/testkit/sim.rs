//! A network of pure nodes in virtual time: no socket, no sleep, the same run for the same seed.
//!
//! Each step of a dial (TCP, secret connection, node information) takes one round trip; a message takes half of one.
//! Residents come, go, and change their answers while it runs; the network loses dials and nodes are full by chance, with
//! a generator of the world's own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};

use crate::book::HashKey;
use crate::node::row::Rows;
use crate::node::{Effect, Event, Handshaken, Input, Node, Params};
use crate::switch::SwitchLimits;
use crate::types::{
    CloseHow, ConnId, Fault, Host, Mono, NetAddress, NodeId, NodeInfo, Now, OwnEndpoints, PEX_CHANNEL, ProtocolVersion,
    SeededRng, Stage, Ticket, Wall,
};
use crate::wire::pex::{Outgoing, Received};
use crate::{book, pex, switch};

/// When every simulation starts on the wall clock.
pub const EPOCH: Wall = Wall::from_secs(1_700_000_000);
/// Round trips of a dial with its handshake.
const DIAL_STEPS: u32 = 4;
/// How long a dial waits for a host that does not answer.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Who is at an address.
#[derive(Clone, Debug)]
pub enum Resident {
    /// A node of this simulation.
    Node(usize),
    /// Someone who answers requests with a list ([`Sim::answer_mut`]), never asks, and stays as long as they may.
    Scripted {
        /// Who answers; dials that want another ID find out (a lie told of this place).
        id: NodeId,
        /// Of which chain.
        network: String,
        /// What they answer; `None` = they never answer a request.
        answer: Option<Vec<NetAddress>>,
    },
    /// The host refuses connections.
    Refuses,
}

/// How badly dials of a living resident go, by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mishaps {
    /// The share that is lost: it times out as if nobody were there.
    pub dial_loss: f64,
    /// The share that finds it full: the handshake succeeds, then it hangs up without an answer.
    pub full_share: f64,
}

/// Someone who dials a node: [`Sim::call`].
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Who.
    pub id: NodeId,
    /// Where the connection comes from.
    pub from: SocketAddr,
    /// Where they claim to listen. Who lives there answers what they are asked.
    pub listen: SocketAddr,
    /// Whether they ask for addresses at once.
    pub asks: bool,
}

/// An answer that a caller got.
#[derive(Clone, Debug)]
pub struct Answer {
    /// When it was sent.
    pub at: Mono,
    /// The number of the node that gave it.
    pub node: usize,
    /// Where the caller claims to listen.
    pub listen: SocketAddr,
    /// What it said.
    pub addresses: Vec<NetAddress>,
}

/// The world: who is where, what is under way, and the time.
#[derive(Debug)]
pub struct Sim {
    now: Now,
    round_trip: Duration,
    network: String,
    nodes: Vec<Member>,
    residents: HashMap<SocketAddr, Resident>,
    /// Mishaps of those that have their own.
    accidents: HashMap<SocketAddr, Mishaps>,
    mishaps: Mishaps,
    seed: u64,
    chance: SeededRng,
    dials: HashMap<SocketAddr, u64>,
    answers: Vec<Answer>,
    keeps_events: bool,
    agenda: BTreeMap<(Mono, u64), Happening>,
    timers: BTreeSet<(Mono, usize)>,
    links: HashMap<(usize, ConnId), Far>,
    sequence: u64,
}

#[derive(Debug)]
struct Member {
    node: Node,
    info: NodeInfo,
    at: SocketAddr,
    timer: Option<Mono>,
    events: Vec<(Mono, Event)>,
    /// Our number for what a ticket stands for.
    callers: BTreeMap<Ticket, Knocking>,
}

/// Who stands before a node.
#[derive(Clone, Copy, Debug)]
enum Knocking {
    Node(usize, ConnId),
    Caller(Caller),
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
enum Far {
    Node(usize, ConnId),
    Scripted(SocketAddr),
}

#[derive(Debug)]
enum Happening {
    DialEnds { node: usize, conn: ConnId, target: NetAddress, lost: bool },
    Arrives { node: usize, conn: ConnId, message: Received },
    Asked { node: usize, conn: ConnId, at: SocketAddr },
    Ends { node: usize, conn: ConnId, fault: Fault },
}

impl Sim {
    /// An empty world of one chain.
    pub fn new(network: &str, round_trip: Duration) -> Self {
        Sim {
            now: Now { mono: Mono::ZERO, wall: EPOCH },
            round_trip,
            network: network.to_owned(),
            nodes: Vec::new(),
            residents: HashMap::new(),
            accidents: HashMap::new(),
            mishaps: Mishaps::default(),
            seed: 0,
            chance: SeededRng::seed_from_u64(0),
            dials: HashMap::new(),
            answers: Vec::new(),
            keeps_events: true,
            agenda: BTreeMap::new(),
            timers: BTreeSet::new(),
            links: HashMap::new(),
            sequence: 0,
        }
    }

    /// Another run of the same world: the seed of its generator and of those of the nodes that are added from here on, and
    /// the key of their books. The first run has seed 0.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
        self.chance = SeededRng::seed_from_u64(seed);
    }

    /// Mishaps of every dial of somebody who is there and has none of their own. At first there are none.
    pub fn set_mishaps(&mut self, mishaps: Mishaps) {
        self.mishaps = mishaps;
    }

    /// The mishaps of one place, instead of the world's.
    pub fn set_mishaps_at(&mut self, at: SocketAddr, mishaps: Mishaps) {
        self.accidents.insert(at, mishaps);
    }

    /// The present.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Settles somebody at an address.
    pub fn settle(&mut self, at: SocketAddr, resident: Resident) {
        self.residents.insert(at, resident);
    }

    /// Empties an address: dials to it time out from now on.
    pub fn black_out(&mut self, at: SocketAddr) {
        self.residents.remove(&at);
    }

    /// What a scripted resident answers from now on, to be changed; `None` when nobody who answers lives there.
    pub fn answer_mut(&mut self, at: SocketAddr) -> Option<&mut Vec<NetAddress>> {
        match self.residents.get_mut(&at) {
            Some(Resident::Scripted { answer, .. }) => answer.as_mut(),
            _ => None,
        }
    }

    /// What a scripted resident answers from now on.
    pub fn advertise(&mut self, at: SocketAddr, addresses: Vec<NetAddress>) {
        if let Some(Resident::Scripted { answer, .. }) = self.residents.get_mut(&at) {
            *answer = Some(addresses);
        }
    }

    /// The connections between a node and a scripted resident break.
    pub fn part(&mut self, node: usize, at: SocketAddr) {
        let between =
            |link: &(&(usize, ConnId), &Far)| link.0.0 == node && matches!(link.1, Far::Scripted(far) if *far == at);
        let mut conns: Vec<ConnId> = self.links.iter().filter(between).map(|((_, conn), _)| *conn).collect();
        // The map's order is another one in each run.
        conns.sort_unstable();
        for conn in conns {
            self.later(self.round_trip / 2, Happening::Ends { node, conn, fault: Fault::ClosedByPeer });
        }
    }

    /// Lets somebody dial a node. What it answers them is kept for [`Sim::take_answers`].
    pub fn call(&mut self, node: usize, caller: Caller) {
        let info = node_info(caller.id, &self.network, caller.listen);
        self.present(node, caller.from, info, Knocking::Caller(caller));
    }

    /// What callers were answered since this was last called.
    pub fn take_answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    /// How often each ip:port was dialled since the last [`Sim::reset_dials`].
    pub fn dials(&self) -> &HashMap<SocketAddr, u64> {
        &self.dials
    }

    /// Counts dials from zero.
    pub fn reset_dials(&mut self) {
        self.dials.clear();
    }

    /// Adds a node at an address, with what its store kept, and returns its number. It is not started.
    pub fn add_node(&mut self, at: SocketAddr, params: Params, rows: Rows) -> usize {
        let index = self.nodes.len();
        let mut info = node_info(params.switch.own_id, &self.network, at);
        info.moniker = format!("node{index}");
        let rng = SeededRng::seed_from_u64((self.seed << 16) + index as u64 + 1);
        let (node, _) = Node::new(params, self.hash_key(), rows, self.now, rng);
        self.nodes.push(Member { node, info, at, timer: None, events: Vec::new(), callers: BTreeMap::new() });
        self.residents.insert(at, Resident::Node(index));
        index
    }

    fn hash_key(&self) -> HashKey {
        let mut key = [7; HashKey::LEN];
        key.iter_mut().zip(self.seed.to_be_bytes()).for_each(|(byte, seed)| *byte ^= seed);
        HashKey::from_bytes(key)
    }

    /// Does something to a node, as its shell would, and lets the world see to what follows.
    pub fn act<T>(&mut self, index: usize, work: impl FnOnce(&mut Node, Now) -> T) -> T {
        let now = self.now;
        let value = work(&mut self.nodes[index].node, now);
        self.settle_node(index);
        value
    }

    /// A node.
    pub fn node(&self, index: usize) -> &Node {
        &self.nodes[index].node
    }

    /// Where a node listens.
    pub fn address_of(&self, index: usize) -> SocketAddr {
        self.nodes[index].at
    }

    /// What happened at a node, with the times.
    pub fn events(&self, index: usize) -> &[(Mono, Event)] {
        &self.nodes[index].events
    }

    /// Whether events are kept from here on. They are at first, all of them: a world that lives for days does without.
    pub fn keep_events(&mut self, keeps: bool) {
        self.keeps_events = keeps;
    }

    /// What happened at a node since this was last called, with the times.
    pub fn take_events(&mut self, index: usize) -> Vec<(Mono, Event)> {
        std::mem::take(&mut self.nodes[index].events)
    }

    /// Runs until nothing happens any more before `until`, and stops the clock there.
    pub fn run_until(&mut self, until: Mono) {
        while let Some(next) = self.next().filter(|next| *next <= until) {
            self.step(next);
        }
        self.advance(until);
    }

    /// Runs for so long.
    pub fn run_for(&mut self, length: Duration) {
        self.run_until(self.now.mono + length);
    }

    fn next(&self) -> Option<Mono> {
        let happening = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let timer = self.timers.first().map(|(at, _)| *at);
        happening.into_iter().chain(timer).min()
    }

    fn advance(&mut self, to: Mono) {
        self.now = self.now.after(to.since(self.now.mono));
    }

    fn step(&mut self, at: Mono) {
        self.advance(at);
        if let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= at
        {
            let happening = entry.remove();
            self.happen(happening);
        } else if let Some((_, index)) = self.timers.pop_first() {
            self.nodes[index].timer = None;
            self.act(index, Node::handle_timeout);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::DialEnds { node, conn, target, lost } => self.dial_ends(node, conn, target, lost),
            Happening::Arrives { node, conn, message } => {
                self.act(node, |n, now| n.handle(now, Input::Message { conn, message }));
            }
            Happening::Asked { node, conn, at } => {
                if let Some(Resident::Scripted { answer: Some(addresses), .. }) = self.residents.get(&at) {
                    let message = Received::Addresses { addresses: addresses.clone(), total: addresses.len() as u32 };
                    self.later(self.round_trip / 2, Happening::Arrives { node, conn, message });
                }
            }
            Happening::Ends { node, conn, fault } => {
                self.links.remove(&(node, conn));
                self.act(node, |n, now| n.handle(now, Input::Closed { conn, fault }));
            }
        }
    }

    fn dial_ends(&mut self, node: usize, conn: ConnId, target: NetAddress, lost: bool) {
        let remote = target.socket();
        let result = if lost { Err(Fault::TimedOut(Stage::Dial)) } else { self.handshake(&target) };
        let (info, far) = match result {
            Ok(found) => found,
            Err(fault) => return self.dialled(node, conn, remote, Err(fault)),
        };
        let peer = Box::new(Handshaken { remote, info, took: self.round_trip * DIAL_STEPS });
        if self.happens(self.mishaps_at(&remote).full_share) {
            self.later(self.round_trip / 2, Happening::Ends { node, conn, fault: Fault::ClosedByPeer });
        } else if let Some(other) = far {
            self.knock(other, node, conn);
        } else {
            self.links.insert((node, conn), Far::Scripted(remote));
        }
        self.dialled(node, conn, remote, Ok(peer));
    }

    /// Whom a dial finds at its target, and the number of the node that it is.
    fn handshake(&self, target: &NetAddress) -> Result<(NodeInfo, Option<usize>), Fault> {
        let remote = target.socket();
        let (info, far) = match self.residents.get(&remote) {
            None => return Err(Fault::TimedOut(Stage::Dial)),
            Some(Resident::Refuses) => return Err(Fault::Refused),
            Some(Resident::Node(other)) => (self.nodes[*other].info.clone(), Some(*other)),
            Some(Resident::Scripted { id, network, .. }) => (node_info(*id, network, remote), None),
        };
        if info.id != target.id() {
            return Err(Fault::WrongId { actual: info.id });
        }
        if info.network != self.network {
            return Err(Fault::WrongNetwork { actual: info.network.into() });
        }
        Ok((info, far))
    }

    fn mishaps_at(&self, at: &SocketAddr) -> Mishaps {
        self.accidents.get(at).copied().unwrap_or(self.mishaps)
    }

    /// Draws whether something of this share happens; what never happens draws nothing.
    fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.chance.random_bool(share.min(1.0))
    }

    fn dialled(&mut self, node: usize, conn: ConnId, remote: SocketAddr, result: Result<Box<Handshaken>, Fault>) {
        self.act(node, |n, now| n.handle(now, Input::Dialled { conn, remote: Some(remote), result }));
    }

    /// A dialler stands before a node: it is let in, or hung up on after what looked like success to it.
    fn knock(&mut self, at: usize, caller: usize, conn: ConnId) {
        let (from, info) = (self.nodes[caller].at, self.nodes[caller].info.clone());
        self.present(at, SocketAddr::new(from.ip(), 40_000), info, Knocking::Node(caller, conn));
    }

    fn present(&mut self, at: usize, remote: SocketAddr, info: NodeInfo, who: Knocking) {
        self.sequence += 1;
        let ticket = Ticket(self.sequence);
        let peer = Box::new(Handshaken { remote, info, took: self.round_trip * DIAL_STEPS });
        self.nodes[at].callers.insert(ticket, who);
        self.act(at, |n, now| n.handle(now, Input::Inbound { ticket, peer }));
    }

    fn admitted(&mut self, index: usize, conn: ConnId, who: Knocking) {
        let far = match who {
            Knocking::Node(caller, theirs) => {
                self.links.insert((caller, theirs), Far::Node(index, conn));
                Far::Node(caller, theirs)
            }
            Knocking::Caller(caller) => {
                if caller.asks {
                    let message = Received::Request;
                    self.later(self.round_trip / 2, Happening::Arrives { node: index, conn, message });
                }
                Far::Scripted(caller.listen)
            }
        };
        self.links.insert((index, conn), far);
    }

    /// Performs a node's effects and notes its timer.
    fn settle_node(&mut self, index: usize) {
        while let Some(effect) = self.nodes[index].node.poll_effect() {
            self.perform(index, effect);
        }
        let now = self.now.mono;
        let member = &mut self.nodes[index];
        while let Some(event) = member.node.poll_event() {
            if self.keeps_events {
                member.events.push((now, event));
            }
        }
        // A timer of the past is one for now: virtual time does not go back.
        let timer = member.node.poll_timeout().map(|at| at.max(now));
        if let Some(old) = member.timer {
            self.timers.remove(&(old, index));
        }
        member.timer = timer;
        self.timers.extend(timer.map(|at| (at, index)));
    }

    fn perform(&mut self, index: usize, effect: Effect) {
        match effect {
            Effect::Dial { conn, target, .. } => {
                let Host::Ip(_) = target.host() else { return };
                let Some(target) = target.as_net_address() else { return };
                self.dial(index, conn, target);
            }
            Effect::Admit { ticket, conn } => {
                if let Some(who) = self.nodes[index].callers.remove(&ticket) {
                    self.admitted(index, conn, who);
                }
            }
            Effect::Refuse { ticket, .. } => {
                if let Some(Knocking::Node(node, conn)) = self.nodes[index].callers.remove(&ticket) {
                    let fault = Fault::ClosedByPeer;
                    self.later(self.round_trip / 2, Happening::Ends { node, conn, fault });
                }
            }
            Effect::Send { conn, message } => self.carry(index, conn, message),
            Effect::Close { conn, how, .. } => self.hang_up(index, conn, how),
            Effect::Open { .. } | Effect::Resolve { .. } | Effect::PublishBans => {}
        }
    }

    fn dial(&mut self, node: usize, conn: ConnId, target: NetAddress) {
        let at = target.socket();
        *self.dials.entry(at).or_default() += 1;
        let answers = self.residents.contains_key(&at);
        let lost = answers && self.happens(self.mishaps_at(&at).dial_loss);
        let took = if answers && !lost { self.round_trip * DIAL_STEPS } else { DIAL_TIMEOUT };
        self.later(took, Happening::DialEnds { node, conn, target, lost });
    }

    fn carry(&mut self, index: usize, conn: ConnId, message: Outgoing) {
        let half = self.round_trip / 2;
        match (self.links.get(&(index, conn)).copied(), message) {
            (None, _) => {}
            (Some(Far::Scripted(at)), Outgoing::Request) => {
                self.later(half, Happening::Asked { node: index, conn, at });
            }
            (Some(Far::Scripted(listen)), Outgoing::Addresses(addresses)) => {
                let addresses = addresses.to_vec();
                self.answers.push(Answer { at: self.now.mono, node: index, listen, addresses });
            }
            (Some(Far::Node(node, conn)), Outgoing::Request) => {
                self.later(half, Happening::Arrives { node, conn, message: Received::Request });
            }
            (Some(Far::Node(node, conn)), Outgoing::Addresses(addresses)) => {
                let addresses = addresses.to_vec();
                let total = addresses.len() as u32;
                self.later(half, Happening::Arrives { node, conn, message: Received::Addresses { addresses, total } });
            }
        }
    }

    fn hang_up(&mut self, index: usize, conn: ConnId, _how: CloseHow) {
        if let Some(Far::Node(node, theirs)) = self.links.remove(&(index, conn)) {
            let fault = Fault::ClosedByPeer;
            self.later(self.round_trip / 2, Happening::Ends { node, conn: theirs, fault });
        }
    }

    fn later(&mut self, after: Duration, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((self.now.mono + after, self.sequence), happening);
    }
}

/// What a node of a simulation says of itself.
pub fn node_info(id: NodeId, network: &str, at: SocketAddr) -> NodeInfo {
    NodeInfo {
        protocol: ProtocolVersion { p2p: 8, block: 11, app: 0 },
        id,
        listen_addr: at.to_string(),
        network: network.to_owned(),
        version: "0.38.0".to_owned(),
        channels: vec![PEX_CHANNEL],
        moniker: "scripted".to_owned(),
        tx_index: "off".to_owned(),
        rpc_address: String::new(),
    }
}

/// The parameters of a node with CometBFT's defaults, not strict, that may start alone.
pub fn params(id: NodeId, at: SocketAddr, seed_mode: bool) -> Params {
    let book = book::Params { strict: false, own_endpoints: vec![at], ..book::Params::new(id, seed_mode) };
    let switch = switch::Params {
        own_id: id,
        own_endpoints: OwnEndpoints::new(at, None),
        limits: SwitchLimits {
            max_inbound: if seed_mode { 2_000 } else { 40 },
            max_outbound: 10,
            max_dials: if seed_mode { SwitchLimits::SEED_DIALS } else { SwitchLimits::default().max_dials },
            ..Default::default()
        },
        unconditional: BTreeSet::new(),
        persistent: Vec::new(),
        allow_duplicate_ip: true,
    };
    let pex = pex::Params {
        seed_mode,
        bootstrap: true,
        seeds: Vec::new(),
        ensure_peers_period: pex::params::ENSURE_PEERS_PERIOD,
        crawl_period: pex::params::CRAWL_PERIOD,
        seed_disconnect_wait_period: pex::params::SEED_DISCONNECT_WAIT_PERIOD,
    };
    Params { book, switch, pex }
}
