//! Requests that come too soon, on one connection or over several.

use pexd::testkit::{Identity, Peer};
use pexd::types::Fault;
use pexd::wire::pex::Outgoing;

use crate::arena::{Arena, Attacker, CHAIN, KIB, Setup, attack};

#[test]
fn the_third_request_in_a_row_is_not_answered() {
    attack(Setup::default(), 128 * KIB, async |arena| {
        let attacker = arena.attacker();
        let mut peer = attacker.join().await;
        let id = peer.identity().info.id;
        for _ in 0..2 {
            assert!(!peer.ask().await.unwrap().is_empty(), "two are free");
        }
        assert!(peer.ask().await.is_err());
        arena.ends(&attacker, id, Fault::RequestTooSoon).await;
        assert!(arena.ban_of(id).await.is_none(), "once is no attack");
    });
}

#[test]
fn a_flood_of_requests_is_answered_twice() {
    attack(Setup::default(), 128 * KIB, async |arena| {
        let attacker = arena.attacker();
        let mut peer = attacker.join().await;
        let id = peer.identity().info.id;
        for _ in 0..1_000 {
            if peer.send_message(&Outgoing::Request).await.is_err() {
                break;
            }
        }
        arena.ends(&attacker, id, Fault::RequestTooSoon).await;
        assert!(answers(&mut peer).await <= 2);
    });
}

async fn answers(peer: &mut Peer) -> u32 {
    let mut answers = 0;
    while peer.next_message().await.is_ok() {
        answers += 1;
    }
    answers
}

/// Connects as `identity` and asks; whether there was an answer.
async fn asks_anew(attacker: &Attacker, identity: &Identity) -> bool {
    attacker.join_as(identity).await.ask().await.is_ok()
}

async fn ends_too_soon(arena: &Arena, attacker: Attacker, identity: &Identity) {
    assert!(!asks_anew(&attacker, identity).await);
    arena.ends(&attacker, identity.info.id, Fault::RequestTooSoon).await;
}

#[test]
fn reconnecting_does_not_help_and_is_no_attack() {
    attack(Setup::default(), 128 * KIB, async |arena| {
        let identity = Identity::random(CHAIN);
        for _ in 0..2 {
            assert!(asks_anew(&arena.attacker(), &identity).await, "two are free");
        }
        for _ in 0..5 {
            ends_too_soon(arena, arena.attacker(), &identity).await;
        }
        assert!(arena.ban_of(identity.info.id).await.is_none(), "a node that restarts in a loop is no attacker");
    });
}

#[test]
fn a_seed_closes_without_an_answer_and_bans_nobody_for_it() {
    attack(Setup { seed_mode: true, ..Setup::default() }, 128 * KIB, async |arena| {
        let identity = Identity::random(CHAIN);
        for _ in 0..2 {
            assert!(asks_anew(&arena.attacker(), &identity).await, "two are free");
        }
        for _ in 0..5 {
            ends_too_soon(arena, arena.attacker(), &identity).await;
        }
        assert!(arena.handle.bans().await.unwrap().is_empty());
    });
}
