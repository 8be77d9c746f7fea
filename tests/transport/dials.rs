//! Our own dials: who answers, and why nobody does.

use std::net::SocketAddr;
use std::time::Duration;

use pexd::testkit::{Identity, Peer};
use pexd::transport::{ConnectionSettings, DialLimits, Dialled, Dialler};
use pexd::types::{Fault, NodeId, PeerAddress, Stage};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::support::{CHAIN, Host, Served, addresses, eventually, local, no_limits, settings};

fn target(id: NodeId, remote: SocketAddr) -> PeerAddress {
    format!("{id}@{remote}").parse().unwrap()
}

async fn dial(settings: ConnectionSettings, target: PeerAddress) -> Dialled {
    Dialler::new(DialLimits::default()).dial(local(settings), target).await
}

/// Somebody on loopback who runs a script on the first connection.
async fn somebody<F: Future<Output = ()> + Send + 'static>(
    script: impl FnOnce(tokio::net::TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { script(listener.accept().await.unwrap().0).await });
    addr
}

const ANYBODY: NodeId = NodeId::from_bytes([9; 20]);

#[tokio::test]
async fn the_two_sides_of_pexd_understand_each_other() {
    let mut host = Host::new();
    let dialled = dial(settings(), target(host.local.key().id(), host.addr())).await;
    let upgraded = dialled.result.unwrap();
    assert_eq!((upgraded.remote, &upgraded.info), (host.addr(), host.local.info()));
    assert_eq!(dialled.remote, Some(host.addr()));
    let mut ours = Served::new(*upgraded);
    let mut theirs = Served::new(host.upgraded().await);
    theirs.handle.try_send(pexd::wire::pex::Outgoing::Addresses(addresses(250).into())).unwrap();
    let message = ours.message().await;
    assert_eq!(message, pexd::wire::pex::Received::Addresses { addresses: addresses(250), total: 250 });
    ours.handle.try_send(pexd::wire::pex::Outgoing::Request).unwrap();
    assert_eq!(theirs.message().await, pexd::wire::pex::Received::Request);
}

#[tokio::test]
async fn a_name_is_resolved_and_filtered() {
    let host = Host::new();
    let by_name: PeerAddress = format!("{}@localhost:{}", host.local.key().id(), host.addr().port()).parse().unwrap();
    assert!(dial(settings(), by_name.clone()).await.result.is_ok());
    let strict = ConnectionSettings { strict: true, ..settings() };
    assert_eq!(dial(strict, by_name).await.result.unwrap_err(), Fault::Unroutable);
    let nowhere = format!("{ANYBODY}@no-such-name.invalid:1").parse().unwrap();
    let dialled = dial(settings(), nowhere).await;
    assert_eq!((dialled.remote, dialled.result.unwrap_err()), (None, Fault::Unresolved));
}

#[tokio::test]
async fn somebody_else_is_no_success_and_learns_nothing() {
    let host = Host::new();
    let dialled = dial(settings(), target(ANYBODY, host.addr())).await;
    assert_eq!(dialled.result.unwrap_err(), Fault::WrongId { actual: host.local.key().id() });
    // In which stage depends on whether our own proof was out already.
    let hung_up = || host.local.gate().refusals().count_of(&Fault::ClosedInHandshake(Stage::Secret));
    eventually(|| hung_up() == 1, || "it hangs up".into()).await;
}

#[tokio::test]
async fn ourselves_and_other_networks_are_told_apart() {
    let host = Host::new();
    let dialler = Dialler::new(DialLimits::default());
    let ourselves = dialler.dial(host.local.clone(), target(host.local.key().id(), host.addr())).await;
    assert_eq!(ourselves.result.unwrap_err(), Fault::Ourselves);

    let identity = Identity::random("other-1");
    let id = identity.key.id();
    let addr = somebody(async |stream| drop(Peer::meet(stream, identity).await)).await;
    let other = dial(settings(), target(id, addr)).await;
    assert_eq!(other.result.unwrap_err(), Fault::WrongNetwork { actual: "other-1".into() });

    let mut identity = Identity::random(CHAIN);
    identity.info.channels = vec![0x40];
    let id = identity.key.id();
    let addr = somebody(async |stream| drop(Peer::meet(stream, identity).await)).await;
    assert_eq!(dial(settings(), target(id, addr)).await.result.unwrap_err(), Fault::NoCommonChannel);
}

#[tokio::test]
async fn nobody_there_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let dialled = dial(settings(), target(ANYBODY, addr)).await;
    assert_eq!((dialled.remote, dialled.result.unwrap_err()), (Some(addr), Fault::Refused));
}

