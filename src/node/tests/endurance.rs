//! Long lives and odd coincidences, in virtual time: what went wrong once, and would not show in a minute.

use std::net::Ipv4Addr;

use rand::SeedableRng as _;

use super::*;
use crate::book::{HashKey, Record, Reliability, Source, State};
use crate::types::Host;

const DAY: Duration = Duration::from_secs(86_400);

/// A place that a strict book does not store, so that only the switch knows of it.
fn hidden(n: u16, port: u16) -> NetAddress {
    NetAddress::new(id(n), [10, 0, 0, 9].into(), port).unwrap()
}

fn settle_hidden(sim: &mut Sim, at: NetAddress) {
    sim.settle(at.socket(), Resident::Scripted { id: at.id(), network: "chain".into(), answer: None });
}

fn hearsay() -> Source {
    Source { id: id(500), ip: [9, 9, 9, 9].into() }
}

fn add(sim: &mut Sim, node: usize, address: NetAddress) {
    sim.act(node, |n, now| n.book.add(now, address, hearsay(), &mut SeededRng::seed_from_u64(3))).unwrap();
}

/// A seed that has verified twenty nodes.
fn seed_of_twenty(sim: &mut Sim) -> usize {
    sim.settle(place(1), scripted(1, Some((2..22).map(address).collect())));
    (2..22).for_each(|n| sim.settle(place(n), scripted(n, None)));
    let seed = started(sim, true, |_| {});
    sim.run_for(Duration::from_secs(300));
    assert_eq!(servable(sim, seed), 20);
    seed
}

/// A node that takes no inbound peers: the handshake succeeds, and then it hangs up.
fn full_node(sim: &mut Sim, n: u16) {
    let mut full = params(id(n), place(n), false);
    full.switch.limits.max_inbound = 0;
    let node = sim.add_node(place(n), full, Rows::default());
    sim.act(node, Node::start);
}

#[test]
fn ids_that_wait_for_a_named_seeds_place_do_not_spin() {
    let mut params = params(id(0), place(0), true);
    params.pex.seeds = vec![format!("{}@seed.example.com:26656", id(1)).parse().unwrap()];
    let now = Now { mono: Mono::from_micros(1), wall: crate::testkit::sim::EPOCH };
    let key = HashKey::from_bytes([7; HashKey::LEN]);
    let (mut node, _) = Node::new(params, key, Rows::default(), now, SeededRng::seed_from_u64(1));
    for liar in [10, 11] {
        let address = NetAddress::new(id(liar), place(1).ip(), 26_656).unwrap();
        node.book.add(now, address, hearsay(), &mut SeededRng::seed_from_u64(3)).unwrap();
    }
    node.start(now);
    node.handle(now, Input::Resolved { name: "seed.example.com".into(), ips: vec![place(1).ip()] });
    node.handle_timeout(now);
    let named = std::iter::from_fn(|| node.poll_effect()).find_map(|effect| match effect {
        Effect::Dial { conn, target, .. } if matches!(target.host(), Host::Name(_)) => Some(conn),
        _ => None,
    });
    let conn = named.expect("the seed is dialled");
    // This did not return: one liar was being dialled, and the other one popped and pushed for ever.
    node.handle(now, Input::Dialled { conn, remote: Some(place(1)), result: Err(Fault::Refused) });
}

#[test]
fn a_persistent_peer_is_dialled_in_the_end_though_hearsay_had_its_id_elsewhere() {
    let mut sim = world();
    let target = hidden(9, 26_656);
    settle_hidden(&mut sim, target);
    let mut own = params(id(0), place(0), false);
    own.book.strict = true;
    own.switch.persistent = vec![target.into()];
    let node = sim.add_node(place(0), own, Rows::default());
    add(&mut sim, node, NetAddress::new(id(9), [45, 1, 2, 3].into(), 26_656).unwrap());
    sim.act(node, Node::start);
    sim.run_for(Duration::from_secs(120));
    assert_eq!(sim.node(node).peers().len(), 1);
}

#[test]
fn a_persistent_peer_comes_back_when_its_ban_is_lifted() {
    let mut sim = world();
    let target = hidden(9, 26_656);
    settle_hidden(&mut sim, target);
    let mut own = params(id(0), place(0), false);
    own.book.strict = true;
    own.switch.persistent = vec![target.into()];
    let node = sim.add_node(place(0), own, Rows::default());
    sim.act(node, Node::start);
    sim.run_for(Duration::from_secs(20));
    let ban = BanTarget::Id(id(9));
    sim.act(node, |n, now| n.ban(now, ban, "x".into(), None, "ops")).unwrap();
    sim.run_for(Duration::from_secs(20));
    assert_eq!(sim.node(node).peers().len(), 0);
    sim.act(node, |n, now| n.unban(now, &ban));
    sim.run_for(Duration::from_secs(120));
    assert_eq!(sim.node(node).peers().len(), 1);
}

