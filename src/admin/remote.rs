//! The other end of a connection: from where it comes, and what it showed while connecting.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::unix::UCred;

use super::tls::ClientCertificate;
use crate::rate::host_of;

/// Whom connections, requests and failures are counted for while nobody showed who he is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// An IP, or the /64 of an IPv6 one.
    Host(IpAddr),
    /// A user of this host.
    User(u32),
}

/// See the module. The services find it in each request's extensions by way of [`super::caller::Caller`].
#[derive(Clone, Debug)]
pub(super) struct Remote {
    /// For whom it counts.
    pub(super) source: Source,
    /// `127.0.0.1:51234` or `unix uid 1000 pid 4242`.
    pub(super) name: Arc<str>,
    /// Whether it may do everything without showing who it is.
    pub(super) trusted: bool,
    /// The certificate that it showed, signed by the client CA.
    pub(super) certificate: Option<Arc<ClientCertificate>>,
    entered: Arc<AtomicBool>,
}

impl Remote {
    pub(super) fn tcp(address: SocketAddr, trusted: bool) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        Remote::new(Source::Host(host_of(address.ip())), address.to_string(), trusted)
    }

    pub(super) fn unix(peer: UCred) -> Self {
        let pid = peer.pid().map_or_else(String::new, |pid| format!(" pid {pid}"));
        Remote::new(Source::User(peer.uid()), format!("unix uid {}{pid}", peer.uid()), true)
    }

    fn new(source: Source, name: String, trusted: bool) -> Self {
        let entered = Arc::new(AtomicBool::new(trusted));
        Remote { source, name: name.into(), trusted, certificate: None, entered }
    }

    /// Notes that somebody who may do something uses the connection.
    pub(super) fn enter(&self) {
        self.entered.store(true, Ordering::Relaxed);
    }

    /// Whether anybody ever showed on it who he is.
    pub(super) fn has_entered(&self) -> bool {
        self.entered.load(Ordering::Relaxed)
    }
}
