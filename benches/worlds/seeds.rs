//! The worlds of a seed: what it serves while addresses are stale, nodes come and go, and attackers do their worst.

use std::collections::HashMap;
use std::time::Duration;

use pexd::node::Node;
use pexd::node::row::Rows;
use pexd::testkit::sim::{Sim, params};
use pexd::types::NetAddress;

use crate::Options;
use crate::places::Places;
use crate::report::{Bound, Report, megabytes};
use crate::world::{ANSWER, CHAIN, HOUR, MINUTE, ROUND_TRIP, World, percent};

const SERVED: &str = "least % of the live served";

/// A network among stale addresses.
pub(crate) struct Stale {
    pub(crate) live: usize,
    pub(crate) stale: usize,
    /// From which minute on 98 % of the live are served.
    pub(crate) known_by: u64,
    pub(crate) length: Duration,
    /// The most dials of the last hour to each live node, and in all; `None` = no bound.
    pub(crate) dials: Option<(f64, f64)>,
}

impl Stale {
    pub(crate) fn run(&self) -> Report {
        let mut places = Places::new(1);
        let (honest, stale) = (places.draw(self.live), places.draw(self.stale));
        let mut world = World::new(places, honest, &stale);
        world.run_sampled(self.length - HOUR, MINUTE);
        world.sim.reset_dials();
        world.run_sampled(HOUR, MINUTE);
        let mut report = world.report(&[5, 10, 20, 40, 60, 120, 240, 300], HOUR);
        let what = format!("{SERVED} from minute {} on", self.known_by);
        report.bounds.push(Bound::at_least(what, world.least_served(self.known_by), 98.0));
        if let Some(memory) = report.memory {
            report.bounds.push(Bound::at_most("MB of the book and its traces", megabytes(memory), 40.0));
        }
        if let (Some((each, all)), Some((_, most))) = (self.dials, report.to_each) {
            report.bounds.push(Bound::at_most("most dials of an hour to one live node", most as f64, each));
            report.bounds.push(Bound::at_most("dials of an hour", world.dials() as f64, all));
        }
        report
    }
}

/// Nodes come and go.
pub(crate) fn churn(options: &Options) -> Report {
    const LIVE: usize = 10_000;
    // 5 % an hour.
    let spacing = HOUR / (LIVE as u32 / 20);
    let hours = options.hours.unwrap_or(48).max(2);
    let mut places = Places::new(2);
    let honest = places.draw(LIVE);
    let mut world = World::new(places, honest, &[]);
    for hour in 0..hours {
        if hour == 1 {
            // The first hour shows how the network is got to know, not how it changes.
            world.forget_waits();
        }
        world.sim.reset_dials();
        for replaced in 0..LIVE / 20 {
            world.run(spacing);
            world.remove_one();
            world.add_newcomer();
            if replaced % 50 == 49 {
                world.sample();
            }
        }
    }
    world.give_up_waiting();
    let day = Duration::from_secs(86_400);
    let mut report = world.report(&[60, 120, 360, 720, 1_440, 2_874], day.min(HOUR * (hours as u32 - 1)));
    let least_alive = world.mean_of(60..=u64::MAX, |sample| sample.alive);
    report.bounds.push(Bound::at_least(format!("{SERVED} from minute 60 on"), world.least_served(60), 98.0));
    report.bounds.push(Bound::at_least("% of what is served alive, mean from minute 60 on", least_alive, 99.0));
    report.bounds.push(Bound::at_most("median s until found", report.found.unwrap_or(f64::INFINITY), 180.0));
    report.bounds.push(Bound::at_most("median s until dropped", report.dropped.unwrap_or(f64::INFINITY), 600.0));
    if let Some((mean, most)) = report.to_each {
        report.bounds.push(Bound::at_most("mean dials of an hour to one that is up for a day", mean, 6.0));
        report.bounds.push(Bound::at_most("most dials of an hour to one that is up for a day", most as f64, 6.0));
    }
    report
}

/// A network that the seed has verified.
fn known_network(seed: u64) -> World {
    let mut places = Places::new(seed);
    let honest = places.draw(600);
    let mut world = World::new(places, honest, &[]);
    world.run_sampled(30 * MINUTE, MINUTE);
    world
}

