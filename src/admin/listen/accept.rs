//! Accepts connections of the admin listeners: a bounded number, with TLS handshakes beside the accept loop. A connection
//! that does not speak HTTP/2, or does not authenticate where that is required, is closed after a timeout.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::tls_failure;
use crate::admin::auth::peer_credentials::{ConnectionSource, RemoteClient};
use crate::admin::auth::refusals::{Refusal, RefusalLog};
use crate::admin::auth::reload::{CredentialsInEffect, Tls};
use crate::admin::auth::tls::ClientCertificate;
use crate::admin::limits::ApiLimits;
use crate::clock::Clock;
use crate::network::{DescriptorUse, may_keep, note_accept_error};
use crate::rate_limit::{NoPermit, Permit, PermitLimits, Permits, RateTable};

/// How long a client may take for its TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// What is still read, and for how long, of a client whose handshake failed: what it sent behind its certificate would reset the
/// connection, and it would never read what is wrong.
const FAREWELL_BYTES: usize = 64 * 1024;
const FAREWELL_TIME: Duration = Duration::from_secs(1);
/// How long a client may take to send HTTP/2's preface. Pings watch over the connection from then on.
const PREFACE_TIME: Duration = Duration::from_secs(10);
/// How long it may then take to authenticate, where that is required.
const ENTRY_TIME: Duration = Duration::from_secs(30);
/// Bytes of the preface.
const PREFACE: usize = 24;
/// How long to wait when a connection cannot be accepted (no descriptors left), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Rate limit of log lines about one source that is refused, and how many sources are remembered.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
const LOG_SLOTS: usize = 256;

/// What is listened on.
#[derive(Debug)]
pub(in crate::admin) struct Listeners {
    /// TCP.
    pub(in crate::admin) tcp: Option<TcpListener>,
    /// The Unix socket.
    pub(in crate::admin) unix: Option<UnixListener>,
    /// TLS for TCP, if there is any, and whether somebody on TCP needs a credential.
    pub(in crate::admin) in_effect: Arc<CredentialsInEffect>,
}

