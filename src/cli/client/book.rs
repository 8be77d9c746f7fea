//! `pexd book`: what the address book holds, and changes of it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::book_files::{Form, export, import};
use super::book_results::{client, displaced, refusals, some_refused};
use super::{ALL, Session, pages, per_network, refused};
use crate::cli::Failure;
use crate::cli::humanize::{ago, instant, or_dash, word, yes};
use crate::cli::table::{Cell, CellColour, cell, coloured, column, paragraph, table};
use crate::proto::pexd::v1::Reliability;
use crate::proto::pexd::v1::{
    AddAddressesRequest, AddAddressesResponse, Address, AddressBookSummary, AddressDetails, AddressFilter,
    AddressOrder, AddressState, GetAddressRequest, GetAddressResponse, GetSummaryRequest, GetSummaryResponse,
    ListAddressesRequest, ListAddressesResponse, ListSourcesRequest, ListSourcesResponse, PreviewSelectionRequest,
    PreviewSelectionResponse, RemoveAddressRequest, RemoveAddressResponse, SourceGroup,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Count what is in it, and what keeps the rest from being served
    Summary,
    /// List addresses
    List(ListArgs),
    /// List the groups of sources: what each brought, how much of it was reached or is dead
    Sources {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = pages::limit)]
        limit: usize,
    },
    /// Show everything about an address: its state and why, our last attempts, its source
    Get {
        /// A node ID, or id@ip:port
        address: String,
    },
    /// Put addresses into it
    Add {
        /// id@ip:port
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Take an address, or all addresses of an ID, out of it
    Remove {
        /// A node ID, or id@ip:port
        address: String,
    },
    /// Draw what a requester would be sent now
    Preview {
        /// The requester's node ID
        #[arg(long, value_name = "ID", default_value = "")]
        requester: String,
    },
    /// Take in an addrbook.json, or a list of id@ip:port with commas or line ends between; - = standard input
    Import {
        /// The file
        file: PathBuf,
    },
    /// Write it as an addrbook.json, or as a list
    Export {
        /// The form
        #[arg(long, value_enum, default_value_t = Form::Json)]
        format: Form,
        /// Only what may be served now
        #[arg(long)]
        servable: bool,
        /// Where to [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    New,
    Old,
    Banned,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Address,
    LastSuccess,
    LastAttempt,
    Added,
    Failures,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only at this IP or in this range
    #[arg(long, value_name = "CIDR")]
    ip: Option<String>,
    /// Only those with this text in id@ip:port
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only what this ID, IP or range advertised first
    #[arg(long, value_name = "ID|CIDR")]
    source: Option<String>,
    /// Only what may be served now (or, with =false, what may not)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    servable: Option<bool>,
    /// In which order
    #[arg(long, value_enum, default_value_t = Order::Address)]
    order: Order,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = pages::limit)]
    limit: usize,
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    match args.command {
        What::Summary => summary(session).await,
        What::List(args) => list(session, args).await,
        What::Sources { limit } => sources(session, limit).await,
        What::Get { address } => get(session, address).await,
        What::Add { addresses } => add(session, addresses).await,
        What::Remove { address } => remove(session, address).await,
        What::Preview { requester } => preview(session, requester).await,
        What::Import { file } => import(session, file).await,
        What::Export { format, servable, output } => export(session, format, servable, output).await,
    }
}

async fn summary(session: &Session) -> Result<(), Failure> {
    let request = GetSummaryRequest { network: session.network_or_all() };
    let answer = client(session).await?.get_summary(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, |answer: &GetSummaryResponse| {
        let columns = [
            column("NETWORK"),
            column("PEERS KNOWN"),
            column("NEW").spare(3),
            column("OLD").spare(4),
            column("BANNED").spare(2),
            column("ADDRESSES").spare(1),
            column("SERVABLE"),
            column("LAST OUTCOMES").prose(),
        ];
        let row = |book: &AddressBookSummary| {
            let outcomes: Vec<String> = book
                .outcome_counts
                .iter()
                .map(|count| format!("{} {}", count.count, word(count.outcome().as_str_name(), "DIAL_OUTCOME_")))
                .collect();
            [
                cell(&book.network),
                cell(book.id_count),
                cell(book.new_count),
                cell(book.old_count),
                cell(book.banned_count),
                cell(book.address_count),
                cell(book.servable_count),
                cell(outcomes.join(", ")),
            ]
        };
        table(columns, answer.summaries.iter().map(row))
    })?;
    per_network::all_did(&answer.failures)
}