/// Attackers who answer advertise dead addresses, always the same ones, or new ones every two minutes.
pub(crate) fn flood(fresh: bool) -> Report {
    let mut world = known_network(3);
    let attackers = world.places.draw_apart(400, 64);
    world.add_attackers(&attackers, |world| world.places.draw_anywhere(ANSWER));
    let minutes = if fresh { 360 } else { 60 };
    for minute in 0..minutes {
        if minute + 60 == minutes {
            world.sim.reset_dials();
        }
        if minute % 30 == 5 {
            world.add_newcomer();
        }
        if fresh && minute % 2 == 0 {
            refresh(&mut world, &attackers);
        }
        world.run_sampled(MINUTE, MINUTE);
    }
    world.give_up_waiting();
    let mut report = world.report(&[30, 31, 35, 45, 60, 90, 150, 390], HOUR);
    let latest = world.found.iter().copied().fold(0.0, f64::max);
    report.bounds.push(Bound::at_least(format!("{SERVED} after minute 30"), world.least_served(31), 98.0));
    report.bounds.push(Bound::at_most("s until the last of the newcomers is found", latest, 600.0));
    report
}

fn refresh(world: &mut World, attackers: &[NetAddress]) {
    for attacker in attackers {
        let answer = world.places.draw_anywhere(ANSWER);
        world.sim.advertise(attacker.socket(), answer);
    }
}

/// Attackers who answer, and advertise each other among honest nodes.
pub(crate) fn sybil() -> Report {
    let mut places = Places::new(4);
    let (honest, attackers) = (places.draw_apart(600, 600), places.draw_apart(300, 8));
    let all = [honest.clone(), attackers.clone()].concat();
    let mut world = World::new(places, honest, &attackers);
    world.add_attackers(&attackers, |world| world.some_of(&all));
    world.run_sampled(HOUR, MINUTE);
    world.run_sampled(23 * HOUR, 30 * MINUTE);
    world.sim.reset_dials();
    world.run_sampled(HOUR, MINUTE);
    let mut report = world.report(&[10, 60, 1_440, 1_500], HOUR);
    let share = |minutes| world.mean_of(minutes, |sample| sample.attackers);
    let (first, later) = (share(1..=60), share(1_441..=1_500));
    report.bounds.push(Bound::at_most("% of attackers in answers, mean of the first hour", first, 8.0));
    report.bounds.push(Bound::at_most("% of attackers in answers, mean of the hour after a day", later, 8.0));
    report
}

/// How evenly a seed names those that it knows.
pub(crate) fn spread() -> Report {
    const ASKED: u32 = 2_000;
    let mut places = Places::new(5);
    let honest = places.draw(1_000);
    let mut world = World::new(places, honest, &[]);
    world.run_sampled(HOUR, MINUTE);
    let mut named: HashMap<NetAddress, u32> = HashMap::new();
    for asked in 0..ASKED {
        if asked == ASKED / 24 * 23 {
            world.sim.reset_dials();
        }
        world.ask();
        world.run(24 * HOUR / ASKED);
        for answer in world.sim.take_answers() {
            answer.addresses.into_iter().for_each(|address| *named.entry(address).or_default() += 1);
        }
        if asked % 40 == 39 {
            world.sample();
        }
    }
    let mut report = world.report(&[10, 60, 720, 1_400], HOUR);
    let counts = world.living.iter().map(|living| named.get(&living.address).copied().unwrap_or(0));
    let (least, most) = (counts.clone().min().unwrap_or(0), counts.clone().max().unwrap_or(0));
    let average = f64::from(counts.sum::<u32>()) / world.living.len() as f64;
    let times = |count: u32| f64::from(count) / average.max(f64::MIN_POSITIVE);
    report.bounds.push(Bound::at_least("the least-named live node, times the average", times(least), 0.05));
    report.bounds.push(Bound::at_most("the most-named live node, times the average", times(most), 4.0));
    report
}

/// An operator puts many addresses into a book.
pub(crate) fn import() -> Report {
    const IMPORTED: usize = 16_000;
    let began = pexd::clock::Clock.mono();
    let mut places = Places::new(6);
    let at = places.draw(1)[0];
    let mut sim = Sim::new(CHAIN, ROUND_TRIP);
    sim.keep_events(false);
    let mut own = params(at.id(), at.socket(), true);
    own.book.strict = true;
    let node = sim.add_node(at.socket(), own, Rows::default());
    sim.act(node, Node::start);
    let refused = places
        .draw(IMPORTED)
        .into_iter()
        .filter(|address| sim.act(node, |node, now| node.add_address(now, *address, None)).is_err())
        .count();
    let book = sim.node(node).summary(sim.now()).addresses;
    let kept = percent(book as usize, IMPORTED);
    let took = pexd::clock::Clock.mono().since(began);
    let bounds = vec![
        Bound::at_least("% of the addresses in the book", kept, 100.0),
        Bound::at_most("addresses that were refused", refused as f64, 0.0),
    ];
    Report { book, took, bounds, ..Report::default() }
}
