//! `pexd check-seeds`: what a configuration's seeds are worth, in its exit code as well.

use std::io::{self, Read as _};

use super::output::Output;
use super::{Failure, NextStep, seed_check_report};
use crate::app;
use crate::probe::{self, ProbeLimits, Question};
use crate::proto::pexd::v1::CheckSeedsResponse;
use crate::transport::{DialLimits, Dialler};

const AFTER_HELP: &str = "\
Each seed is dialled under a fresh identity and asked for addresses once. docs/check-seeds.md explains each verdict.

Exit codes:
  0  all seeds are usable (OK, EMPTY)
  1  pexd itself failed
  2  the command line is wrong
  3  at least one definite fault (MALFORMED, DUPLICATE_ENTRY, UNROUTABLE, WRONG_ID, WRONG_CHAIN, NO_PEX)
  4  no definite fault, and at least one seed that could not be judged from here and now
     (UNRESOLVED, REFUSED, TIMED_OUT, HUNG_UP, SILENT, PROTOCOL, NOT_CHECKED)";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The seeds as a `seeds` line has them: id@host:port, comma-separated; - reads them from standard input
    #[arg(value_name = "LIST")]
    list: String,

    /// The chain that the seeds are to be of
    #[arg(long, value_name = "CHAIN_ID")]
    chain_id: String,

    /// Dial so many of the addresses that each seed gives, and count those that answer
    #[arg(long, value_name = "N", default_value_t = 0)]
    sample: usize,

    /// The chain's block protocol version
    #[arg(long, value_name = "N", default_value_t = 11)]
    block_version: u64,

    /// Take private addresses for good ones, as addr_book_strict = false does
    #[arg(long)]
    allow_private: bool,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Result<NextStep, Failure> {
    let list = if args.list == "-" { read_list()? } else { args.list };
    let seeds: Vec<String> = probe::split(&list).map(str::to_owned).collect();
    let question = Question {
        chain_id: args.chain_id,
        block_version: args.block_version,
        sample: args.sample,
        strict: !args.allow_private,
    };
    app::raise_open_files();
    let runtime = app::runtime().map_err(Failure::failed)?;
    let dialler = Dialler::new(DialLimits::default());
    let checks = runtime
        .block_on(probe::check(&dialler, &question, &seeds, ProbeLimits::default()))
        .map_err(|error| Failure::InvalidInput(format!("error: {error}")))?;
    // A look-up of a name that is still under way is not waited for.
    runtime.shutdown_background();
    let answer = CheckSeedsResponse { checks: checks.into_iter().map(Into::into).collect() };
    seed_check_report::show(if args.json { Output::Json } else { Output::Tables }, &answer)?;
    Ok(NextStep::Done)
}

/// Standard input, one byte more than may be at most: the check says what is too long.
fn read_list() -> Result<String, Failure> {
    let mut text = String::new();
    io::stdin().take(probe::MAX_LIST as u64 + 1).read_to_string(&mut text).map_err(Failure::failed)?;
    if text.len() > probe::MAX_LIST {
        return Err(Failure::InvalidInput(format!("error: {}", probe::QuestionError::TooLong)));
    }
    Ok(text)
}