#[test]
fn of_two_persistent_peers_of_one_ip_the_other_takes_its_place() {
    let mut sim = world();
    let both = [hidden(9, 26_656), hidden(8, 26_657)];
    both.into_iter().for_each(|target| settle_hidden(&mut sim, target));
    let mut own = params(id(0), place(0), false);
    own.book.strict = true;
    own.switch.allow_duplicate_ip = false;
    own.switch.persistent = both.into_iter().map(Into::into).collect();
    let node = sim.add_node(place(0), own, Rows::default());
    sim.act(node, Node::start);
    sim.run_for(Duration::from_secs(20));
    let first = sim.node(node).peers()[0].info.id;
    sim.act(node, |n, now| n.ban(now, BanTarget::Id(first), "x".into(), None, "ops")).unwrap();
    sim.run_for(Duration::from_secs(120));
    let now: Vec<NodeId> = sim.node(node).peers().iter().map(|peer| peer.info.id).collect();
    assert!(now.len() == 1 && now[0] != first, "{now:?}");
}

#[test]
fn a_persistent_peer_that_came_in_and_was_answered_is_dialled() {
    let mut sim = world();
    let target = hidden(9, 26_656);
    let mut own = params(id(0), place(0), true);
    own.book.strict = true;
    own.switch.persistent = vec![target.into()];
    let node = sim.add_node(place(0), own, Rows::default());
    let mut other = params(id(9), target.socket(), false);
    other.pex.seeds = vec![address(0).into()];
    let other = sim.add_node(target.socket(), other, Rows::default());
    sim.act(other, Node::start);
    sim.act(node, Node::start);
    sim.run_for(Duration::from_secs(600));
    assert!(sim.node(node).peers().iter().any(|peer| peer.persistent));
}

#[test]
fn a_full_node_stays_served_for_days() {
    let mut sim = world();
    full_node(&mut sim, 9);
    sim.settle(place(1), scripted(1, Some(vec![address(9)])));
    let seed = started(&mut sim, true, |_| {});
    for day in 1..=5 {
        sim.run_for(DAY);
        assert_eq!(servable(&sim, seed), 1, "day {day}");
    }
}

#[test]
fn a_node_that_was_away_for_days_is_found_again() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some(vec![address(9)])));
    sim.settle(place(9), scripted(9, None));
    let seed = started(&mut sim, true, |_| {});
    sim.run_for(Duration::from_secs(300));
    sim.black_out(place(9));
    sim.run_for(6 * DAY);
    assert_eq!(servable(&sim, seed), 0);
    sim.settle(place(9), scripted(9, None));
    sim.run_for(2 * DAY);
    assert_eq!(servable(&sim, seed), 1);
}

#[test]
fn an_outage_of_days_empties_no_book() {
    let mut sim = world();
    let seed = seed_of_twenty(&mut sim);
    (2..22).for_each(|n| sim.black_out(place(n)));
    for day in 1..=4 {
        sim.run_for(DAY);
        assert_eq!(servable(&sim, seed), 20, "day {day}");
    }
    (2..22).for_each(|n| sim.settle(place(n), scripted(n, None)));
    sim.run_for(DAY);
    assert_eq!(servable(&sim, seed), 20);
}

#[test]
fn an_outage_ends_though_a_third_is_gone_for_good() {
    let mut sim = world();
    let seed = seed_of_twenty(&mut sim);
    (2..22).for_each(|n| sim.black_out(place(n)));
    sim.run_for(Duration::from_secs(600));
    assert!(sim.node(seed).status(sim.now()).outage);
    sim.act(seed, Node::stop);
    assert!(!sim.node(seed).status(sim.now()).outage, "who stopped it need not be reported");
    sim.act(seed, Node::start);
    assert!(sim.node(seed).status(sim.now()).outage);
    (2..16).for_each(|n| sim.settle(place(n), scripted(n, None)));
    sim.run_for(3 * DAY);
    assert!(!sim.node(seed).status(sim.now()).outage);
    assert_eq!(servable(&sim, seed), 14);
}

