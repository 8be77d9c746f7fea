//! `pexd.toml`: the process.

use std::net::SocketAddr;

use super::conflicts::overlap;
use super::document::Layout;
use super::keys::{Admin, Http, Limits, Log, NETWORK_TABLES, PROCESS_TABLES, ProcessTop};
use super::layers::{Resolved, Tables};
use super::mistake::Notes;
use super::section::Key;

/// What `pexd.toml` may hold.
pub(super) const LAYOUT: Layout = Layout {
    tables: &PROCESS_TABLES,
    ignored: &[],
    other: ("the network's config.toml, networks/<chain-id>/config.toml", &NETWORK_TABLES),
};

/// The configuration of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The chain ID that is meant when none is named.
    pub default_network: Option<String>,
    /// The admin API.
    pub admin: Admin,
    /// Metrics and health.
    pub http: Http,
    /// The log.
    pub log: Log,
    /// What all networks share.
    pub limits: Limits,
}

/// The tables as the file has them.
pub(super) struct ProcessTables {
    top: ProcessTop,
    admin: Admin,
    http: Http,
    log: Log,
    limits: Limits,
}

impl Tables for ProcessTables {
    fn defaults(seed_mode: bool) -> Self {
        ProcessTables {
            top: ProcessTop::defaults(seed_mode),
            admin: Admin::defaults(seed_mode),
            http: Http::defaults(seed_mode),
            log: Log::defaults(seed_mode),
            limits: Limits::defaults(seed_mode),
        }
    }

    fn set(&mut self, key: &Key, text: &str) -> Result<(), String> {
        match key.table {
            "admin" => self.admin.set(key, text),
            "http" => self.http.set(key, text),
            "log" => self.log.set(key, text),
            "limits" => self.limits.set(key, text),
            _ => self.top.set(key, text),
        }
    }
}

/// Holds the values against each other.
pub(super) fn build(resolved: Resolved<ProcessTables>, file: &std::path::Path, notes: &mut Notes) -> Process {
    let laddr: SocketAddr = resolved.values.admin.laddr;
    if !laddr.ip().is_loopback() {
        let origin = resolved.origin("admin.laddr", file);
        notes.mistake(
            origin,
            format!(
                "admin.laddr is {laddr}, which others can reach: write 127.0.0.1:{} and come through an SSH tunnel",
                laddr.port()
            ),
        );
    }
    if let Some(http) = resolved.values.http.laddr.filter(|http| overlap(*http, laddr)) {
        let origin = resolved.origin("http.laddr", file);
        notes.mistake(origin, format!("http.laddr {http} has the port of the admin API, {laddr}: give it another"));
    }
    let ProcessTables { top, admin, http, log, limits } = resolved.values;
    let default_network = Some(top.default_network.0).filter(|name| !name.is_empty());
    Process { default_network, admin, http, log, limits }
}
