//! What is only wrong beside something else: networks that want the same socket, file or chain.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::broken_network::BrokenNetwork;
use super::errors::{Diagnostics, Origin};
use super::home::Home;
use super::network::Network;
use super::process::ProcessConfig;

/// Holds one network against others and against the process.
pub(super) fn check_network<'a>(
    process: &ProcessConfig,
    others: impl IntoIterator<Item = &'a Network>,
    network: &Network,
    notes: &mut Diagnostics,
) {
    for other in others {
        check_pair(other, network, notes);
    }
    if let Some(admin) = process.admin.laddr.filter(|admin| overlap(network.p2p.laddr, *admin)) {
        let text = format!("p2p.laddr has the port of the admin API, {admin}: give it another");
        notes.error(network.origins.laddr.clone(), text);
    }
    if let Some(http) = process.http.laddr.filter(|http| overlap(network.p2p.laddr, *http)) {
        let text = format!("p2p.laddr has the port of metrics and health (http.laddr), {http}: give it another");
        notes.error(network.origins.laddr.clone(), text);
    }
}

/// Holds the process's own listeners against each other. `origin` says where a key was given.
pub(super) fn check_listeners(process: &ProcessConfig, origin: &dyn Fn(&str) -> Origin, notes: &mut Diagnostics) {
    if let (Some(http), Some(admin)) = (process.http.laddr, process.admin.laddr)
        && overlap(http, admin)
    {
        let text = format!("http.laddr {http} has the port of the admin API, {admin}: give it another");
        notes.error(origin("http.laddr"), text);
    }
}

/// Holds the chain ID of a network against the `names` of others that are listed with their errors.
pub(super) fn check_name(names: &BTreeSet<String>, network: &Network, notes: &mut Diagnostics) {
    if notes.errors.is_empty() && names.contains(&network.chain_id) {
        let text = format!(
            "the chain {} is another network's of this home, whose files have errors: mend or remove that one first",
            network.chain_id
        );
        notes.error(network.origins.chain_id.clone(), text);
    }
}

/// Looks for the default network among all networks of the home, served or not.
pub(super) fn check_default(
    process: &ProcessConfig,
    networks: &[Network],
    broken: &[BrokenNetwork],
    home: &Home,
    notes: &mut Diagnostics,
) {
    let Some(name) = &process.default_network else { return };
    let served = networks.iter().map(|network| network.chain_id.as_str());
    let known: Vec<_> = served.chain(broken.iter().map(|broken| broken.name.as_str())).collect();
    if known.is_empty() || known.contains(&name.as_str()) {
        return;
    }
    let text = format!("default_network {name:?} is not a network of this home: choose one of {}", known.join(", "));
    notes.error(Origin::path(&home.process_file()), text);
}

fn check_pair(earlier: &Network, network: &Network, notes: &mut Diagnostics) {
    let other = &earlier.chain_id;
    if earlier.chain_id == network.chain_id {
        let text = format!("the chain {other} is served by {} already: remove one", earlier.home.display());
        notes.error(network.origins.chain_id.clone(), text);
    }
    if earlier.book == network.book {
        let text = format!("book.file is that of {other}: every network has its own");
        notes.error(network.origins.book.clone(), text);
    }
    let same_listener = earlier.p2p.laddr == network.p2p.laddr && earlier.id() == network.id();
    if overlap(earlier.p2p.laddr, network.p2p.laddr) && !same_listener {
        let text = format!(
            "p2p.laddr {} is taken by {other} ({}): choose another port, or share the listener with the same laddr and node_key_file",
            network.p2p.laddr, earlier.p2p.laddr
        );
        notes.error(network.origins.laddr.clone(), text);
    }
}

/// Whether two listeners cannot both be bound. Port 0 is another each time.
pub(super) fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let any = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (any || a.ip() == b.ip())
}