async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let state = args.state.map(|state| match state {
        State::New => AddressState::New,
        State::Old => AddressState::Old,
        State::Banned => AddressState::Banned,
    });
    let filter = AddressFilter {
        states: state.into_iter().map(Into::into).collect(),
        ip_range: args.ip.unwrap_or_default(),
        text: args.text.unwrap_or_default(),
        source: args.source.unwrap_or_default(),
        servable: args.servable,
        ..Default::default()
    };
    let client = client(session).await?;
    let order = args.order;
    let fetch = |network, page_size, page_token| {
        let (mut client, filter) = (client.clone(), Some(filter.clone()));
        let request = ListAddressesRequest { network, page_size, page_token, filter, order: order.proto().into() };
        async move { client.list_addresses(request).await }
    };
    let network = session.network();
    let of_all = network == ALL;
    let list = pages::collect(args.limit, |size, token| fetch(network.clone(), size, token)).await?;
    list.show(session, "addresses", |answer: &ListAddressesResponse| {
        let columns = [
            column("NETWORK").when(of_all),
            column("ADDRESS").lead(),
            column("STATE"),
            column("SERVED"),
            column("LAST OUTCOME"),
            column("TRIED"),
            column("REACHED"),
            column("FAILURES").spare(3),
            column("ADDED").spare(2),
            column("SOURCE").spare(1),
        ];
        table(columns, answer.addresses.iter().map(row))
    })
}

async fn sources(session: &Session, limit: usize) -> Result<(), Failure> {
    let client = client(session).await?;
    let fetch = |page_size, page_token| {
        let (mut client, network) = (client.clone(), session.network_or_all());
        async move { client.list_sources(ListSourcesRequest { network, page_size, page_token }).await }
    };
    pages::collect(limit, fetch).await?.show(session, "sources", |answer: &ListSourcesResponse| {
        let columns = [
            column("NETWORK"),
            column("SOURCE").lead(),
            column("BROUGHT"),
            column("REACHED"),
            column("DEAD"),
            column("REFUSED").spare(1),
        ];
        let row = |source: &SourceGroup| {
            let account = source.account.unwrap_or_default();
            [
                cell(&source.network),
                cell(&source.source),
                cell(account.brought_count),
                cell(account.reached_count),
                cell(account.dead_count),
                cell(account.refused_count),
            ]
        };
        table(columns, answer.sources.iter().map(row))
    })
}

impl Order {
    const fn proto(self) -> AddressOrder {
        match self {
            Order::Address => AddressOrder::Unspecified,
            Order::LastSuccess => AddressOrder::LastSuccess,
            Order::LastAttempt => AddressOrder::LastAttempt,
            Order::Added => AddressOrder::AddTime,
            Order::Failures => AddressOrder::FailedAttempts,
        }
    }
}

fn row(address: &Address) -> [Cell; 10] {
    let source = address.source.clone().unwrap_or_default();
    let colour = if address.servable { CellColour::Good } else { CellColour::Doubtful };
    [
        cell(&address.network),
        cell(&address.address),
        cell(word(address.state().as_str_name(), "ADDRESS_STATE_")),
        coloured(yes(address.servable), colour),
        cell(word(address.last_outcome().as_str_name(), "DIAL_OUTCOME_")),
        cell(ago(address.last_attempt_time.as_ref())),
        cell(ago(address.last_success_time.as_ref())),
        cell(address.failed_attempt_count),
        cell(ago(address.add_time.as_ref())),
        cell(source.id),
    ]
}

