//! `pexd status`: the networks at a glance, the worst first.

use std::fmt::Write as _;

use super::{Session, connect, per_network, refused};
use crate::cli::Failure;
use crate::cli::humanize::{ago, why_unsaved, word};
use crate::cli::table::{Cell, CellColour, cell, coloured, column, paragraph, table};
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{
    AttentionReason, GetStatusRequest, GetStatusResponse, OutboundState, ReactorState, ReactorStatus,
};
use crate::types::counted;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// End with exit code 9 when a network needs attention (it failed, is in an outage, cannot save, can serve nothing or
    /// has reached nobody for five minutes, or its files have errors), did not answer, or pexd.toml has errors
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    let mut client = ReactorServiceClient::new(session.connect.service().await?);
    client = client.max_decoding_message_size(connect::MAX_ANSWER);
    let request = GetStatusRequest { network: session.network_or_all() };
    let answer = client.get_status(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, text)?;
    if args.check { check(&answer) } else { per_network::all_did(&answer.failures) }
}

fn check(answer: &GetStatusResponse) -> Result<(), Failure> {
    let sick = answer.statuses.iter().filter(|status| is_sick(status)).count() + answer.failures.len();
    let errors = answer.process.iter().map(|process| process.config_errors.len()).sum::<usize>();
    if sick == 0 && errors == 0 {
        return Ok(());
    }
    let all = answer.statuses.len() + answer.failures.len();
    let mut lines: Vec<_> = per_network::failed(&answer.failures).collect();
    // The answer has them in words.
    if errors > 0 {
        lines.push(format!("pexd itself has {} in its files", counted(errors, "error")));
    }
    let need = if sick == 1 { "needs" } else { "need" };
    lines.push(format!("{sick} of {} {need} attention", counted(all, "network")));
    Err(Failure::Sick(lines.join("\n")))
}

/// Whether the server says that it needs attention.
fn is_sick(status: &ReactorStatus) -> bool {
    !status.attention.is_empty()
}

fn text(answer: &GetStatusResponse) -> String {
    let mut text = process(answer);
    let columns = [
        column("NETWORK"),
        column("STATE"),
        column("SINCE").spare(4),
        column("MODE").spare(2),
        column("IN").spare(8),
        column("OUT").spare(5),
        column("DIALS").spare(1),
        column("PEERS KNOWN").spare(6),
        column("SERVABLE"),
        column("ANSWERED").spare(3),
        column("DIALS REACH").spare(7),
    ];
    for error in answer.process.iter().flat_map(|process| &process.config_errors) {
        let _ = writeln!(text, "{}", paragraph(&format!("pexd would not start again: {error}"), 2));
    }
    text += &table(columns, answer.statuses.iter().map(row));
    for status in &answer.statuses {
        for (what, note) in notes(status) {
            let note = paragraph(&format!("{}: {what}: {note}", status.network), 2);
            let _ = write!(text, "\n{note}");
        }
    }
    text
}

fn process(answer: &GetStatusResponse) -> String {
    let Some(process) = &answer.process else { return String::new() };
    let outbound = process.outbound.unwrap_or_default();
    let reach = outbound_word(outbound.state());
    format!(
        "pexd {}, up {}, {}; dials: {reach} ({} of {} answered in 10 minutes)\n\n",
        process.version,
        ago(process.start_time.as_ref()),
        counted(process.network_count, "network"),
        outbound.answered_count,
        outbound.dial_count,
    )
}

fn outbound_word(state: OutboundState) -> String {
    word(state.as_str_name(), "OUTBOUND_STATE_")
}

fn row(status: &ReactorStatus) -> [Cell; 11] {
    let book = status.address_book.clone().unwrap_or_default();
    let colour = match status.state() {
        _ if is_sick(status) => CellColour::Bad,
        ReactorState::Running => CellColour::Good,
        _ => CellColour::Doubtful,
    };
    let outbound = status.outbound.unwrap_or_default().state();
    let reach = if outbound == OutboundState::Unanswered { CellColour::Bad } else { CellColour::Good };
    let servable = if book.servable_count == 0 { CellColour::Doubtful } else { CellColour::Good };
    [
        cell(&status.network),
        coloured(word(status.state().as_str_name(), "REACTOR_STATE_"), colour),
        cell(ago(status.state_time.as_ref())),
        cell(word(status.mode().as_str_name(), "REACTOR_MODE_")),
        cell(format!("{}/{}", status.inbound_peer_count, status.max_inbound_peer_count)),
        cell(format!("{}/{}", status.outbound_peer_count, status.max_outbound_peer_count)),
        cell(format!("{}/{}", status.dial_count, status.max_dial_count)),
        cell(book.id_count),
        coloured(book.servable_count, servable),
        cell(status.answered_request_count),
        coloured(outbound_word(outbound), reach),
    ]
}

