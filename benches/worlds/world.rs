//! One seed in a world of nodes that live, die, lie and are measured.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use pexd::node::Node;
use pexd::node::row::Rows;
use pexd::testkit::sim::{Caller, Mishaps, Resident, Sim, params};
use pexd::types::{Mono, NetAddress, NodeId, SeededRng};
use rand::{RngExt as _, SeedableRng as _};

use crate::places::Places;
use crate::report::{Report, mean, median};

/// The chain.
pub(crate) const CHAIN: &str = "worlds-1";
/// Each step of a dial takes one.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(100);
/// What befalls dials of living nodes, in every world.
pub(crate) const MISHAPS: Mishaps = Mishaps { dial_loss: 0.02, full_share: 0.10 };
/// Addresses that a node advertises.
pub(crate) const ANSWER: usize = 250;
/// How closely it is seen when somebody is found or dropped.
const TICK: Duration = Duration::from_secs(10);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
/// Answers of one look at them.
const PREVIEWS: usize = 4;

/// An honest node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Living {
    pub(crate) address: NetAddress,
    pub(crate) born: Mono,
}

/// The world, and what was seen of it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) sim: Sim,
    /// The number of the seed.
    pub(crate) seed: usize,
    pub(crate) places: Places,
    pub(crate) rng: SeededRng,
    /// Honest nodes.
    pub(crate) living: Vec<Living>,
    /// Attackers that can be reached.
    pub(crate) attackers: HashSet<NetAddress>,
    /// Newcomers that are not served yet, and the dead that still are; with the times.
    newcomers: Vec<(NetAddress, Mono)>,
    deceased: Vec<(NetAddress, Mono)>,
    pub(crate) found: Vec<f64>,
    dropped: Vec<f64>,
    pub(crate) samples: Vec<Sample>,
    began: Mono,
    shows_progress: bool,
}

/// What one look showed, shares in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) minute: u64,
    /// Of the honest nodes that live those that are served.
    pub(crate) served: f64,
    /// Of what is served what is alive, be it honest or not.
    pub(crate) alive: f64,
    /// Of what answers name that which is honest and alive, and attackers.
    pub(crate) honest: f64,
    pub(crate) attackers: f64,
}

impl World {
    /// A world of these honest nodes, each of which advertises 250 of them and of the `stale`, and of a seed that knows
    /// the first of them.
    pub(crate) fn new(places: Places, honest: Vec<NetAddress>, stale: &[NetAddress]) -> Self {
        let mut sim = Sim::new(CHAIN, ROUND_TRIP);
        sim.keep_events(false);
        sim.set_mishaps(MISHAPS);
        let mut world = World {
            sim,
            seed: 0,
            places,
            rng: SeededRng::seed_from_u64(1),
            living: honest.iter().map(|address| Living { address: *address, born: Mono::ZERO }).collect(),
            attackers: HashSet::new(),
            newcomers: Vec::new(),
            deceased: Vec::new(),
            found: Vec::new(),
            dropped: Vec::new(),
            samples: Vec::new(),
            began: pexd::clock::Clock.mono(),
            shows_progress: std::env::var_os("PROGRESS").is_some(),
        };
        let all = [&honest, stale].concat();
        for address in &honest {
            let answer = world.some_of(&all);
            world.settle(*address, answer);
        }
        world.add_seed(honest.first().copied());
        world
    }

    fn add_seed(&mut self, configured: Option<NetAddress>) {
        let at = SocketAddr::new(self.places.anywhere(), 26_656);
        let mut params = params(self.places.id(), at, true);
        params.book.strict = true;
        params.pex.seeds = configured.map(Into::into).into_iter().collect();
        self.seed = self.sim.add_node(at, params, Rows::default());
        self.sim.act(self.seed, Node::start);
    }

    /// 250 of these, each once.
    pub(crate) fn some_of(&mut self, all: &[NetAddress]) -> Vec<NetAddress> {
        some_of(&mut self.rng, all, ANSWER)
    }

    /// Somebody lives there from now on who answers that.
    pub(crate) fn settle(&mut self, at: NetAddress, answer: Vec<NetAddress>) {
        self.sim.settle(at.socket(), resident(at, answer));
    }

    /// So many honest nodes, each another one, advertise it from now on in the place of something else.
    pub(crate) fn spread_word(&mut self, address: NetAddress, tellers: usize) {
        let indices = distinct(&mut self.rng, self.living.len(), tellers);
        for index in indices {
            let at = self.living[index].address.socket();
            if let Some(answer) = self.sim.answer_mut(at).filter(|answer| !answer.is_empty()) {
                let slot = self.rng.random_range(0..answer.len());
                answer[slot] = address;
            }
        }
    }

