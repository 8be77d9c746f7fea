//! `pexd bans`, `ban` and `unban`.

use std::time::Duration;

use super::connect::Service;
use super::{Session, length, pages, per_network, refused, to_protobuf};
use crate::cli::Failure;
use crate::cli::humanize::{ago, instant, or_dash, word};
use crate::cli::table::{cell, column, table};
use crate::proto::pexd::v1::ban_service_client::BanServiceClient;
use crate::proto::pexd::v1::{
    Ban, BanFilter, BanRequest, BanResponse, BanScope, ChangeResult, ListBansRequest, ListBansResponse, UnbanRequest,
    UnbanResponse,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only those that keep this ID or IP out
    #[arg(long, value_name = "ID|IP")]
    applies_to: Option<String>,
    /// Only those with this text in target, reason or author
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = pages::limit)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BanArgs {
    /// A node ID, an IP address or a range (203.0.113.0/24)
    target: String,
    /// For how long: 1h, 30m, 7d [default: until it is lifted]
    #[arg(long = "for", value_name = "LENGTH", value_parser = length)]
    length: Option<Duration>,
    /// Why, for whoever reads the list later
    #[arg(long, default_value = "")]
    reason: String,
    /// Only never dial it, nor serve it to others (an IP or a range): it may still dial us
    #[arg(long)]
    do_not_dial: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct UnbanArgs {
    /// As `pexd bans` shows it
    target: String,
}

async fn client(session: &Session) -> Result<BanServiceClient<Service>, Failure> {
    Ok(BanServiceClient::new(session.connect.service().await?).max_decoding_message_size(super::connect::MAX_ANSWER))
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    let filter = BanFilter {
        applies_to: args.applies_to.unwrap_or_default(),
        text: args.text.unwrap_or_default(),
        ..Default::default()
    };
    let client = client(session).await?;
    let fetch = |page_size, page_token| {
        let (mut client, network, filter) = (client.clone(), session.network_or_all(), Some(filter.clone()));
        async move { client.list_bans(ListBansRequest { network, page_size, page_token, filter }).await }
    };
    pages::collect(args.limit, fetch).await?.show(session, "bans", |answer: &ListBansResponse| {
        let row = |ban: &Ban| {
            let ends = if ban.expire_time.is_some() { ago(ban.expire_time.as_ref()) } else { "never".to_owned() };
            [
                cell(&ban.network),
                cell(&ban.target),
                cell(instant(ban.ban_time.as_ref())),
                cell(ends),
                cell(word(ban.scope().as_str_name(), "BAN_SCOPE_")),
                cell(word(ban.origin().as_str_name(), "BAN_ORIGIN_")),
                cell(or_dash(&ban.author)),
                cell(or_dash(&ban.reason)),
            ]
        };
        let columns = [
            column("NETWORK"),
            column("TARGET").lead(),
            column("SINCE").spare(2),
            column("ENDS"),
            column("SCOPE").spare(4),
            column("ORIGIN").spare(1),
            column("AUTHOR").spare(3),
            column("REASON").prose(),
        ];
        table(columns, answer.bans.iter().map(row))
    })
}

pub(super) async fn ban(session: &Session, args: BanArgs) -> Result<(), Failure> {
    let BanArgs { target, length, reason, do_not_dial } = args;
    let scope = if do_not_dial { BanScope::Dials } else { BanScope::All };
    let (network, duration) = (session.network_or_all(), length.map(to_protobuf));
    let request = BanRequest { network, target, reason, duration, scope: scope.into() };
    let answer = client(session).await?.ban(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, |answer: &BanResponse| changes(&answer.results, "banned", "it was banned already"))?;
    per_network::settle(&answer.results, &answer.failures)
}

pub(super) async fn unban(session: &Session, args: UnbanArgs) -> Result<(), Failure> {
    let request = UnbanRequest { network: session.network_or_all(), target: args.target };
    let answer = client(session).await?.unban(request).await.map_err(refused)?.into_inner();
    session
        .output
        .show(&answer, |answer: &UnbanResponse| changes(&answer.results, "ban lifted", "it was not banned"))?;
    per_network::settle(&answer.results, &answer.failures)
}

fn changes(results: &[ChangeResult], done: &str, already: &str) -> String {
    results.iter().map(|result| per_network::change(Some(result), done, already)).collect()
}
