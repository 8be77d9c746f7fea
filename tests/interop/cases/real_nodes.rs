//! The harness itself: what the other cases rely on.

use crate::harness::cometbft::{Config, Version};
use crate::harness::network::{CHAIN, FORMED_WITHIN, Network};
use crate::harness::wait::until;

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn a_network_of_mixed_versions_forms_and_a_node_ends_and_comes_back() {
    let network = Network::shared();
    let mut guest = Config::new("guest", Version::V038, CHAIN).persistent_peers([network.hub().address()]).start();
    let all = network.ids();
    until("the guest knows all", FORMED_WITHIN, || guest.peer_ids(), |seen| seen.is_superset(&all));

    guest.stop();
    assert!(guest.peers().is_empty());

    guest.restart();
    until("the guest is back", FORMED_WITHIN, || guest.peer_ids(), |seen| seen.is_superset(&all));
}
