//! The other end of a connection: its address or Unix peer credentials, and the certificate that it presented.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::unix::UCred;

use super::tls::ClientCertificate;
use crate::rate_limit::host_of;

/// The source that connections, requests and failures are counted for until the caller authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::admin) enum ConnectionSource {
    /// An IP, or the /64 of an IPv6 one.
    Host(IpAddr),
    /// A user of this host.
    User(u32),
}

/// See the module. The services find it in each request's extensions by way of [`super::caller::Caller`].
#[derive(Clone, Debug)]
pub(in crate::admin) struct RemoteClient {
    /// The source that it counts for.
    pub(in crate::admin) source: ConnectionSource,
    /// `127.0.0.1:51234` or `unix uid 1000 pid 4242`.
    pub(in crate::admin) name: Arc<str>,
    /// The certificate that it showed, signed by the client CA.
    pub(in crate::admin) certificate: Option<Arc<ClientCertificate>>,
    entered: Arc<AtomicBool>,
}

impl RemoteClient {
    /// One who came over TCP; `entered`: whether it may use the connection without showing who it is.
    pub(in crate::admin) fn tcp(address: SocketAddr, entered: bool) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        RemoteClient::new(ConnectionSource::Host(host_of(address.ip())), address.to_string(), entered)
    }

    pub(in crate::admin) fn unix(peer: UCred) -> Self {
        let pid = peer.pid().map_or_else(String::new, |pid| format!(" pid {pid}"));
        RemoteClient::new(ConnectionSource::User(peer.uid()), format!("unix uid {}{pid}", peer.uid()), true)
    }

    fn new(source: ConnectionSource, name: String, entered: bool) -> Self {
        let entered = Arc::new(AtomicBool::new(entered));
        RemoteClient { source, name: name.into(), certificate: None, entered }
    }

    /// Notes that somebody who may do something uses the connection.
    pub(in crate::admin) fn enter(&self) {
        self.entered.store(true, Ordering::Relaxed);
    }

    /// Whether any caller ever authenticated on it.
    pub(in crate::admin) fn has_entered(&self) -> bool {
        self.entered.load(Ordering::Relaxed)
    }
}
