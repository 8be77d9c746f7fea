//! Who is refused for what, on both sides of the connection.

use std::time::Duration;

use pexd::proto::pexd::v1::SeedOutcome;
use pexd::types::NodeId;

use super::TWO_ROUNDS;
use crate::harness::cometbft::{self, Version};
use crate::harness::daemon::{self, Pexd};
use crate::harness::home::NodeKey;
use crate::harness::network::{CHAIN, Network};
use crate::harness::wait::{throughout, until, until_true};

const OTHER_CHAIN: &str = "interop-other";

/// Some tries of a persistent peer, which are 5 s apart but for the first two.
const TRIES: Duration = Duration::from_secs(20);
const MAX_TRIES: usize = 10;

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn a_node_of_another_chain_is_told_as_that_on_both_sides() {
    let foreign = cometbft::Config::new("foreign", Version::V037, OTHER_CHAIN).start();
    let node = daemon::Config::node("meets-foreign", CHAIN).seeds(CHAIN, [foreign.address()]).start();

    let seed = || node.seeds(CHAIN).remove(&foreign.address()).expect("it is configured");
    let seed = until("we dialled it", TWO_ROUNDS, seed, |seed| seed.last_outcome() != SeedOutcome::Untried);
    assert_eq!((seed.last_outcome(), seed.actual_network.as_str()), (SeedOutcome::WrongNetwork, OTHER_CHAIN));
    until_true("it knows why", TRIES, || foreign.log().contains("is on a different network"));

    let dials_us =
        cometbft::Config::new("foreign-dials", Version::V038, OTHER_CHAIN).persistent_peers([node.address()]);
    let dials_us = dials_us.start();
    until_true("we counted its dial", TRIES, || node.refusals(CHAIN, "wrong_network") > 0);
    until_true("the dialler knows why", TRIES, || dials_us.log().contains("is on a different network"));
    assert!(node.peers(CHAIN).is_empty());
}

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn a_key_that_is_not_the_dialled_id_is_told_on_both_sides() {
    let real = cometbft::Config::new("another-key", Version::V034, CHAIN).start();
    let nobody = NodeKey::generate().id();
    let wrong = format!("{nobody}@{}", real.laddr());
    let node = daemon::Config::node("meets-wrong-key", CHAIN).seeds(CHAIN, [wrong.clone()]).start();

    let seed = || node.seeds(CHAIN).remove(&wrong).expect("it is configured");
    let seed = until("we dialled it", TWO_ROUNDS, seed, |seed| seed.last_outcome() != SeedOutcome::Untried);
    assert_eq!((seed.last_outcome(), seed.actual_id), (SeedOutcome::WrongIdentity, real.id().to_string()));
    until_true("it saw us hang up", TRIES, || real.log().contains("auth failure"));

    let wrong = format!("{nobody}@{}", node.laddr());
    let mistaken = cometbft::Config::new("mistaken", Version::V040, CHAIN).persistent_peers([wrong]).start();
    until(
        "the dialler knows why",
        TRIES,
        || mistaken.log(),
        |log| log.contains(&mismatch(node.id(), &nobody.to_string())),
    );
    until_true("we saw it hang up", TRIES, || node.refusals(CHAIN, "closed_in_handshake") > 0);
    assert!(node.peers(CHAIN).is_empty());
}

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn a_duplicate_is_told_on_both_sides_and_the_old_connection_stays() {
    let hub = Network::shared().hub();
    let node = daemon::Config::node("meets-duplicate", CHAIN).persistent_peers([hub.address()]).start();
    let first = cometbft::Config::new("first", Version::V038, CHAIN).persistent_peers([node.address()]).start();
    let wanted = [hub.id(), first.id()];
    until("both are connected", TWO_ROUNDS, || node.peer_ids(CHAIN), |ids| wanted.iter().all(|id| ids.contains(id)));
    let connections = || wanted.map(|id| node.peers(CHAIN).get(&id).map(|peer| peer.connection));
    let before = connections();

    let second = cometbft::Config::new("second", Version::V040, CHAIN).key(first.key());
    let second = second.persistent_peers([node.address()]).start();
    until_true("we counted the second", TRIES, || node.refusals(CHAIN, "duplicate_id") > 0);
    until_true("the second saw the end", TRIES, || second.log().contains("Stopping peer for error"));

    let twin = daemon::Config::node("twin", CHAIN).key(node.key()).persistent_peers([hub.address()]).start();
    let duplicate = format!("duplicate ID<{}>", node.id());
    until_true("the hub knows why", TRIES, || hub.log().contains(&duplicate));
    let reached = |twin: &Pexd| twin.peers(CHAIN).contains_key(&hub.id());
    until_true("the twin saw the end", TRIES, || !reached(&twin));

    throughout("the old connections stay", TRIES, connections, |now| *now == before);
    let tries = hub.log().matches(&duplicate).count();
    assert!(tries <= MAX_TRIES, "the twin tried {tries} times although the hub had hung up each time");
}

pub(super) fn mismatch(actual: NodeId, dialled: &str) -> String {
    format!("conn.ID ({actual}) dialed ID ({dialled}) mismatch")
}
