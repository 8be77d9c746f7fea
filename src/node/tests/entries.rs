//! What operators learn of single addresses, and how they change the book.

use rand::SeedableRng as _;

use super::*;
use crate::book::{Added, Refused, State};
use crate::types::SeededRng;

fn diagnosis(sim: &Sim, node: usize, n: u16) -> AddressDiagnosis {
    let diagnoses = sim.node(node).diagnoses(sim.now(), &AddressRef::Id(id(n)));
    assert_eq!(diagnoses.len(), 1, "{n}");
    diagnoses.into_iter().next().unwrap()
}

/// A seed that knows 2 (alive), 3 (refuses), 4 (another ID answers) and 5 (nobody yet).
fn crawled(sim: &mut Sim) -> usize {
    sim.settle(place(1), scripted(1, Some((2..=4).map(address).collect())));
    sim.settle(place(2), scripted(2, None));
    sim.settle(place(3), Resident::Refuses);
    sim.settle(place(4), scripted(40, None));
    let seed = started(sim, true, |_| {});
    sim.run_for(Duration::from_secs(20));
    seed
}

#[test]
fn a_story_tells_when_the_crawl_comes_and_what_is_held_against_an_address() {
    let mut sim = world();
    let seed = crawled(&mut sim);
    let now = sim.now().wall;
    let good = diagnosis(&sim, seed, 2);
    assert!(good.view.servable && good.running && good.seed_mode && good.not_before.is_none());
    assert_eq!(good.served_at, Some(address(2)));
    let failed = diagnosis(&sim, seed, 3);
    assert!(!failed.view.servable && failed.served_at.is_none());
    let (good, failed) = (good.next_attempt.unwrap(), failed.next_attempt.unwrap());
    assert!(now < failed && failed < good, "{now:?} {good:?} {failed:?}");
    sim.run_for(good.since(now) + Duration::from_secs(30));
    let again = diagnosis(&sim, seed, 2);
    assert!(again.view.record.last_attempt >= good - Duration::from_secs(1), "it was dialled when the diagnosis said");
    sim.act(seed, Node::stop);
    let stopped = diagnosis(&sim, seed, 2);
    assert!(!stopped.running && stopped.next_attempt.is_none());
}

#[test]
fn an_address_in_a_banned_range_is_not_served_and_its_story_names_the_ban() {
    let mut sim = world();
    let seed = crawled(&mut sim);
    let range = BanTarget::ip(place(2).ip());
    let banned =
        |sim: &mut Sim, target| sim.act(seed, |node, now| node.ban(now, target, "r".into(), None, "ops")).unwrap();
    banned(&mut sim, range);
    let story_of = diagnosis(&sim, seed, 2);
    assert!(!story_of.view.servable);
    assert_eq!(story_of.bans.iter().map(|ban| ban.target).collect::<Vec<_>>(), [range]);
    banned(&mut sim, BanTarget::Id(id(2)));
    assert_eq!(diagnosis(&sim, seed, 2).bans.len(), 2);
    let now = sim.now();
    assert_eq!(sim.node(seed).bans_of(now, Some(&id(2)), None).len(), 1);
    assert_eq!(sim.node(seed).bans_of(now, None, Some(place(2).ip())).len(), 1);
    assert_eq!(sim.node(seed).bans_of(now, Some(&id(3)), Some(place(3).ip())), []);
}

#[test]
fn what_an_operator_adds_is_in_the_book_or_told_why_not() {
    let mut sim = world();
    let seed = crawled(&mut sim);
    let mut add = |address| sim.act(seed, |node, now| node.add_address(now, address, None));
    assert_eq!(add(address(7)), Ok(Added::New));
    assert_eq!(add(address(7)), Ok(Added::Unchanged));
    assert_eq!(add(address(0)), Err(NotAdded::Refused(Refused::Ourselves)));
    // Of one ID three more places, without a draw, and not a fifth.
    let elsewhere = |n: u16| NetAddress::new(id(7), place(n).ip(), 1).unwrap();
    for n in 10..13 {
        assert_eq!(add(elsewhere(n)), Ok(Added::AnotherAddress));
    }
    assert_eq!(add(elsewhere(13)), Err(NotAdded::Refused(Refused::HasItsShare)));
    sim.act(seed, |node, now| node.ban(now, BanTarget::Id(id(8)), String::new(), None, "ops")).unwrap();
    sim.act(seed, |node, now| node.ban(now, BanTarget::ip(place(9).ip()), String::new(), None, "ops")).unwrap();
    let mut add = |address| sim.act(seed, |node, now| node.add_address(now, address, None));
    assert_eq!(add(address(8)), Err(NotAdded::BannedId));
    assert_eq!(add(address(9)), Err(NotAdded::BannedRange(BanTarget::ip(place(9).ip()))));
    sim.settle(place(7), scripted(7, None));
    sim.run_for(Duration::from_secs(10));
    let diagnoses = sim.node(seed).diagnoses(sim.now(), &AddressRef::Id(id(7)));
    assert!(diagnoses.iter().any(|diagnosis| diagnosis.view.servable), "it was dialled at once");
    assert_eq!(sim.act(seed, |node, _| node.remove_addresses(&AddressRef::Id(id(7)))), diagnoses.len() as u32);
    assert_eq!(sim.act(seed, |node, _| node.remove_addresses(&AddressRef::Address(address(7)))), 0);
}

