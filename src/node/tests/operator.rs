//! What operators do with peers at run time, and what becomes of it.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::SeedableRng as _;

use super::bench::{Bench, SECOND, asks, closed, dials, refusal, reported, tell};
use super::{address, id, place};
use crate::book::HashKey;
use crate::node::row::{BanTarget, Key, ListItem, Row, RowChange, Rows};
use crate::node::{Input, Node, Params};
use crate::pex::RetentionReason;
use crate::switch::NotDialled;
use crate::testkit::sim::params;
use crate::types::{CloseHow, CloseReason, ConnId, Direction, Fault, ListFull, PeerAddress, Purpose, SeededRng, Stage};
use crate::wire::pex::Received;

const DAY: Duration = Duration::from_hours(24);

fn persistent(n: u16) -> ListItem {
    ListItem::Persistent(address(n).into())
}

impl Bench {
    fn add(&mut self, item: ListItem) -> bool {
        self.node.add_listed(self.now, item, "ops").unwrap()
    }

    fn remove(&mut self, item: &ListItem) -> bool {
        self.node.remove_listed(self.now, item, "ops")
    }

    /// An operator's dial that reaches the peer.
    fn reach(&mut self, n: u16) -> ConnId {
        let conn = self.node.dial(self.now, address(n).into()).unwrap();
        self.effects();
        self.answers(conn, n);
        conn
    }

    fn lose(&mut self, n: u16) {
        let conn = self.node.peer_of(&id(n)).unwrap().conn;
        self.node.handle(self.now, Input::Closed { conn, fault: Fault::ClosedByPeer });
    }

    fn kept(&self, n: u16) -> RetentionReason {
        self.node.peer_of(&id(n)).unwrap().kept
    }

    /// The dials of a while, by purpose and ID.
    fn dials_within(&mut self, length: Duration) -> Vec<(Purpose, PeerAddress)> {
        dials(&self.wait(length)).into_iter().map(|(_, target, purpose, _)| (purpose, target)).collect()
    }
}

/// The rows that a store would hold.
fn stored(changes: Vec<RowChange>) -> Rows {
    let mut rows = Rows::default();
    for change in changes {
        match change.row {
            Some(Row::Delta(delta)) => rows.deltas.push(delta),
            Some(Row::Address(record)) => rows.addresses.push(record),
            other => assert_eq!(other, None, "the node keeps no such row"),
        }
    }
    rows
}

fn again(rows: Rows, bench: &Bench, change: impl FnOnce(&mut Params)) -> Node {
    let mut own = params(id(0), place(0), false);
    change(&mut own);
    Node::new(own, HashKey::from_bytes([7; HashKey::LEN]), rows, bench.now, SeededRng::seed_from_u64(1)).0
}

#[test]
fn a_persistent_peer_is_dialled_and_in_the_book_as_soon_as_it_is_added() {
    let mut bench = Bench::new(false, |_| {});
    assert!(bench.add(persistent(9)));
    assert!(!bench.add(persistent(9)), "repeating it changes nothing");
    let record = bench.node.addresses(bench.now, None, 9).remove(0).record;
    assert_eq!((record.address, record.source.id), (address(9), id(0)));
    let dial = dials(&bench.wait(Duration::ZERO));
    assert_eq!(dial.len(), 1);
    assert_eq!((&dial[0].1, dial[0].2), (&address(9).into(), Purpose::Persistent));
    bench.answers(dial[0].3, 9);
    assert_eq!(bench.kept(9), RetentionReason::Persistent);
    bench.wait(11 * SECOND);
    bench.lose(9);
    let redial = dials(&bench.wait(Duration::ZERO));
    assert_eq!(redial.len(), 1, "redialled at once");
    bench.answers(redial[0].3, 9);

    assert!(bench.remove(&persistent(9)));
    assert!(!bench.remove(&persistent(9)));
    assert_eq!(bench.kept(9), RetentionReason::Outbound, "its connection stays");
    bench.wait(11 * SECOND);
    bench.lose(9);
    let redials = bench.dials_within(DAY);
    assert!(redials.iter().all(|(purpose, _)| *purpose == Purpose::Keep), "{redials:?}");
}

#[test]
fn one_that_is_connected_already_is_persistent_from_now_on() {
    let mut bench = Bench::new(true, |_| {});
    bench.admit(9);
    assert!(bench.add(persistent(9)));
    assert_eq!(dials(&bench.wait(SECOND)).len(), 0);
    assert!(bench.node.peer_of(&id(9)).unwrap().persistent);
    bench.lose(9);
    assert_eq!(bench.dials_within(Duration::ZERO), [(Purpose::Persistent, address(9).into())]);
}

