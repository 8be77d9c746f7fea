//! pexd in node mode.

use std::time::Duration;

use pexd::proto::pexd::v1::Direction;

use super::TWO_ROUNDS;
use crate::harness::cometbft::{self, Version};
use crate::harness::daemon;
use crate::harness::network::{CHAIN, Network};
use crate::harness::wait::{throughout, until};

/// A ping every 60 s must be answered within 45 s, on both sides: who fails at either is gone after 105 s.
const PINGS: Duration = Duration::from_secs(130);

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn a_node_learns_answers_and_stays_connected_to_real_nodes() {
    let network = Network::shared();
    let node = daemon::Config::node("node", CHAIN).seeds(CHAIN, [network.hub().address()]).start();
    let all = network.ids();
    until("connected to all", TWO_ROUNDS, || node.peer_ids(CHAIN), |seen| seen.is_superset(&all));
    let hub = network.hub().id().to_string();
    let book = node.addresses(CHAIN);
    let learned = |address| book[address].source.as_ref().is_some_and(|source| all.contains(&daemon::id(&source.id)));
    let addresses = network.addresses();
    assert!(addresses.iter().filter(|address| !address.starts_with(&hub)).all(learned), "{book:#?}");

    let requester = cometbft::Config::new("asker", Version::V038, CHAIN).persistent_peers([node.address()]).start();
    until("the requester learned all from us", TWO_ROUNDS, || requester.peer_ids(), |seen| seen.is_superset(&all));
    let peers = node.peers(CHAIN);
    let asked = &peers[&requester.id()];
    assert_eq!(asked.direction(), Direction::Inbound);
    assert!(asked.request_count > 0, "{asked:#?}");

    let connections = |chain| {
        let peers = node.peers(chain).into_iter();
        let kept = peers.filter(|(id, _)| all.contains(id) || *id == requester.id());
        kept.map(|(id, peer)| (id, peer.connection)).collect::<Vec<_>>()
    };
    let before = connections(CHAIN);
    throughout("every connection lasts", PINGS, || connections(CHAIN), |now| *now == before);
    assert!(requester.peer_ids().contains(&node.id()));
    assert!(network.nodes.iter().all(|real| real.peer_ids().contains(&node.id())));
}
