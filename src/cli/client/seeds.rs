//! `pexd seeds`: the configured seeds and their health.

use std::time::Duration;

use clap::Subcommand;

use super::connect::{MAX_ANSWER, Service};
use super::{Session, pages, per_network, refused};
use crate::cli::humanize::{ago, millis, or_dash, word};
use crate::cli::table::{Cell, CellColour, cell, coloured, column, table};
use crate::cli::{Failure, seed_check_report};
use crate::proto::pexd::v1::seed_service_client::SeedServiceClient;
use crate::proto::pexd::v1::{
    AddSeedRequest, AddSeedResponse, CheckSeedsRequest, ListSeedsRequest, ListSeedsResponse, RemoveSeedRequest,
    RemoveSeedResponse, Seed, SeedOutcome,
};

/// How long to wait for a check: longer than the minute that the method takes at most.
pub(super) const CHECK_TIME: Duration = Duration::from_secs(70);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    command: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the seeds with what our dials found
    List,
    /// Add a seed
    Add {
        /// id@host:port
        seed: String,
    },
    /// Remove a seed
    Remove {
        /// As `pexd seeds` shows it
        seed: String,
    },
    /// Have this pexd dial its seeds, or these, now; `pexd check-seeds` does it without a running one
    Check {
        /// id@host:port [default: the network's own]
        seeds: Vec<String>,
        /// Dial so many of the addresses that each gives
        #[arg(long, value_name = "N", default_value_t = 0)]
        sample: u32,
    },
}

async fn client(session: &Session) -> Result<SeedServiceClient<Service>, Failure> {
    Ok(SeedServiceClient::new(session.connect.service().await?).max_decoding_message_size(MAX_ANSWER))
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    match args.command.unwrap_or(What::List) {
        What::List => list(session).await,
        What::Add { seed } => {
            let request = AddSeedRequest { network: session.network(), seed };
            let answer = client(session).await?.add_seed(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, |answer: &AddSeedResponse| {
                per_network::change(answer.result.as_ref(), "added", "it was a seed already")
            })?;
            per_network::settle(&answer.result, &[])
        }
        What::Remove { seed } => {
            let request = RemoveSeedRequest { network: session.network(), seed };
            let answer = client(session).await?.remove_seed(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, |answer: &RemoveSeedResponse| {
                per_network::change(answer.result.as_ref(), "removed", "it was removed already")
            })?;
            per_network::settle(&answer.result, &[])
        }
        What::Check { seeds, sample } => check(session, seeds, sample).await,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let client = client(session).await?;
    let fetch = |page_size, page_token| {
        let (mut client, network) = (client.clone(), session.network_or_all());
        async move { client.list_seeds(ListSeedsRequest { network, page_size, page_token }).await }
    };
    pages::collect(usize::MAX, fetch).await?.show(session, "seeds", |answer: &ListSeedsResponse| {
        let columns = [
            column("NETWORK"),
            column("SEED").lead(),
            column("ORIGIN").spare(2),
            column("OUTCOME"),
            column("DIALLED"),
            column("REACHED"),
            column("LATENCY").spare(1),
            column("ADDRESSES").spare(3),
            column("GOOD").spare(5),
            column("BROUGHT").spare(4),
            column("LABEL").spare(0),
            column("DETAIL").prose(),
        ];
        table(columns, answer.seeds.iter().map(row))
    })
}

fn row(seed: &Seed) -> [Cell; 12] {
    let colour = match seed.last_outcome() {
        SeedOutcome::Reached => CellColour::Good,
        SeedOutcome::WrongIdentity | SeedOutcome::WrongNetwork | SeedOutcome::Ourselves => CellColour::Bad,
        _ => CellColour::Doubtful,
    };
    let account = seed.account.unwrap_or_default();
    let from = word(seed.origin().as_str_name(), "SEED_ORIGIN_");
    let what = if seed.in_effect {
        or_dash(&seed.last_fault).to_owned()
    } else {
        format!("removed by {}", seed.change_author)
    };
    [
        cell(&seed.network),
        cell(&seed.seed),
        cell(from),
        coloured(word(seed.last_outcome().as_str_name(), "SEED_OUTCOME_"), colour),
        cell(ago(seed.last_dial_time.as_ref())),
        cell(ago(seed.last_success_time.as_ref())),
        cell(millis(seed.latency.as_ref())),
        cell(seed.last_answer_address_count),
        cell(format!("{}/{}", seed.advertised_good_address_count, seed.advertised_address_count)),
        cell(format!("{}: {} reached, {} dead", account.brought_count, account.reached_count, account.dead_count)),
        cell(&seed.metrics_label),
        cell(what),
    ]
}

async fn check(session: &Session, seeds: Vec<String>, sample_size: u32) -> Result<(), Failure> {
    let request = CheckSeedsRequest { network: session.network(), seeds, sample_size };
    let mut client = SeedServiceClient::new(session.connect.service_for(CHECK_TIME).await?);
    client = client.max_decoding_message_size(MAX_ANSWER);
    let answer = client.check_seeds(request).await.map_err(refused)?.into_inner();
    seed_check_report::show(session.output, &answer)
}