#[test]
fn a_persistent_peer_that_answers_and_hangs_up_is_not_hammered() {
    let mut bench = Bench::new(false, |params| params.switch.persistent = vec![address(9).into()]);
    let (mut dialled, mut sessions) = (dials(&bench.begun), 0);
    for _ in 0..300 {
        for (_, _, _, conn) in dialled {
            if asks(&bench.answers(conn, 9), conn) {
                bench.says(conn, tell(vec![]));
            }
            bench.lose(9);
            sessions += 1;
        }
        dialled = dials(&bench.wait(SECOND));
    }
    // Every 5 s, and at a round of ensure-peers now and then.
    assert!((30..=70).contains(&sessions), "{sessions} sessions in 5 minutes");
}

#[test]
fn what_is_against_a_dial_on_our_side_is_no_failure_of_a_persistent_peer() {
    let name = |n: u16| format!("{}@host{n}:26656", id(n)).parse::<PeerAddress>().unwrap();
    let mut bench = Bench::new(false, |params| {
        params.switch.persistent = vec![name(8), name(9)];
        params.pex.bootstrap = true;
    });
    let mut dialled = dials(&bench.wait(4 * SECOND));
    for _ in 0..40 {
        assert_eq!(dialled.len(), 2);
        for (_, target, _, conn) in dialled {
            bench.fails(conn, if target == name(8) { Fault::DuplicateIp } else { Fault::BannedIp });
        }
        dialled = dials(&bench.wait(6 * SECOND));
    }
}

#[test]
fn a_persistent_peer_waits_for_a_free_dial_without_a_failure_and_without_end() {
    let mut bench = Bench::new(false, |params| {
        params.switch.limits.max_dials = 1;
        params.switch.limits.persistent_max_period = Duration::from_nanos(1);
        params.switch.persistent = vec![address(8).into(), address(9).into()];
    });
    let mut tried = BTreeSet::new();
    let mut dialled = dials(&bench.begun);
    for _ in 0..40 {
        for (_, target, _, conn) in dialled {
            tried.insert(target.id());
            bench.fails(conn, Fault::TimedOut(Stage::Dial));
        }
        dialled = dials(&bench.wait(2 * SECOND));
    }
    assert_eq!(tried, [8, 9].map(id).into());
}

#[test]
fn a_stopped_node_dials_a_new_persistent_peer_when_it_starts() {
    let mut bench = Bench::new(false, |_| {});
    bench.node.stop(bench.now);
    assert!(bench.add(persistent(9)));
    assert_eq!(bench.dials_within(DAY), []);
    bench.node.start(bench.now);
    assert!(bench.dials_within(4 * SECOND).contains(&(Purpose::Persistent, address(9).into())));
}

#[test]
fn the_lists_survive_a_restart_and_lapse_with_the_file() {
    let mut bench = Bench::new(false, |params| params.switch.persistent = vec![address(8).into()]);
    let (open, private) = (ListItem::Unconditional(id(5)), ListItem::Private(id(6)));
    for item in [persistent(9), open.clone(), private.clone()] {
        assert!(bench.add(item));
    }
    assert!(bench.remove(&persistent(8)));
    let shown = bench.node.listed(bench.now, None, 9);
    let shown: Vec<_> = shown.into_iter().map(|entry| (entry.item, entry.from_file, entry.in_effect)).collect();
    let expected = [
        (persistent(8), true, false),
        (persistent(9), false, true),
        (open.clone(), false, true),
        (private.clone(), false, true),
    ];
    assert_eq!(shown, expected);
    let rows = stored(bench.node.take_dirty(usize::MAX));
    assert_eq!(rows.deltas.len(), 4);
    assert!(rows.deltas.iter().all(|delta| &*delta.author == "ops" && delta.at == bench.now.wall));

    let same = again(rows.clone(), &bench, |params| params.switch.persistent = vec![address(8).into()]);
    let listed = |node: &Node| {
        let entries = node.listed(bench.now, None, 9).into_iter();
        entries.map(|entry| (entry.item, entry.from_file, entry.in_effect)).collect::<Vec<_>>()
    };
    assert_eq!(listed(&same), expected);

    // The file drops what was removed, and names what was added.
    let mut other = again(rows, &bench, |params| {
        params.switch.persistent = vec![address(9).into()];
        params.switch.unconditional = [id(5)].into();
        params.book.private_ids = [id(6)].into();
    });
    assert_eq!(
        listed(&other),
        [(persistent(9), true, true), (open.clone(), true, true), (private.clone(), true, true)]
    );
    let lapsed = other.take_dirty(usize::MAX).into_iter().filter(|change| matches!(change.key, Key::Delta(_)));
    let lapsed: BTreeSet<_> = lapsed.map(|change| (change.key, change.row.is_some())).collect();
    let gone = [persistent(8), persistent(9), open, private].map(|item| (Key::Delta(item), false));
    assert_eq!(lapsed, BTreeSet::from(gone), "their rows are deleted");
}

