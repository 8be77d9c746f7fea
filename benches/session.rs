//! What peers cost us: the CPU of a whole session (connect, handshake, request, 250 addresses, close), and the memory of
//! idle peers. The server has a thread of its own, whose time is read from the kernel; clients are not counted.

use std::fs;
use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use pexd::testkit::{Identity, Peer};
use pexd::transport::{DoorLimits, FromPeer, Listener, Local, PeerHandle, PeerSaid, RateLimit, Settings, spawn_peer};
use pexd::types::{CloseHow, CloseReason, ConnId, Fault, NetAddress, NodeId};
use pexd::wire::pex::Outgoing;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

const CHAIN: &str = "bench-1";
const SESSIONS: u32 = 2000;
const IDLE: usize = 2000;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Fallible<()> {
    let (tell, addr) = sync_channel(1);
    let (ask, asked) = sync_channel::<()>(1);
    let (answer, answers) = sync_channel(1);
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let served = serve(&tell);
            let measured = async {
                loop {
                    while asked.try_recv().is_err() {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    if answer.send(cpu_time()).is_err() {
                        return;
                    }
                }
            };
            tokio::select! { () = served => {}, () = measured => {} }
        });
    });
    let addr = addr.recv()?;
    let time = || -> Fallible<Duration> {
        ask.send(())?;
        Ok(answers.recv()?)
    };
    let clients = Builder::new_current_thread().enable_all().build()?;

    clients.block_on(sessions(addr, 200))?;
    let before = time()?;
    clients.block_on(sessions(addr, SESSIONS))?;
    println!("a session: {:?} of CPU", (time()? - before) / SESSIONS);

    let before = resident()?;
    let peers = clients.block_on(idle(addr))?;
    println!("an idle peer: {} bytes", (resident()? - before) / peers.len());
    Ok(())
}

/// A listener whose peers are answered and let go, as a seed does.
async fn serve(tell: &std::sync::mpsc::SyncSender<SocketAddr>) {
    let off = RateLimit { per_second: 0, burst: 0 };
    let limits = DoorLimits { handshakes_per_ip: 0, handshakes: 0, per_ip: off, per_range: off };
    let ours = Identity::random(CHAIN);
    let settings = Settings { allow_duplicate_ip: true, ..Settings::default() };
    let local = Local::new(ours.key.clone(), ours.info, settings);
    let laddr = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(laddr, ours.key, limits).expect("loopback has a free port");
    let (sender, mut upgraded) = mpsc::channel(64);
    listener.add_route(local, sender).expect("the first route");
    let _ = tell.send(listener.local_addr());

    let addresses = addresses();
    let (inbox, mut said) = mpsc::channel::<FromPeer>(256);
    let mut peers = std::collections::HashMap::<ConnId, PeerHandle>::new();
    for number in 0.. {
        let conn = ConnId(number);
        loop {
            tokio::select! {
                Some(peer) = upgraded.recv() => {
                    peers.insert(conn, spawn_peer(peer, conn, inbox.clone()));
                    break;
                }
                Some(FromPeer { conn, what }) = said.recv() => match what {
                    PeerSaid::Message(..) => {
                        let peer = &peers[&conn];
                        let _ = peer.try_send(Outgoing::Addresses(addresses.clone()));
                        peer.close(CloseHow::Flush, Fault::ClosedByUs(CloseReason::Answered));
                    }
                    PeerSaid::Closed(_) => drop(peers.remove(&conn)),
                }
            }
        }
    }
}

async fn sessions(addr: SocketAddr, count: u32) -> Fallible<()> {
    for _ in 0..count {
        let (mut peer, _) = Peer::dial(addr, Identity::random(CHAIN)).await?;
        assert_eq!(peer.ask().await?.len(), 250);
        peer.end().await?;
    }
    Ok(())
}

/// Peers whose own end is a file descriptor and nothing more.
async fn idle(addr: SocketAddr) -> Fallible<Vec<std::net::TcpStream>> {
    let mut peers = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        peers.push(Peer::dial(addr, Identity::random(CHAIN)).await?.0.into_stream().into_std()?);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(peers)
}

fn addresses() -> Vec<NetAddress> {
    let address = |n: u32| {
        let id = NodeId::from_bytes([n as u8; 20]);
        NetAddress::new(id, std::net::Ipv4Addr::from(0x0808_0000 + n).into(), 26656).expect("a public address")
    };
    (0..250).map(address).collect()
}

/// The CPU time of this thread so far.
fn cpu_time() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

/// Resident bytes of this process.
fn resident() -> Fallible<usize> {
    let told = fs::read_to_string("/proc/self/statm")?;
    let pages: usize = told.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok(pages * 4096)
}
