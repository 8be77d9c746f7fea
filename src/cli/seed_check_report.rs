//! What checks of seeds found, as a table, JSON and exit code.

use super::Failure;
use super::humanize::{millis, or_dash};
use super::output::Output;
use super::table::{Cell, CellColour, cell, coloured, column, table};
use crate::proto::pexd::v1::{CheckSeedsResponse, SeedCheck, SeedVerdict};

/// Shows them, and fails when some seeds are not usable: for certain, or perhaps.
pub(super) fn show(output: Output, answer: &CheckSeedsResponse) -> Result<(), Failure> {
    output.show(answer, |answer: &CheckSeedsResponse| {
        let columns = [
            column("SEED").lead(),
            column("VERDICT"),
            column("LATENCY").spare(1),
            column("ADDRESSES"),
            column("SAMPLE"),
            column("NODE").spare(2),
            column("DETAIL").prose(),
        ];
        table(columns, answer.checks.iter().map(row))
    })?;
    let (usable, others): (Vec<_>, Vec<_>) = answer.checks.iter().partition(|check| is_usable(check));
    let definite = others.iter().filter(|check| check.definite).count();
    let inconclusive = others.len() - definite;
    let (usable, all) = (usable.len(), answer.checks.len());
    let summary = format!("{usable} of {all} usable, {definite} definitely wrong, {inconclusive} inconclusive");
    match (definite, inconclusive) {
        (0, 0) => Ok(()),
        (0, _) => Err(Failure::Inconclusive(summary)),
        (_, _) => Err(Failure::Definite(summary)),
    }
}

fn is_usable(check: &SeedCheck) -> bool {
    matches!(check.verdict(), SeedVerdict::Ok | SeedVerdict::Empty)
}

fn row(check: &SeedCheck) -> [Cell; 7] {
    let colour = match check.definite {
        _ if is_usable(check) => CellColour::Good,
        true => CellColour::Bad,
        false => CellColour::Doubtful,
    };
    let gave = match check.unusable_address_count {
        _ if check.answer_time.is_none() => "-".to_owned(),
        0 => check.address_count.to_string(),
        unusable => format!("{} ({unusable} unusable)", check.address_count),
    };
    let sample = match check.sample_tried_count {
        0 => "-".to_owned(),
        tried => format!("{} of {tried}", check.sample_reached_count),
    };
    let node = format!("{} {}", check.moniker, check.version);
    // What stands in the list or was said by a node may hold anything.
    let plain = |text: &str| text.replace(char::is_control, "?");
    [
        cell(plain(&check.seed)),
        coloured(check.verdict().as_str_name().trim_start_matches("SEED_VERDICT_"), colour),
        cell(millis(check.latency.as_ref())),
        cell(gave),
        cell(sample),
        cell(plain(or_dash(node.trim()))),
        cell(plain(or_dash(&check.detail))),
    ]
}