#[test]
fn a_new_file_takes_force_as_if_its_entries_were_added_and_removed_one_by_one() {
    let mut bench = Bench::new(false, |params| {
        params.switch.persistent = vec![address(8).into()];
        params.switch.unconditional = [id(5)].into();
        params.switch.limits.max_inbound = 1;
    });
    let dial = dials(&bench.begun)[0].3;
    bench.answers(dial, 8);
    bench.admit(5);
    bench.admit(6);
    assert!(bench.add(persistent(9)), "an operator's own entry stays over the file");
    let own = dials(&bench.wait(Duration::ZERO)).remove(0).3;
    bench.answers(own, 9);

    let mut file = params(id(0), place(0), false);
    file.switch.persistent = vec![address(7).into(), address(6).into()];
    file.switch.unconditional = [id(6)].into();
    file.book.private_ids = [id(8)].into();
    file.pex.seeds = vec![address(4).into()];
    bench.node.set_file_lists(bench.now, &file);

    let dialled = bench.dials_within(Duration::ZERO);
    let wanted = [(Purpose::Seed, address(4).into()), (Purpose::Persistent, address(7).into())];
    assert_eq!(dialled, wanted, "one that is connected needs no dial");
    assert_eq!(bench.peers(), [5, 6, 8, 9].map(id).into(), "nobody is let go");
    assert_eq!([8, 9].map(|n| bench.kept(n)), [RetentionReason::Outbound, RetentionReason::Persistent]);
    assert!(bench.node.peer_of(&id(6)).unwrap().persistent);
    assert_eq!(refusal(&bench.knock(3)), Some(Fault::Full), "5 counts again, and 6 no longer does");
    bench.lose(5);
    bench.admit(3);
    let known: Vec<_> =
        bench.node.addresses(bench.now, None, 9).into_iter().map(|entry| entry.record.address).collect();
    assert!(known.contains(&address(7)) && !known.contains(&address(8)), "{known:?}");
}

#[test]
fn a_seed_has_an_account_for_as_long_as_it_is_listed() {
    let mut bench = Bench::new(true, |params| params.pex.seeds = vec![address(8).into()]);
    let conn = dials(&bench.begun)[0].3;
    bench.answers(conn, 8);
    bench.says(conn, tell(vec![address(20), address(21)]));
    let brought = |bench: &Bench| -> Vec<_> {
        bench.node.seeds().into_iter().map(|view| (view.seed.id(), view.account.brought)).collect()
    };
    assert_eq!(brought(&bench), [(id(8), 2)]);
    assert!(bench.add(ListItem::Seed(address(9).into())));
    assert_eq!((brought(&bench), bench.node.seed_accounts().len()), (vec![(id(8), 2), (id(9), 0)], 2));
    assert!(bench.remove(&ListItem::Seed(address(8).into())));
    assert_eq!(brought(&bench)[0], (id(8), 2), "what it brought may be why it was removed");
    assert_eq!(bench.node.seed_accounts().into_values().map(|account| account.brought).collect::<Vec<_>>(), [0]);
    let mut file = params(id(0), place(0), true);
    file.pex.seeds = vec![address(7).into()];
    bench.node.set_file_lists(bench.now, &file);
    assert_eq!(brought(&bench), [(id(7), 0), (id(9), 0)]);
}

#[test]
fn entries_are_walked_in_parts() {
    let mut bench = Bench::new(false, |params| params.book.private_ids = (20..25).map(id).collect());
    assert!((1..5).all(|n| bench.add(persistent(n))));
    assert!((10..14).all(|n| bench.add(ListItem::Unconditional(id(n)))));
    let all = bench.node.listed(bench.now, None, 99);
    assert_eq!(all.len(), 13);
    for max in 1..5 {
        let mut walked = Vec::new();
        loop {
            let part = bench.node.listed(bench.now, walked.last(), max);
            if part.is_empty() {
                break;
            }
            assert!(part.len() <= max);
            walked.extend(part.into_iter().map(|entry| entry.item));
        }
        assert_eq!(walked, all.iter().map(|entry| entry.item.clone()).collect::<Vec<_>>());
    }
}

