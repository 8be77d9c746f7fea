//! Peers that are there already, that are ourselves, or that say so.

use pexd::testkit::Identity;
use pexd::types::Fault;
use pexd::wire::mconn::Incoming;

use crate::arena::{AT_ONCE, CHAIN, KIB, Setup, attack};

#[test]
fn the_same_id_twice_leaves_the_first_in_place() {
    attack(Setup::default(), 64 * KIB, async |arena| {
        let attacker = arena.attacker();
        let identity = Identity::random(CHAIN);
        let mut first = attacker.join_as(&identity).await;
        for times in 1..=5 {
            let mut second = attacker.join_as(&identity).await;
            arena.refused_by("duplicate_id", times, AT_ONCE).await;
            assert!(second.ask().await.is_err(), "the second is closed");
        }
        first.ping().await.unwrap();
        assert_eq!(first.next().await.unwrap(), Incoming::Pong);
        assert!(first.ask().await.is_ok(), "what the second asked is not counted against the first");
        let connected = arena.handle.peers().await.unwrap();
        assert_eq!(connected.iter().filter(|peer| peer.view.info.id == identity.info.id).count(), 1);
    });
}

#[test]
fn our_own_key_is_refused_as_ourselves() {
    attack(Setup::default(), 64 * KIB, async |arena| {
        let attacker = arena.attacker();
        let ourselves = Identity { key: arena.local.key().clone(), info: arena.local.info().clone() };
        let _peer = attacker.join_as(&ourselves).await;
        arena.refuses_at_once(&attacker, Fault::Ourselves).await;
        assert!(arena.handle.bans().await.unwrap().is_empty(), "we do not ban ourselves");
    });
}

#[test]
fn our_id_without_our_key_is_a_lie() {
    attack(Setup::default(), 64 * KIB, async |arena| {
        let attacker = arena.attacker();
        let mut liar = Identity::random(CHAIN);
        liar.info.id = arena.local.key().id();
        let _peer = attacker.join_as(&liar).await;
        arena.refuses_at_once(&attacker, Fault::WrongId { actual: liar.key.id() }).await;
    });
}