    /// An honest node comes, advertises 250 of those who live, and is advertised by twenty of them.
    pub(crate) fn add_newcomer(&mut self) {
        let address = self.places.draw(1)[0];
        let living = &self.living;
        let answer = distinct(&mut self.rng, living.len(), ANSWER).iter().map(|n| living[*n].address).collect();
        self.settle(address, answer);
        self.spread_word(address, 20);
        let born = self.sim.now().mono;
        self.living.push(Living { address, born });
        self.newcomers.push((address, born));
    }

    /// One of the honest nodes is gone.
    pub(crate) fn remove_one(&mut self) {
        let index = self.rng.random_range(0..self.living.len());
        let gone = self.living.swap_remove(index).address;
        self.sim.black_out(gone.socket());
        if self.is_served(&gone) {
            self.deceased.push((gone, self.sim.now().mono));
        }
        // One that was never found all its life long counts as such.
        if let Some(index) = self.newcomers.iter().position(|(address, _)| *address == gone) {
            self.newcomers.swap_remove(index);
            self.found.push(f64::INFINITY);
        }
    }

    /// Attackers settle who answer that, each known by ten honest nodes.
    pub(crate) fn add_attackers(
        &mut self,
        attackers: &[NetAddress],
        mut answer: impl FnMut(&mut Self) -> Vec<NetAddress>,
    ) {
        self.attackers.extend(attackers);
        for attacker in attackers {
            let answer = answer(self);
            self.settle(*attacker, answer);
            self.spread_word(*attacker, 10);
        }
    }

    /// Somebody asks the seed for addresses whose own it does not take.
    pub(crate) fn ask(&mut self) {
        let from = SocketAddr::new(self.places.anywhere(), 40_000);
        let id = self.places.id();
        let own = self.sim.address_of(self.seed);
        self.sim.call(self.seed, Caller { id, from, listen: own, asks: true });
    }

    fn is_served(&self, address: &NetAddress) -> bool {
        self.sim.node(self.seed).address(self.sim.now(), address).is_some_and(|view| view.servable)
    }

    /// Runs for so long, seeing every ten seconds who is found and dropped.
    pub(crate) fn run(&mut self, length: Duration) {
        let until = self.sim.now().mono + length;
        while self.sim.now().mono < until {
            self.sim.run_until((self.sim.now().mono + TICK).min(until));
            self.watch();
        }
    }

    fn watch(&mut self) {
        let now = self.sim.now().mono;
        let (newcomers, deceased) = (std::mem::take(&mut self.newcomers), std::mem::take(&mut self.deceased));
        for (address, since) in newcomers {
            match self.is_served(&address) {
                true => self.found.push(now.since(since).as_secs_f64()),
                false => self.newcomers.push((address, since)),
            }
        }
        for (address, since) in deceased {
            match self.is_served(&address) {
                true => self.deceased.push((address, since)),
                false => self.dropped.push(now.since(since).as_secs_f64()),
            }
        }
    }

    /// Runs for so long, looking at it every so often.
    pub(crate) fn run_sampled(&mut self, length: Duration, every: Duration) {
        let until = self.sim.now().mono + length;
        while self.sim.now().mono < until {
            self.run(every.min(until.since(self.sim.now().mono)));
            self.sample();
        }
    }

    /// Looks at it.
    pub(crate) fn sample(&mut self) {
        let now = self.sim.now();
        let served = self.living.iter().filter(|living| self.is_served(&living.address)).count();
        let hostile = self.attackers.iter().filter(|attacker| self.is_served(attacker)).count();
        let servable = self.sim.node(self.seed).summary(now).servable as usize;
        let (honest, attackers) = self.answers();
        let sample = Sample {
            minute: now.mono.as_micros() / 60_000_000,
            served: percent(served, self.living.len()),
            alive: percent(served + hostile, servable),
            honest,
            attackers,
        };
        if self.shows_progress {
            let took = pexd::clock::Clock.mono().since(self.began);
            eprintln!("{took:>8.1?} {sample:.1?}, {} dials", self.dials());
        }
        self.samples.push(sample);
    }

    /// The shares of the honest living and of attackers in what strangers would be sent now.
    fn answers(&mut self) -> (f64, f64) {
        let mut named = Vec::new();
        for _ in 0..PREVIEWS {
            let (id, rng) = (NodeId::from_bytes(self.rng.random()), &mut self.rng);
            named.extend(self.sim.act(self.seed, |node, now| node.preview(now, Some(id), rng).addresses));
        }
        let is_attacker = |address: &&NetAddress| self.attackers.contains(address);
        let living: HashSet<NetAddress> = self.living.iter().map(|living| living.address).collect();
        let honest = named.iter().filter(|address| living.contains(address)).count();
        (percent(honest, named.len()), percent(named.iter().filter(is_attacker).count(), named.len()))
    }