#[test]
fn an_unconditional_peer_frees_its_slot_and_takes_it_again() {
    let mut bench = Bench::new(false, |params| params.switch.limits.max_inbound = 1);
    bench.admit(1);
    assert_eq!(refusal(&bench.knock(2)), Some(Fault::Full));
    assert!(bench.add(ListItem::Unconditional(id(1))));
    bench.admit(2);
    assert_eq!(refusal(&bench.knock(3)), Some(Fault::Full));
    assert!(bench.add(ListItem::Unconditional(id(3))));
    bench.admit(3);
    assert!(bench.remove(&ListItem::Unconditional(id(1))));
    assert_eq!(bench.peers().len(), 3, "nobody is let go");
    bench.lose(2);
    assert_eq!(refusal(&bench.knock(2)), Some(Fault::Full), "the slot is taken by the one that counts again");
}

#[test]
fn a_private_peer_leaves_the_book_and_is_told_of_and_believed_no_more() {
    let mut bench = Bench::new(false, |_| {});
    assert!(bench.add(persistent(2)));
    let conn = dials(&bench.wait(Duration::ZERO))[0].3;
    bench.answers(conn, 2);
    let requester = bench.admit(3);
    assert!(reported(&bench.says(requester, Received::Request)).unwrap().contains(&address(2)));
    assert!(bench.add(ListItem::Private(id(2))));
    bench.wait(31 * SECOND);
    assert!(!reported(&bench.says(requester, Received::Request)).unwrap().contains(&address(2)));
    assert!(bench.peers().contains(&id(2)), "it stays connected");
    let known = |bench: &Bench, n| {
        bench.node.addresses(bench.now, None, 99).iter().any(|entry| entry.record.address == address(n))
    };
    assert!(bench.node.peer(conn).unwrap().asked_at.is_some());
    bench.says(conn, tell(vec![address(7)]));
    assert!(!known(&bench, 7), "what it sends is not stored");

    assert!(bench.remove(&ListItem::Private(id(2))));
    assert!(!known(&bench, 2));
    bench.lose(2);
    bench.admit(2);
    assert!(known(&bench, 2), "it comes back when somebody reports it");
}

#[test]
fn lists_are_bounded() {
    let mut bench = Bench::new(false, |params| {
        params.book.private_ids = (0..1_024).map(|n| id(1_000 + n)).collect();
        params.switch.unconditional = (0..1_024).map(|n| id(1_000 + n)).collect();
    });
    for item in [ListItem::Private(id(1)), ListItem::Unconditional(id(1))] {
        assert_eq!(bench.node.add_listed(bench.now, item, "ops"), Err(ListFull));
    }
    assert!(!bench.add(ListItem::Private(id(1_000))), "what is there already needs no room");
}

#[test]
fn a_manual_peer_stays_for_good_in_either_mode() {
    for seed_mode in [false, true] {
        let mut bench = Bench::new(seed_mode, |params| params.switch.limits.max_outbound = 0);
        bench.reach(9);
        bench.wait(3 * DAY);
        assert_eq!(bench.kept(9), RetentionReason::Manual);
        bench.lose(9);
        let redials = bench.dials_within(SECOND);
        assert!(redials.iter().all(|(purpose, _)| *purpose == Purpose::Visit), "it is not redialled: {redials:?}");
    }
}

#[test]
fn an_operator_dials_when_the_crawl_has_taken_all_the_dials_it_may() {
    let mut bench = Bench::new(true, |params| params.pex.seeds = vec![address(1).into()]);
    let seed = dials(&bench.begun)[0].3;
    bench.answers(seed, 1);
    bench.says(seed, tell((100..350).map(address).collect()));
    bench.wait(Duration::ZERO);
    let under_way = bench.node.status(bench.now).dialling;
    assert_eq!(under_way, crate::switch::SwitchLimits::SEED_DIALS as u32 - 8, "the crawl leaves some");
    bench.reach(9);
    assert_eq!(bench.kept(9), RetentionReason::Manual);
}

#[test]
fn a_dial_that_is_under_way_becomes_the_operators() {
    let mut bench = Bench::new(false, |params| params.switch.persistent = vec![address(9).into()]);
    let under_way = dials(&bench.begun)[0].3;
    assert_eq!(bench.node.dial(bench.now, address(9).into()), Ok(under_way));
    assert_eq!(bench.node.dial(bench.now, address(9).into()), Ok(under_way), "and another operator's");
    assert_eq!(bench.effects(), []);
    bench.answers(under_way, 9);
    assert!(bench.peers().contains(&id(9)));
}

