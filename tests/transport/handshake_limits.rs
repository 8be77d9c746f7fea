//! The gate, floods, and listeners that several networks share.

use std::time::Duration;

use pexd::testkit::{Identity, Peer};
use pexd::transport::{BindError, ConnectionSettings, HandshakeLimits, Listener, LocalNode, RateLimit, RouteError};
use pexd::types::{Fault, Stage};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{CHAIN, Host, eventually, no_limits, settings};

/// Closed before a byte was sent: no cryptography was done for it.
async fn is_turned_away(mut stream: TcpStream) -> bool {
    let mut byte = [0];
    !matches!(stream.read(&mut byte).await, Ok(1))
}

#[tokio::test]
async fn a_banned_ip_costs_no_cryptography() {
    let host = Host::new();
    host.local.gate().publish_bans(["127.0.0.0/8".parse().unwrap()]);
    assert!(is_turned_away(host.connect().await).await);
    host.refused(Fault::BannedIp).await;
    host.local.gate().publish_bans([]);
    assert!(Peer::dial(host.addr(), Identity::random(CHAIN)).await.is_ok());
}

#[tokio::test]
async fn who_says_nothing_takes_his_share_and_no_more() {
    let limits = HandshakeLimits { handshakes_per_ip: 8, ..no_limits() };
    let host = Host::with(ConnectionSettings { handshake_timeout: Duration::from_secs(2), ..settings() }, limits);
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut stream = host.connect().await;
        stream.read_exact(&mut [0; 35]).await.unwrap();
        held.push(stream);
    }
    for _ in 0..20 {
        assert!(is_turned_away(host.connect().await).await);
    }
    assert_eq!(host.local.gate().refusals().count_of(&Fault::HandshakeFlood), 20);
    drop(held);
    let hung_up = || host.local.gate().refusals().count_of(&Fault::ClosedInHandshake(Stage::Secret));
    eventually(|| hung_up() > 0, || "the handshakes end".into()).await;
    assert!(Peer::dial(host.addr(), Identity::random(CHAIN)).await.is_ok());
}

#[tokio::test]
async fn a_flood_of_silence_is_bounded_in_all() {
    let limits = HandshakeLimits { handshakes: 1024, ..no_limits() };
    let host = Host::with(ConnectionSettings { handshake_timeout: Duration::from_secs(30), ..settings() }, limits);
    let mut held = Vec::new();
    for _ in 0..1100 {
        held.push(host.connect().await);
    }
    let refused = || host.local.gate().refusals().count_of(&Fault::HandshakeFlood);
    eventually(|| refused() == 76, || format!("{} refusals", refused())).await;
}

#[tokio::test]
async fn new_connections_have_a_rate() {
    let limits = HandshakeLimits { per_ip: RateLimit { per_second: 1, burst: 3 }, ..no_limits() };
    let host = Host::with(settings(), limits);
    for _ in 0..3 {
        assert!(Peer::dial(host.addr(), Identity::random(CHAIN)).await.is_ok());
    }
    assert!(is_turned_away(host.connect().await).await);
    assert_eq!(host.local.gate().refusals().count_of(&Fault::ConnectionRate), 1);
}

#[tokio::test]
async fn an_ip_is_connected_once_unless_allowed() {
    let mut host = Host::with(ConnectionSettings { allow_duplicate_ip: false, ..settings() }, no_limits());
    let first = host.peer().await;
    assert!(is_turned_away(host.connect().await).await);
    host.refused(Fault::DuplicateIp).await;
    drop(first);
    let again = async {
        while Peer::dial(host.addr(), Identity::random(CHAIN)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), again).await.expect("the place is free again");
}

#[tokio::test]
async fn a_full_network_refuses() {
    let host = Host::new();
    // The receiver is never read: 64 fit.
    for _ in 0..65 {
        Peer::dial(host.addr(), Identity::random(CHAIN)).await.unwrap();
    }
    host.refused(Fault::HandshakeFlood).await;
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let host = Host::new();
    let error = Listener::bind(host.addr(), host.local.key().clone(), no_limits()).unwrap_err();
    assert!(matches!(error, BindError::InUse(addr) if addr == host.addr()), "{error}");
    let error = Listener::bind("8.8.8.8:1".parse().unwrap(), host.local.key().clone(), no_limits()).unwrap_err();
    assert!(matches!(error, BindError::NotOurs(_)), "{error}");
}

