//! `pexd check-seeds`: what a configuration's seeds are worth, told by its exit code as well.

use std::io::{self, Read as _};

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde::Serialize;

use crate::app;
use crate::probe::{self, Limits, Question, Report, Standing};
use crate::transport::{DialLimits, Dialler};

use super::{Failure, Outcome, print};

/// What the exit codes say; 1 and 2 are those of every command.
const DEFINITE: u8 = 3;
const INCONCLUSIVE: u8 = 4;

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

pub(super) fn run(args: Args) -> Result<Outcome, Failure> {
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
        .block_on(probe::check(&dialler, &question, &seeds, Limits::default()))
        .map_err(|mistake| Failure::Mistake(format!("error: {mistake}")))?;
    // A look-up of a name that is still under way is not waited for.
    runtime.shutdown_background();
    let code = exit_code(&checks);
    print(&if args.json { json(checks)? } else { table(&checks) })?;
    Ok(Outcome::Exit(code))
}

/// Standard input, one byte more than may be at most: the check says what is too long.
fn read_list() -> Result<String, Failure> {
    let mut text = String::new();
    io::stdin().take(probe::MAX_LIST as u64 + 1).read_to_string(&mut text).map_err(Failure::failed)?;
    if text.len() > probe::MAX_LIST {
        return Err(Failure::Mistake(format!("error: {}", probe::QuestionError::TooLong)));
    }
    Ok(text)
}

fn exit_code(checks: &[Report]) -> u8 {
    let any = |standing| checks.iter().any(|check| check.verdict.standing() == standing);
    if any(Standing::Definite) {
        DEFINITE
    } else if any(Standing::Inconclusive) {
        INCONCLUSIVE
    } else {
        0
    }
}

#[derive(Serialize)]
struct Document {
    checks: Vec<Report>,
}

fn json(checks: Vec<Report>) -> Result<String, Failure> {
    let document = serde_json::to_string_pretty(&Document { checks }).map_err(Failure::failed)?;
    Ok(document + "\n")
}

/// A table as wide as the terminal; elsewhere as wide as it is, so that a log has one line a seed. Columns that would be
/// empty are left out.
fn table(checks: &[Report]) -> String {
    let rows: Vec<[String; 7]> = checks.iter().map(row).collect();
    let shown: Vec<usize> =
        (0..HEADER.len()).filter(|&column| rows.iter().any(|row| !row[column].is_empty())).collect();
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(shown.iter().map(|&column| HEADER[column]));
    if let Some((width, _)) = terminal_size::terminal_size_of(io::stdout()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.0);
    }
    for row in &rows {
        table.add_row(shown.iter().map(|&column| row[column].replace(char::is_control, "?")));
    }
    format!("{}\n\n{}\n", table.trim_fmt(), summary(checks))
}

const HEADER: [&str; 7] = ["seed", "verdict", "latency", "addresses", "sample", "node", "detail"];

fn row(check: &Report) -> [String; 7] {
    let answered = check.answer_time.is_some();
    let addresses = match check.unusable_count {
        _ if !answered => String::new(),
        0 => check.address_count.to_string(),
        unusable => format!("{} ({unusable} unusable)", check.address_count),
    };
    let sample = match check.sample_tried_count {
        0 => String::new(),
        tried => format!("{} of {tried}", check.sample_reached_count),
    };
    [
        check.seed.clone(),
        check.verdict.short_name().to_owned(),
        check.latency.map(|latency| format!("{} ms", latency.as_millis())).unwrap_or_default(),
        addresses,
        sample,
        format!("{} {}", check.moniker, check.version).trim().to_owned(),
        check.detail.clone(),
    ]
}

fn summary(checks: &[Report]) -> String {
    let count = |standing| checks.iter().filter(|check| check.verdict.standing() == standing).count();
    format!(
        "{} of {} usable, {} definitely wrong, {} inconclusive",
        count(Standing::Usable),
        checks.len(),
        count(Standing::Definite),
        count(Standing::Inconclusive)
    )
}