    /// The least share of the honest that was served from a minute on.
    pub(crate) fn least_served(&self, from_minute: u64) -> f64 {
        let later = self.samples.iter().filter(|sample| sample.minute >= from_minute);
        later.map(|sample| sample.served).fold(f64::INFINITY, f64::min)
    }

    /// The mean of something over the looks of some minutes.
    pub(crate) fn mean_of(&self, minutes: std::ops::RangeInclusive<u64>, what: fn(&Sample) -> f64) -> f64 {
        let chosen: Vec<f64> = self.samples.iter().filter(|s| minutes.contains(&s.minute)).map(what).collect();
        mean(&chosen).unwrap_or(f64::NAN)
    }

    /// Dials since they were last reset to each honest node that is at least so old: the mean and the most.
    pub(crate) fn dials_to_each(&self, age: Duration) -> Option<(f64, u64)> {
        let now = self.sim.now().mono;
        let old = self.living.iter().filter(|living| now.since(living.born) >= age);
        let counts: Vec<u64> =
            old.map(|living| self.sim.dials().get(&living.address.socket()).copied().unwrap_or(0)).collect();
        let most = counts.iter().copied().max()?;
        Some((counts.iter().sum::<u64>() as f64 / counts.len() as f64, most))
    }

    /// All dials since they were last reset.
    pub(crate) fn dials(&self) -> u64 {
        self.sim.dials().values().sum()
    }

    /// Who is still not found, or not dropped, will never be.
    pub(crate) fn give_up_waiting(&mut self) {
        let patience = Duration::from_secs(900);
        let now = self.sim.now().mono;
        let late = |list: &[(NetAddress, Mono)]| list.iter().filter(|(_, since)| now.since(*since) > patience).count();
        let (unfound, undropped) = (late(&self.newcomers), late(&self.deceased));
        self.found.extend(std::iter::repeat_n(f64::INFINITY, unfound));
        self.dropped.extend(std::iter::repeat_n(f64::INFINITY, undropped));
    }

    /// Forgets who was found and dropped until now, and who is waited for.
    pub(crate) fn forget_waits(&mut self) {
        (self.found, self.dropped) = (Vec::new(), Vec::new());
        self.newcomers.clear();
        self.deceased.clear();
    }

    /// What the world showed, at these minutes and over its last hour.
    pub(crate) fn report(&self, minutes: &[u64], age: Duration) -> Report {
        let at = |minute: &u64| self.samples.iter().find(|sample| sample.minute >= *minute);
        let all = 0..=u64::MAX;
        Report {
            served: minutes.iter().filter_map(at).map(|sample| (sample.minute, sample.served)).collect(),
            alive: Some(self.mean_of(all.clone(), |sample| sample.alive)),
            honest: Some(self.mean_of(all, |sample| sample.honest)),
            dials: Some(self.dials()),
            to_each: self.dials_to_each(age),
            found: (!self.found.is_empty()).then(|| median(self.found.clone())),
            dropped: (!self.dropped.is_empty()).then(|| median(self.dropped.clone())),
            book: self.sim.node(self.seed).summary(self.sim.now()).addresses,
            memory: Some(self.sim.node(self.seed).book_memory()),
            took: pexd::clock::Clock.mono().since(self.began),
            ..Report::default()
        }
    }
}

/// Somebody who answers that.
pub(crate) fn resident(at: NetAddress, answer: Vec<NetAddress>) -> Resident {
    Resident::Scripted { id: at.id(), network: CHAIN.into(), answer: Some(answer) }
}

/// At most so many of these, each once.
pub(crate) fn some_of(rng: &mut SeededRng, all: &[NetAddress], most: usize) -> Vec<NetAddress> {
    distinct(rng, all.len(), most).into_iter().map(|index| all[index]).collect()
}

/// At most so many different numbers below `below`.
pub(crate) fn distinct(rng: &mut SeededRng, below: usize, most: usize) -> Vec<usize> {
    let (mut chosen, mut seen) = (Vec::new(), HashSet::new());
    while chosen.len() < most.min(below) {
        let number = rng.random_range(0..below);
        if seen.insert(number) {
            chosen.push(number);
        }
    }
    chosen
}

/// A share in percent; all of nothing is none of it.
pub(crate) fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}
