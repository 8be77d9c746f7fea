//! The whole machine in virtual time: what a peer and an operator would see, and when.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

mod bench;
mod endurance;
mod entries;
mod fuzz;
mod operator;
mod rules;
mod seed_list;
mod worlds;

use super::row::{BanTarget, Row, Rows};
use super::*;
use crate::testkit::sim::{Resident, Sim, params};
use crate::testkit::{AsnField, asn_database};
use crate::types::{AsnTable, CloseReason, DialOutcome, Direction, NetAddress};

const ROUND_TRIP: Duration = Duration::from_millis(20);

fn id(n: u16) -> NodeId {
    let mut bytes = [0; 20];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    NodeId::from_bytes(bytes)
}

fn place(n: u16) -> SocketAddr {
    // A /16 of its own for each.
    let [a, b] = (n * 50).to_be_bytes();
    SocketAddr::new([a ^ 0x14, b, 7, 1].into(), 26_656)
}

fn address(n: u16) -> NetAddress {
    NetAddress::new(id(n), place(n).ip(), place(n).port()).unwrap()
}

fn scripted(n: u16, answer: Option<Vec<NetAddress>>) -> Resident {
    Resident::Scripted { id: id(n), network: "chain".into(), answer }
}

fn world() -> Sim {
    Sim::new("chain", ROUND_TRIP)
}

/// A node at place 0 with place 1 as its seed, started.
fn started(sim: &mut Sim, seed_mode: bool, change: impl FnOnce(&mut Params)) -> usize {
    let mut params = params(id(0), place(0), seed_mode);
    params.pex.seeds = vec![address(1).into()];
    change(&mut params);
    let node = sim.add_node(place(0), params, Rows::default());
    assert!(sim.act(node, Node::start));
    node
}

fn servable(sim: &Sim, node: usize) -> u32 {
    sim.node(node).summary(sim.now()).servable
}

#[test]
fn a_seed_finds_what_answers_and_serves_nothing_else() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some((1..=6).map(address).collect())));
    sim.settle(place(2), scripted(2, Some((6..=9).map(address).collect())));
    sim.settle(place(3), scripted(3, None));
    sim.settle(place(4), Resident::Refuses);
    sim.settle(place(5), Resident::Scripted { id: id(5), network: "other".into(), answer: None });
    sim.settle(place(6), scripted(60, None));
    sim.settle(place(9), scripted(9, Some(vec![])));
    let seed = started(&mut sim, true, |_| {});
    sim.run_for(Duration::from_secs(40));

    let entries = sim.node(seed).addresses(sim.now(), None, 100);
    let outcome =
        |n: u16| entries.iter().find(|e| e.record.address == address(n)).map(|e| (e.record.outcome, e.servable));
    assert_eq!(outcome(1), Some((DialOutcome::Reached, true)));
    assert_eq!(outcome(2), Some((DialOutcome::Reached, true)));
    assert_eq!(outcome(3), Some((DialOutcome::Reached, true)), "silent, and alive");
    assert_eq!(outcome(4), Some((DialOutcome::Refused, false)));
    assert_eq!(outcome(5), Some((DialOutcome::WrongNetwork, false)));
    assert_eq!(outcome(6), Some((DialOutcome::WrongIdentity, false)));
    assert_eq!(outcome(7), Some((DialOutcome::TimedOut, false)));
    assert_eq!(outcome(9), Some((DialOutcome::Reached, true)), "two hops away");
    assert_eq!(sim.node(seed).peers().len(), 0, "visits end");
}

#[test]
fn a_seed_answers_once_and_lets_go_and_the_asker_connects_to_what_it_was_told() {
    let mut sim = world();
    sim.settle(place(2), scripted(2, None));
    let mut own = params(id(1), place(1), true);
    own.pex.seeds = vec![address(2).into()];
    let seed = sim.add_node(place(1), own, Rows::default());
    sim.act(seed, Node::start);
    sim.run_for(Duration::from_secs(2));
    assert_eq!(
        servable(&sim, seed),
        0,
        "a configured seed is asked, and enters the book only when somebody reports it"
    );

    let mut other = params(id(3), place(3), false);
    other.pex.seeds = vec![address(1).into()];
    let teller = sim.add_node(place(3), other.clone(), Rows::default());
    sim.act(teller, Node::start);
    sim.run_for(Duration::from_secs(40));
    assert_eq!(servable(&sim, seed), 1, "the inbound peer's own address was dialled and reached");

    let requester = started(&mut sim, false, |_| {});
    sim.run_for(Duration::from_secs(40));
    let peers: BTreeSet<NodeId> = sim.node(requester).peers().iter().map(|peer| peer.info.id).collect();
    assert!(peers.contains(&id(3)), "{peers:?}");
    let served = |(_, event): &&(Mono, Event)| matches!(event, Event::Exchange(ExchangeEvent::Served { id, .. }) if *id == self::id(0));
    assert!(sim.events(seed).iter().filter(served).count() >= 1);
    let answered = Fault::ClosedByUs(CloseReason::Answered);
    let closed =
        |(_, event): &(Mono, Event)| matches!(event, Event::Peer(PeerEvent::Down { fault, .. }) if *fault == answered);
    assert!(sim.events(seed).iter().any(closed));
}

