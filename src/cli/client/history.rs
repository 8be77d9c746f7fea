//! `pexd dials`, `answers`, `refusals` and `audit`: what happened.

use super::connect::{MAX_ANSWER, Service};
use super::{Session, length, pages};
use crate::cli::Failure;
use crate::cli::humanize::{ago, instant, or_dash, word};
use crate::cli::table::{cell, column, table};
use crate::clock::Clock;
use crate::proto::pexd::v1::peer_service_client::PeerServiceClient;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{
    Answer, AnswerFilter, AuditEntry, AuditFilter, DialAttempt, DialFilter, ListAnswersRequest, ListAnswersResponse,
    ListAuditEntriesRequest, ListAuditEntriesResponse, ListDialsRequest, ListDialsResponse, ListRefusalsRequest,
    ListRefusalsResponse, RefusalGrouping, RefusalSource, TimeRange,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DialsArgs {
    /// Only to this IP or range
    #[arg(long, value_name = "CIDR")]
    ip: Option<String>,
    /// Only to this node ID
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    time: TimeArgs,
    /// Only those that failed
    #[arg(long)]
    failed: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = pages::limit)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AnswersArgs {
    /// Only to this node ID, IP or range
    #[arg(long, value_name = "WHO")]
    to: Option<String>,
    /// Only those that named this node ID, address (id@ip:port), IP or range
    #[arg(long, value_name = "WHOM")]
    naming: Option<String>,
    #[command(flatten)]
    time: TimeArgs,
    /// With the addresses
    #[arg(long)]
    addresses: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = pages::limit)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RefusalsArgs {
    /// By /16 (IPv6: /32), and not by host
    #[arg(long)]
    ranges: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = pages::limit)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AuditArgs {
    /// Only by an author with this text in the name
    #[arg(long, value_name = "TEXT")]
    author: Option<String>,
    #[command(flatten)]
    time: TimeArgs,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = pages::limit)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct TimeArgs {
    /// From this time on: RFC 3339 (2026-01-31T12:00:00Z), or how long ago (2h, 7d)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<prost_types::Timestamp>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<prost_types::Timestamp>,
}

impl TimeArgs {
    fn range(&self) -> Option<TimeRange> {
        let range = TimeRange { start_time: self.since, end_time: self.until };
        (self.since.is_some() || self.until.is_some()).then_some(range)
    }
}

/// A point in time, or how long ago it was.
fn moment(text: &str) -> Result<prost_types::Timestamp, String> {
    if let Ok(ago) = length(text) {
        let ago = i64::try_from(ago.as_secs()).unwrap_or(i64::MAX);
        let now = Clock.now().wall.as_millis().div_euclid(1_000);
        return Ok(prost_types::Timestamp { seconds: now.saturating_sub(ago), nanos: 0 });
    }
    let date = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    date.parse()
        .map_err(|_| format!("{text:?} is no time: write 2026-01-31T12:00:00Z, 2026-01-31, or how long ago: 2h"))
}

async fn reactor(session: &Session) -> Result<ReactorServiceClient<Service>, Failure> {
    Ok(ReactorServiceClient::new(session.connect.service().await?).max_decoding_message_size(MAX_ANSWER))
}

pub(super) async fn dials(session: &Session, args: DialsArgs) -> Result<(), Failure> {
    let filter = DialFilter {
        time: args.time.range(),
        ip_range: args.ip.unwrap_or_default(),
        id: args.id.unwrap_or_default(),
        reached: args.failed.then_some(false),
    };
    let client = PeerServiceClient::new(session.connect.service().await?).max_decoding_message_size(MAX_ANSWER);
    let fetch = |network, page_size, page_token| {
        let (mut client, filter) = (client.clone(), Some(filter.clone()));
        async move { client.list_dials(ListDialsRequest { network, page_size, page_token, filter }).await }
    };
    let network = session.network_or_all();
    let list = pages::collect(args.limit, |size, token| fetch(network.clone(), size, token)).await?;
    list.show(session, "dials", |answer: &ListDialsResponse| {
        let row = |dial: &DialAttempt| {
            [
                cell(instant(dial.time.as_ref())),
                cell(&dial.network),
                cell(&dial.address),
                cell(or_dash(&dial.remote_address)),
                cell(word(dial.purpose().as_str_name(), "DIAL_PURPOSE_")),
                cell(word(dial.outcome().as_str_name(), "DIAL_OUTCOME_")),
                cell(or_dash(&dial.detail)),
            ]
        };
        let columns = [
            column("TIME"),
            column("NETWORK"),
            column("TARGET").lead(),
            column("REMOTE").spare(1),
            column("PURPOSE").spare(2),
            column("OUTCOME"),
            column("DETAIL").prose(),
        ];
        table(columns, answer.dials.iter().map(row))
    })
}

pub(super) async fn answers(session: &Session, args: AnswersArgs) -> Result<(), Failure> {
    let filter = AnswerFilter {
        requester: args.to.unwrap_or_default(),
        named: args.naming.unwrap_or_default(),
        time: args.time.range(),
    };
    let client = PeerServiceClient::new(session.connect.service().await?).max_decoding_message_size(MAX_ANSWER);
    let fetch = |network, page_size, page_token| {
        let (mut client, filter, with_addresses) = (client.clone(), Some(filter.clone()), args.addresses);
        let request = ListAnswersRequest { network, page_size, page_token, filter, with_addresses };
        async move { client.list_answers(request).await }
    };
    let network = session.network_or_all();
    let list = pages::collect(args.limit, |size, token| fetch(network.clone(), size, token)).await?;
    list.show(session, "answers", |answer: &ListAnswersResponse| {
        let row = |sent: &Answer| {
            [
                cell(instant(sent.time.as_ref())),
                cell(&sent.network),
                cell(&sent.requester_ip),
                cell(&sent.requester_id),
                cell(sent.address_count),
                cell(sent.addresses.join(" ")),
            ]
        };
        let columns = [
            column("TIME"),
            column("NETWORK"),
            column("REQUESTER IP").lead(),
            column("REQUESTER ID").spare(1),
            column("ADDRESSES"),
            column(if args.addresses { "NAMED" } else { "" }).prose(),
        ];
        table(columns, answer.answers.iter().map(row))
    })
}

pub(super) async fn refusals(session: &Session, args: RefusalsArgs) -> Result<(), Failure> {
    let grouping = if args.ranges { RefusalGrouping::Range } else { RefusalGrouping::Host };
    let client = reactor(session).await?;
    let fetch = |network, page_size, page_token| {
        let mut client = client.clone();
        let request = ListRefusalsRequest { network, page_size, page_token, grouping: grouping.into() };
        async move { client.list_refusals(request).await }
    };
    let network = session.network_or_all();
    let list = pages::collect(args.limit, |size, token| fetch(network.clone(), size, token)).await?;
    list.show(session, "sources", |answer: &ListRefusalsResponse| {
        let row = |source: &RefusalSource| {
            let reasons: Vec<String> =
                source.reasons.iter().map(|reason| format!("{} {}", reason.count, reason.reason)).collect();
            [
                cell(&source.source),
                cell(or_dash(&source.network)),
                cell(source.count),
                cell(ago(source.last_time.as_ref())),
                cell(reasons.join(", ")),
            ]
        };
        let columns =
            [column("SOURCE"), column("NETWORK"), column("REFUSED"), column("LAST"), column("REASONS").prose()];
        table(columns, answer.sources.iter().map(row))
    })
}

pub(super) async fn audit(session: &Session, args: AuditArgs) -> Result<(), Failure> {
    let filter = AuditFilter { time: args.time.range(), author: args.author.unwrap_or_default(), ..Default::default() };
    let client = reactor(session).await?;
    let fetch = |network, page_size, page_token| {
        let (mut client, filter) = (client.clone(), Some(filter.clone()));
        let request = ListAuditEntriesRequest { network, page_size, page_token, filter };
        async move { client.list_audit_entries(request).await }
    };
    let network = session.network_or_all();
    let list = pages::collect(args.limit, |size, token| fetch(network.clone(), size, token)).await?;
    list.show(session, "entries", |answer: &ListAuditEntriesResponse| {
        let row = |same: &[AuditEntry]| {
            let [entry, others @ ..] = same else { return Default::default() };
            let network = match (entry.network.as_str(), others.len()) {
                ("", _) => "(pexd)".to_owned(),
                (network, 0) => network.to_owned(),
                (network, more) => format!("{network} and {more} more"),
            };
            [
                cell(instant(entry.time.as_ref())),
                cell(network),
                cell(&entry.author),
                cell(&entry.method),
                cell(&entry.summary),
            ]
        };
        let columns =
            [column("TIME"), column("NETWORK"), column("AUTHOR"), column("METHOD").spare(1), column("CHANGE").prose()];
        table(columns, answer.entries.chunk_by(is_same_change).map(row))
    })
}

/// Whether two entries report one change that several networks note, such as a network that was removed.
fn is_same_change(a: &AuditEntry, b: &AuditEntry) -> bool {
    let second = |entry: &AuditEntry| entry.time.as_ref().map(|time| time.seconds);
    let words = |entry: &AuditEntry| (entry.author.clone(), entry.method.clone(), entry.summary.clone());
    a.network != b.network && second(a) == second(b) && words(a) == words(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_change_of_many_networks_is_one_row() {
        let entry = |network: &str, seconds, summary: &str| AuditEntry {
            network: network.into(),
            time: Some(prost_types::Timestamp { seconds, nanos: seconds as i32 }),
            summary: summary.into(),
            ..Default::default()
        };
        let entries = [
            entry("a", 9, "removed x"),
            entry("b", 9, "removed x"),
            entry("c", 9, "banned y"),
            entry("c", 9, "banned y"),
            entry("d", 8, "banned y"),
        ];
        let rows: Vec<usize> = entries.chunk_by(is_same_change).map(<[AuditEntry]>::len).collect();
        assert_eq!(rows, [2, 1, 1, 1]);
    }

    #[test]
    fn moments() {
        assert_eq!(moment("1970-01-02"), Ok(prost_types::Timestamp { seconds: 86_400, nanos: 0 }));
        assert_eq!(moment("1970-01-01T00:01:00Z"), Ok(prost_types::Timestamp { seconds: 60, nanos: 0 }));
        let (now, hour) = (moment("0s").unwrap(), moment("1h").unwrap());
        assert!((3_599..=3_601).contains(&(now.seconds - hour.seconds)));
        assert!(moment("yesterday").is_err());
    }
}
