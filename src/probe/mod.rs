//! Probes of seeds: what answers at each entry of a `seeds` line, found out without a network of our own that runs.
//!
//! Each dial is made under a fresh identity, so that it is no second connection of anybody, and announces an address that
//! nobody keeps. All of it is bounded, in number and in time; the [`Dialler`]'s bounds hold as well.

mod client;
mod examine;
mod report;
mod seed_list;
#[cfg(test)]
mod tests;
mod to_protobuf;
mod verdict;

use std::time::Duration;

pub use client::{Answer, NoAnswer, PexClient, ask};
use futures_util::StreamExt as _;
use futures_util::stream::iter;
pub use report::Report;
pub use seed_list::split;
pub use verdict::{Standing, Verdict};

use self::examine::Examiner;
use self::seed_list::Entry;
use crate::transport::Dialler;

/// Entries of a list at most.
pub const MAX_SEEDS: usize = 256;
/// Bytes of all entries at most.
pub const MAX_LIST: usize = 64 * 1024;
/// Addresses that are tried of each seed's answer at most.
pub const MAX_SAMPLE: usize = 50;
/// Bytes of a chain ID at most (CometBFT's `MaxChainIDLen`).
const MAX_CHAIN_ID: usize = 50;

/// What is to be found out.
#[derive(Clone, Debug)]
pub struct Question {
    /// The chain that the seeds are to be of.
    pub chain_id: String,
    /// The block protocol's version, which has to match as well; 11 in every CometBFT so far.
    pub block_version: u64,
    /// How many of the addresses that a seed gives are dialled; 0 = none, at most [`MAX_SAMPLE`].
    pub sample: usize,
    /// Whether addresses that cannot be reached over the Internet are faults; else they are dialled like others.
    pub strict: bool,
}

/// How much may be done at once, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ProbeLimits {
    /// Seeds that are looked at side by side.
    pub seeds_at_once: usize,
    /// Dials of samples at once, those of all seeds together.
    pub sample_dials: usize,
    /// How long a seed has to answer a request.
    pub answer: Duration,
    /// How long all of it may take. What is not known then is reported as [`Verdict::NotChecked`].
    pub whole: Duration,
}

impl Default for ProbeLimits {
    fn default() -> Self {
        ProbeLimits {
            seeds_at_once: 16,
            sample_dials: 64,
            answer: Duration::from_secs(10),
            whole: Duration::from_secs(60),
        }
    }
}

/// Why a question is not gone into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The chain ID is none.
    #[error(
        "the chain ID is not 1 to {MAX_CHAIN_ID} bytes without control characters: write it as genesis.json has it"
    )]
    ChainId,
    /// There is nothing to check.
    #[error("the list names no seed: write id@host:port, several with commas between them")]
    NoSeeds,
    /// More than [`MAX_SEEDS`] entries.
    #[error("the list has {0} entries, and {MAX_SEEDS} is the most: check it in parts")]
    TooManySeeds(usize),
    /// More than [`MAX_LIST`] bytes.
    #[error("the list has more than {MAX_LIST} bytes: check it in parts")]
    TooLong,
    /// A sample above [`MAX_SAMPLE`].
    #[error("a sample of {0} addresses, and {MAX_SAMPLE} a seed is the most")]
    Sample(usize),
}

/// Checks all entries of a list; a report for each, in the list's order. Dropping the future ends all dials.
///
/// # Errors
/// When the question or the list is out of bounds; nothing is dialled then.
pub async fn check(
    dialler: &Dialler,
    question: &Question,
    seeds: &[String],
    limits: ProbeLimits,
) -> Result<Vec<Report>, QuestionError> {
    validate(question, seeds)?;
    let examiner = Examiner::new(dialler, question, limits);
    let entries = seed_list::read(seeds, question.strict).into_iter().enumerate();
    let reports = entries.map(|(index, entry)| {
        let (text, examiner) = (&seeds[index], &examiner);
        async move {
            let report = match entry {
                Entry::Seed(seed) => examiner.examine(text, &seed).await,
                Entry::Faulty(fault) => Report::of_entry(text, &fault),
            };
            (index, report)
        }
    });
    let mut reports: Vec<_> = iter(reports).buffer_unordered(limits.seeds_at_once.max(1)).collect().await;
    reports.sort_unstable_by_key(|(index, _)| *index);
    Ok(reports.into_iter().map(|(_, report)| report).collect())
}

fn validate(question: &Question, seeds: &[String]) -> Result<(), QuestionError> {
    let chain = &question.chain_id;
    if chain.is_empty() || chain.len() > MAX_CHAIN_ID || chain.contains(char::is_control) {
        return Err(QuestionError::ChainId);
    }
    if question.sample > MAX_SAMPLE {
        return Err(QuestionError::Sample(question.sample));
    }
    match seeds.len() {
        0 => Err(QuestionError::NoSeeds),
        count if count > MAX_SEEDS => Err(QuestionError::TooManySeeds(count)),
        _ if seeds.iter().map(String::len).sum::<usize>() > MAX_LIST => Err(QuestionError::TooLong),
        _ => Ok(()),
    }
}