#[tokio::test]
async fn each_stage_has_its_own_time() {
    let addr = somebody(async |stream| {
        sleep(Duration::from_secs(20)).await;
        drop(stream);
    })
    .await;
    let began = Instant::now();
    assert_eq!(dial(settings(), target(ANYBODY, addr)).await.result.unwrap_err(), Fault::TimedOut(Stage::Secret));
    assert!(began.elapsed() >= Duration::from_millis(300));

    let identity = Identity::random(CHAIN);
    let id = identity.key.id();
    let addr = somebody(async |stream| {
        let mut peer = Peer::agree(stream, identity).await.unwrap();
        peer.prove().await.unwrap();
        sleep(Duration::from_secs(20)).await;
    })
    .await;
    assert_eq!(dial(settings(), target(id, addr)).await.result.unwrap_err(), Fault::TimedOut(Stage::NodeInfo));
}

#[tokio::test]
async fn hanging_up_is_told_with_its_stage() {
    let addr = somebody(async |mut stream| {
        stream.read_exact(&mut [0; 35]).await.unwrap();
    })
    .await;
    let closed = dial(settings(), target(ANYBODY, addr)).await;
    assert_eq!(closed.result.unwrap_err(), Fault::ClosedInHandshake(Stage::Secret));
}

#[tokio::test]
async fn a_connected_or_banned_ip_is_not_dialled() {
    let host = Host::with(settings(), no_limits());
    let id = host.local.key().id();
    let ours = local(ConnectionSettings { allow_duplicate_ip: false, ..settings() });
    let dialler = Dialler::new(DialLimits::default());
    let first = dialler.dial(ours.clone(), target(id, host.addr())).await;
    let second = dialler.dial(ours.clone(), target(id, host.addr())).await;
    assert!(first.result.is_ok());
    assert_eq!(second.result.unwrap_err(), Fault::DuplicateIp);
    ours.gate().publish_bans(["127.0.0.1/32".parse().unwrap()]);
    assert_eq!(dialler.dial(ours, target(id, host.addr())).await.result.unwrap_err(), Fault::BannedIp);
}

#[tokio::test]
async fn a_place_is_dialled_once_at_a_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let dialler = Dialler::new(DialLimits::default());
    let (ours, again) = (local(settings()), local(settings()));
    let (first, second) = tokio::join!(dialler.dial(ours, target(ANYBODY, addr)), async {
        let _first = listener.accept().await.unwrap();
        let second = dialler.dial(again, target(ANYBODY, addr));
        tokio::pin!(second);
        tokio::select! {
            _ = &mut second => panic!("it waits"),
            _ = listener.accept() => panic!("it waits until the first has ended"),
            () = sleep(Duration::from_millis(150)) => {}
        }
        second.await
    });
    assert_eq!(first.result.unwrap_err(), Fault::TimedOut(Stage::Secret));
    assert_eq!(second.result.unwrap_err(), Fault::TimedOut(Stage::Secret));
}

#[tokio::test]
async fn somebody_who_waits_is_not_behind_the_dials_of_the_process() {
    let (taken, reported) = tokio::sync::oneshot::channel();
    let silent = somebody(|tcp| async move {
        taken.send(()).unwrap();
        sleep(Duration::from_secs(60)).await;
        drop(tcp);
    })
    .await;
    let host = Host::new();
    let dialler = Dialler::new(DialLimits { max_dials: 1, ..DialLimits::default() });
    let whom = target(host.local.key().id(), host.addr());
    let patient = ConnectionSettings { secret_timeout: Duration::from_secs(60), ..settings() };
    let holds_the_turn = tokio::spawn({
        let (dialler, target) = (dialler.clone(), target(ANYBODY, silent));
        async move { dialler.dial(local(patient), target).await }
    });
    reported.await.unwrap();
    assert!(dialler.dial_now(local(settings()), whom.clone()).await.result.is_ok());
    assert!(!holds_the_turn.is_finished());
    let load = dialler.load();
    assert_eq!(
        (load.under_way, load.max_dials, load.delayed_by_max_dials),
        (1, 1, 0),
        "who waits for it counts in nothing"
    );
    let waits = tokio::spawn({
        let dialler = dialler.clone();
        async move { dialler.dial(local(settings()), whom).await }
    });
    while dialler.load().delayed_by_max_dials == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    holds_the_turn.abort();
    assert!(waits.await.unwrap().result.is_ok());
    let load = dialler.load();
    assert_eq!((load.under_way, load.delayed_by_max_dials, load.delayed_by_dials_per_second), (0, 1, 0));
}
