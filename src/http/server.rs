//! The listener: few connections, each for one request, none of which lasts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::routes::routes;
use super::sources::Sources;
use crate::network::{DescriptorUse, may_keep, note_accept_error};
use crate::port_holder::{self, By, PortHolder};

/// Connections at once; more are closed at once.
pub(super) const MAX_CONNECTIONS: usize = 64;
/// How long a client may take to send a request's line and headers.
pub(super) const HEADER_TIME: Duration = Duration::from_secs(5);
/// How long a connection may last: a scrape's time, and some to read the answer.
const CONNECTION_TIME: Duration = Duration::from_secs(20);
/// Bytes of a request's line and headers at most.
pub(super) const MAX_REQUEST: usize = 16 * 1024;
/// Headers of a request at most.
const MAX_HEADERS: usize = 64;
/// How long to wait when a connection cannot be accepted (no descriptors left), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// An address that is bound and not served yet, so that a taken port is known before anything starts.
#[derive(Debug)]
pub struct Http {
    listener: TcpListener,
    local: SocketAddr,
}

/// Why there is no address for metrics and health. The texts name the fix.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else listens there.
    #[error(
        "metrics and health cannot listen on {laddr}: the port is taken{}; stop that one, or choose another port ([http] \
         laddr; \"\" = off)",
        By(holder.as_ref())
    )]
    Taken {
        /// Where.
        laddr: SocketAddr,
        /// What, if that can be known.
        holder: Option<PortHolder>,
    },
    /// The system refused for another reason.
    #[error("metrics and health cannot listen on {laddr} ([http] laddr): {source}")]
    Io {
        /// Where.
        laddr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Http {
    /// Binds `laddr`; port 0 takes a free one.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub async fn bind(laddr: SocketAddr) -> Result<Self, BindError> {
        let bound = async {
            let listener = TcpListener::bind(laddr).await?;
            let local = listener.local_addr()?;
            io::Result::Ok(Http { listener, local })
        };
        match bound.await {
            Ok(http) => Ok(http),
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                Err(BindError::Taken { laddr, holder: port_holder::find_aside(laddr).await })
            }
            Err(source) => Err(BindError::Io { laddr, source }),
        }
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `shutdown` is ready; connections are closed then.
    pub async fn serve(self, sources: Sources, shutdown: impl Future<Output = ()>) {
        let service = TowerToHyperService::new(routes(sources));
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        let accepting = async {
            loop {
                tokio::select! {
                    tcp = accept(&self.listener) => {
                        // No place: dropped, which closes it.
                        if let Ok(place) = places.clone().try_acquire_owned() {
                            let service = service.clone();
                            connections.spawn(async move {
                                let _place = place;
                                serve_one(tcp, service).await;
                            });
                        }
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            () = shutdown => {}
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((tcp, _)) if may_keep(&tcp, DescriptorUse::Client) => return tcp,
            // Dropped, which closes it.
            Ok(_) => {}
            Err(error) => {
                note_accept_error(&error, DescriptorUse::Client);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers one request. Whatever goes wrong is the client's to see: it gets an error, or no answer.
async fn serve_one(tcp: TcpStream, service: TowerToHyperService<axum::Router>) {
    // Answers are small and waited for. A socket that refuses the option still works.
    let _ = tcp.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_REQUEST)
        .max_headers(MAX_HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(tcp), service);
    let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
}