async fn get(session: &Session, address: String) -> Result<(), Failure> {
    let request = GetAddressRequest { network: session.network(), address };
    let answer = client(session).await?.get_address(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, |answer: &GetAddressResponse| {
        let mut text: String = answer.addresses.iter().map(story).collect();
        for ban in &answer.bans {
            let ends = if ban.expire_time.is_some() { ago(ban.expire_time.as_ref()) } else { "never".to_owned() };
            let by = or_dash(&ban.author);
            let _ = writeln!(text, "banned: {} by {by}, ends {ends}: {}", ban.target, or_dash(&ban.reason));
        }
        text
    })
}

/// The share of the time watched for which an address answered, within a window.
fn window(reliability: &Reliability) -> String {
    let hours = reliability.window.map_or(0, |window| window.seconds / 3600);
    let span = if hours < 48 { format!("{hours} h") } else { format!("{} d", hours / 24) };
    if reliability.watched < 0.005 {
        return format!("{span} -");
    }
    format!("{span} {:.0} %", 100.0 * reliability.answered / reliability.watched)
}

fn story(details: &AddressDetails) -> String {
    let address = details.address.clone().unwrap_or_default();
    let source = address.source.clone().unwrap_or_default();
    let reliability: Vec<String> = address.reliability.iter().map(window).collect();
    let rows = [
        ("state", word(address.state().as_str_name(), "ADDRESS_STATE_")),
        ("served", format!("{}: {}", yes(address.servable), details.reason)),
        ("source", format!("{} at {}, {}", source.id, source.ip, instant(address.add_time.as_ref()))),
        ("reliability", reliability.join(", ")),
        ("last attempt", instant(address.last_attempt_time.as_ref())),
        ("last reached", instant(address.last_success_time.as_ref())),
        ("reachable since", instant(address.reachable_since_time.as_ref())),
        ("failures since", address.failed_attempt_count.to_string()),
        ("next attempt", ago(details.next_attempt_time.as_ref())),
        ("connected", yes(address.connected).to_owned()),
    ];
    let mut text = format!("{}\n", address.address);
    for (name, value) in rows {
        let _ = write!(text, "  {name:18}{}", paragraph(&value, 20));
    }
    for attempt in &details.attempts {
        let what = if attempt.fault.is_empty() { "reached" } else { &attempt.detail };
        let purpose = word(attempt.purpose().as_str_name(), "DIAL_PURPOSE_");
        let (at, place) = (instant(attempt.time.as_ref()), or_dash(&attempt.remote_address));
        let _ = writeln!(text, "  {at}  {purpose:10}  {place}: {what}");
    }
    text
}

async fn add(session: &Session, addresses: Vec<String>) -> Result<(), Failure> {
    let request = AddAddressesRequest { network: session.network(), addresses };
    let answer = client(session).await?.add_addresses(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, |answer: &AddAddressesResponse| {
        let (known, gave_way) = (answer.known_count, displaced(answer.evicted_count));
        format!("{} added, {known} known already{gave_way}\n{}", answer.added_count, refusals(&answer.refused))
    })?;
    per_network::settle(&answer.result, &[])?;
    some_refused(answer.refused.len())
}

async fn remove(session: &Session, address: String) -> Result<(), Failure> {
    let request = RemoveAddressRequest { network: session.network(), address };
    let answer = client(session).await?.remove_address(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, |answer: &RemoveAddressResponse| format!("{} removed\n", answer.removed_count))?;
    per_network::settle(&answer.result, &[])
}

async fn preview(session: &Session, requester_id: String) -> Result<(), Failure> {
    let request = PreviewSelectionRequest { network: session.network(), requester_id };
    let answer = client(session).await?.preview_selection(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, |answer: &PreviewSelectionResponse| {
        let lines: String = answer.addresses.iter().map(|address| format!("{address}\n")).collect();
        format!("{lines}{} of {} that may be served\n", answer.addresses.len(), answer.servable_count)
    })
}
