//! Connections of the admin listener: a bounded number, none of which may sit there without speaking HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// Connections at once; more are closed at once.
pub(super) const MAX_CONNECTIONS: usize = 64;
/// How long a client may take to send HTTP/2's preface. Pings watch over the connection from then on.
const PREFACE_TIME: Duration = Duration::from_secs(10);
/// Bytes of that preface.
const PREFACE: usize = 24;
/// How long to wait when a connection cannot be accepted (no descriptors left), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The listener's connections, all of which end when `closing` is cancelled.
pub(super) fn incoming(
    listener: TcpListener,
    closing: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> + Send {
    let door = Door { listener, places: Arc::new(Semaphore::new(MAX_CONNECTIONS)), full: false, closing };
    stream::unfold(door, |mut door| async move {
        let connection = door.next().await;
        Some((Ok(connection), door))
    })
}

struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    full: bool,
    closing: CancellationToken,
}

impl Door {
    async fn next(&mut self) -> Connection {
        loop {
            let tcp = match self.listener.accept().await {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to the admin API");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let place = self.places.clone().try_acquire_owned();
            if place.is_err() && !self.full {
                tracing::warn!("the admin API has {MAX_CONNECTIONS} connections; more are closed until one ends");
            }
            self.full = place.is_err();
            if let Ok(place) = place {
                return Connection::new(tcp, place, &self.closing);
            }
        }
    }
}

/// An accepted connection. It gives its place back when it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    tcp: TcpStream,
    /// Until the preface has come: when it must have, and bytes that are missing.
    preface: Option<(Pin<Box<Sleep>>, usize)>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(tcp: TcpStream, place: OwnedSemaphorePermit, closing: &CancellationToken) -> Self {
        // Answers are small and waited for. A socket that refuses the option still works.
        let _ = tcp.set_nodelay(true);
        let closing = Box::pin(closing.clone().cancelled_owned());
        let preface = Some((Box::pin(tokio::time::sleep(PREFACE_TIME)), PREFACE));
        Connection { tcp, preface, closing, _place: place }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.tcp.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if let Some((deadline, _)) = &mut self.preface
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        let got = buf.filled().len() - before;
        self.preface =
            self.preface.take().filter(|(_, missing)| got < *missing).map(|(by, missing)| (by, missing - got));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn connected() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (Connection::new(tcp, place, &CancellationToken::new()), client)
    }

    async fn read_after(sent: usize) -> io::Result<usize> {
        let (mut connection, mut client) = connected().await;
        client.write_all(&vec![b'P'; sent]).await.unwrap();
        connection.read_exact(&mut vec![0; sent]).await.unwrap();
        tokio::time::pause();
        tokio::time::advance(PREFACE_TIME + Duration::from_millis(2)).await;
        tokio::time::resume();
        drop(client);
        connection.read(&mut [0; 1]).await
    }

    #[tokio::test]
    async fn a_client_that_does_not_send_the_preface_in_time_is_let_go() {
        for sent in [0, 1, PREFACE - 1] {
            assert_eq!(read_after(sent).await.unwrap_err().kind(), io::ErrorKind::TimedOut, "{sent}");
        }
    }

    #[tokio::test]
    async fn one_that_sent_it_may_be_silent() {
        for sent in [PREFACE, PREFACE + 1] {
            assert_eq!(read_after(sent).await.unwrap(), 0, "{sent}");
        }
    }
}