#[test]
fn a_preview_is_an_answer_and_leaves_no_trace() {
    let all: Vec<NetAddress> = (2..200).map(address).collect();
    let mut worlds = [world(), world()];
    let seeds = worlds.each_mut().map(|sim| {
        sim.settle(place(1), scripted(1, Some(all.clone())));
        (2..200).for_each(|n| sim.settle(place(n), scripted(n, None)));
        let seed = started(sim, true, |_| {});
        sim.run_for(Duration::from_secs(40));
        seed
    });
    let [mut sim, mut other] = worlds;
    let mut rng = SeededRng::seed_from_u64(5);
    let preview =
        |sim: &mut Sim, rng: &mut SeededRng| sim.act(seeds[0], |node, now| node.preview(now, Some(id(2)), rng));
    let mut reported = BTreeSet::new();
    for _ in 0..100 {
        let preview = preview(&mut sim, &mut rng);
        assert_eq!(preview.servable, servable(&sim, seeds[0]) - 1, "never the requester's own");
        let distinct: BTreeSet<_> = preview.addresses.iter().copied().collect();
        assert_eq!(distinct.len(), preview.addresses.len());
        assert_eq!(distinct.len(), 45.min(preview.servable as usize * 23 / 100).max(32));
        assert!(!distinct.contains(&address(2)));
        reported.extend(distinct);
    }
    assert_eq!(reported.len() as u32, servable(&sim, seeds[0]) - 1, "in the end each of them is advertised");
    // The same seed of the same world, of which nobody took a preview, answers the same.
    let answer = |sim: &mut Sim, seed: usize| {
        let begun = sim.events(seed).len();
        sim.run_for(Duration::from_secs(600));
        sim.events(seed)[begun..].iter().map(|(at, event)| format!("{at:?} {event:?}")).collect::<Vec<_>>()
    };
    assert_eq!(answer(&mut sim, seeds[0]), answer(&mut other, seeds[1]));
    assert!(sim.node(seeds[0]).addresses(sim.now(), None, 1_000).iter().all(|view| view.record.state == State::New));
}

#[test]
fn who_is_on_the_do_not_dial_list_is_neither_dialled_nor_served_and_may_come() {
    let mut sim = world();
    sim.settle(place(1), scripted(1, Some(vec![address(2), address(3)])));
    (2..4).for_each(|n| sim.settle(place(n), scripted(n, None)));
    let seed = started(&mut sim, true, |_| {});
    sim.run_for(Duration::from_secs(60));
    assert_eq!(servable(&sim, seed), 2);
    let list = |node: &mut Node, now: Now| {
        let ban = Ban::new(BanTarget::ip(place(2).ip()), "abuse mail".into(), now.wall, None, Some("ops"));
        node.set_ban(now, ban.of_scope(row::BanScope::Dials)).unwrap();
    };
    sim.act(seed, list);
    assert_eq!(servable(&sim, seed), 1);
    sim.reset_dials();
    sim.run_for(Duration::from_secs(3_600));
    assert_eq!(sim.dials().get(&place(2)), None);
    assert!(sim.dials().contains_key(&place(3)));
    assert_eq!(sim.act(seed, |node, now| node.dial(now, address(2).into())), Err(crate::switch::NotDialled::Banned));

    let guest = sim.add_node(place(2), params(id(2), place(2), false), Rows::default());
    sim.act(guest, |node, now| node.start(now));
    assert!(sim.act(guest, |node, now| node.dial(now, address(0).into())).is_ok());
    sim.run_for(Duration::from_secs(1));
    let came =
        |(_, event): &(Mono, Event)| matches!(event, Event::Peer(PeerEvent::Up { id: who, .. }) if *who == id(2));
    assert!(sim.events(seed).iter().any(came), "it may dial us");
    assert_eq!(sim.node(seed).banned_ranges(), [], "the gate lets it in");
}
