//! The files that `init` writes: what was chosen, and every other key with its default, commented out.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use super::keys::{NETWORK_TABLES, PROCESS_TABLES};
use super::network::Network;
use super::section::Key;
use super::value::ExternalAddress;
use crate::types::PeerAddress;
use crate::wire::secret::NodeKey;

/// What a new network is to be.
#[derive(Clone, Debug, Default)]
pub struct NewNetwork {
    /// Its name for peers; the host's when `None`.
    pub moniker: Option<String>,
    /// Nodes to ask for addresses.
    pub seeds: Vec<PeerAddress>,
    /// Whether it is a seed.
    pub seed_mode: bool,
    /// Where it listens; `None`: at the first port from 26656 on that nobody has.
    pub laddr: Option<SocketAddr>,
    /// What others dial, as the key `p2p.external_address` has it; `None`: that of the network whose listener it shares, if
    /// it shares one.
    pub external_address: Option<ExternalAddress>,
    /// The listener of another network that it shares, in which case it listens where that one does; `None`: it gets a key
    /// and a port of its own.
    pub shared: Option<SharedListener>,
}

/// What networks that share a listener have in common.
#[derive(Clone, Debug)]
pub struct SharedListener {
    /// The identity.
    pub key: Arc<NodeKey>,
    /// The address.
    pub laddr: SocketAddr,
    /// What others dial, as the key `p2p.external_address` has it; empty when it is not set.
    pub external_address: String,
}

impl SharedListener {
    /// The listener of this network.
    pub fn of(network: &Network) -> Self {
        let external_address = network.entry("p2p.external_address").map(|entry| entry.value.clone());
        SharedListener {
            key: network.node_key.clone(),
            laddr: network.p2p.laddr,
            external_address: external_address.unwrap_or_default(),
        }
    }
}

/// A new `pexd.toml`.
pub(super) fn process_file() -> String {
    let head = "# pexd: the process. Each network has a file of its own in networks/.\n\
                # A key that is commented out has the default that stands there.\n";
    render(head, &PROCESS_TABLES, false, &[])
}

/// A new network's `config.toml`.
pub(super) fn network_file(moniker: &str, laddr: SocketAddr, new: &NewNetwork) -> String {
    let mut seeds: Vec<String> = Vec::new();
    for seed in new.seeds.iter().map(ToString::to_string) {
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
    }
    let mut chosen = vec![
        ("moniker", moniker.to_owned()),
        ("p2p.laddr", format!("tcp://{laddr}")),
        ("p2p.seeds", seeds.join(",")),
        ("p2p.seed_mode", new.seed_mode.to_string()),
    ];
    let external = match (&new.external_address, &new.shared) {
        (Some(address), _) => address.to_listen_addr(),
        (None, Some(shared)) => shared.external_address.clone(),
        (None, None) => String::new(),
    };
    if !external.is_empty() {
        chosen.push(("p2p.external_address", external));
    }
    let head = "# pexd: one network. [p2p] has CometBFT's own keys: a node's section can be pasted in.\n\
                # A key that is commented out has the default that stands there.\n";
    render(head, &NETWORK_TABLES, new.seed_mode, &chosen)
}

fn render(head: &str, tables: &[&[Key]], seed_mode: bool, chosen: &[(&str, String)]) -> String {
    let mut text = head.to_owned();
    for keys in tables {
        if let Some(table) = keys.first().map(|key| key.table).filter(|table| !table.is_empty()) {
            let _ = write!(text, "\n[{table}]\n");
        }
        for key in *keys {
            text.push('\n');
            for line in key.doc_lines() {
                let _ = writeln!(text, "# {line}");
            }
            let path = key.path();
            let choice = chosen.iter().find(|(name, _)| *name == path);
            let mark = if choice.is_some() { "" } else { "# " };
            let value = choice.map_or(key.default_in(seed_mode), |(_, value)| value.as_str());
            let _ = writeln!(text, "{mark}{} = {}", key.name, key.written(value));
        }
    }
    text
}
