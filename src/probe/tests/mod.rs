//! Checks of real networks and of scripted seeds, over loopback.

mod bounds;
mod verdicts;

use std::time::Duration;

use super::{ProbeLimits, Question, Report, check};
use crate::testkit::{Identity, Manner, ScriptedSeed};
use crate::transport::{DialLimits, Dialler};
use crate::types::NetAddress;

const CHAIN: &str = "test-1";

fn question() -> Question {
    Question { chain_id: CHAIN.into(), block_version: 11, sample: 0, strict: false }
}

/// What is found of these entries.
async fn look(question: &Question, seeds: &[String]) -> Vec<Report> {
    look_within(ProbeLimits::default(), question, seeds).await
}

async fn look_within(limits: ProbeLimits, question: &Question, seeds: &[String]) -> Vec<Report> {
    let dialler = Dialler::new(DialLimits { dials_per_second: 0, ..DialLimits::default() });
    check(&dialler, question, seeds, limits).await.unwrap()
}

/// What is found of one entry.
async fn look_at(seed: impl ToString) -> Report {
    look(&question(), &[seed.to_string()]).await.remove(0)
}

/// Soon over for who never answers.
fn impatient() -> ProbeLimits {
    ProbeLimits { answer: Duration::from_millis(300), ..ProbeLimits::default() }
}

async fn scripted(network: &str, manner: Manner) -> ScriptedSeed {
    ScriptedSeed::open(Identity::random(network), manner).await.unwrap()
}

/// Somebody's ID at this place.
fn under_another_id(place: NetAddress) -> NetAddress {
    NetAddress::new(Identity::random(CHAIN).key.id(), place.ip(), place.port()).unwrap()
}
