//! `pexd init`: a new network's files.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use crate::config::value::Setting;
use crate::config::{CreateError, Home, NewNetwork, create_network};
use crate::types::PeerAddress;

use super::{Failure, Outcome, print};

/// An address of the documentation range: the way to it is the way out, and nothing is sent there.
const OUTSIDE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The chain's ID, as its genesis.json has it
    chain_id: String,

    /// Nodes to ask for addresses: id@host:port, comma-separated
    #[arg(long, value_name = "LIST", value_parser = seeds)]
    seeds: Option<Seeds>,

    /// Crawl the network and answer with addresses, as a seed does
    #[arg(long)]
    seed_mode: bool,

    /// The node's name, as peers see it [default: the host's name]
    #[arg(long, value_name = "NAME")]
    moniker: Option<String>,
}

#[derive(Clone, Debug)]
struct Seeds(Vec<PeerAddress>);

fn seeds(text: &str) -> Result<Seeds, String> {
    Setting::from_text(text).map(Seeds)
}

pub(super) fn run(home: &Home, args: Args) -> Result<Outcome, Failure> {
    let seeds = args.seeds.map(|seeds| seeds.0).unwrap_or_default();
    let new = NewNetwork { moniker: args.moniker, seeds, seed_mode: args.seed_mode };
    let created = create_network(home, &args.chain_id, &new).map_err(|error| match error {
        CreateError::ChainId(..) | CreateError::Moniker(_) => Failure::Mistake(error.to_string()),
        _ => Failure::failed(error),
    })?;
    print(&format!("{}@{}\n", created.id, SocketAddr::new(own_ip(), created.laddr.port())))
}

/// The IP that this host has towards the Internet: peers behind no other NAT reach it there.
fn own_ip() -> IpAddr {
    let way_out = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(OUTSIDE)?;
        socket.local_addr()
    };
    way_out().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}
