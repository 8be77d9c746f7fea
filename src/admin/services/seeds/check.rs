//! `SeedService.CheckSeeds`: probes of seeds, by a running pexd.

use std::time::Duration;

use tokio::sync::Semaphore;
use tonic::Status;

use crate::admin::reply::status_codes;
use crate::admin::reply::status_codes::invalid;
use crate::admin::untrusted_text::printable;
use crate::network::Handle;
use crate::probe::{ProbeLimits, Question, QuestionError, check};
use crate::proto::pexd::v1::{CheckSeedsRequest, CheckSeedsResponse, SeedCheck};

/// Checks at once in the process: each may dial a thousand addresses.
const AT_ONCE: usize = 2;
/// How long one may take. A request gets a little more.
const WHOLE: Duration = Duration::from_secs(50);

static SLOTS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Checks the seeds that are asked for, or else the network's own.
pub(in crate::admin) async fn check_seeds(
    network: &Handle,
    request: CheckSeedsRequest,
) -> Result<CheckSeedsResponse, Status> {
    let Ok(_slot) = SLOTS.try_acquire() else {
        return Err(status_codes::limit(format!("{AT_ONCE} checks of seeds are under way: wait until one ends")));
    };
    let context = network.probe_context().await.map_err(|error| status_codes::of(&error))?;
    let seeds = if request.seeds.is_empty() { own_seeds(network).await? } else { request.seeds };
    let question = Question {
        chain_id: context.local.info().network.clone(),
        block_version: context.local.info().protocol.block,
        sample: usize::try_from(request.sample_size).unwrap_or(usize::MAX),
        strict: context.local.settings().strict,
    };
    let limits = ProbeLimits { whole: WHOLE, ..ProbeLimits::default() };
    let reports = check(&context.dialler, &question, &seeds, limits).await.map_err(|error| invalid_question(&error))?;
    Ok(CheckSeedsResponse { checks: reports.into_iter().map(|report| harmless(report.into())).collect() })
}

async fn own_seeds(network: &Handle) -> Result<Vec<String>, Status> {
    let seeds = network.seeds().await.map_err(|error| status_codes::of(&error))?;
    let seeds: Vec<String> =
        seeds.into_iter().filter(|view| view.in_effect).map(|view| view.seed.to_string()).collect();
    if seeds.is_empty() {
        return Err(invalid("seeds", "the network has no seeds of its own: name some, as id@host:port"));
    }
    Ok(seeds)
}

fn invalid_question(error: &QuestionError) -> Status {
    let field = match error {
        QuestionError::Sample(_) => "sample_size",
        QuestionError::ChainId => "network",
        QuestionError::NoSeeds | QuestionError::TooManySeeds(_) | QuestionError::TooLong => "seeds",
    };
    invalid(field, error.to_string())
}

/// What nodes and callers wrote, escaped.
fn harmless(check: SeedCheck) -> SeedCheck {
    SeedCheck {
        seed: printable(&check.seed),
        detail: printable(&check.detail),
        actual_network: printable(&check.actual_network),
        moniker: printable(&check.moniker),
        version: printable(&check.version),
        ..check
    }
}
