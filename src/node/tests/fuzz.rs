//! A node fed with random inputs, times and operators' calls: it never panics, its contract holds, and the invariants of the
//! book are recounted on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use proptest::prelude::*;
use rand::SeedableRng as _;

use super::bench::SECOND;
use super::{address, id, place};
use crate::book::HashKey;
use crate::book::tests::invariants;
use crate::node::row::{BanTarget, Row, Rows};
use crate::node::{AddressRef, Effect, Handshaken, Input, Node};
use crate::testkit::sim::{EPOCH, node_info, params};
use crate::types::{ConnId, Fault, Mono, NetAddress, NodeId, Now, PeerAddress, SeededRng, Stage, Ticket};
use crate::wire::pex::Received;

/// Nodes of the world: few, so that all meet again and again.
const NODES: u16 = 60;

#[derive(Clone, Debug)]
enum Step {
    /// Time passes, with the timeouts on the way; in the wall clock perhaps by a jump.
    Wait { millis: u32, jump: i32 },
    /// Somebody dials in.
    Inbound { who: u16 },
    /// One of the dials under way ends.
    DialEnds { which: u8, how: u8 },
    /// A connected peer says something.
    Says { which: u8, what: u8, from: u16 },
    /// A connection ends.
    Ends { which: u8, how: u8 },
    /// A name that is looked up resolves, or does not.
    Resolved { to: Option<u16> },
    /// An operator does something.
    Operator { what: u8, who: u16 },
    /// The store takes changes.
    Store { max: u8 },
    /// The process is started again with what the store has.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..900_000_u32, -90_000..90_000_i32).prop_map(|(millis, jump)| {
            Step::Wait { millis, jump: if jump % 7 == 0 { jump } else { 0 } }
        }),
        3 => (0..NODES).prop_map(|who| Step::Inbound { who }),
        8 => any::<(u8, u8)>().prop_map(|(which, how)| Step::DialEnds { which, how }),
        5 => (any::<u8>(), any::<u8>(), 0..NODES).prop_map(|(which, what, from)| Step::Says { which, what, from }),
        3 => any::<(u8, u8)>().prop_map(|(which, how)| Step::Ends { which, how }),
        1 => prop::option::of(0..NODES).prop_map(|to| Step::Resolved { to }),
        3 => (any::<u8>(), 0..NODES).prop_map(|(what, who)| Step::Operator { what, who }),
        1 => any::<u8>().prop_map(|max| Step::Store { max }),
        1 => Just(Step::Restart),
    ]
}

/// A node, its clock, and what its shell would know.
struct Life {
    node: Node,
    now: Now,
    seed_mode: bool,
    lives: u64,
    tickets: u64,
    dials: BTreeMap<ConnId, PeerAddress>,
    open: BTreeSet<ConnId>,
    names: Vec<Box<str>>,
    rows: BTreeMap<NetAddress, crate::book::Record>,
    traces: BTreeMap<u64, crate::book::TraceRecord>,
}

fn node(seed_mode: bool, now: Now, lives: u64, rows: Rows) -> Node {
    let mut own = params(id(0), place(0), seed_mode);
    own.book.capacity = 24;
    own.switch.limits.max_inbound = 6;
    own.switch.limits.max_dials = 12;
    own.pex.seeds = vec![address(1).into(), format!("{}@seed.example.com:1", id(2)).parse().unwrap()];
    own.switch.persistent = vec![address(3).into()];
    let key = HashKey::from_bytes([7; HashKey::LEN]);
    let (mut node, _) = Node::new(own, key, rows, now, SeededRng::seed_from_u64(lives));
    node.start(now);
    node
}