#[test]
fn when_most_are_gone_for_good_they_are_demoted_in_the_end() {
    let mut sim = world();
    let seed = seed_of_twenty(&mut sim);
    sim.run_for(DAY);
    (2..16).for_each(|n| sim.black_out(place(n)));
    sim.run_for(2 * DAY);
    assert_eq!(servable(&sim, seed), 20, "it may be an upgrade of the chain, which some are through with");
    sim.run_for(2 * DAY);
    for _ in 0..4 {
        assert_eq!(servable(&sim, seed), 6);
        assert!(!sim.node(seed).status(sim.now()).outage);
        sim.run_for(DAY);
    }
}

#[test]
fn the_last_known_good_of_a_small_chain_is_served_while_none_of_it_answers() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some((2..6).map(address).collect())));
    (2..6).for_each(|n| sim.settle(place(n), scripted(n, None)));
    let seed = started(&mut sim, true, |_| {});
    sim.run_for(Duration::from_secs(300));
    (2..6).for_each(|n| sim.black_out(place(n)));
    sim.run_for(DAY);
    assert_eq!(servable(&sim, seed), 4);
    (2..6).for_each(|n| sim.settle(place(n), scripted(n, None)));
    sim.run_for(DAY);
    assert_eq!(servable(&sim, seed), 4);
    assert!(!sim.node(seed).status(sim.now()).outage);
}

#[test]
fn lies_told_in_an_outage_of_others_are_found_out() {
    let mut sim = world();
    let seed = seed_of_twenty(&mut sim);
    (2..16).for_each(|n| sim.black_out(place(n)));
    sim.run_for(Duration::from_secs(900));
    assert!(sim.node(seed).status(sim.now()).outage);
    add(&mut sim, seed, address(90));
    sim.run_for(DAY);
    let lie = sim.node(seed).address(sim.now(), &address(90));
    assert!(lie.is_none_or(|lie| lie.record.attempts > 2), "it failed while others answered");
}

#[test]
fn a_peer_that_stays_connected_becomes_good() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some(vec![address(9)])));
    let other = sim.add_node(place(9), params(id(9), place(9), false), Rows::default());
    sim.act(other, Node::start);
    let node = started(&mut sim, false, |_| {});
    sim.run_for(Duration::from_secs(3_700) * 4);
    let record = sim.node(node).address(sim.now(), &address(9)).unwrap().record;
    assert_eq!(record.state, State::Old, "{record:?}");
    assert!(sim.now().wall.since(record.last_success) <= Duration::from_secs(3_700));
}

#[test]
fn a_seed_with_a_stale_book_goes_on_asking_its_seeds() {
    let mut sim = world();
    let seed = started(&mut sim, true, |_| {});
    for n in 0..1_200_u32 {
        let mut bytes = [7; 20];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        let stale = NetAddress::new(NodeId::from_bytes(bytes), Ipv4Addr::from(0x1600_0000 + n * 16_385).into(), 1);
        let source = Source { ip: Ipv4Addr::from(0x3000_0000 + n * 65_536).into(), ..hearsay() };
        let mut rng = SeededRng::seed_from_u64(u64::from(n));
        // A full bucket may have no room for one of them.
        let _ = sim.act(seed, |node, now| node.book.add(now, stale.unwrap(), source, &mut rng));
    }
    assert!(!sim.node(seed).book.needs_more());
    sim.run_for(Duration::from_secs(60));
    sim.settle(place(1), scripted(1, Some(vec![address(2)])));
    sim.settle(place(2), scripted(2, None));
    sim.run_for(12 * Duration::from_secs(3_600));
    assert_eq!(servable(&sim, seed), 1);
}

#[test]
fn a_banned_record_without_its_ban_is_reinstated_at_load() {
    let now = Now { mono: Mono::from_micros(1), wall: crate::testkit::sim::EPOCH };
    let record = Record {
        address: address(5),
        state: State::Banned,
        reliability: Reliability::default(),
        source: hearsay(),
        added: now.wall,
        attempts: 0,
        outcome: DialOutcome::Reached,
        last_attempt: now.wall,
        last_success: now.wall,
        reached_since: now.wall,
        verified: true,
    };
    let rows = Rows { addresses: vec![record], ..Rows::default() };
    let key = HashKey::from_bytes([7; HashKey::LEN]);
    let (node, _) = Node::new(params(id(0), place(0), true), key, rows, now, SeededRng::seed_from_u64(1));
    assert_eq!(node.book.state(&id(5)), Some(State::New));
}
