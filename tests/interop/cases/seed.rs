//! pexd in seed mode.

use std::collections::BTreeSet;
use std::time::Duration;

use pexd::proto::pexd::v1::DialOutcome;

use super::TWO_ROUNDS;
use crate::harness::cometbft::{self, Version};
use crate::harness::daemon::{self, Pexd};
use crate::harness::network::{CHAIN, Network};
use crate::harness::wait::{until, until_true};

/// The chain of the case whose nodes are its own.
const FIVE: &str = "five-1";
/// A verified address that has just come is dialled again after six minutes, and a third more at most.
const RECHECKED: Duration = Duration::from_secs(540);

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn a_node_whose_only_seed_is_pexd_learns_the_others_and_connects_to_them() {
    let network = Network::shared();
    let seed = daemon::Config::seed("seed", &[CHAIN]).seeds(CHAIN, [network.hub().address()]).start();
    let all = network.addresses();
    until("the seed serves all", TWO_ROUNDS, || seed.servable(CHAIN), |served| served.is_superset(&all));

    let newcomer = cometbft::Config::new("newcomer", Version::V040, CHAIN).seeds([seed.address()]).start();
    let ids = network.ids();
    until("the newcomer is connected", TWO_ROUNDS, || newcomer.peer_ids(), |seen| seen.is_superset(&ids));
    until_true("the newcomer is served itself", TWO_ROUNDS, || seed.servable(CHAIN).contains(&newcomer.address()));
}

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn a_seed_verifies_a_network_of_five_and_no_longer_serves_one_that_stopped() {
    let network = Network::alone(FIVE, ["five-038", "five-034", "five-037", "five-040"]);
    let fifth = cometbft::Config::new("fifth", Version::V038, FIVE).persistent_peers([network.hub().address()]);
    let mut fifth = fifth.start();
    let seed = daemon::Config::seed("seed-of-five", &[FIVE]).seeds(FIVE, [network.hub().address()]).start();
    let four = network.addresses();
    let mut five = four.clone();
    five.insert(fifth.address());

    let reported = |seed: &Pexd| seed.reported(FIVE).unwrap_or_default();
    until("all five are served", TWO_ROUNDS, || reported(&seed), |reported| reported.is_superset(&five));
    let verified = |address: &String| seed.addresses(FIVE)[address].verified;
    assert!(five.iter().all(verified));

    fifth.stop();
    let gone = |reported: &BTreeSet<String>| !reported.contains(&fifth.address());
    until("the stopped one is no longer served", RECHECKED, || reported(&seed), gone);
    let stopped = &seed.addresses(FIVE)[&fifth.address()];
    assert_eq!(stopped.last_outcome(), DialOutcome::Refused, "{stopped:#?}");
    assert!(reported(&seed).is_superset(&four), "the others are served as before");
}
