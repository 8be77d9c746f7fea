//! Where the admin API listens, which callers it accepts, and its bounds.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::auth::grants::AccessSource;
use super::auth::tls::TlsFiles;
use super::limits::ApiLimits;

/// The parameters of the admin API.
#[derive(Clone, Debug, Default)]
pub struct AdminSettings {
    /// The TCP address; `None` = no TCP. Port 0 takes a free one.
    pub laddr: Option<SocketAddr>,
    /// The Unix socket; `None` = no socket.
    pub socket: Option<SocketSettings>,
    /// Whether callers on a loopback address have to show who they are. Others always have to.
    pub require_auth: bool,
    /// TLS on the TCP address.
    pub tls: Option<TlsFiles>,
    /// Where tokens and certificates stand; `None` = nowhere, so that only the socket and loopback let anybody in.
    pub access: Option<AccessSource>,
    /// Bounds.
    pub limits: ApiLimits,
}

impl AdminSettings {
    /// A loopback port and nothing else: whoever is on this host commands the process.
    pub fn loopback(port: u16) -> Self {
        AdminSettings { laddr: Some((Ipv4Addr::LOCALHOST, port).into()), ..AdminSettings::default() }
    }

    /// Whether a caller on the TCP address may do anything without authentication.
    pub(super) fn trusts_tcp(&self) -> bool {
        !self.require_auth && self.laddr.is_some_and(|laddr| laddr.ip().to_canonical().is_loopback())
    }
}

/// A Unix socket: who may open it commands the process.
#[derive(Clone, Debug)]
pub struct SocketSettings {
    /// Where it appears.
    pub path: PathBuf,
    /// Its file mode.
    pub mode: u32,
    /// Its owner, a name or number; empty = as the system gives it.
    pub owner: String,
    /// Its group, a name or number; empty = as the system gives it.
    pub group: String,
}
