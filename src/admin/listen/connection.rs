//! An accepted connection that speaks HTTP/2, as the gRPC server reads and writes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::opening::PREFACE;
use crate::admin::auth::peer_credentials::{ConnectionSource, RemoteClient};
use crate::rate_limit::Permit;

/// How long a client may take to authenticate, where that is required.
const ENTRY_TIME: Duration = Duration::from_secs(30);

/// What a connection runs over.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// An accepted connection whose preface was read. It returns its permit when it is dropped.
#[derive(Debug)]
pub(in crate::admin) struct Connection {
    stream: Wire,
    remote: RemoteClient,
    /// What was read of the preface, and the server has not got yet.
    preface: &'static [u8],
    /// Until the client has shown who it is.
    patience: Option<Pin<Box<Sleep>>>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    _permit: Permit<ConnectionSource>,
}

impl Connection {
    pub(super) fn new(
        stream: Wire,
        remote: RemoteClient,
        permit: Permit<ConnectionSource>,
        closing: CancellationToken,
    ) -> Self {
        let patience = (!remote.has_entered()).then(|| Box::pin(tokio::time::sleep(ENTRY_TIME)));
        let closing = Box::pin(closing.cancelled_owned());
        Connection { stream, remote, preface: PREFACE, patience, closing, _permit: permit }
    }

    /// Whether the client was waited for long enough.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(patience) = &mut self.patience else { return false };
        if self.remote.has_entered() {
            self.patience = None;
            return false;
        }
        patience.as_mut().poll(cx).is_ready()
    }
}

impl Connected for Connection {
    type ConnectInfo = RemoteClient;

    fn connect_info(&self) -> RemoteClient {
        self.remote.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if self.is_late(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if !self.preface.is_empty() {
            let (now, later) = self.preface.split_at(self.preface.len().min(buf.remaining()));
            buf.put_slice(now);
            self.preface = later;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::rate_limit::{PermitLimits, Permits};

    async fn connected(trusted: bool) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, address) = listener.accept().await.unwrap();
        let remote = RemoteClient::tcp(address, trusted);
        let one = PermitLimits { total: 1, per_key: 1 };
        let permit = Arc::new(Permits::default()).acquire(remote.source, one).unwrap();
        (Connection::new(Wire::Tcp(tcp), remote, permit, CancellationToken::new()), client)
    }

    /// What a read gives when the client sent nothing after the preface for so long.
    async fn read_after((mut connection, client): (Connection, TcpStream), time: Duration) -> io::Result<usize> {
        connection.read_exact(&mut [0; PREFACE.len()]).await?;
        tokio::time::pause();
        tokio::time::advance(time + Duration::from_millis(2)).await;
        tokio::time::resume();
        drop(client);
        connection.read(&mut [0; 1]).await
    }

    #[tokio::test]
    async fn the_server_reads_the_preface_and_then_what_follows_it() {
        let (mut connection, mut client) = connected(true).await;
        client.write_all(b"settings").await.unwrap();
        let mut read = vec![0; PREFACE.len() + 8];
        for part in read.chunks_mut(7) {
            connection.read_exact(part).await.unwrap();
        }
        assert_eq!(read, [PREFACE, b"settings"].concat());
    }

    #[tokio::test]
    async fn one_that_is_trusted_may_be_silent() {
        assert_eq!(read_after(connected(true).await, ENTRY_TIME).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn one_that_has_to_show_who_it_is_may_be_silent_only_when_it_did() {
        let stranger = connected(false).await;
        assert_eq!(read_after(stranger, ENTRY_TIME).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(read_after(connected(false).await, ENTRY_TIME / 2).await.unwrap(), 0, "it has more time");
        let known = connected(false).await;
        known.0.remote.enter();
        assert_eq!(read_after(known, ENTRY_TIME).await.unwrap(), 0);
    }
}
