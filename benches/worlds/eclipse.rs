//! A node that attackers want to have for themselves: whom it dials after a restart. It has lived in peace for an hour, so
//! that its book is not the attackers' from the first minute on.

use std::net::SocketAddr;
use std::time::Duration;

use pexd::node::row::{Row, Rows};
use pexd::node::{Node, PeerView};
use pexd::testkit::sim::{Caller, Sim, params};
use pexd::types::{Direction, NetAddress, SeededRng};
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::Options;
use crate::places::Places;
use crate::report::{Bound, Report, mean, median};
use crate::world::{ANSWER, CHAIN, HOUR, MINUTE, MISHAPS, ROUND_TRIP, distinct, resident, some_of};

/// IDs of the attackers in each of their ranges.
const IDS_IN_RANGE: usize = 40;
/// Honest nodes, and the ranges that they are in.
const HONEST: usize = 600;
const HONEST_GROUPS: usize = 400;
/// How often attackers dial in, and how many of them.
const CALL_SPACING: Duration = Duration::from_secs(30);
const CALLERS: usize = 4;

/// Floods a node for a day from so many ranges, restarts it, and counts the attackers among its outbound peers; over many
/// seeds.
pub(crate) fn run(ranges: usize, most: f64, options: &Options) -> Report {
    let began = pexd::clock::Clock.mono();
    let runs: Vec<Outcome> = (0..options.seeds.unwrap_or(20)).map(|seed| Eclipse::new(seed, ranges).run()).collect();
    let counts: Vec<f64> = runs.iter().map(|run| run.attackers as f64).collect();
    let most_of_a_run = counts.iter().copied().fold(0.0, f64::max);
    let outbound = mean(&runs.iter().map(|run| run.outbound as f64).collect::<Vec<_>>()).unwrap_or(0.0);
    let count = runs.len();
    Report {
        dials: runs.last().map(|run| run.dials),
        book: runs.last().map_or(0, |run| run.book),
        took: pexd::clock::Clock.mono().since(began),
        bounds: vec![Bound::at_most("attackers among the outbound peers, median", median(counts.clone()), most)],
        notes: vec![
            format!(
                "{count} runs; of {outbound:.1} outbound peers {:.1} are attackers in the mean, {most_of_a_run} at most",
                mean(&counts).unwrap_or(0.0)
            ),
            format!("in Bitcoin Core's tried table {:.0} % of the picks would be attackers", bitcoin_share(ranges)),
        ],
        ..Report::default()
    }
}

/// The share of attackers, in percent, in what Bitcoin Core picks of its tried table, when all of both are in it: 256 buckets of 64
/// positions, of which a group has 8 buckets, and whoever comes first keeps a position (`addrman_impl.h`); a pick is of a random
/// position that is taken.
fn bitcoin_share(ranges: usize) -> f64 {
    let (mut rng, mut taken) = (SeededRng::seed_from_u64(9), std::collections::BTreeMap::new());
    let honest = (0..HONEST).map(|n| (n % HONEST_GROUPS, false));
    let attackers = (0..IDS_IN_RANGE * ranges).map(|n| (HONEST_GROUPS + n % ranges, true));
    let buckets: Vec<[usize; 8]> =
        (0..HONEST_GROUPS + ranges).map(|_| std::array::from_fn(|_| rng.random_range(0..256))).collect();
    let mut all: Vec<(usize, bool)> = honest.chain(attackers).collect();
    all.shuffle(&mut rng);
    for (group, hostile) in all {
        let place = (buckets[group][rng.random_range(0..8)], rng.random_range(0..64));
        taken.entry(place).or_insert(hostile);
    }
    100.0 * taken.values().filter(|hostile| **hostile).count() as f64 / taken.len() as f64
}

struct Outcome {
    attackers: usize,
    outbound: usize,
    dials: u64,
    book: u32,
}

struct Eclipse {
    sim: Sim,
    rng: SeededRng,
    own: NetAddress,
    honest: Vec<NetAddress>,
    attackers: Vec<NetAddress>,
    node: usize,
}

