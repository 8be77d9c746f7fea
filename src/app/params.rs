//! From the configuration's values to the modules' parameters. Each module has its own; only this place fills them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::tunables;
use crate::config::keys::Limits;
use crate::config::{self};
use crate::network::{self, Changeable, SharedListener, Tunables};
use crate::node::Params;
use crate::transport::{ConnectionSettings, DialLimits, Dialler, LocalNode};
use crate::types::{NodeInfo, PEX_CHANNEL, ProtocolVersion};
use crate::{book, pex, store, switch};

/// The bound on dials that all networks share.
pub(super) fn dialler(limits: &Limits) -> Dialler {
    Dialler::new(DialLimits {
        max_dials: limits.max_dials as usize,
        dials_per_second: limits.dials_per_second,
        ..DialLimits::default()
    })
}

/// A network, at the listener of those that it shares address and identity with, if there are any.
pub(super) fn network(network: &config::Network, shared: Option<&SharedListener>) -> network::Config {
    let tunables = tunables::of(network);
    let handshake_limits = tunables.handshake_limits;
    let shared_listener = shared.map_or_else(
        || SharedListener::new(network.p2p.laddr, handshake_limits),
        |shared| shared.with_limits(handshake_limits),
    );
    network::Config {
        chain_id: network.chain_id.as_str().into(),
        params: params(network, &tunables),
        local: LocalNode::new(network.node_key.clone(), node_info(network), settings(network, &tunables)),
        shared_listener,
        book: network.book.clone(),
        store: store::StoreSettings {
            dial_log: network.dial_log,
            rescue: Some(network.home.clone()),
            make_folder: network.book.parent().is_some_and(|folder| folder != network.home),
            ..store::StoreSettings::default()
        },
        answer_log_bytes: u64::from(network.answer_log_mib) << 20,
        changeable: Changeable { read: tunables::read, forbidden: forbidden(network) },
    }
}

/// Where the files forbid changes at run time.
fn forbidden(network: &config::Network) -> Option<Arc<str>> {
    let origin = network.entry("pex.immutable").and_then(|entry| entry.origin.as_ref());
    origin.filter(|_| network.pex.immutable).map(|origin| origin.to_string().into())
}

fn node_info(network: &config::Network) -> NodeInfo {
    let pex = &network.pex;
    let version = Some(pex.version.0.clone()).filter(|version| !version.is_empty());
    NodeInfo {
        protocol: ProtocolVersion { p2p: pex.p2p_version, block: pex.block_version, app: pex.app_version },
        id: network.id(),
        listen_addr: network.advertised_address(),
        network: network.chain_id.clone(),
        version: version.unwrap_or_else(|| concat!("pexd/", env!("CARGO_PKG_VERSION")).to_owned()),
        channels: vec![PEX_CHANNEL],
        moniker: network.moniker.clone(),
        tx_index: "off".to_owned(),
        rpc_address: String::new(),
    }
}

fn settings(network: &config::Network, tunables: &Tunables) -> ConnectionSettings {
    let p2p = &network.p2p;
    ConnectionSettings {
        max_packet_payload: p2p.max_packet_msg_payload_size as usize,
        rates: tunables.rates,
        handshake_timeout: p2p.handshake_timeout,
        dial_timeout: p2p.dial_timeout,
        strict: p2p.addr_book_strict,
        allow_duplicate_ip: p2p.allow_duplicate_ip,
        max_dials: tunables.node.limits.max_dials,
        ..ConnectionSettings::default()
    }
}

fn params(network: &config::Network, tunables: &Tunables) -> Params {
    let p2p = &network.p2p;
    let own_id = network.id();
    let book = book::Params {
        strict: p2p.addr_book_strict,
        own_endpoints: own_endpoints(network),
        private_ids: p2p.private_peer_ids.iter().copied().collect(),
        capacity: network.max_addresses as usize,
        asn: network.asn.as_ref().map(|file| file.table.clone()),
        ..book::Params::new(own_id, p2p.seed_mode)
    };
    let switch = switch::Params {
        own_id,
        own_endpoints: network.own_endpoints(),
        limits: tunables.node.limits,
        unconditional: p2p.unconditional_peer_ids.iter().copied().collect(),
        persistent: p2p.persistent_peers.clone(),
        allow_duplicate_ip: p2p.allow_duplicate_ip,
    };
    let pex = pex::Params {
        seed_mode: p2p.seed_mode,
        bootstrap: network.pex.bootstrap,
        seeds: p2p.seeds.clone(),
        ensure_peers_period: tunables.node.period,
        crawl_period: tunables.node.period,
        seed_disconnect_wait_period: pex::params::SEED_DISCONNECT_WAIT_PERIOD,
    };
    Params { book, switch, pex }
}

/// Where we can be dialled: what we listen on and what we announce, as far as they are IPs.
fn own_endpoints(network: &config::Network) -> Vec<SocketAddr> {
    let announced = network.advertised_address();
    let announced = announced.rsplit("://").next().and_then(|place| place.parse::<SocketAddr>().ok());
    let specified = |place: &SocketAddr| !place.ip().is_unspecified();
    [Some(network.p2p.laddr), announced].into_iter().flatten().filter(specified).collect()
}
