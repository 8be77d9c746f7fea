//! `pexd seeds`: the configured seeds and their health.

use clap::Subcommand;
use comfy_table::Cell;

use super::connect::Service;
use super::{Session, pages, refused};
use crate::cli::table::{self, Mood, ago, cell, coloured, millis, or_dash, table, word};
use crate::cli::{Failure, checks};
use crate::proto::pexd::v1::seed_service_client::SeedServiceClient;
use crate::proto::pexd::v1::{
    AddSeedRequest, AddSeedResponse, CheckSeedsRequest, ListSeedsRequest, ListSeedsResponse, RemoveSeedRequest,
    RemoveSeedResponse, Seed, SeedOutcome,
};

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
    Ok(SeedServiceClient::new(session.connect.service().await?).max_decoding_message_size(super::connect::MAX_ANSWER))
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    match args.command.unwrap_or(What::List) {
        What::List => list(session).await,
        What::Add { seed } => {
            let request = AddSeedRequest { network: session.network(), seed };
            let answer = client(session).await?.add_seed(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, |answer: &AddSeedResponse| {
                table::change(answer.result.as_ref(), "added", "it was a seed already")
            })
        }
        What::Remove { seed } => {
            let request = RemoveSeedRequest { network: session.network(), seed };
            let answer = client(session).await?.remove_seed(request).await.map_err(refused)?.into_inner();
            session.output.show(&answer, |answer: &RemoveSeedResponse| {
                table::change(answer.result.as_ref(), "removed", "it was removed already")
            })
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
    let answer: ListSeedsResponse = pages::collect(usize::MAX, fetch).await?;
    session.output.show(&answer, |answer| {
        let headings = ["NETWORK", "SEED", "FROM", "OUTCOME", "DIALLED", "REACHED", "LATENCY", "GAVE", "GOOD", "WHAT"];
        table(headings, answer.seeds.iter().map(row)) + &table::failures(&answer.failures)
    })
}

fn row(seed: &Seed) -> [Cell; 10] {
    let mood = match seed.last_outcome() {
        SeedOutcome::Reached => Mood::Good,
        SeedOutcome::WrongIdentity | SeedOutcome::WrongNetwork => Mood::Bad,
        _ => Mood::Doubtful,
    };
    let from = word(seed.origin().as_str_name(), "SEED_ORIGIN_");
    let what =
        if seed.in_force { or_dash(&seed.last_fault).to_owned() } else { format!("removed by {}", seed.change_author) };
    [
        cell(&seed.network),
        cell(&seed.seed),
        cell(from),
        coloured(word(seed.last_outcome().as_str_name(), "SEED_OUTCOME_"), mood),
        cell(ago(seed.last_dial_time.as_ref())),
        cell(ago(seed.last_success_time.as_ref())),
        cell(millis(seed.latency.as_ref())),
        cell(seed.last_answer_address_count),
        cell(format!("{}/{}", seed.told_good_address_count, seed.told_address_count)),
        cell(what),
    ]
}

async fn check(session: &Session, seeds: Vec<String>, sample_size: u32) -> Result<(), Failure> {
    let request = CheckSeedsRequest { network: session.network(), seeds, sample_size };
    let answer = client(session).await?.check_seeds(request).await.map_err(refused)?.into_inner();
    checks::show(session.output, &answer)
}
