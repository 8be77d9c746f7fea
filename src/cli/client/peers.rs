//! `pexd peers`, `dial` and `disconnect`.

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use super::connect::{MAX_ANSWER, Service};
use super::{ALL, Session, length, pages, per_network, refused, to_protobuf};
use crate::cli::Failure;
use crate::cli::humanize::{ago, bytes, instant, or_dash, word, yes};
use crate::cli::table::{Cell, CellColour, cell, coloured, column, table};
use crate::proto::pexd::v1::peer_service_client::PeerServiceClient;
use crate::proto::pexd::v1::{
    AddConfiguredPeerRequest, AddConfiguredPeerResponse, ConfiguredPeer, DialAttempt, DialPeerRequest, Direction,
    DisconnectPeerRequest, GetPeerRequest, ListConfiguredPeersRequest, ListConfiguredPeersResponse, ListPeersRequest,
    ListPeersResponse, Peer, PeerFilter, PeerList, PeerOrder, RemoveConfiguredPeerRequest,
    RemoveConfiguredPeerResponse,
};
use crate::types::counted;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    command: Option<What>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the connected peers
    List(ListArgs),
    /// Show one connected peer
    Get {
        /// Its node ID
        id: String,
    },
    /// List the persistent, unconditional and private peers
    Configured {
        /// Of this list alone
        #[arg(long, value_enum)]
        list: Option<List>,
    },
    /// Add a persistent, unconditional or private peer
    Add {
        /// To which list
        #[arg(value_enum)]
        list: List,
        /// id@host:port for a persistent peer, a node ID for the others
        peer: String,
    },
    /// Remove a persistent, unconditional or private peer
    Remove {
        /// From which list
        #[arg(value_enum)]
        list: List,
        /// As `peers configured` shows it
        peer: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum List {
    Persistent,
    Unconditional,
    Private,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    Connected,
    Received,
    Sent,
    Requests,
}

impl Order {
    const fn proto(self) -> PeerOrder {
        match self {
            Order::Connected => PeerOrder::ConnectTime,
            Order::Received => PeerOrder::ReceivedBytes,
            Order::Sent => PeerOrder::SentBytes,
            Order::Requests => PeerOrder::Requests,
        }
    }
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only those that dialled us
    #[arg(long, conflicts_with = "outbound")]
    inbound: bool,
    /// Only those that we dialled
    #[arg(long)]
    outbound: bool,
    /// Only from this IP or range
    #[arg(long, value_name = "CIDR")]
    ip: Option<String>,
    /// Only those with this text in ID, moniker, version or listen address
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// In which order: the longest connected first, or those who sent, got or asked most
    #[arg(long, value_enum, default_value_t = Order::Connected)]
    order: Order,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = pages::limit)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DialArgs {
    /// The target: id@host:port
    address: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DisconnectArgs {
    /// The peer's node ID
    id: String,
    /// Why, for the audit and the ban
    #[arg(long, default_value = "")]
    reason: String,
    /// Also ban its ID for this long: 1h, 30m, 7d
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    ban: Option<Duration>,
}

async fn client(session: &Session) -> Result<PeerServiceClient<Service>, Failure> {
    Ok(PeerServiceClient::new(session.connect.service().await?).max_decoding_message_size(MAX_ANSWER))
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    match args.command.unwrap_or(What::List(args.list)) {
        What::List(args) => list(session, args).await,
        What::Get { id } => {
            let request = GetPeerRequest { network: session.network(), id };
            let answer = client(session).await?.get_peer(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, |answer| answer.peer.as_ref().map(details).unwrap_or_default())
        }
        What::Configured { list } => configured(session, list).await,
        What::Add { list, peer } => {
            let request = AddConfiguredPeerRequest { network: session.network(), list: list.proto().into(), peer };
            let answer = client(session).await?.add_configured_peer(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, |answer: &AddConfiguredPeerResponse| {
                per_network::change(answer.result.as_ref(), "added", "it was there already")
            })?;
            per_network::settle(&answer.result, &[])
        }
        What::Remove { list, peer } => {
            let request = RemoveConfiguredPeerRequest { network: session.network(), list: list.proto().into(), peer };
            let answer = client(session).await?.remove_configured_peer(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, |answer: &RemoveConfiguredPeerResponse| {
                per_network::change(answer.result.as_ref(), "removed", "it was removed already")
            })?;
            per_network::settle(&answer.result, &[])
        }
    }
}

impl List {
    const fn proto(self) -> PeerList {
        match self {
            List::Persistent => PeerList::Persistent,
            List::Unconditional => PeerList::Unconditional,
            List::Private => PeerList::Private,
        }
    }
}

async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let directions = match (args.inbound, args.outbound) {
        (true, _) => vec![Direction::Inbound.into()],
        (_, true) => vec![Direction::Outbound.into()],
        _ => Vec::new(),
    };
    let filter = PeerFilter {
        directions,
        ip_range: args.ip.unwrap_or_default(),
        text: args.text.unwrap_or_default(),
        ..Default::default()
    };
    let client = client(session).await?;
    let order = args.order;
    let fetch = |network, page_size, page_token| {
        let (mut client, filter) = (client.clone(), Some(filter.clone()));
        let request = ListPeersRequest { network, page_size, page_token, filter, order: order.proto().into() };
        async move { client.list_peers(request).await }
    };
    let network = session.network();
    let of_all = network == ALL;
    let list = pages::collect(args.limit, |size, token| fetch(network.clone(), size, token)).await?;
    list.show(session, "peers", |answer: &ListPeersResponse| {
        let columns = [
            column("NETWORK").when(of_all),
            column("ID").lead(),
            column("ADDRESS"),
            column("DIRECTION").spare(5),
            column("PURPOSE").spare(4),
            column("SINCE"),
            column("MONIKER").spare(1),
            column("VERSION").spare(2),
            column("RECEIVED").spare(6),
            column("SENT").spare(3),
            column("REQUESTS"),
        ];
        table(columns, answer.peers.iter().map(row))
    })
}

fn row(peer: &Peer) -> [Cell; 11] {
    [
        cell(&peer.network),
        cell(&peer.id),
        cell(&peer.remote_address),
        cell(word(peer.direction().as_str_name(), "DIRECTION_")),
        cell(why(peer)),
        cell(ago(peer.connect_time.as_ref())),
        cell(or_dash(&peer.moniker)),
        cell(or_dash(&peer.version)),
        cell(bytes(peer.received_bytes)),
        cell(bytes(peer.sent_bytes)),
        cell(peer.request_count),
    ]
}

fn why(peer: &Peer) -> String {
    match word(peer.purpose().as_str_name(), "DIAL_PURPOSE_") {
        purpose if purpose == "unspecified" => "-".to_owned(),
        purpose => purpose,
    }
}

fn details(peer: &Peer) -> String {
    let counts = peer.message_counts.unwrap_or_default();
    let rows = [
        ("id", peer.id.clone()),
        ("network", peer.network.clone()),
        ("remote address", peer.remote_address.clone()),
        ("dialled at", or_dash(&peer.dialled_address).to_owned()),
        ("says it listens at", or_dash(&peer.listen_address).to_owned()),
        ("direction", word(peer.direction().as_str_name(), "DIRECTION_")),
        ("kept because", or_dash(&peer.retention_reason).to_owned()),
        ("connected since", instant(peer.connect_time.as_ref())),
        ("leaves", ago(peer.disconnect_time.as_ref())),
        ("moniker", or_dash(&peer.moniker).to_owned()),
        ("version", or_dash(&peer.version).to_owned()),
        ("channels", peer.channels.iter().map(|channel| format!("{channel:02x}")).collect::<Vec<_>>().join(" ")),
        ("rpc address", or_dash(&peer.rpc_address).to_owned()),
        (
            "received",
            format!(
                "{} ({}, {})",
                bytes(peer.received_bytes),
                counted(counts.requests_received, "request"),
                counted(counts.addresses_received, "answer")
            ),
        ),
        (
            "sent",
            format!(
                "{} ({}, {})",
                bytes(peer.sent_bytes),
                counted(counts.requests_sent, "request"),
                counted(counts.addresses_sent, "answer")
            ),
        ),
        ("last asked us", ago(peer.last_request_time.as_ref())),
        ("persistent", yes(peer.persistent).to_owned()),
        ("unconditional", yes(peer.unconditional).to_owned()),
    ];
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:20}{value}");
        text
    })
}