/// The listeners' connections, all of which end when `closing` is cancelled.
pub(in crate::admin) fn incoming(
    listeners: Listeners,
    limits: &ApiLimits,
    refusals: Arc<RefusalLog>,
    closing: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> + Send + use<> {
    let acceptor = Acceptor {
        listeners,
        limits: PermitLimits { total: limits.connections, per_key: limits.connections_per_source },
        tcp_permits: Arc::default(),
        unix_permits: Arc::default(),
        log_rate: RateTable::every(LOG_INTERVAL, 1, LOG_SLOTS),
        refusals,
        handshakes: JoinSet::new(),
        closing,
    };
    stream::unfold(acceptor, |mut acceptor| async move {
        let connection = acceptor.next().await;
        Some((Ok(connection), acceptor))
    })
}

struct Acceptor {
    listeners: Listeners,
    /// On TCP, and as many on the socket: a flood on one leaves the other open.
    limits: PermitLimits,
    tcp_permits: Arc<Permits<ConnectionSource>>,
    unix_permits: Arc<Permits<ConnectionSource>>,
    /// Lines in the log about refused connections.
    log_rate: RateTable,
    /// Where failed handshakes are told.
    refusals: Arc<RefusalLog>,
    /// As many as there are permits at most. They are aborted when this is dropped.
    handshakes: JoinSet<Result<Connection, FailedHandshake>>,
    closing: CancellationToken,
}

impl Acceptor {
    async fn next(&mut self) -> Connection {
        loop {
            let Listeners { tcp, unix, in_effect } = &self.listeners;
            let connection = tokio::select! {
                accepted = accept_tcp(tcp.as_ref()) => match accepted {
                    Ok((stream, address)) => {
                        let remote = RemoteClient::tcp(address, in_effect.anonymous().is_some());
                        match in_effect.tls() {
                            Some(tls) => {
                                self.shake_hands(stream, remote, tls);
                                None
                            }
                            None => self.admit(Wire::Tcp(stream), remote),
                        }
                    }
                    Err(error) => outlast(&error).await,
                },
                accepted = accept_unix(unix.as_ref()) => match accepted {
                    Ok((stream, remote)) => self.admit(Wire::Unix(stream), remote),
                    Err(error) => outlast(&error).await,
                },
                Some(shaken) = self.handshakes.join_next() => match shaken {
                    Ok(Ok(connection)) => Some(connection),
                    Ok(Err(FailedHandshake { remote, why })) => {
                        if let Some(why) = why {
                            self.refusals.refused(Refusal::Handshake, &remote, &why, "", Clock.mono());
                        }
                        None
                    }
                    // One that panicked is one that failed.
                    Err(_) => None,
                },
            };
            if let Some(connection) = connection {
                return connection;
            }
        }
    }

    fn admit(&mut self, stream: Wire, remote: RemoteClient) -> Option<Connection> {
        let permits = if matches!(stream, Wire::Unix(_)) { &self.unix_permits } else { &self.tcp_permits };
        let permit = permits.acquire(remote.source, self.limits);
        let permit = self.or_log(permit, &remote)?;
        Some(Connection::new(stream, remote, permit, self.closing.clone()))
    }

    fn shake_hands(&mut self, stream: TcpStream, mut remote: RemoteClient, tls: Arc<Tls>) {
        let permit = self.tcp_permits.acquire(remote.source, self.limits);
        let Some(permit) = self.or_log(permit, &remote) else { return };
        self.handshakes.spawn(async move {
            // Small messages that are waited for. A socket that refuses the option still works.
            let _ = stream.set_nodelay(true);
            let stream = match timeout(HANDSHAKE_TIME, tls.acceptor.accept(stream).into_fallible()).await {
                Ok(Ok(stream)) => stream,
                Ok(Err((error, stream))) => {
                    see_off(stream).await;
                    return Err(FailedHandshake { remote, why: tls_failure::cause(&error) });
                }
                Err(_) => {
                    let why = Some(format!("it did not end the handshake within {} s", HANDSHAKE_TIME.as_secs()));
                    return Err(FailedHandshake { remote, why });
                }
            };
            let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            remote.certificate = certificate.map(|leaf| Arc::new(ClientCertificate::read(leaf)));
            Ok(Connection::new(Wire::Tls(Box::new(stream)), remote, permit, tls.epoch.clone()))
        });
    }

    /// The permit, or a line in the log now and then.
    fn or_log(
        &mut self,
        permit: Result<Permit<ConnectionSource>, NoPermit>,
        remote: &RemoteClient,
    ) -> Option<Permit<ConnectionSource>> {
        let (limit, log) = match permit {
            Ok(permit) => return Some(permit),
            // All sources together, or a flood from many would flood the log.
            Err(NoPermit::Total) => ("admin.max_connections", self.log_rate.admit("all", Clock.mono())),
            Err(NoPermit::PerKey) => {
                ("admin.max_connections_per_source", self.log_rate.admit(remote.source, Clock.mono()))
            }
        };
        if log {
            tracing::warn!(from = %remote.name, limit, "the admin API closes connections until others end");
        }
        None
    }
}

async fn accept_tcp(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        let (stream, address) = listener.accept().await?;
        if may_keep(&stream, DescriptorUse::Client) {
            return Ok((stream, address));
        }
    }
}

async fn accept_unix(listener: Option<&UnixListener>) -> io::Result<(UnixStream, RemoteClient)> {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        let (stream, _) = listener.accept().await?;
        if may_keep(&stream, DescriptorUse::Client) {
            let peer = stream.peer_cred()?;
            return Ok((stream, RemoteClient::unix(peer)));
        }
    }
}

async fn outlast(error: &io::Error) -> Option<Connection> {
    note_accept_error(error, DescriptorUse::Client);
    tokio::time::sleep(ACCEPT_PAUSE).await;
    None
}

/// A TLS handshake that came to nothing.
#[derive(Debug)]
struct FailedHandshake {
    remote: RemoteClient,
    /// `None`: the client only looked whether somebody listens.
    why: Option<String>,
}

/// Ends a connection so that the client reads the alert that says why.
async fn see_off(mut stream: TcpStream) {
    let end = async {
        stream.shutdown().await?;
        let (mut left, mut rest) = (FAREWELL_BYTES, [0; 4096]);
        while left > 0 {
            match stream.read(&mut rest).await? {
                0 => break,
                got => left = left.saturating_sub(got),
            }
        }
        io::Result::Ok(())
    };
    // However it goes, the connection is closed behind it.
    let _ = timeout(FAREWELL_TIME, end).await;
}

