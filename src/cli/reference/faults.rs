//! docs/faults.md, made of the one list of faults and of the one table of their consequences.

use std::fmt::Write as _;

use crate::switch::{Penalty, consequence};
use crate::types::{DialOutcome, Fault};

const HEAD: &str = "\
# Faults

<!-- Made from src/types/fault.rs by `pexd reference faults > docs/faults.md`. Do not edit. -->

Why a dial failed or a connection ended. The names never change: they are the `fault` of events and dials, the `reason` of
`refusals` and `disconnects` in `ReactorService.GetStatus`, and the labels of the metrics (docs/metrics.md). New ones may come.

What a dial that ended so says of the address is its outcome; against what the failure counts (exponential backoff) is the ip:port,
or that id@ip:port alone, since somebody answered there and not who was expected. A ban is of the authenticated ID.
";

/// The text of the reference.
pub(super) fn reference() -> String {
    let mut text = String::from(HEAD);
    let mut group = "";
    for entry in Fault::catalogue() {
        if entry.group != group {
            group = entry.group;
            let _ = write!(text, "\n## {group}\n\n| Name | Meaning | Outcome of a dial | Counts against | Ban |\n");
            text.push_str("| --- | --- | --- | --- | --- |\n");
        }
        let cost = consequence(&entry.example);
        let outcome = cost.outcome.map_or("inconclusive", DialOutcome::name);
        let blame = match cost.outcome {
            Some(outcome) if outcome.is_of_endpoint() => "ip:port",
            Some(outcome) if !outcome.is_success() => "id@ip:port",
            _ => "",
        };
        let ban = if cost.penalty == Penalty::Ban { "yes" } else { "" };
        let _ = writeln!(text, "| `{}` | {} | `{outcome}` | {blame} | {ban} |", entry.example.name(), entry.meaning);
    }
    text
}
