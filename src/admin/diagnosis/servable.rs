//! Why no more addresses are served, in words and numbers.

use crate::node::{OUTAGE, Refused, RunState, StatusView};
use crate::types::{DialOutcome, counted};

/// What keeps a network from serving more addresses; empty when nothing does.
pub(in crate::admin) fn reason(view: &StatusView) -> String {
    let mut parts = Vec::new();
    match &view.state {
        RunState::Stopped => parts.push("nobody is answered: the network is stopped (ReactorService.Start)".to_owned()),
        RunState::Failed(_) => parts.push("nobody is answered: the network has failed (see state_reason)".to_owned()),
        RunState::Starting => parts.push("nobody is answered yet: the network is starting".to_owned()),
        RunState::Running => {}
    }
    if view.book.size == 0 {
        parts.push(nothing_known(view));
    }
    parts.extend(not_served(view));
    if view.book.banned > 0 {
        parts.push(count(view.book.banned, "ID is banned", "IDs are banned"));
    }
    if view.book.in_banned_ranges > 0 {
        let number = count(view.book.in_banned_ranges, "address lies", "addresses lie");
        parts.push(format!("{number} in banned ranges (BanService.ListBans)"));
    }
    if view.outage {
        parts.push(OUTAGE.to_owned());
    }
    parts.join("; ")
}

fn nothing_known(view: &StatusView) -> String {
    let seeds = view.seeds;
    let unroutable = view.book.refused[Refused::Unroutable as usize];
    if unroutable > 0 {
        return format!(
            "no address is known: those that were advertised ({unroutable}) are private or reserved (on a private network set \
             p2p.addr_book_strict = false)"
        );
    }
    if seeds.total() == 0 {
        return "no address is known and no seed is configured (SeedService.AddSeed, or wait for peers to come in)"
            .to_owned();
    }
    if seeds.reached > 0 {
        let all = counted(seeds.total(), "seed");
        return format!("no address is known: {} of {all} answered and gave none yet", seeds.reached);
    }
    let mut found = Vec::new();
    for (number, what) in [
        (seeds.untried, "not dialled yet"),
        (seeds.failed, "without an answer"),
        (seeds.wrong_identity, "with another identity"),
        (seeds.wrong_network, "of another chain"),
    ] {
        if number > 0 {
            found.push(format!("{number} {what}"));
        }
    }
    format!("no address is known, and of {} none was reached: {}", counted(seeds.total(), "seed"), found.join(", "))
}

/// The addresses that are not served, by why.
fn not_served(view: &StatusView) -> Vec<String> {
    let of = |outcome: DialOutcome| view.book.outcomes[outcome as usize];
    let mut parts = Vec::new();
    // A node names those that were never tried; a seed does not.
    let untried = of(DialOutcome::Untried);
    if view.seed_mode && untried > 0 {
        let crawl = match view.crawl.backlog {
            0 => "the crawl is dialling them, or they wait for their time".to_owned(),
            backlog => format!("the crawl has not come around: {backlog} wait, {} are dialled", view.dialling),
        };
        parts.push(format!("{} ({crawl})", count(untried, "address was never tried", "addresses were never tried")));
    }
    for (outcome, one, many) in [
        (DialOutcome::Refused, "address refuses or is unreachable", "addresses refuse or are unreachable"),
        (DialOutcome::TimedOut, "address timed out", "addresses timed out"),
        (DialOutcome::HungUp, "address hung up in the handshake", "addresses hung up in the handshake"),
        (DialOutcome::WrongIdentity, "address has another identity", "addresses have another identity"),
        (DialOutcome::WrongNetwork, "address is of another chain", "addresses are of another chain"),
        (DialOutcome::Misbehaved, "address broke the protocol", "addresses broke the protocol"),
    ] {
        if of(outcome) > 0 {
            parts.push(count(of(outcome), one, many));
        }
    }
    parts
}

fn count(number: u32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tests::status_view;
    use crate::node::{BookView, SeedCounts};

    fn healthy() -> StatusView {
        let mut view = status_view();
        view.book = BookView { size: 5, servable: 5, ..BookView::default() };
        view.book.outcomes = [0, 4, 0, 0, 0, 0, 0, 0, 1, 0];
        view
    }

    #[test]
    fn nothing_is_said_when_all_that_is_alive_is_served() {
        assert_eq!(reason(&healthy()), "");
    }

    #[test]
    fn every_reason_has_its_number() {
        let mut view = healthy();
        view.book.outcomes = [7, 4, 1, 2, 3, 4, 5, 6, 0, 0];
        view.book.banned = 8;
        view.book.in_banned_ranges = 9;
        view.crawl.backlog = 6;
        view.outage = true;
        let text = reason(&view);
        for part in [
            "7 addresses were never tried (the crawl has not come around: 6 wait, 3 are dialled)",
            "1 address refuses or is unreachable",
            "2 addresses timed out",
            "3 addresses have another identity",
            "4 addresses are of another chain",
            "5 addresses hung up",
            "6 addresses broke the protocol",
            "8 IDs are banned",
            "9 addresses lie in banned ranges",
            "an outage",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        view.seed_mode = false;
        assert!(!reason(&view).contains("never tried"), "a node names them");
    }

    #[test]
    fn an_empty_book_tells_of_its_seeds() {
        let mut view = healthy();
        view.book = BookView::default();
        assert!(reason(&view).contains("no seed is configured"));
        view.seeds = SeedCounts { failed: 2, wrong_identity: 1, ..SeedCounts::default() };
        assert!(reason(&view).ends_with("of 3 seeds none was reached: 2 without an answer, 1 with another identity"));
        view.book.refused[Refused::Unroutable as usize] = 20;
        assert!(reason(&view).contains("those that were advertised (20) are private"));
        view.state = RunState::Stopped;
        assert!(reason(&view).starts_with("nobody is answered: the network is stopped"));
    }
}