/// What a connection runs over.
#[derive(Debug)]
enum Wire {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// An accepted connection. It returns its permit when it is dropped.
#[derive(Debug)]
pub(in crate::admin) struct Connection {
    stream: Wire,
    remote: RemoteClient,
    /// Until the client has sent and shown what it has to.
    patience: Option<Patience>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    _permit: Permit<ConnectionSource>,
}

/// How long a client is waited for.
#[derive(Debug)]
struct Patience {
    until: Pin<Box<Sleep>>,
    /// Bytes of the preface that have not come.
    missing: usize,
}

impl Connection {
    fn new(stream: Wire, remote: RemoteClient, permit: Permit<ConnectionSource>, closing: CancellationToken) -> Self {
        if let Wire::Tcp(tcp) = &stream {
            // Answers are small and waited for. A socket that refuses the option still works.
            let _ = tcp.set_nodelay(true);
        }
        let closing = Box::pin(closing.cancelled_owned());
        let patience = Patience { until: Box::pin(tokio::time::sleep(PREFACE_TIME)), missing: PREFACE };
        Connection { stream, remote, patience: Some(patience), closing, _permit: permit }
    }

    /// Whether the client was waited for long enough.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(patience) = &mut self.patience else { return false };
        if patience.missing == 0 && self.remote.has_entered() {
            self.patience = None;
            return false;
        }
        patience.until.as_mut().poll(cx).is_ready()
    }

    fn note_read(&mut self, got: usize, cx: &mut Context<'_>) {
        let Some(patience) = &mut self.patience else { return };
        let before = patience.missing;
        patience.missing = before.saturating_sub(got);
        if before > 0 && patience.missing == 0 && !self.remote.has_entered() {
            patience.until.as_mut().reset(Instant::now() + ENTRY_TIME);
            // To be woken at the new time. It cannot be over yet.
            let _ = patience.until.as_mut().poll(cx);
        }
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
        let before = buf.filled().len();
        ready!(match &mut self.stream {
            Wire::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        let got = buf.filled().len() - before;
        self.note_read(got, cx);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Wire::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Wire::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Wire::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn connected(entered: bool) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, address) = listener.accept().await.unwrap();
        let remote = RemoteClient::tcp(address, entered);
        let one = PermitLimits { total: 1, per_key: 1 };
        let permit = Arc::new(Permits::default()).acquire(remote.source, one).unwrap();
        (Connection::new(Wire::Tcp(tcp), remote, permit, CancellationToken::new()), client)
    }

    /// What a read gives when the client sent so much and then nothing for so long.
    async fn read_after(
        (mut connection, mut client): (Connection, TcpStream),
        sent: usize,
        time: Duration,
    ) -> io::Result<usize> {
        client.write_all(&vec![b'P'; sent]).await.unwrap();
        connection.read_exact(&mut vec![0; sent]).await.unwrap();
        tokio::time::pause();
        tokio::time::advance(time + Duration::from_millis(2)).await;
        tokio::time::resume();
        drop(client);
        connection.read(&mut [0; 1]).await
    }

    #[tokio::test]
    async fn a_client_that_does_not_send_the_preface_in_time_is_let_go() {
        for sent in [0, 1, PREFACE - 1] {
            let read = read_after(connected(true).await, sent, PREFACE_TIME).await;
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut, "{sent}");
        }
    }

    #[tokio::test]
    async fn one_that_sent_it_may_be_silent() {
        for sent in [PREFACE, PREFACE + 1] {
            assert_eq!(read_after(connected(true).await, sent, ENTRY_TIME).await.unwrap(), 0, "{sent}");
        }
    }

    #[tokio::test]
    async fn one_that_has_to_show_who_it_is_may_be_silent_only_when_it_did() {
        let stranger = connected(false).await;
        assert_eq!(read_after(stranger, PREFACE, ENTRY_TIME).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(read_after(connected(false).await, PREFACE, PREFACE_TIME).await.unwrap(), 0, "it has more time");
        let known = connected(false).await;
        known.0.remote.enter();
        assert_eq!(read_after(known, PREFACE, ENTRY_TIME).await.unwrap(), 0);
    }
}
