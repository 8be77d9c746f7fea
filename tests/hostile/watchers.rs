//! Operators' readers that watch and never read: they cost bounded memory, and nobody else waits for them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use pexd::admin::{Admin, AdminSettings};
use pexd::network::{ChangeAuthor, Directory};
use pexd::node::row::BanTarget;
use pexd::proto::pexd::v1::WatchEventsRequest;
use pexd::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use pexd::testkit::NoFiles;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::arena::{Arena, KIB, Setup, attack};

/// Hosts with ten readers each.
const HOSTS: u8 = 10;
const READERS: usize = 10;
/// Changes by an operator, each of which is two events: some 1.5 MB for each reader.
const CHANGES: usize = 2_000;

/// What a reader may hold: 400 KiB is what HTTP/2 sends ahead into a window that was promised, and the rest is ours. The
/// ring and all that happens besides take 8 MiB.
const MEMORY: usize = HOSTS as usize * READERS * 440 * KIB + 8 * 1024 * KIB;

#[test]
fn a_hundred_readers_that_never_read_cost_bounded_memory() {
    attack(Setup::default(), MEMORY, async |arena: &Arena| {
        let admin = Admin::bind(AdminSettings::open_loopback(0)).await.unwrap();
        let (at, end) = (admin.local_addr().unwrap(), CancellationToken::new());
        let directory = Directory::new([arena.handle.clone()], None);
        let api =
            tokio::spawn(admin.serve(directory, Arc::new(NoFiles), NoFiles::process(), end.clone().cancelled_owned()));
        let (mut readers, stalled) = (Vec::new(), Arc::<AtomicBool>::default());
        for host in 0..HOSTS {
            let channel = channel(Ipv4Addr::new(127, 0, 1, host + 1), at, stalled.clone()).await;
            for _ in 0..READERS {
                let request = WatchEventsRequest { from_oldest: true, ..Default::default() };
                let mut client = ReactorServiceClient::new(channel.clone());
                readers.push(client.watch_events(request).await.unwrap().into_inner());
            }
        }
        stalled.store(true, Ordering::Relaxed);
        let by = ChangeAuthor { author: "ops".into(), method: "Tests.Change" };
        let target = BanTarget::ip([203, 0, 113, 1].into());
        for _ in 0..CHANGES / 2 {
            arena.handle.ban(by.clone(), target, "x".repeat(200), None).await.unwrap();
            arena.handle.unban(by.clone(), target).await.unwrap();
        }
        end.cancel();
        drop(readers);
        api.await.unwrap().unwrap();
    });
}

/// A connection that comes from this address, and from which nothing is read once `stalled` is set.
async fn channel(from: Ipv4Addr, at: SocketAddr, stalled: Arc<AtomicBool>) -> Channel {
    let connector = tower::service_fn(move |_: Uri| {
        let stalled = stalled.clone();
        async move {
            let socket = TcpSocket::new_v4()?;
            socket.bind((from, 0).into())?;
            let tcp = socket.connect(at).await?;
            std::io::Result::Ok(TokioIo::new(Stalling { tcp, stalled }))
        }
    });
    Endpoint::from_shared(format!("http://{at}")).unwrap().connect_with_connector(connector).await.unwrap()
}

/// A connection that promises to take much and takes nothing.
struct Stalling {
    tcp: TcpStream,
    stalled: Arc<AtomicBool>,
}

impl AsyncRead for Stalling {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.stalled.load(Ordering::Relaxed) { Poll::Pending } else { Pin::new(&mut self.tcp).poll_read(cx, buf) }
    }
}

impl AsyncWrite for Stalling {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
