//! `pexd.toml`: the process.

use std::net::SocketAddr;

use super::document::{Given, Layout};
use super::effective::{self, Entry};
use super::keys::{Admin, Limits, Log, NETWORK_TABLES, PROCESS_TABLES, ProcessTop};
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
    /// The log.
    pub log: Log,
    /// What all networks share.
    pub limits: Limits,
    /// The value of each key of its file with where it comes from, in the order of the reference.
    pub entries: Vec<Entry>,
}

/// The tables as the file has them.
pub(super) struct ProcessTables {
    top: ProcessTop,
    admin: Admin,
    log: Log,
    limits: Limits,
}

impl Tables for ProcessTables {
    fn defaults(seed_mode: bool) -> Self {
        ProcessTables {
            top: ProcessTop::defaults(seed_mode),
            admin: Admin::defaults(seed_mode),
            log: Log::defaults(seed_mode),
            limits: Limits::defaults(seed_mode),
        }
    }

    fn set(&mut self, key: &Key, text: &str) -> Result<(), String> {
        match key.table {
            "admin" => self.admin.set(key, text),
            "log" => self.log.set(key, text),
            "limits" => self.limits.set(key, text),
            _ => self.top.set(key, text),
        }
    }
}

/// Holds the values against each other. `given` is what they were resolved from.
pub(super) fn build(
    resolved: Resolved<ProcessTables>,
    given: &[Given],
    file: &std::path::Path,
    notes: &mut Notes,
) -> Process {
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
    let ProcessTables { top, admin, log, limits } = resolved.values;
    let default_network = Some(top.default_network.0).filter(|name| !name.is_empty());
    let entries = effective::entries(&PROCESS_TABLES, given, false);
    Process { default_network, admin, log, limits, entries }
}