impl Life {
    fn new(seed_mode: bool) -> Self {
        let now = Now { mono: Mono::ZERO, wall: EPOCH };
        let mut life = Life {
            node: node(seed_mode, now, 0, Rows::default()),
            now,
            seed_mode,
            lives: 0,
            tickets: 0,
            dials: BTreeMap::new(),
            open: BTreeSet::new(),
            names: Vec::new(),
            rows: BTreeMap::new(),
            traces: BTreeMap::new(),
        };
        life.settle();
        life
    }

    /// Carries out the node's effects as far as a shell has to remember them.
    fn settle(&mut self) {
        while let Some(effect) = self.node.poll_effect() {
            match effect {
                Effect::Dial { conn, target, .. } => {
                    assert!(self.dials.insert(conn, target).is_none(), "a number is used once");
                }
                Effect::Admit { conn, .. } => drop(self.open.insert(conn)),
                Effect::Open { conn } => assert!(self.open.insert(conn)),
                Effect::Close { conn, .. } => {
                    self.open.remove(&conn);
                    self.dials.remove(&conn);
                }
                Effect::Send { conn, .. } => assert!(self.open.contains(&conn), "sent to a connection that is gone"),
                Effect::Resolve { name } => self.names.push(name),
                Effect::Refuse { .. } | Effect::PublishBans => {}
            }
        }
        while self.node.poll_event().is_some() {}
        let dialled: Vec<SocketAddr> =
            self.dials.values().filter_map(PeerAddress::as_net_address).map(|address| address.socket()).collect();
        let once: BTreeSet<&SocketAddr> = dialled.iter().collect();
        assert_eq!(once.len(), dialled.len(), "one dial at a time of an ip:port");
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Wait { millis, jump } => self.wait(millis, jump),
            Step::Inbound { who } => {
                self.tickets += 1;
                let remote = SocketAddr::new(place(who).ip(), 40_000);
                let peer = Box::new(Handshaken { remote, info: node_info(id(who), "chain", place(who)), took: SECOND });
                self.node.handle(self.now, Input::Inbound { ticket: Ticket(self.tickets), peer });
            }
            Step::DialEnds { which, how } => self.end_dial(which, how),
            Step::Says { which, what, from } => self.say(which, what, from),
            Step::Ends { which, how } => {
                let Some(&conn) = self.open.iter().nth(usize::from(which) % self.open.len().max(1)) else { return };
                self.open.remove(&conn);
                let faults = [Fault::ClosedByPeer, Fault::Reset, Fault::PongTimeout, Fault::BadMessage];
                let fault = faults[usize::from(how) % faults.len()].clone();
                self.node.handle(self.now, Input::Closed { conn, fault });
            }
            Step::Resolved { to } => {
                let name = self.names.pop().unwrap_or_else(|| "nobody.example.com".into());
                let ips = to.map(|n| place(n).ip()).into_iter().collect();
                self.node.handle(self.now, Input::Resolved { name, ips });
            }
            Step::Operator { what, who } => self.operate(what, who),
            Step::Store { max } => self.store(usize::from(max)),
            Step::Restart => self.restart(),
        }
        self.settle();
    }

    fn wait(&mut self, millis: u32, jump: i32) {
        let until = self.now.mono + std::time::Duration::from_millis(millis.into());
        let mut turns = 0;
        while let Some(next) = self.node.poll_timeout().filter(|next| *next <= until) {
            self.now = self.now.after(next.since(self.now.mono));
            self.node.handle_timeout(self.now);
            self.settle();
            turns += 1;
            assert!(turns < 20_000, "it spins at {:?}", self.now.mono);
        }
        self.now = self.now.after(until.since(self.now.mono));
        self.now.wall = crate::types::Wall::from_millis(self.now.wall.as_millis() + i64::from(jump) * 1_000);
    }

    fn end_dial(&mut self, which: u8, how: u8) {
        let Some((&conn, target)) = self.dials.iter().nth(usize::from(which) % self.dials.len().max(1)) else { return };
        let remote = target.as_net_address().map_or(place(2), |address| address.socket());
        let who = target.id();
        self.dials.remove(&conn);
        let result = match how % 8 {
            0..=3 => Ok(Box::new(Handshaken { remote, info: node_info(who, "chain", remote), took: SECOND })),
            4 => Err(Fault::TimedOut(Stage::Dial)),
            5 => Err(Fault::Refused),
            6 => Err(Fault::WrongId { actual: NodeId::from_bytes([how; 20]) }),
            _ => Err(Fault::NoCommonChannel),
        };
        self.node.handle(self.now, Input::Dialled { conn, remote: Some(remote), result });
    }

    fn say(&mut self, which: u8, what: u8, from: u16) {
        let Some(&conn) = self.open.iter().nth(usize::from(which) % self.open.len().max(1)) else { return };
        // Right ones, and IDs at the ip:port of others.
        let name =
            |n: u16| NetAddress::new(id(n % NODES), place((n + u16::from(what % 3)) % NODES).ip(), 26_656).unwrap();
        let message = match what % 4 {
            0 => Received::Request,
            _ => {
                let addresses: Vec<NetAddress> = (from..from + u16::from(what % 40)).map(name).collect();
                Received::Addresses { total: addresses.len() as u32, addresses }
            }
        };
        self.node.handle(self.now, Input::Message { conn, message });
    }

    fn operate(&mut self, what: u8, who: u16) {
        let (node, now) = (&mut self.node, self.now);
        match what % 10 {
            0 => drop(node.stop(now)),
            1 | 2 => drop(node.start(now)),
            3 => drop(node.ban(now, BanTarget::Id(id(who)), "x".into(), Some(SECOND * 600), "ops")),
            4 => drop(node.unban(now, &BanTarget::Id(id(who)))),
            5 => drop(node.ban(now, BanTarget::ip(place(who).ip()), "x".into(), Some(SECOND * 600), "ops")),
            6 => drop(node.dial(now, address(who).into())),
            7 => drop(node.add_address(now, address(who), None)),
            8 => drop(node.remove_addresses(&AddressRef::Id(id(who)))),
            _ => drop(node.disconnect(now, &id(who))),
        }
    }

    fn store(&mut self, max: usize) {
        for change in self.node.take_dirty(max) {
            match (change.key, change.row) {
                (_, Some(Row::Address(record))) => drop(self.rows.insert(record.address, record)),
                (crate::node::row::Key::Address(address), None) => drop(self.rows.remove(&address)),
                (_, Some(Row::Trace(trace))) => drop(self.traces.insert(trace.hash, trace)),
                (crate::node::row::Key::Trace(hash), None) => drop(self.traces.remove(&hash)),
                _ => {}
            }
        }
    }

    /// A store that lost its file is handed the same as one that was told of each change.
    fn all_rows_are_what_was_stored(&self) {
        let (mut rows, mut traces) = (BTreeMap::new(), BTreeMap::new());
        for change in self.node.all_rows() {
            match change.row {
                Some(Row::Address(record)) => drop(rows.insert(record.address, record)),
                Some(Row::Trace(trace)) => drop(traces.insert(trace.hash, trace)),
                _ => {}
            }
        }
        assert_eq!(rows, self.rows);
        assert_eq!(traces, self.traces);
    }

    fn restart(&mut self) {
        self.store(usize::MAX);
        self.all_rows_are_what_was_stored();
        self.lives += 1;
        (self.dials, self.open, self.names) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        let rows = Rows {
            addresses: self.rows.values().cloned().collect(),
            traces: self.traces.values().copied().collect(),
            ..Rows::default()
        };
        self.node = node(self.seed_mode, self.now, self.lives, rows);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_life_leaves_the_node_in_order(steps in prop::collection::vec(step(), 1..150), seed_mode in any::<bool>()) {
        let mut life = Life::new(seed_mode);
        for step in &steps {
            life.apply(step);
            invariants::check(&life.node.book);
        }
    }
}
