//! One node driven by hand: each rule for peers, with its time.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::SeedableRng as _;

use super::bench::{Bench, SECOND, asks, closed, dials, refusal, reported, tell};
use super::{address, id, place};
use crate::book::HashKey;
use crate::node::row::{BanTarget, Rows};
use crate::node::{BanEvent, Effect, Event, Handshaken, Input, Node, ReactorEvent};
use crate::testkit::sim::{EPOCH, node_info, params};
use crate::types::{CloseHow, CloseReason, ConnId, Fault, Mono, Now, PeerAddress, Purpose, SeededRng, Ticket};
use crate::wire::pex::{Outgoing, Received};

#[test]
fn inbound_slots_are_for_all_but_unconditional_peers() {
    let mut bench = Bench::new(false, |params| {
        params.switch.limits.max_inbound = 2;
        params.switch.unconditional.insert(id(9));
    });
    bench.admit(1);
    bench.admit(2);
    assert_eq!(refusal(&bench.knock(3)), Some(Fault::Full));
    bench.admit(9);
    assert_eq!(bench.peers().len(), 3);
}

#[test]
fn the_first_connection_of_an_id_stays_and_our_own_id_is_refused() {
    let mut bench = Bench::new(false, |_| {});
    let first = bench.admit(1);
    assert_eq!(refusal(&bench.knock(1)), Some(Fault::DuplicateId));
    assert_eq!(refusal(&bench.knock(0)), Some(Fault::Ourselves));
    bench.node.handle(bench.now, Input::Closed { conn: first, fault: Fault::ClosedByPeer });
    bench.admit(1);
}

#[test]
fn one_ip_has_one_connection_where_duplicates_are_not_allowed() {
    let mut bench = Bench::new(false, |params| params.switch.allow_duplicate_ip = false);
    bench.admit(1);
    let remote = std::net::SocketAddr::new(place(1).ip(), 50_000);
    let peer = Box::new(Handshaken { remote, info: node_info(id(2), "chain", place(2)), took: SECOND });
    bench.node.handle(bench.now, Input::Inbound { ticket: Ticket(99), peer });
    assert_eq!(refusal(&bench.effects()), Some(Fault::DuplicateIp));
}

#[test]
fn a_seed_answers_once_and_closes_after_flushing() {
    let mut bench = Bench::new(true, |_| {});
    let conn = bench.admit(1);
    let effects = bench.says(conn, Received::Request);
    assert_eq!(reported(&effects), Some(vec![]), "nobody is verified yet, and an empty list is an answer");
    assert_eq!(closed(&effects), Some((CloseHow::Flush, Fault::ClosedByUs(CloseReason::Answered))));
    assert_eq!(bench.says(conn, Received::Request), [], "what comes on a closed connection is ignored");
}

#[test]
fn reconnecting_resets_no_request_time() {
    let mut bench = Bench::new(true, |_| {});
    let mut outcomes = Vec::new();
    for second in [0, 1, 2, 10, 11, 21] {
        bench.run_to(Mono::from_micros(second * 1_000_000));
        let conn = bench.admit(1);
        let effects = bench.says(conn, Received::Request);
        outcomes.push((second, reported(&effects).is_some()));
    }
    assert_eq!(outcomes, [(0, true), (1, true), (2, false), (10, false), (11, true), (21, true)]);
    assert_eq!(bench.bans(), [], "a seed bans nobody for asking too soon before the third time");
}

#[test]
fn a_node_disconnects_who_asks_too_soon_and_bans_him_the_third_time() {
    let mut bench = Bench::new(false, |_| {});
    for offence in 1..=3 {
        // The first two are free, once for all connections.
        for _ in 0..if offence == 1 { 2 } else { 1 } {
            let conn = bench.admit(1);
            assert!(reported(&bench.says(conn, Received::Request)).is_some());
            bench.node.handle(bench.now, Input::Closed { conn, fault: Fault::ClosedByPeer });
        }
        // Who is hung up on and dials again at once commits no other offence.
        for _ in 0..if offence == 3 { 1 } else { 9 } {
            let conn = bench.admit(1);
            let (how, fault) = closed(&bench.says(conn, Received::Request)).expect("disconnected");
            assert_eq!(how, CloseHow::Now);
            assert_eq!(fault, if offence < 3 { Fault::RequestTooSoon } else { Fault::RequestsTooOften });
        }
        bench.wait(10 * SECOND);
    }
    assert_eq!(bench.bans(), [BanTarget::Id(id(1))]);
    assert_eq!(refusal(&bench.knock(1)), Some(Fault::BannedId));
}

