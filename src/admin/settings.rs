//! Where the admin API listens, whom it lets in, and its bounds.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::auth::grants::Grants;
use super::auth::tls::TlsFiles;
use crate::rate::RateLimit;

/// The parameters of the admin API.
#[derive(Clone, Debug, Default)]
pub struct Settings {
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
    pub limits: Limits,
}

impl Settings {
    /// A loopback port and nothing else: whoever is on this host commands the process.
    pub fn loopback(port: u16) -> Self {
        Settings { laddr: Some((Ipv4Addr::LOCALHOST, port).into()), ..Settings::default() }
    }

    /// Whether a caller on the TCP address may do anything without showing who he is.
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

/// The access file, and what reads it.
#[derive(Clone, Debug)]
pub struct AccessSource {
    /// The file; it need not exist.
    pub file: PathBuf,
    /// What reads it.
    pub read: ReadAccess,
}

/// Gives the entries of an access file and its warnings, or all its mistakes.
pub type ReadAccess = fn(&Path) -> Result<(Grants, Vec<String>), String>;

/// Bounds on what callers may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once on TCP, and as many on the socket.
    pub connections: usize,
    /// Connections at once of one IP or user.
    pub connections_per_source: usize,
    /// Requests whose answer has not begun, in all.
    pub requests: usize,
    /// Requests of one caller.
    pub rate: RateLimit,
    /// Wrong tokens and certificates a minute of one source; at least 1.
    pub failures_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 64,
            connections_per_source: 16,
            requests: 256,
            rate: RateLimit { per_second: 50, burst: 200 },
            failures_per_minute: 10,
        }
    }
}
