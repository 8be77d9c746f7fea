//! Where the admin API listens, which callers it accepts, and its bounds.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::auth::grants::AccessSource;
use super::auth::roles::Role;
use super::auth::tls::TlsFiles;
use super::limits::ApiLimits;

/// The parameters of the admin API.
#[derive(Clone, Debug, Default)]
pub struct AdminSettings {
    /// The TCP address; `None` = no TCP. Port 0 takes a free one.
    pub laddr: Option<SocketAddr>,
    /// The Unix socket; `None` = no socket.
    pub socket: Option<SocketSettings>,
    /// What callers on a loopback address may do who show no credential, while there is no token, no certificate and no
    /// client CA; `None` = nothing. On any other address they may do nothing.
    pub anonymous: Option<Role>,
    /// TLS on the TCP address.
    pub tls: Option<TlsFiles>,
    /// Where tokens and certificates stand; `None` = nowhere, so that only the socket and loopback let anybody in.
    pub access: Option<AccessSource>,
    /// Bounds.
    pub limits: ApiLimits,
}

impl AdminSettings {
    /// A loopback port and nothing else, at which whoever is on this host commands the process: for a demonstration.
    pub fn open_loopback(port: u16) -> Self {
        let laddr = Some((Ipv4Addr::LOCALHOST, port).into());
        AdminSettings { laddr, anonymous: Some(Role::Control), ..AdminSettings::default() }
    }

    /// What a caller on the TCP address may do without a credential, as long as there is none at all.
    pub(super) fn anonymous_on_tcp(&self) -> Option<Role> {
        let loopback = self.laddr.is_some_and(|laddr| laddr.ip().to_canonical().is_loopback());
        self.anonymous.filter(|_| loopback)
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
