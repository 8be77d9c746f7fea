//! More connections than anybody needs.

use std::time::Duration;

use pexd::types::{Fault, Stage};
use tokio::net::TcpStream;

use crate::arena::{AT_ONCE, Arena, Attacker, KIB, Setup, attack, count};

const TIMEOUT: Duration = Duration::from_millis(1_500);
/// The default bounds of a listener.
const HANDSHAKES_PER_IP: usize = 64;
const BURST_PER_IP: usize = 200;

fn short_handshakes() -> Setup {
    // Both ends are in this process.
    rlimit::increase_nofile_limit(4_096).expect("files for both ends");
    Setup { handshake_timeout: TIMEOUT, ..Setup::default() }
}

async fn connect(attacker: &Attacker, times: usize) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(times);
    for _ in 0..times {
        streams.push(attacker.connect().await);
    }
    streams
}

async fn refused(arena: &Arena, name: &str) -> u64 {
    count(&arena.status().await.refused, name)
}

#[test]
fn a_thousand_silent_connections_of_one_ip_get_its_share() {
    attack(short_handshakes(), 1024 * KIB, async |arena| {
        let attacker = arena.attacker();
        let _silent = connect(&attacker, 1_000).await;
        arena.refused_by("handshake_flood", 1_000 - HANDSHAKES_PER_IP as u64, AT_ONCE).await;
        assert_eq!(refused(arena, "timed_out").await, 0, "the rest is under way");
        arena.refused_by("timed_out", HANDSHAKES_PER_IP as u64, TIMEOUT + AT_ONCE).await;
        arena.refuses_after(&attacker, Fault::TimedOut(Stage::Secret), TIMEOUT).await;
        assert_eq!(refused(arena, "timed_out").await, HANDSHAKES_PER_IP as u64);
    });
}

#[test]
fn a_thousand_silent_connections_of_many_ips_end_in_time() {
    attack(short_handshakes(), 8 * 1024 * KIB, async |arena| {
        let attackers: Vec<Attacker> = (0..15).map(|_| arena.attacker()).collect();
        let mut silent = Vec::new();
        for attacker in &attackers {
            silent.extend(connect(attacker, HANDSHAKES_PER_IP).await);
        }
        arena.refused_by("timed_out", silent.len() as u64, TIMEOUT + AT_ONCE).await;
        assert_eq!(refused(arena, "handshake_flood").await, 0, "all of them were let in");
    });
}

#[test]
fn connections_that_come_and_go_are_slowed_down() {
    attack(Setup::default(), 128 * KIB, async |arena| {
        let attacker = arena.attacker();
        let most = BURST_PER_IP + 100;
        for _ in 0..4 * BURST_PER_IP {
            drop(attacker.connect().await);
            // So that it is over before the next, and the bound on handshakes is not met.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        arena.refused_by("connection_rate", (4 * BURST_PER_IP - most) as u64, AT_ONCE).await;
        let let_in = refused(arena, "closed_in_handshake").await;
        assert!(let_in <= most as u64, "{let_in}");
    });
}
