//! Small worlds: what `benches/worlds` shows of whole networks, in seconds.

use std::net::Ipv4Addr;

use super::*;
use crate::testkit::sim::Mishaps;

/// As in `benches/worlds`: lost packets and full nodes.
const MISHAPS: Mishaps = Mishaps { dial_loss: 0.02, full_share: 0.10 };
const MINUTE: Duration = Duration::from_secs(60);

/// Node `n`, four to a /16.
fn member(n: u32) -> NetAddress {
    let mut bytes = [9; 20];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    let ip = Ipv4Addr::from_bits((20 << 24) + ((n / 4) << 16) + 256 + n % 4);
    NetAddress::new(NodeId::from_bytes(bytes), ip.into(), 26_656).unwrap()
}

/// So many of these, beginning somewhere.
fn some(range: std::ops::Range<u32>, from: u32, count: u32) -> Vec<NetAddress> {
    let size = range.end - range.start;
    (0..count).map(|n| member(range.start + from.wrapping_add(n).wrapping_mul(7_919) % size)).collect()
}

fn settle(sim: &mut Sim, at: NetAddress, answer: Vec<NetAddress>) {
    sim.settle(at.socket(), Resident::Scripted { id: at.id(), network: "chain".into(), answer: Some(answer) });
}

/// A strict seed in a world of `live` nodes, that advertise each other and `stale` addresses.
fn seed_of(sim: &mut Sim, live: u32, stale: u32) -> usize {
    sim.set_mishaps(MISHAPS);
    for n in 0..live {
        settle(sim, member(n), some(0..live + stale, n * 31, 100));
    }
    let mut own = params(id(0), place(0), true);
    own.book.strict = true;
    own.pex.seeds = vec![member(0).into()];
    let seed = sim.add_node(place(0), own, Rows::default());
    sim.act(seed, Node::start);
    seed
}

fn served(sim: &Sim, seed: usize, range: std::ops::Range<u32>) -> usize {
    let now = sim.now();
    range.filter(|n| sim.node(seed).address(now, &member(*n)).is_some_and(|view| view.servable)).count()
}

#[test]
fn among_nine_times_as_many_stale_addresses_the_living_are_served_and_left_in_peace() {
    let mut sim = world();
    let seed = seed_of(&mut sim, 200, 1_800);
    sim.run_for(10 * MINUTE);
    for _ in 0..50 {
        sim.run_for(MINUTE);
        let served = served(&sim, seed, 0..200);
        assert!(served >= 192, "{served} of 200 at {:?}", sim.now().mono);
    }
    sim.reset_dials();
    sim.run_for(60 * MINUTE);
    let dials = (0..200).map(|n| sim.dials().get(&member(n).socket()).copied().unwrap_or(0));
    assert!(dials.clone().all(|dials| (1..=12).contains(&dials)), "{:?}", dials.max());
}

#[test]
fn a_flood_of_dead_addresses_costs_the_honest_nothing() {
    let mut sim = world();
    let seed = seed_of(&mut sim, 200, 0);
    sim.run_for(10 * MINUTE);
    // Forty attackers in ten /16s, known to all, advertise a hundred new dead addresses every two minutes.
    for minute in 0..30 {
        for n in 1_000..1_040 {
            let dead = 2_000 + (n - 1_000) * 100 + minute / 2 * 4_000;
            settle(&mut sim, member(n), (dead..dead + 100).map(member).collect());
        }
        if minute == 0 {
            for n in 0..200 {
                settle(
                    &mut sim,
                    member(n),
                    some(0..200, n * 31, 100).into_iter().chain((1_000..1_040).map(member)).collect(),
                );
            }
        }
        sim.run_for(MINUTE);
        let served = served(&sim, seed, 0..200);
        assert!(served >= 190, "{served} of 200 in minute {minute}");
    }
}

#[test]
fn a_seed_that_lost_one_dial_in_fifty_makes_its_nodes_good() {
    let mut sim = world();
    let seed = seed_of(&mut sim, 100, 0);
    sim.run_for(5 * 60 * MINUTE);
    let summary = sim.node(seed).summary(sim.now());
    assert!(summary.old >= 95, "{} of 100 are old after five hours", summary.old);
}
