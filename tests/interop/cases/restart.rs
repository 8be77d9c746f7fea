//! What pexd still knows after its end, polite or not.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use pexd::proto::pexd::v1::Direction;

use super::TWO_ROUNDS;
use crate::harness::daemon::{Config, Pexd};
use crate::harness::home::NodeKey;
use crate::harness::network::{CHAIN, Network};
use crate::harness::wait::until;

/// What peers say is on disk after a second.
const SAVED: Duration = Duration::from_secs(3);

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn book_seeds_and_bans_outlive_the_process_and_the_book_alone_finds_peers() {
    let network = Network::shared();
    let (ids, addresses) = (network.ids(), network.addresses());
    let (hub, added) = (network.nodes[0].address(), network.nodes[1].address());
    let banned = [NodeKey::generate().id().to_string(), "198.51.100.0/24".to_owned()];

    let mut node = Config::node("restarted", CHAIN).seeds(CHAIN, [hub.clone()]).start();
    until("connected to all", TWO_ROUNDS, || node.peer_ids(CHAIN), |seen| seen.is_superset(&ids));
    node.add_seed(CHAIN, &added);
    banned.iter().for_each(|target| node.ban(CHAIN, target, "seen in a bad place"));
    sleep(SAVED);

    let known = |node: &Pexd| {
        let seeds: BTreeSet<String> = node.seeds(CHAIN).into_keys().collect();
        assert_eq!(seeds, [hub.clone(), added.clone()].into());
        let bans = node.bans(CHAIN);
        assert!(banned.iter().all(|target| bans[target].reason == "seen in a bad place"), "{bans:#?}");
        let book: BTreeSet<String> = node.addresses(CHAIN).into_keys().collect();
        assert!(book.is_superset(&addresses), "{book:#?}");
    };
    known(&node);
    node.kill();
    node.start();
    known(&node);
    until("connected again", TWO_ROUNDS, || node.peer_ids(CHAIN), |seen| seen.is_superset(&ids));

    node.remove_seed(CHAIN, &added);
    node.stop();
    node.empty_seeds_of_file(CHAIN);
    node.start();
    assert!(node.seeds(CHAIN).is_empty());
    let dialled = || {
        let peers = node.peers(CHAIN).into_iter();
        peers.filter(|(_, peer)| peer.direction() == Direction::Outbound).map(|(id, _)| id).collect::<BTreeSet<_>>()
    };
    until("found from the book alone", TWO_ROUNDS, dialled, |seen| seen.is_superset(&ids));
}
