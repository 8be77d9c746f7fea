//! A node and its clock, driven by hand.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::SeedableRng as _;

use super::{id, place};
use crate::book::HashKey;
use crate::node::row::{BanTarget, Rows};
use crate::node::{Effect, Event, Handshaken, Input, Node, Params};
use crate::testkit::sim::{EPOCH, node_info, params};
use crate::types::{CloseHow, ConnId, Fault, Mono, NetAddress, NodeId, Now, PeerAddress, Purpose, SeededRng, Ticket};
use crate::wire::pex::{Outgoing, Received};

/// A node and its clock.
pub(super) struct Bench {
    pub(super) node: Node,
    pub(super) now: Now,
    ticket: u64,
    /// What the node wanted when it started.
    pub(super) begun: Vec<(Mono, Effect)>,
}

pub(super) const SECOND: Duration = Duration::from_secs(1);

impl Bench {
    pub(super) fn new(seed_mode: bool, change: impl FnOnce(&mut Params)) -> Self {
        let mut own = params(id(0), place(0), seed_mode);
        change(&mut own);
        let now = Now { mono: Mono::ZERO, wall: EPOCH };
        let key = HashKey::from_bytes([7; HashKey::LEN]);
        let (mut node, _) = Node::new(own, key, Rows::default(), now, SeededRng::seed_from_u64(1));
        node.start(now);
        let mut bench = Bench { node, now, ticket: 0, begun: Vec::new() };
        bench.begun = bench.run_to(now.mono);
        bench
    }

    pub(super) fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.node.poll_effect()).collect()
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.node.poll_event()).collect()
    }

    /// Lets time pass, with every timeout on the way; gives what the node wanted.
    pub(super) fn run_to(&mut self, until: Mono) -> Vec<(Mono, Effect)> {
        let mut effects = Vec::new();
        loop {
            effects.extend(self.effects().into_iter().map(|effect| (self.now.mono, effect)));
            let Some(next) = self.node.poll_timeout().filter(|at| *at <= until) else { break };
            self.now = self.now.after(next.since(self.now.mono));
            self.node.handle_timeout(self.now);
        }
        self.now = self.now.after(until.since(self.now.mono));
        effects
    }

    pub(super) fn wait(&mut self, length: Duration) -> Vec<(Mono, Effect)> {
        self.run_to(self.now.mono + length)
    }

    pub(super) fn knock(&mut self, n: u16) -> Vec<Effect> {
        self.ticket += 1;
        let remote = std::net::SocketAddr::new(place(n).ip(), 40_000);
        let peer = Box::new(Handshaken { remote, info: node_info(id(n), "chain", place(n)), took: SECOND });
        self.node.handle(self.now, Input::Inbound { ticket: Ticket(self.ticket), peer });
        self.effects()
    }

    /// Lets an inbound peer in; its connection.
    pub(super) fn admit(&mut self, n: u16) -> ConnId {
        let effects = self.knock(n);
        let admitted = effects.iter().find_map(|effect| match effect {
            Effect::Admit { conn, .. } => Some(*conn),
            _ => None,
        });
        admitted.unwrap_or_else(|| panic!("{n} was not admitted: {effects:?}"))
    }

    pub(super) fn says(&mut self, conn: ConnId, message: Received) -> Vec<Effect> {
        self.node.handle(self.now, Input::Message { conn, message });
        self.effects()
    }

    pub(super) fn answers(&mut self, conn: ConnId, n: u16) -> Vec<Effect> {
        let remote = place(n);
        let peer = Box::new(Handshaken { remote, info: node_info(id(n), "chain", remote), took: SECOND });
        self.node.handle(self.now, Input::Dialled { conn, remote: Some(remote), result: Ok(peer) });
        self.effects()
    }

    pub(super) fn fails(&mut self, conn: ConnId, fault: Fault) -> Vec<Effect> {
        self.node.handle(self.now, Input::Dialled { conn, remote: None, result: Err(fault) });
        self.effects()
    }

    pub(super) fn peers(&self) -> BTreeSet<NodeId> {
        self.node.peers().into_iter().map(|peer| peer.info.id).collect()
    }

    pub(super) fn bans(&self) -> Vec<BanTarget> {
        self.node.bans().into_iter().map(|ban| ban.target).collect()
    }
}

pub(super) fn dials(effects: &[(Mono, Effect)]) -> Vec<(u64, PeerAddress, Purpose, ConnId)> {
    let dial = |(at, effect): &(Mono, Effect)| match effect {
        Effect::Dial { conn, target, purpose } => Some((at.as_micros() / 1_000_000, target.clone(), *purpose, *conn)),
        _ => None,
    };
    effects.iter().filter_map(dial).collect()
}

pub(super) fn refusal(effects: &[Effect]) -> Option<Fault> {
    effects.iter().find_map(|effect| match effect {
        Effect::Refuse { fault, .. } => Some(fault.clone()),
        _ => None,
    })
}

pub(super) fn closed(effects: &[Effect]) -> Option<(CloseHow, Fault)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Close { how, reason, .. } => Some((*how, reason.clone())),
        _ => None,
    })
}

pub(super) fn reported(effects: &[Effect]) -> Option<Vec<NetAddress>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Send { message: Outgoing::Addresses(addresses), .. } => Some(addresses.to_vec()),
        _ => None,
    })
}

pub(super) fn tell(addresses: Vec<NetAddress>) -> Received {
    let total = addresses.len() as u32;
    Received::Addresses { addresses, total }
}

pub(super) fn asks(effects: &[Effect], peer: ConnId) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Send { conn, message: Outgoing::Request } if *conn == peer))
}