#[test]
fn unsolicited_addresses_bring_a_ban_for_a_day() {
    let mut bench = Bench::new(false, |_| {});
    let conn = bench.admit(1);
    let effects = bench.says(conn, tell(vec![address(5)]));
    assert_eq!(closed(&effects), Some((CloseHow::Now, Fault::Unsolicited)));
    assert_eq!(bench.node.summary(bench.now).size, 0, "neither the address nor its teller is in the book");
    bench.wait(Duration::from_secs(24 * 3600 - 60));
    assert_eq!(refusal(&bench.knock(1)), Some(Fault::BannedId));
    bench.wait(Duration::from_secs(120));
    assert_eq!(bench.bans(), []);
    assert_eq!(bench.node.summary(bench.now).size, 1, "its own address is in the book again");
    bench.admit(1);
}

#[test]
fn a_fault_found_on_the_wire_bans_as_well() {
    let mut bench = Bench::new(true, |_| {});
    let conn = bench.admit(1);
    bench.node.handle(bench.now, Input::Closed { conn, fault: Fault::BadAddress });
    assert_eq!(bench.bans(), [BanTarget::Id(id(1))]);
    let conn = bench.admit(2);
    bench.node.handle(bench.now, Input::Closed { conn, fault: Fault::BadMessage });
    assert_eq!(bench.bans(), [BanTarget::Id(id(1))], "what does not decode is no offence");
}

#[test]
fn an_answer_is_taken_once_and_asked_for_once() {
    let mut bench = Bench::new(false, |params| params.pex.seeds = vec![address(1).into()]);
    let conn = dials(&bench.begun).first().expect("the seed is dialled").3;
    let effects = bench.answers(conn, 1);
    let asked = |effects: &[Effect]| {
        effects.iter().filter(|e| matches!(e, Effect::Send { message: Outgoing::Request, .. })).count()
    };
    assert_eq!(asked(&effects), 1);
    let waited: Vec<Effect> = bench.wait(Duration::from_secs(5)).into_iter().map(|(_, effect)| effect).collect();
    assert_eq!(asked(&waited), 0);
    bench.says(conn, tell(vec![address(2)]));
    assert_eq!(bench.node.summary(bench.now).size, 1);
    let effects = bench.says(conn, tell(vec![address(3)]));
    assert_eq!(closed(&effects), Some((CloseHow::Now, Fault::Unsolicited)));
}

#[test]
fn private_peers_are_let_in_and_never_told_nor_believed() {
    let mut bench = Bench::new(false, |params| {
        params.book.private_ids.insert(id(1));
        params.pex.seeds = vec![address(1).into()];
    });
    let conn = dials(&bench.begun).first().expect("the seed is dialled").3;
    bench.answers(conn, 1);
    bench.says(conn, tell(vec![address(2), address(3)]));
    assert_eq!(bench.node.summary(bench.now).size, 0, "what a private peer tells is not stored");
    assert!(bench.peers().contains(&id(1)));
}

#[test]
fn seeds_are_dialled_one_at_a_time_until_one_is_up() {
    let seeds: Vec<PeerAddress> = (1..=3).map(|n| address(n).into()).collect();
    let mut bench = Bench::new(true, |params| params.pex.seeds = seeds.clone());
    let mut tried = BTreeSet::new();
    let mut under_way = dials(&bench.begun);
    while let [(_, seed, purpose, conn)] = under_way.as_slice() {
        assert_eq!(*purpose, Purpose::Seed);
        assert!(tried.insert(seed.clone()), "each seed once");
        let effects = bench.fails(*conn, Fault::Refused);
        let now = bench.now.mono;
        under_way = dials(&effects.into_iter().map(|effect| (now, effect)).collect::<Vec<_>>());
    }
    assert_eq!(under_way, [], "one at a time");
    assert_eq!(tried, seeds.into_iter().collect());
    let health: Vec<String> = bench.node.seeds().into_iter().map(|seed| seed.health.last_fault).collect();
    assert_eq!(health, ["connection refused"; 3]);
    let again = dials(&bench.wait(31 * SECOND));
    assert_eq!(again.iter().map(|dial| dial.0).collect::<Vec<_>>(), [30], "and again with the next round");
}

#[test]
fn a_seed_lets_go_who_stays_for_28_hours_but_persistent_peers() {
    let mut bench = Bench::new(true, |params| params.switch.persistent = vec![address(9).into()]);
    bench.admit(1);
    let dial = dials(&bench.begun);
    let persistent = dial.iter().find(|dial| dial.2 == Purpose::Persistent).expect("it is in the book, and due").3;
    bench.answers(persistent, 9);
    bench.wait(Duration::from_secs(28 * 3600 - 60));
    assert!(bench.peers().contains(&id(1)));
    bench.wait(Duration::from_secs(120));
    assert_eq!(bench.peers(), BTreeSet::from([id(9)]));
}