impl Eclipse {
    /// Honest nodes name honest ones, and attackers attackers.
    fn new(seed: u64, ranges: usize) -> Self {
        let (mut places, mut rng) = (Places::new(7), SeededRng::seed_from_u64(seed));
        let own = places.draw_apart(1, 1)[0];
        let honest = places.draw_apart(HONEST, HONEST_GROUPS);
        let attackers = places.draw_apart(IDS_IN_RANGE * ranges, ranges);
        let mut sim = Sim::new(CHAIN, ROUND_TRIP);
        sim.set_seed(seed);
        sim.keep_events(false);
        sim.set_mishaps(MISHAPS);
        for address in &honest {
            sim.settle(address.socket(), resident(*address, some_of(&mut rng, &honest, ANSWER)));
        }
        for attacker in &attackers {
            sim.settle(attacker.socket(), resident(*attacker, some_of(&mut rng, &attackers, ANSWER)));
        }
        let mut eclipse = Eclipse { sim, rng, own, honest, attackers, node: 0 };
        eclipse.start(Rows::default());
        eclipse
    }

    fn start(&mut self, rows: Rows) {
        let mut params = params(self.own.id(), self.own.socket(), false);
        params.book.strict = true;
        params.pex.seeds = vec![self.honest[0].into()];
        self.node = self.sim.add_node(self.own.socket(), params, rows);
        self.sim.act(self.node, Node::start);
    }

    fn run(mut self) -> Outcome {
        self.sim.run_for(HOUR);
        self.spread_word();
        for _ in 0..24 {
            self.sim.reset_dials();
            self.flood(HOUR);
            self.lose_peer();
        }
        let dials = self.sim.dials().values().sum();
        self.restart();
        self.flood(10 * MINUTE);
        let (outbound, node) = (self.outbound(), self.sim.node(self.node));
        let is_attacker = |id| self.attackers.iter().any(|attacker| attacker.id() == id);
        Outcome {
            attackers: outbound.iter().filter(|peer| is_attacker(peer.info.id)).count(),
            outbound: outbound.len(),
            dials,
            book: node.summary(self.sim.now()).addresses,
        }
    }

    fn outbound(&self) -> Vec<PeerView> {
        let peers = self.sim.node(self.node).peers().into_iter();
        peers.filter(|peer| peer.direction == Direction::Outbound).collect()
    }

    /// One of the outbound connections breaks: nodes restart, and the attackers may take the slot.
    fn lose_peer(&mut self) {
        let outbound = self.outbound();
        if !outbound.is_empty() {
            self.sim.part(self.node, outbound[self.rng.random_range(0..outbound.len())].remote);
        }
    }

    /// Ten honest nodes name each attacker from now on.
    fn spread_word(&mut self) {
        for attacker in &self.attackers {
            for teller in distinct(&mut self.rng, self.honest.len(), 10) {
                if let Some(answer) = self.sim.answer_mut(self.honest[teller].socket()) {
                    answer[self.rng.random_range(0..ANSWER)] = *attacker;
                }
            }
        }
    }

    /// Attackers dial in, ask, and take the slots that they are given.
    fn flood(&mut self, length: Duration) {
        let until = self.sim.now().mono + length;
        while self.sim.now().mono < until {
            for index in distinct(&mut self.rng, self.attackers.len(), CALLERS) {
                let attacker = self.attackers[index];
                let from = SocketAddr::new(attacker.ip(), 40_000);
                let caller = Caller { id: attacker.id(), from, listen: attacker.socket(), asks: true };
                self.sim.call(self.node, caller);
            }
            self.sim.run_for(CALL_SPACING);
            self.sim.take_answers();
        }
    }

    /// The node is gone with its connections, and starts with what it stored.
    fn restart(&mut self) {
        self.sim.act(self.node, Node::stop);
        let mut rows = Rows::default();
        for change in self.sim.act(self.node, |node, _| node.take_dirty(usize::MAX)) {
            match change.row {
                Some(Row::Address(record)) => rows.addresses.push(record),
                Some(Row::Ban(ban)) => rows.bans.push(ban),
                Some(Row::Delta(delta)) => rows.deltas.push(delta),
                Some(Row::SeedHealth(health)) => rows.seed_health.push(health),
                Some(Row::Trace(trace)) => rows.traces.push(trace),
                Some(Row::Anchor(anchor)) => rows.anchors.push(anchor),
                _ => {}
            }
        }
        self.start(rows);
    }
}
