//! `pexd.toml`: the process.

use super::admin_checks::whole_paths;
use super::document::GivenValue;
use super::effective::{self, Entry};
use super::home::Home;
use super::keys::{Admin, Http, Limits, Log, NETWORK_TABLES, PROCESS_TABLES, ProcessTop};
use super::layers::Tables;
use super::layout::Layout;
use super::section::Key;

/// What `pexd.toml` may hold.
pub(super) const LAYOUT: Layout = Layout {
    tables: &PROCESS_TABLES,
    of_a_node: &[],
    ignored: &[],
    other: ("the network's config.toml, networks/<chain-id>/config.toml", &NETWORK_TABLES),
};

/// The configuration of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessConfig {
    /// The chain ID that is meant when none is named.
    pub default_network: Option<String>,
    /// The admin API, its paths whole.
    pub admin: Admin,
    /// Metrics and health.
    pub http: Http,
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

/// The process of these values, its paths whole. `given` is what they were resolved from.
pub(super) fn build(values: ProcessTables, given: &[GivenValue], home: &Home) -> ProcessConfig {
    let ProcessTables { top, admin, http, log, limits } = values;
    let default_network = Some(top.default_network.0).filter(|name| !name.is_empty());
    let entries = effective::entries(&PROCESS_TABLES, given, false);
    ProcessConfig { default_network, admin: whole_paths(admin, home.path()), http, log, limits, entries }
}
