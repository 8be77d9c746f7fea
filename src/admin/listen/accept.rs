//! Accepts connections of the admin listeners: a bounded number, with TLS handshakes and first bytes beside the accept loop. A
//! connection that begins with neither HTTP/2 nor HTTP/1.1 in time, or does not authenticate where that is required, is
//! closed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::codegen::http::StatusCode;

use super::connection::{Connection, Wire};
use super::opening::{self, Opening};
use super::tls_failure;
use crate::admin::auth::peer_credentials::{ConnectionSource, RemoteClient};
use crate::admin::auth::refusals::RefusalLog;
use crate::admin::auth::reload::{CredentialsInEffect, Tls};
use crate::admin::auth::security_audit::Refusal;
use crate::admin::auth::tls::ClientCertificate;
use crate::admin::limits::ApiLimits;
use crate::admin::signpost::Signpost;
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

/// The listeners' connections, all of which end when `closing` is cancelled. Who does not speak HTTP/2 is told `signpost`.
pub(in crate::admin) fn incoming(
    listeners: Listeners,
    limits: &ApiLimits,
    refusals: Arc<RefusalLog>,
    signpost: Signpost,
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
        signpost,
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
    handshakes: JoinSet<Result<Connection, Failed>>,
    signpost: Signpost,
    closing: CancellationToken,
}

impl Acceptor {
    async fn next(&mut self) -> Connection {
        loop {
            let Listeners { tcp, unix, in_effect } = &self.listeners;
            tokio::select! {
                accepted = accept_tcp(tcp.as_ref()) => match accepted {
                    Ok((stream, address)) => {
                        let remote = RemoteClient::tcp(address, in_effect.anonymous().is_some());
                        match in_effect.tls() {
                            Some(tls) => self.shake_hands(stream, remote, tls),
                            None => self.admit(Wire::Tcp(stream), remote),
                        }
                    }
                    Err(error) => outlast(&error).await,
                },
                accepted = accept_unix(unix.as_ref()) => match accepted {
                    Ok((stream, remote)) => self.admit(Wire::Unix(stream), remote),
                    Err(error) => outlast(&error).await,
                },
                Some(opened) = self.handshakes.join_next() => match opened {
                    Ok(Ok(connection)) => return connection,
                    Ok(Err(Failed::Handshake { remote, why })) => {
                        self.refusals.refused(Refusal::Handshake, &remote, &why, "", Clock.mono());
                    }
                    // One that panicked is one that failed.
                    Ok(Err(Failed::Opening)) | Err(_) => {}
                },
            }
        }
    }

    fn admit(&mut self, stream: Wire, remote: RemoteClient) {
        let permits = if matches!(stream, Wire::Unix(_)) { &self.unix_permits } else { &self.tcp_permits };
        let permit = permits.acquire(remote.source, self.limits);
        let Some(permit) = self.or_log(permit, &remote) else { return };
        if let Wire::Tcp(tcp) = &stream {
            // Answers are small and waited for. A socket that refuses the option still works.
            let _ = tcp.set_nodelay(true);
        }
        let (closing, signpost) = (self.closing.clone(), self.signpost.clone());
        self.handshakes.spawn(open(stream, remote, permit, closing, signpost));
    }

    fn shake_hands(&mut self, stream: TcpStream, mut remote: RemoteClient, tls: Arc<Tls>) {
        let permit = self.tcp_permits.acquire(remote.source, self.limits);
        let Some(permit) = self.or_log(permit, &remote) else { return };
        let signpost = self.signpost.clone();
        self.handshakes.spawn(async move {
            // Small messages that are waited for. A socket that refuses the option still works.
            let _ = stream.set_nodelay(true);
            let late = || format!("it did not end the handshake within {} s", HANDSHAKE_TIME.as_secs());
            let Ok(is_plain) = timeout(HANDSHAKE_TIME, opening::is_plain_http1(&stream)).await else {
                return Err(Failed::Handshake { remote, why: late() });
            };
            if is_plain {
                let text = format!("This port speaks TLS: begin the address with https.\n{}", signpost.text());
                opening::answer(stream, Vec::new(), StatusCode::BAD_REQUEST, &text).await;
                return Err(Failed::Opening);
            }
            let stream = match timeout(HANDSHAKE_TIME, tls.acceptor.accept(stream).into_fallible()).await {
                Ok(Ok(stream)) => stream,
                Ok(Err((error, stream))) => {
                    see_off(stream).await;
                    // Without a cause the client only looked whether somebody listens.
                    return Err(match tls_failure::cause(&error) {
                        Some(why) => Failed::Handshake { remote, why },
                        None => Failed::Opening,
                    });
                }
                Err(_) => return Err(Failed::Handshake { remote, why: late() }),
            };
            let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            remote.certificate = certificate.map(|leaf| Arc::new(ClientCertificate::read(leaf)));
            open(Wire::Tls(Box::new(stream)), remote, permit, tls.epoch.clone(), signpost).await
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
        if may_keep(&stream, DescriptorUse::Socket) {
            let peer = stream.peer_cred()?;
            return Ok((stream, RemoteClient::unix(peer)));
        }
    }
}

async fn outlast(error: &io::Error) {
    note_accept_error(error, DescriptorUse::Client);
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// Why nothing became of a connection.
#[derive(Debug)]
enum Failed {
    /// Its TLS handshake failed.
    Handshake {
        /// Whose.
        remote: RemoteClient,
        /// What was wrong.
        why: String,
    },
    /// It spoke no HTTP/2, or nothing at all.
    Opening,
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

/// The connection, once its client has begun to speak HTTP/2. One that speaks anything else is answered and closed.
async fn open(
    mut stream: Wire,
    remote: RemoteClient,
    permit: Permit<ConnectionSource>,
    closing: CancellationToken,
    signpost: Signpost,
) -> Result<Connection, Failed> {
    match timeout(PREFACE_TIME, opening::read(&mut stream)).await {
        Ok(Ok(Opening::Http2)) => Ok(Connection::new(stream, remote, permit, closing)),
        Ok(Ok(Opening::Other(read))) => {
            tracing::debug!(from = %remote.name, "a client of the admin API does not speak HTTP/2");
            // RFC 9110 has this code for another major version than the server's, with a text that says what it speaks.
            opening::answer(stream, read, StatusCode::HTTP_VERSION_NOT_SUPPORTED, signpost.text()).await;
            Err(Failed::Opening)
        }
        Ok(Err(_)) | Err(_) => Err(Failed::Opening),
    }
}
