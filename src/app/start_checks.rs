//! What a start would meet beside the configuration: the files by which callers are known, the books, the audit log, and the ports. Nothing is
//! opened for writing, and no port is kept.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::admin_settings;
use crate::admin::Admin;
use crate::config::{Config, keys};
use crate::network::ProcessAudit;
use crate::port_holder::{self, By};
use crate::store;
use crate::types::PeerAddress;

/// Checks the files by which callers of the admin API are known, as a start does.
///
/// # Errors
/// What is wrong with them, with the fix.
pub fn check_credentials(config: &Config) -> Result<(), String> {
    check_admin(&config.process.admin)
}

/// As [`check_credentials`], of these keys.
pub(super) fn check_admin(admin: &keys::Admin) -> Result<(), String> {
    Admin::check(&admin_settings::settings(admin)).map_err(|error| error.to_string())
}

/// The networks whose books are none, as far as their first bytes say it: they would be FAILED. What only shows when a book is
/// read whole is left to the start.
pub fn check_books(config: &Config) -> Vec<String> {
    let wrong = |network: &crate::config::Network| {
        let error = store::check_header(&network.book).err()?;
        Some(format!("{}: {error}", network.chain_id))
    };
    config.networks.iter().filter_map(wrong).collect()
}

/// The networks that know nobody to ask, and so would not start: no seed, no persistent peer but themselves, and no book.
pub fn check_anybody(config: &Config) -> Vec<String> {
    let alone = |network: &&crate::config::Network| {
        let own = network.own_endpoints();
        let others = |addresses: &[PeerAddress]| {
            addresses.iter().any(|address| address.id() != network.id() && !own.contains(address))
        };
        let p2p = &network.p2p;
        !(network.pex.bootstrap || others(&p2p.seeds) || others(&p2p.persistent_peers) || network.book.exists())
    };
    let text = |network: &crate::config::Network| {
        format!("{}: would not start: it knows nobody to ask; name others in p2p.seeds", network.chain_id)
    };
    config.networks.iter().filter(alone).map(text).collect()
}

/// What keeps the process's audit log from being written, with the fix. pexd serves without it all the same.
pub fn check_audit(config: &Config) -> Option<String> {
    ProcessAudit::at(config.home.audit_file()).check().err().map(|error| error.to_string())
}

/// The ports that a start could not have, each with who has it if that can be known.
pub fn check_ports(config: &Config) -> Vec<String> {
    let process = [("admin.laddr", config.process.admin.laddr), ("http.laddr", config.process.http.laddr)];
    let process = process.into_iter().filter_map(|(key, laddr)| Some((key.to_owned(), laddr?)));
    let mut seen = BTreeSet::new();
    let networks = config.networks.iter().filter(|network| seen.insert(network.p2p.laddr));
    let networks = networks.map(|network| (format!("{}: p2p.laddr", network.chain_id), network.p2p.laddr));
    process.chain(networks.collect::<Vec<_>>()).filter_map(|(what, laddr)| check_port(&what, laddr)).collect()
}

fn check_port(what: &str, laddr: SocketAddr) -> Option<String> {
    let error = TcpListener::bind(laddr).err()?;
    Some(match error.kind() {
        ErrorKind::AddrInUse => {
            let holder = port_holder::find(laddr);
            format!("{what}: {laddr} is taken{}: stop that one, or choose another port", By(holder.as_ref()))
        }
        _ => format!("{what}: cannot listen on {laddr}: {error}"),
    })
}