#[test]
fn the_rules_against_a_manual_dial() {
    let mut bench = Bench::new(false, |params| params.switch.limits.max_dials = 2);
    let dial = |bench: &mut Bench, n: u16| bench.node.dial(bench.now, address(n).into());
    assert_eq!(bench.node.dial(bench.now, address(0).into()), Err(NotDialled::Ourselves));
    bench.admit(1);
    assert_eq!(dial(&mut bench, 1), Err(NotDialled::Connected));
    bench.node.ban(bench.now, BanTarget::Id(id(2)), "x".into(), None, "ops").unwrap();
    assert_eq!(dial(&mut bench, 2), Err(NotDialled::Banned));
    let elsewhere = format!("{}@{}", id(4), place(3)).parse().unwrap();
    dial(&mut bench, 3).unwrap();
    assert_eq!(bench.node.dial(bench.now, elsewhere), Err(NotDialled::EndpointBusy));
    dial(&mut bench, 5).unwrap();
    assert_eq!(dial(&mut bench, 6), Err(NotDialled::Busy));
    bench.node.stop(bench.now);
    assert_eq!(dial(&mut bench, 6), Err(NotDialled::NotRunning));
}

#[test]
fn a_persistent_peer_that_is_disconnected_waits_for_the_next_start_or_an_operators_dial() {
    let mut bench = Bench::new(false, |params| params.switch.persistent = vec![address(9).into()]);
    let conn = dials(&bench.begun)[0].3;
    bench.answers(conn, 9);
    assert!(bench.node.disconnect(bench.now, &id(9)));
    assert_eq!(closed(&bench.effects()), Some((CloseHow::Flush, Fault::ClosedByUs(CloseReason::Operator))));
    assert!(!bench.node.disconnect(bench.now, &id(9)), "repeating it changes nothing");
    let persistent = |(_, target): &(Purpose, PeerAddress)| *target == address(9).into();
    assert!(!bench.dials_within(DAY).iter().any(persistent));
    assert_eq!(bench.node.listed(bench.now, None, 1)[0].next_dial, None);
    // Its own coming and going changes nothing.
    if !bench.peers().contains(&id(9)) {
        bench.admit(9);
    }
    bench.lose(9);
    assert!(!bench.dials_within(SECOND).iter().any(persistent));

    bench.node.stop(bench.now);
    bench.node.start(bench.now);
    assert!(bench.dials_within(4 * SECOND).iter().any(persistent));
}

#[test]
fn an_operators_dial_makes_a_disconnected_persistent_peer_persistent_again() {
    let mut bench = Bench::new(true, |params| params.switch.persistent = vec![address(9).into()]);
    let conn = dials(&bench.begun)[0].3;
    bench.answers(conn, 9);
    assert!(bench.node.disconnect(bench.now, &id(9)));
    bench.reach(9);
    bench.wait(11 * SECOND);
    bench.lose(9);
    assert!(bench.dials_within(Duration::ZERO).contains(&(Purpose::Persistent, address(9).into())));
}

#[test]
fn a_disconnect_with_a_ban_closes_at_once_and_keeps_out() {
    let mut bench = Bench::new(false, |_| {});
    bench.admit(2);
    bench.node.disconnect_and_ban(bench.now, id(2), "spam".into(), 60 * SECOND, "ops").unwrap();
    assert_eq!(closed(&bench.effects()), Some((CloseHow::Now, Fault::ClosedByUs(CloseReason::Banned))));
    assert_eq!(refusal(&bench.knock(2)), Some(Fault::BannedId));
    let ban = bench.node.bans().remove(0);
    assert_eq!((ban.reason.as_str(), &*ban.author, ban.until), ("spam", "ops", bench.now.wall + 60 * SECOND));
}

#[test]
fn a_visit_says_when_it_ends_and_why_it_is_there() {
    let mut bench = Bench::new(true, |params| params.pex.seeds = vec![address(1).into()]);
    let seed = dials(&bench.begun)[0].3;
    bench.answers(seed, 1);
    let view = bench.node.peer(seed).unwrap();
    assert_eq!((view.kept, view.leaves), (RetentionReason::Seed, bench.now.wall + 10 * SECOND));
    assert_eq!(view.dialled, Some(address(1)));
    bench.wait(9 * SECOND);
    assert!(bench.peers().contains(&id(1)));
    bench.wait(SECOND);
    assert!(!bench.peers().contains(&id(1)));
    bench.admit(2);
    let view = bench.node.peer_of(&id(2)).unwrap();
    assert_eq!((view.kept, view.direction), (RetentionReason::Requester, Direction::Inbound));
    assert_eq!(view.leaves, bench.now.wall + Duration::from_hours(28));
}