async fn configured(session: &Session, list: Option<List>) -> Result<(), Failure> {
    let lists: Vec<i32> = list.map(List::proto).into_iter().map(Into::into).collect();
    let client = client(session).await?;
    let fetch = |page_size, page_token| {
        let (mut client, network, lists) = (client.clone(), session.network(), lists.clone());
        let request = ListConfiguredPeersRequest { network, lists, page_size, page_token };
        async move { client.list_configured_peers(request).await }
    };
    pages::collect(usize::MAX, fetch).await?.show(session, "peers", |answer: &ListConfiguredPeersResponse| {
        let row = |peer: &ConfiguredPeer| {
            let from = if peer.from_file { "file" } else { "run time" };
            [
                cell(&peer.network),
                cell(word(peer.list().as_str_name(), "PEER_LIST_")),
                cell(&peer.peer),
                cell(from),
                if peer.in_effect {
                    coloured("in effect", CellColour::Good)
                } else {
                    coloured("removed", CellColour::Doubtful)
                },
                cell(yes(peer.connected)),
                cell(ago(peer.next_dial_time.as_ref())),
                cell(or_dash(&peer.change_author)),
                cell(ago(peer.change_time.as_ref())),
            ]
        };
        let columns = [
            column("NETWORK"),
            column("LIST"),
            column("PEER").lead(),
            column("ORIGIN").spare(3),
            column("STATE"),
            column("CONNECTED"),
            column("NEXT DIAL").spare(4),
            column("CHANGED BY").spare(1),
            column("WHEN").spare(2),
        ];
        table(columns, answer.peers.iter().map(row))
    })
}

pub(super) async fn dial(session: &Session, args: DialArgs) -> Result<(), Failure> {
    let request = DialPeerRequest { network: session.network(), address: args.address };
    let answer = client(session).await?.dial_peer(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, |answer| {
        answer.attempt.as_ref().map(outcome).unwrap_or_default()
            + &answer.peer.as_ref().map(details).unwrap_or_default()
    })?;
    let fault = answer.attempt.map(|attempt| attempt.fault).unwrap_or_default();
    if fault.is_empty() { Ok(()) } else { Err(Failure::Failed(format!("the dial failed: {fault}"))) }
}

fn outcome(attempt: &DialAttempt) -> String {
    let what = if attempt.fault.is_empty() { "reached".to_owned() } else { attempt.detail.clone() };
    format!("{} at {}: {what}\n", attempt.address, or_dash(&attempt.remote_address))
}

pub(super) async fn disconnect(session: &Session, args: DisconnectArgs) -> Result<(), Failure> {
    let DisconnectArgs { id, reason, ban } = args;
    let request = DisconnectPeerRequest { network: session.network(), id, reason, ban_duration: ban.map(to_protobuf) };
    let answer = client(session).await?.disconnect_peer(request).await.map_err(refused)?.into_inner();
    session
        .output
        .show(&answer, |answer| per_network::change(answer.result.as_ref(), "disconnected", "it was not connected"))?;
    per_network::settle(&answer.result, &[])
}