#[test]
fn a_persistent_peer_that_is_lost_is_redialled_at_once_and_one_that_is_let_go_is_not() {
    let mut bench = Bench::new(false, |params| params.switch.persistent = vec![address(9).into()]);
    let conn = dials(&bench.begun)[0].3;
    bench.answers(conn, 9);
    bench.wait(11 * SECOND);
    bench.node.handle(bench.now, Input::Closed { conn, fault: Fault::ClosedByPeer });
    let redial = dials(&bench.wait(Duration::ZERO));
    assert_eq!(redial.len(), 1);
    bench.answers(redial[0].3, 9);
    bench.node.stop(bench.now);
    assert_eq!(dials(&bench.wait(Duration::from_secs(3600))), []);
}

#[test]
fn an_operators_ban_closes_what_it_is_for_and_holds_for_dials_and_answers() {
    let mut bench = Bench::new(false, |_| {});
    bench.admit(1);
    let conn = bench.admit(2);
    let range = BanTarget::Range(format!("{}/32", place(1).ip()).parse().unwrap());
    bench.node.ban(bench.now, range, "scanner".into(), None, "ops").unwrap();
    let effects = bench.effects();
    assert!(effects.contains(&Effect::PublishBans));
    assert_eq!(closed(&effects), Some((CloseHow::Now, Fault::ClosedByUs(CloseReason::Banned))));
    assert_eq!(bench.peers(), BTreeSet::from([id(2)]));
    assert_eq!(refusal(&bench.knock(1)), Some(Fault::BannedIp));
    let reported = reported(&bench.says(conn, Received::Request)).unwrap();
    assert!(!reported.contains(&address(1)), "nobody is sent to a banned place: {reported:?}");
    assert!(bench.node.dial(bench.now, address(1).into()).is_err());
    assert!(bench.node.unban(bench.now, &range));
    bench.effects();
    bench.admit(1);
}

#[test]
fn what_comes_late_for_an_old_number_is_ignored() {
    let mut bench = Bench::new(false, |_| {});
    let conn = bench.admit(1);
    bench.node.handle(bench.now, Input::Closed { conn, fault: Fault::ClosedByPeer });
    bench.events();
    bench.says(conn, tell(vec![address(5)]));
    bench.node.handle(bench.now, Input::Closed { conn, fault: Fault::ClosedByPeer });
    bench.answers(ConnId(77), 5);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.bans(), []);
}

#[test]
fn a_persistent_peer_that_hangs_up_at_once_is_not_hammered() {
    let mut bench = Bench::new(false, |params| params.switch.persistent = vec![address(9).into()]);
    let mut next = dials(&bench.begun);
    let mut tries = 0;
    // It takes us for another connection of the same ID: success, and then the end of file.
    while bench.now.mono < Mono::from_micros(60_000_000) {
        for (_, _, _, conn) in std::mem::take(&mut next) {
            tries += 1;
            bench.answers(conn, 9);
            bench.node.handle(bench.now, Input::Closed { conn, fault: Fault::ClosedByPeer });
        }
        next = dials(&bench.wait(SECOND));
    }
    assert!((5..=13).contains(&tries), "5 s to 8 s apart: {tries} in a minute");
}

#[test]
fn a_ban_ends_on_time_with_all_that_hangs_on_it() {
    let mut bench = Bench::new(true, |params| params.pex.crawl_period = Duration::from_hours(1));
    bench.wait(SECOND);
    bench.admit(1);
    bench.node.ban(bench.now, BanTarget::Id(id(1)), "x".into(), Some(10 * SECOND), "ops").unwrap();
    bench.events();
    bench.wait(9 * SECOND);
    assert_eq!((bench.bans().len(), bench.node.summary(bench.now).banned), (1, 1));
    bench.wait(SECOND);
    assert_eq!((bench.bans().len(), bench.node.summary(bench.now).banned), (0, 0));
    assert!(bench.events().iter().any(|event| matches!(event, Event::Ban(BanEvent::Unbanned(_)))));
}

#[test]
fn a_ban_that_ends_while_the_reactor_is_stopped_is_lifted_at_the_start() {
    let mut bench = Bench::new(true, |_| {});
    bench.admit(1);
    bench.node.ban(bench.now, BanTarget::Id(id(1)), "x".into(), Some(10 * SECOND), "ops").unwrap();
    bench.node.stop(bench.now);
    bench.wait(20 * SECOND);
    assert!(bench.node.start(bench.now));
    assert_eq!((bench.bans().len(), bench.node.summary(bench.now).banned), (0, 0));
}

