//! One listener under one key for several chains.

use super::session::ask;
use super::*;
use crate::network::scripted::by;
use crate::types::Fault;

struct Shared {
    process: Process,
    /// Where everyone dials, whatever the chain.
    seed: NetAddress,
    one: Handle,
    other: Handle,
}

/// Two chains that publish one address; the one knows addresses of series 1, the other of series 2.
async fn shared() -> Shared {
    let process = Process::new();
    let key = Arc::new(NodeKey::from_seed(entropy()));
    let shared_listener = SharedListener::new(reserve(), open_door());
    let one = process.seed_at("one-1", key.clone(), shared_listener.clone());
    let other = process.seed_at("other-1", key, shared_listener);
    let seed = address(&one);
    let one = process.serve(one, &addresses(1, 20)).await;
    let other = process.serve(other, &addresses(2, 20)).await;
    Shared { process, seed, one, other }
}

impl Shared {
    async fn ask(&self, chain: &str) -> Result<Vec<NetAddress>, Fault> {
        ask(&self.process.dialler, self.seed, chain).await
    }
}

/// Connections that were refused as another chain's by the listener, of which both networks say the same, and not by them.
async fn strangers(shared: &Shared) -> u64 {
    let (one, other) = (shared.one.status().await.unwrap(), shared.other.status().await.unwrap());
    assert_eq!((one.refused, other.refused), (Vec::new(), Vec::new()));
    let refused = one.listener.unwrap();
    assert_eq!(refused.number, other.listener.unwrap().number);
    refused.refused.iter().filter(|(name, _)| *name == "wrong_network").map(|(_, count)| count).sum()
}

#[tokio::test]
async fn each_chains_peers_get_their_own_and_an_unknown_chain_is_refused_on_both_sides() {
    let shared = shared().await;
    for _ in 0..3 {
        assert_eq!(shared.ask("one-1").await, Ok(addresses(1, 20)));
        assert_eq!(shared.ask("other-1").await, Ok(addresses(2, 20)));
    }
    assert_eq!(strangers(&shared).await, 0);
    for _ in 0..2 {
        let refused = shared.ask("third-1").await.unwrap_err();
        assert!(matches!(refused, Fault::WrongNetwork { .. }), "{refused}");
    }
    until("both strangers are counted", async || strangers(&shared).await == 2).await;
}

#[tokio::test]
async fn one_chain_stops_and_starts_at_a_port_that_the_other_keeps() {
    let shared = shared().await;
    assert_eq!(shared.one.stop(by()).await, Ok(true));
    assert!(!is_free(shared.seed.socket()));
    assert_eq!(shared.ask("other-1").await, Ok(addresses(2, 20)));
    assert!(matches!(shared.ask("one-1").await, Err(Fault::WrongNetwork { .. })));
    assert_eq!(shared.one.start(None).await, Ok(true));
    assert_eq!(shared.ask("one-1").await, Ok(addresses(1, 20)));

    shared.other.panic().await;
    failure(&shared.other).await;
    assert_eq!(shared.ask("one-1").await, Ok(addresses(1, 20)));
    assert_eq!(shared.other.start(None).await, Ok(true));
    assert_eq!(shared.ask("other-1").await, Ok(addresses(2, 20)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_chains_may_leave_a_port_and_come_back_at_once() {
    let shared = shared().await;
    for _ in 0..50 {
        let stopped = tokio::join!(shared.one.stop(by()), shared.other.stop(by()));
        assert_eq!(stopped, (Ok(true), Ok(true)));
        assert!(is_free(shared.seed.socket()));
        let started = tokio::join!(shared.one.start(None), shared.other.start(None));
        assert_eq!(started, (Ok(true), Ok(true)));
    }
    // Whatever comes between what.
    for _ in 0..200 {
        let all = tokio::join!(
            shared.one.stop(by()),
            shared.other.stop(by()),
            shared.one.start(None),
            shared.other.start(None)
        );
        assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok() && all.3.is_ok(), "{all:?}");
        assert!(tokio::join!(shared.one.start(None), shared.other.start(None)).0.is_ok());
    }
    assert_eq!(shared.ask("one-1").await, Ok(addresses(1, 20)));
    assert_eq!(shared.ask("other-1").await, Ok(addresses(2, 20)));
}
