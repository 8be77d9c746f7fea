//! One pexd as the seed of two chains, on one port with one ID.

use super::TWO_ROUNDS;
use crate::harness::cometbft::{CometBft, Config, Version};
use crate::harness::daemon;
use crate::harness::network::{CHAIN, Network};
use crate::harness::wait::until;

const SECOND: &str = "interop-2";

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn nodes_of_two_chains_have_one_seed_and_learn_only_their_own() {
    let network = Network::shared();
    let hub = Config::new("second-hub", Version::V034, SECOND).start();
    let other = Config::new("second-other", Version::V040, SECOND).persistent_peers([hub.address()]).start();
    let chains =
        [(CHAIN, network.hub(), network.addresses()), (SECOND, &hub, [&hub, &other].map(CometBft::address).into())];

    let seed = daemon::Config::seed("seed-of-two", &[CHAIN, SECOND]);
    let seed = chains.iter().fold(seed, |seed, (chain, hub, _)| seed.seeds(chain, [hub.address()])).start();
    for (chain, _, addresses) in &chains {
        until(
            "its own are reported",
            TWO_ROUNDS,
            || seed.reported(chain).unwrap_or_default(),
            |reported| reported.is_superset(addresses),
        );
    }

    let [first, second] = [("asks-first", CHAIN), ("asks-second", SECOND)]
        .map(|(name, chain)| Config::new(name, Version::V038, chain).seeds([seed.address()]).start());
    let second_ids = [&hub, &other].map(CometBft::id).into();
    until("the first's are found", TWO_ROUNDS, || first.peer_ids(), |seen| seen.is_superset(&network.ids()));
    until("the second's are found", TWO_ROUNDS, || second.peer_ids(), |seen| seen.is_superset(&second_ids));

    // A node's log has every address that it was reported.
    let (first_log, second_log) = (first.log(), second.log());
    assert!(network.ids().iter().all(|id| first_log.contains(&id.to_string())));
    assert!(second_ids.iter().all(|id| !first_log.contains(&id.to_string())));
    assert!(network.ids().iter().all(|id| !second_log.contains(&id.to_string())));
}