#[test]
fn who_only_holds_slots_does_not_keep_an_asker_out_of_a_seed() {
    let mut bench = Bench::new(true, |params| params.switch.limits.max_inbound = 3);
    let oldest = bench.admit(1);
    bench.wait(5 * SECOND);
    bench.admit(2);
    bench.admit(3);
    bench.wait(4 * SECOND);
    assert_eq!(refusal(&bench.knock(4)), Some(Fault::Full), "each has ten seconds to ask");
    bench.wait(SECOND);
    let effects = bench.knock(4);
    assert!(effects.contains(&Effect::Close {
        conn: oldest,
        how: CloseHow::Now,
        reason: Fault::ClosedByUs(CloseReason::MadeRoom)
    }));
    assert_eq!(refusal(&effects), None);
    assert_eq!(bench.peers(), [2, 3, 4].map(id).into());
    bench.wait(10 * SECOND);
    assert_eq!(refusal(&bench.knock(2)), Some(Fault::DuplicateId), "who cannot come in anyway pushes nobody out");
    let mut file = params(id(0), place(0), true);
    file.switch.limits.max_inbound = 2;
    bench.node.tune(bench.now, file.tuning());
    assert_eq!(refusal(&bench.knock(5)), Some(Fault::Full), "nobody is let go for a lower limit");
    assert_eq!(bench.peers().len(), 3);
}

#[test]
fn a_full_node_lets_nobody_go_for_another() {
    let mut bench = Bench::new(false, |params| params.switch.limits.max_inbound = 1);
    bench.admit(1);
    bench.wait(Duration::from_hours(1));
    assert_eq!(refusal(&bench.knock(2)), Some(Fault::Full));
}

#[test]
fn a_seed_asks_who_stays_connected_again_while_it_needs_addresses() {
    let mut bench = Bench::new(true, |params| params.switch.persistent = vec![address(9).into()]);
    let conn = dials(&[std::mem::take(&mut bench.begun), bench.wait(4 * SECOND)].concat())[0].3;
    let mut asked = u32::from(asks(&bench.answers(conn, 9), conn));
    for _ in 0..10 {
        if asked > 0 {
            bench.says(conn, tell(vec![]));
        }
        let effects: Vec<Effect> = bench.wait(30 * SECOND).into_iter().map(|(_, effect)| effect).collect();
        asked += u32::from(asks(&effects, conn));
    }
    assert!(asked >= 9, "asked {asked} times in five minutes");
}

#[test]
fn a_banned_persistent_peer_stays_out_of_the_book() {
    let now = Now { mono: Mono::ZERO, wall: EPOCH };
    let ban = crate::switch::Ban::new(BanTarget::Id(id(9)), "x".into(), EPOCH, None, Some("ops"));
    let mut own = params(id(0), place(0), false);
    own.switch.persistent = vec![address(9).into(), address(8).into()];
    let rows = Rows { bans: vec![ban], ..Rows::default() };
    let key = HashKey::from_bytes([7; HashKey::LEN]);
    let (node, _) = Node::new(own, key, rows, now, SeededRng::seed_from_u64(1));
    let known: Vec<_> = node.addresses(now, None, 9).into_iter().map(|entry| entry.record.address).collect();
    assert_eq!(known, [address(8)]);
}

#[test]
fn what_lies_in_a_banned_range_is_not_counted_as_servable() {
    let mut bench = Bench::new(false, |_| {});
    for n in 1..=4 {
        bench.admit(n);
    }
    let range = BanTarget::ip(place(2).ip());
    assert_eq!(bench.node.summary(bench.now).servable, 4);
    bench.node.ban(bench.now, range, "x".into(), None, "ops").unwrap();
    let book = bench.node.summary(bench.now);
    assert_eq!((book.servable, book.in_banned_ranges), (3, 1));
    let preview = bench.node.preview(bench.now, None, &mut SeededRng::seed_from_u64(1));
    assert_eq!((preview.servable, preview.addresses.len()), (3, 3));
}

#[test]
fn a_start_that_fails_again_for_the_same_reason_is_no_news() {
    let mut bench = Bench::new(false, |params| params.pex.bootstrap = false);
    let failed = |bench: &mut Bench| {
        let reported =
            bench.events().iter().filter(|event| matches!(event, Event::Reactor(ReactorEvent::Failed(_)))).count();
        (reported, bench.node.status(bench.now).since)
    };
    let begun = bench.now.wall;
    assert_eq!(failed(&mut bench), (1, begun));
    for _ in 0..3 {
        bench.wait(60 * SECOND);
        assert!(bench.node.start(bench.now));
        assert_eq!(failed(&mut bench), (0, begun));
    }
    bench.node.stop(bench.now);
    bench.node.start(bench.now);
    assert_eq!(failed(&mut bench), (1, bench.now.wall));
}
