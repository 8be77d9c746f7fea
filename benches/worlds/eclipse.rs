//! A node that attackers want to have for themselves: whom it dials after a restart.

use std::net::SocketAddr;
use std::time::Duration;

use pexd::node::Node;
use pexd::node::row::{Row, Rows};
use pexd::testkit::sim::{Caller, Sim, params};
use pexd::types::{Direction, NetAddress, SeededRng};
use rand::{RngExt as _, SeedableRng as _};

use crate::Options;
use crate::places::Places;
use crate::report::{Bound, Report, mean, median};
use crate::world::{ANSWER, CHAIN, HOUR, MINUTE, MISHAPS, ROUND_TRIP, distinct, resident, some_of};

/// IDs of the attackers in each of their ranges.
const IDS_IN_RANGE: usize = 40;
/// How often attackers dial in, and how many of them.
const CALL_SPACING: Duration = Duration::from_secs(30);
const CALLERS: usize = 4;

/// Floods a node for a day from so many ranges, restarts it, and counts the attackers among its outbound peers; over many
/// seeds.
pub(crate) fn run(ranges: usize, most: f64, options: &Options) -> Report {
    let began = pexd::clock::Clock.mono();
    let runs: Vec<Outcome> = (0..options.seeds.unwrap_or(20)).map(|seed| Eclipse::new(seed, ranges).run()).collect();
    let counts: Vec<f64> = runs.iter().map(|run| run.attackers as f64).collect();
    let worst = counts.iter().copied().fold(0.0, f64::max);
    let outbound = mean(&runs.iter().map(|run| run.outbound as f64).collect::<Vec<_>>()).unwrap_or(0.0);
    let what = |of: &str| format!("{of} attackers of {outbound:.1} outbound peers, {} runs", runs.len());
    Report {
        dials: runs.last().map(|run| run.dials),
        book: runs.last().map_or(0, |run| run.book),
        took: pexd::clock::Clock.mono().since(began),
        bounds: vec![
            Bound::at_most(what("median"), median(counts.clone()), most),
            // Shown, not asked for.
            Bound::at_most(what("the most"), worst, 10.0),
        ],
        ..Report::default()
    }
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
    configured: NetAddress,
    attackers: Vec<NetAddress>,
    node: usize,
}

impl Eclipse {
    /// Honest nodes know each other, and each attacker is known by ten of them; attackers name attackers.
    fn new(seed: u64, ranges: usize) -> Self {
        let (mut places, mut rng) = (Places::new(7), SeededRng::seed_from_u64(seed));
        let own = places.draw_apart(1, 1)[0];
        let honest = places.draw_apart(600, 400);
        let attackers = places.draw_apart(IDS_IN_RANGE * ranges, ranges);
        let mut sim = Sim::new(CHAIN, ROUND_TRIP);
        sim.set_seed(seed);
        sim.keep_events(false);
        sim.set_mishaps(MISHAPS);
        let mut answers: Vec<Vec<NetAddress>> = honest.iter().map(|_| some_of(&mut rng, &honest, ANSWER)).collect();
        for attacker in &attackers {
            for teller in distinct(&mut rng, honest.len(), 10) {
                let slot = rng.random_range(0..ANSWER);
                answers[teller][slot] = *attacker;
            }
        }
        for (address, answer) in honest.iter().zip(answers) {
            sim.settle(address.socket(), resident(*address, answer));
        }
        for attacker in &attackers {
            sim.settle(attacker.socket(), resident(*attacker, some_of(&mut rng, &attackers, ANSWER)));
        }
        let mut eclipse = Eclipse { sim, rng, own, configured: honest[0], attackers, node: 0 };
        eclipse.start(Rows::default());
        eclipse
    }

    fn start(&mut self, rows: Rows) {
        let mut params = params(self.own.id(), self.own.socket(), false);
        params.book.strict = true;
        params.pex.seeds = vec![self.configured.into()];
        self.node = self.sim.add_node(self.own.socket(), params, rows);
        self.sim.act(self.node, Node::start);
    }

    fn run(mut self) -> Outcome {
        self.flood(23 * HOUR);
        self.sim.reset_dials();
        self.flood(HOUR);
        let dials = self.sim.dials().values().sum();
        self.restart();
        self.flood(10 * MINUTE);
        let node = self.sim.node(self.node);
        let outbound: Vec<_> = node.peers().into_iter().filter(|peer| peer.direction == Direction::Outbound).collect();
        let is_attacker = |id| self.attackers.iter().any(|attacker| attacker.id() == id);
        Outcome {
            attackers: outbound.iter().filter(|peer| is_attacker(peer.info.id)).count(),
            outbound: outbound.len(),
            dials,
            book: node.summary(self.sim.now()).addresses,
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
                _ => {}
            }
        }
        self.start(rows);
    }
}