#[test]
fn a_thousand_addresses_a_third_dead_are_known_within_ten_seconds() {
    let mut sim = world();
    let all: Vec<NetAddress> = (2..1_002).map(address).collect();
    for n in (2..1_002).filter(|n| n % 3 != 0) {
        sim.settle(place(n), scripted(n, None));
    }
    // Four tellers of 250 each, as many as one answer holds.
    for (n, part) in (1_002..).zip(all.chunks(250)) {
        sim.settle(place(n), scripted(n, Some(part.to_vec())));
    }
    sim.settle(place(1), scripted(1, Some((1_002..1_006).map(address).collect())));
    let live = (2..1_002).filter(|n| n % 3 != 0).count() as u32;
    let seed = started(&mut sim, true, |_| {});
    sim.run_for(Duration::from_secs(10));
    assert!(servable(&sim, seed) * 100 >= live * 95, "{} of {live}", servable(&sim, seed));
    sim.run_for(Duration::from_secs(30));
    assert_eq!(servable(&sim, seed), live + 4, "and the four that advertised them");
}

#[test]
fn ensure_peers_fills_the_slots_and_no_more() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some((2..=60).map(address).collect())));
    for n in 2..=60 {
        sim.settle(place(n), scripted(n, None));
    }
    let node = started(&mut sim, false, |_| {});
    sim.run_for(Duration::from_secs(200));
    let outbound = sim.node(node).peers().iter().filter(|peer| peer.direction == Direction::Outbound).count();
    assert_eq!(outbound, 10);
}

#[test]
fn outbound_peers_are_of_autonomous_systems_of_their_own() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some((2..=61).map(address).collect())));
    (2..=61).for_each(|n| sim.settle(place(n), scripted(n, None)));
    // Sixty /16s of eight operators.
    let ranges: Vec<String> = (2..=61).map(|n| format!("{}/16", place(n).ip())).collect();
    let ranges: Vec<_> = ranges.iter().zip(2..).map(|(range, n)| (&**range, 64_500 + n % 8)).collect();
    let asn = AsnTable::new(asn_database("GeoLite2-ASN", AsnField::MaxMind, &ranges)).unwrap();
    let node = started(&mut sim, false, |params| {
        params.switch.limits.max_outbound = 6;
        params.book.asn = Some(asn.clone());
    });
    sim.run_for(Duration::from_secs(200));
    let peers = sim.node(node).peers();
    let outbound = peers.iter().filter(|peer| peer.direction == Direction::Outbound);
    let systems: Vec<Option<u32>> = outbound.map(|peer| asn.number(peer.remote.ip())).collect();
    assert_eq!(systems.len(), 6);
    assert_eq!(systems.iter().collect::<BTreeSet<_>>().len(), 6, "{systems:?}");
}

#[test]
fn rounds_come_every_thirty_seconds_and_a_spurious_timeout_does_nothing() {
    let mut sim = world();
    let node = started(&mut sim, true, |_| {});
    let mut rounds = Vec::new();
    for _ in 0..4 {
        let next = sim.node(node).poll_timeout().unwrap();
        sim.run_until(next);
        rounds.push(next.as_micros() / 1_000_000);
        let before = sim.events(node).len();
        sim.act(node, Node::handle_timeout);
        assert_eq!(sim.events(node).len(), before);
    }
    assert_eq!(rounds, [0, 30, 60, 90]);
}

#[test]
fn persistent_peers_are_dialled_at_start_and_again_and_again() {
    let mut sim = world();
    let node = started(&mut sim, false, |params| params.switch.persistent = vec![address(9).into()]);
    sim.run_for(Duration::from_secs(400));
    let failed = |(at, event): &(Mono, Event)| match event {
        Event::Dialled(end) if end.target == address(9).into() => Some(at.as_micros() / 1_000_000),
        _ => None,
    };
    let dials: Vec<u64> = sim.events(node).iter().filter_map(failed).collect();
    assert!(dials[0] <= 6, "{dials:?}");
    for pair in dials[..20].windows(2) {
        let wait = pair[1] - pair[0];
        assert!((5..=12).contains(&wait), "5 s, up to 3 s of chance, and the dial's own 3 s: {dials:?}");
    }
    sim.settle(place(9), scripted(9, None));
    sim.run_for(Duration::from_secs(60_000));
    assert!(sim.node(node).peers().iter().any(|peer| peer.persistent && peer.info.id == id(9)));
}

