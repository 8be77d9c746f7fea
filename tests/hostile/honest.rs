//! Those who must not notice that there is an attack: one peer that stays connected, and one after the other that comes,
//! asks and leaves.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pexd::clock::Clock;
use pexd::testkit::{Identity, Peer};
use pexd::types::NetAddress;
use pexd::wire::mconn::Incoming;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::arena::CHAIN;

/// How long an honest peer has to wait at the most for connection, handshake and answer together.
const SERVICE: Duration = Duration::from_secs(2);
/// From one fresh peer to the next; within the listener's default rate.
const PAUSE: Duration = Duration::from_millis(100);

/// The peer that was there before the attack.
pub(crate) struct Resident(Peer);

impl Resident {
    /// Connects and says that it listens at `listen_addr`.
    pub(crate) async fn connect(at: SocketAddr, listen_addr: &str) -> Resident {
        let mut identity = Identity::random(CHAIN);
        identity.info.listen_addr = listen_addr.into();
        Resident(Peer::dial(at, identity).await.expect("an honest handshake").0)
    }

    /// Its address there.
    pub(crate) fn address(&self, ip: IpAddr, port: u16) -> NetAddress {
        NetAddress::new(self.0.identity().info.id, ip, port).expect("an address")
    }

    /// Its connection is still served.
    pub(crate) async fn check(&mut self) {
        self.0.ping().await.expect("still connected");
        while self.0.next().await.expect("still served") != Incoming::Pong {}
    }
}

/// The peers that come, ask and leave.
pub(crate) struct Visitors {
    stop: CancellationToken,
    task: JoinHandle<u32>,
}

impl Visitors {
    /// Sends them from now on; each is to be reported `named`.
    pub(crate) fn send(at: SocketAddr, named: Option<NetAddress>) -> Visitors {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut served = 0;
            while !stopped.is_cancelled() {
                visit(at, named).await;
                served += 1;
                tokio::time::sleep(PAUSE).await;
            }
            served
        });
        Visitors { stop, task }
    }

    /// Sends no more; all that came were served.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        assert!(self.task.await.expect("honest peers are served") > 0, "somebody came during the attack");
    }
}

/// One peer comes, asks and leaves, all in good time.
pub(crate) async fn visit(at: SocketAddr, named: Option<NetAddress>) {
    let began = Clock.mono();
    let mut visitor = Identity::random(CHAIN);
    // An address that no book takes: hundreds of visitors must not crowd out in the answers what each is to be reported.
    visitor.info.listen_addr = "255.255.255.255:26656".to_owned();
    let (mut peer, _) = Peer::dial(at, visitor).await.expect("an honest handshake");
    let reported = peer.ask().await.expect("an answer");
    let took = Clock.mono().since(began);
    assert!(took <= SERVICE, "an honest peer waited {took:?}");
    assert!(named.is_none_or(|named| reported.contains(&named)), "{named:?} is missing in {reported:?}");
}