/// The server's own texts: what needs attention, then what keeps more from being served, unless that was said already.
fn notes(status: &ReactorStatus) -> Vec<(String, &str)> {
    let attention = status.attention.iter().map(|attention| {
        // A reason that this pexd does not know has its text all the same.
        let reason = AttentionReason::try_from(attention.reason);
        let what =
            reason.map_or_else(|_| "attention".to_owned(), |reason| word(reason.as_str_name(), "ATTENTION_REASON_"));
        (what, why_unsaved(&attention.text))
    });
    let mut notes: Vec<_> = attention.collect();
    let servable = status.servable_reason.as_str();
    if !servable.is_empty() && !notes.iter().any(|(_, text)| text.contains(servable)) {
        notes.push(("why no more are servable".to_owned(), servable));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::pexd::v1::{Attention, NetworkFailure, ProcessStatus};

    #[test]
    fn a_network_that_does_not_answer_is_named_and_needs_attention() {
        let failures =
            vec![NetworkFailure { network: "a-1".into(), reason: "network a-1 does not answer".into(), code: 4 }];
        let answer = GetStatusResponse { statuses: vec![ReactorStatus::default()], failures, ..Default::default() };
        let failure = check(&answer).unwrap_err();
        assert_eq!(failure.exit_code(), 9);
        let reported = "a-1 failed: network a-1 does not answer\n1 of 2 networks needs attention";
        assert_eq!(failure.to_string(), reported);
        assert!(check(&GetStatusResponse { failures: Vec::new(), ..answer }).is_ok());
    }

    #[test]
    fn what_keeps_pexd_from_starting_again_is_said_once() {
        let process = ProcessStatus { config_errors: vec!["pexd.toml:2: levle".into()], ..Default::default() };
        let answer = GetStatusResponse { process: Some(process), ..Default::default() };
        let failure = check(&answer).unwrap_err();
        assert_eq!(failure.exit_code(), 9);
        assert_eq!(failure.to_string(), "pexd itself has 1 error in its files\n0 of 0 networks need attention");
        assert_eq!(text(&answer).matches("pexd would not start again: pexd.toml:2: levle").count(), 1);
    }

    #[test]
    fn that_something_is_not_saved_is_said_once() {
        let attention = vec![Attention { reason: AttentionReason::Unsaved.into(), text: "not saved: full".into() }];
        let status = ReactorStatus { network: "a-1".into(), attention, ..Default::default() };
        let answer = GetStatusResponse { statuses: vec![status], ..Default::default() };
        assert!(text(&answer).contains("a-1: unsaved: full"), "{}", text(&answer));
    }

    #[test]
    fn every_text_of_the_servers_is_shown_and_counts_also_of_a_reason_that_is_not_known_here() {
        let nobody = AttentionReason::NobodyReached.into();
        for (reason, shown) in [(nobody, "a-1: nobody reached: no seed"), (4711, "a-1: attention: no seed")] {
            let attention = vec![Attention { reason, text: "no seed answers".into() }];
            let status = ReactorStatus { network: "a-1".into(), attention, ..Default::default() };
            let answer = GetStatusResponse { statuses: vec![status], ..Default::default() };
            assert!(text(&answer).contains(shown), "{}", text(&answer));
            assert_eq!(check(&answer).unwrap_err().exit_code(), 9);
        }
    }

    #[test]
    fn what_keeps_addresses_from_being_served_is_said_once() {
        let servable_reason = "2 addresses timed out".to_owned();
        let text = format!("no address can be served: {servable_reason}");
        let attention = vec![Attention { reason: AttentionReason::NothingServable.into(), text }];
        let mut status = ReactorStatus { servable_reason, attention, ..Default::default() };
        assert_eq!(notes(&status).len(), 1);
        status.attention.clear();
        assert_eq!(notes(&status), [("why no more are servable".to_owned(), "2 addresses timed out")]);
    }
}