#[test]
fn an_empty_book_without_seeds_cannot_start_and_can_be_repaired() {
    let mut sim = world();
    let mut own = params(id(0), place(0), true);
    own.pex.bootstrap = false;
    let node = sim.add_node(place(0), own, Rows::default());
    sim.act(node, Node::start);
    assert!(matches!(sim.node(node).state(), RunState::Failed(reason) if reason.contains("address book is empty")));
    assert_eq!(sim.act(node, |n, now| n.add_seed(now, address(1).into(), "ops")), Ok(true));
    assert!(sim.act(node, Node::start));
    assert_eq!(*sim.node(node).state(), RunState::Running);
    assert!(!sim.act(node, Node::start), "starting what runs changes nothing");
    assert!(sim.act(node, Node::stop));
    assert!(!sim.act(node, Node::stop), "nor does stopping what is stopped");
}

#[test]
fn what_is_stored_brings_the_node_back() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some((2..=9).map(address).collect())));
    for n in 2..=9 {
        sim.settle(place(n), scripted(n, None));
    }
    let node = started(&mut sim, true, |_| {});
    sim.act(node, |n, now| n.add_seed(now, address(70).into(), "ops")).unwrap();
    let target = BanTarget::Id(id(5));
    sim.run_for(Duration::from_secs(5));
    sim.act(node, |n, now| n.ban(now, target, "test".into(), None, "ops")).unwrap();
    let mut rows = Rows::default();
    for change in sim.act(node, |n, _| n.take_dirty(usize::MAX)) {
        match change.row {
            Some(Row::Address(record)) => rows.addresses.push(record),
            Some(Row::Ban(ban)) => rows.bans.push(ban),
            Some(Row::Delta(delta)) => rows.deltas.push(delta),
            Some(Row::SeedHealth(health)) => rows.seed_health.push(health),
            Some(other) => panic!("the node keeps no such row: {other:?}"),
            None => {}
        }
    }
    let mut again = params(id(0), place(0), true);
    again.pex.seeds = vec![address(1).into()];
    let (copy, report) =
        Node::new(again, HashKey::from_bytes([7; HashKey::LEN]), rows, sim.now(), rand::SeedableRng::seed_from_u64(1));
    assert_eq!((report.repaired, report.skipped), (0, 0));
    let records =
        |node: &Node| node.addresses(sim.now(), None, 1_000).into_iter().map(|entry| entry.record).collect::<Vec<_>>();
    assert_eq!(records(&copy), records(sim.node(node)));
    assert_eq!(copy.bans(), sim.node(node).bans());
    let seeds = |node: &Node| node.seeds().into_iter().map(|seed| (seed.seed, seed.health)).collect::<Vec<_>>();
    assert_eq!(seeds(&copy), seeds(sim.node(node)));
}

#[test]
fn in_an_outage_of_our_own_the_last_known_good_is_served_and_afterwards_what_is_gone_is_not() {
    let mut sim = world();
    let reported: Vec<NetAddress> = (2..=41).map(address).collect();
    sim.settle(place(1), scripted(1, Some(reported)));
    let settle = |sim: &mut Sim, gone: u16| {
        for n in 2..=41 {
            if n % 10 != gone {
                sim.settle(place(n), scripted(n, Some(vec![])));
            }
        }
    };
    settle(&mut sim, 99);
    let seed = started(&mut sim, true, |_| {});
    sim.run_for(Duration::from_secs(60));
    assert_eq!(servable(&sim, seed), 40);
    (2..=41).for_each(|n| sim.black_out(place(n)));
    sim.run_for(Duration::from_secs(1_200));
    assert!(sim.node(seed).status(sim.now()).outage);
    assert_eq!(servable(&sim, seed), 40, "nothing is demoted while most of what was good fails at once");
    settle(&mut sim, 5);
    sim.run_for(Duration::from_secs(24 * 3600));
    assert!(!sim.node(seed).status(sim.now()).outage);
    assert_eq!(servable(&sim, seed), 36, "the four that did not come back are not served");
}

#[test]
fn one_that_stops_is_soon_not_served_any_more() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some((2..=6).map(address).collect())));
    (2..=6).for_each(|n| sim.settle(place(n), scripted(n, None)));
    let seed = started(&mut sim, true, |_| {});
    sim.run_for(Duration::from_secs(30));
    assert_eq!(servable(&sim, seed), 5);
    sim.black_out(place(4));
    sim.run_for(Duration::from_secs(500));
    assert_eq!(servable(&sim, seed), 4);
}

#[test]
fn a_stop_in_the_middle_of_the_crawl_loses_no_address() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some((2..=200).map(address).collect())));
    (2..=200).for_each(|n| sim.settle(place(n), scripted(n, None)));
    let seed = started(&mut sim, true, |_| {});
    while sim.node(seed).status(sim.now()).dialling < 50 {
        sim.run_for(Duration::from_millis(5));
    }
    sim.act(seed, Node::stop);
    assert_eq!(sim.node(seed).status(sim.now()).dialling, 0);
    sim.run_for(Duration::from_secs(10));
    sim.act(seed, Node::start);
    sim.run_for(Duration::from_secs(200));
    assert_eq!(servable(&sim, seed), 199);
}