#[tokio::test]
async fn a_stopped_listener_frees_its_port() {
    let host = Host::new();
    let under_way = host.agreed().await;
    host.listener.stop().await;
    assert!(TcpStream::connect(host.addr()).await.is_err());
    let again = Listener::bind(host.addr(), host.local.key().clone(), no_limits()).unwrap();
    assert_eq!(again.local_addr(), host.addr());
    let mut under_way = under_way;
    let _ = under_way.end().await;
}

struct Chains {
    host: Host,
    second: mpsc::Receiver<pexd::transport::Upgraded>,
    second_local: std::sync::Arc<LocalNode>,
}

fn two_chains() -> Chains {
    let host = Host::new();
    let mut info = host.local.info().clone();
    info.network = "second-1".into();
    info.moniker = "second".into();
    let second_local = LocalNode::new(host.local.key().clone(), info, settings());
    let (sender, second) = mpsc::channel(8);
    host.listener.add_route(second_local.clone(), sender).unwrap();
    Chains { host, second, second_local }
}

#[tokio::test]
async fn a_shared_listener_answers_as_the_network_that_is_named() {
    let mut chains = two_chains();
    let addr = chains.host.addr();
    let (_first, info) = Peer::dial(addr, Identity::random(CHAIN)).await.unwrap();
    assert_eq!(info.network, CHAIN);
    assert_eq!(chains.host.upgraded().await.info.network, CHAIN);
    let (_second, info) = Peer::dial(addr, Identity::random("second-1")).await.unwrap();
    assert_eq!((info.network.as_str(), info.moniker.as_str()), ("second-1", "second"));
    assert_eq!(chains.second.recv().await.unwrap().info.network, "second-1");
}

#[tokio::test]
async fn a_stranger_to_a_shared_listener_sees_that_he_is_wrong() {
    let chains = two_chains();
    let (mut peer, info) = Peer::dial(chains.host.addr(), Identity::random("third-1")).await.unwrap();
    assert_eq!(info.network, CHAIN);
    peer.end().await.unwrap();
    let refused = || chains.host.listener.refusals().count_of(&Fault::WrongNetwork { actual: "third-1".into() });
    eventually(|| refused() == 1, || format!("{:?}", chains.host.listener.refusals().counts())).await;
    assert!(chains.host.local.gate().refusals().counts().is_empty(), "it is no refusal of the first network");
}

#[tokio::test]
async fn one_networks_ban_is_not_felt_in_another() {
    let chains = two_chains();
    let everyone = || ["0.0.0.0/0".parse().unwrap()];
    chains.second_local.gate().publish_bans(everyone());
    assert!(Peer::dial(chains.host.addr(), Identity::random(CHAIN)).await.is_ok());
    assert!(Peer::dial(chains.host.addr(), Identity::random("second-1")).await.is_err());
    assert_eq!(chains.second_local.gate().refusals().count_of(&Fault::BannedIp), 1);
    chains.host.local.gate().publish_bans(everyone());
    assert!(is_turned_away(chains.host.connect().await).await);
    assert_eq!(chains.host.listener.refusals().count_of(&Fault::BannedIp), 1);
}

#[tokio::test]
async fn routes_come_and_go_while_it_runs() {
    let chains = two_chains();
    let listener = &chains.host.listener;
    let (sender, _receiver) = mpsc::channel(1);
    let taken = listener.add_route(chains.second_local.clone(), sender.clone());
    assert_eq!(taken, Err(RouteError::Taken("second-1".into())));
    let stranger = crate::support::local(settings());
    assert_eq!(listener.add_route(stranger, sender), Err(RouteError::OtherKey));

    assert_eq!(listener.remove_route(CHAIN), 1);
    let (_peer, info) = Peer::dial(chains.host.addr(), Identity::random("second-1")).await.unwrap();
    assert_eq!(info.network, "second-1");
    assert_eq!(listener.remove_route("second-1"), 0);
    assert!(is_turned_away(chains.host.connect().await).await);
    assert_eq!(listener.refusals().count_of(&Fault::NotRunning), 1);
}
