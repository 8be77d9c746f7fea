//! The diagnosis of an address: why it is served or not, and what would change that, in words.

use crate::admin::timestamps::time as timestamp;
use crate::book::{NextDialReason, State, TablePlace};
use crate::node::row::Ban;
use crate::node::{AddressDiagnosis, OUTAGE};
use crate::types::{DialOutcome, Wall, counted};

/// The reason of an address's state, for an operator.
pub(in crate::admin) fn reason(diagnosis: &AddressDiagnosis) -> String {
    let verdict = if diagnosis.view.servable { served(diagnosis) } else { not_served(diagnosis) };
    let parts = [verdict, next(diagnosis), place(diagnosis)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn served(diagnosis: &AddressDiagnosis) -> String {
    let record = &diagnosis.view.record;
    let reached = time(record.last_success);
    if record.outcome == DialOutcome::Untried {
        return "Served although it was never tried: a node serves all that did not fail. A seed would not.".to_owned();
    }
    if record.outcome.is_success() {
        return format!(
            "Served: our own dial found its ID there at {reached}, and it did not fail since. It is served until a dial fails.{}",
            named(diagnosis)
        );
    }
    let held = if diagnosis.outage {
        OUTAGE
    } else {
        "it failed while most of what was good failed at once, which was not held against it"
    };
    format!(
        "Served: our own dial found its ID there at {reached}. The latest attempt, at {}, failed ({}), but {held}.",
        time(record.last_attempt),
        failure(record.outcome)
    )
}

/// How often it is named, and why not more often.
fn named(diagnosis: &AddressDiagnosis) -> String {
    let Some(share) = diagnosis.share else { return String::new() };
    let percent = (share.chance * 100.0).clamp(0.1, 100.0);
    let full = if diagnosis.view.record.outcome == DialOutcome::Full {
        " It had no free slot at the latest attempt, and is named less often for that."
    } else {
        ""
    };
    let are = if share.group_ids == 1 { "is" } else { "are" };
    format!(
        " Of its group ({}) {} {are} served; about {percent:.1} % of the answers name it.{full}",
        diagnosis.view.group,
        counted(share.group_ids, "ID"),
    )
}

fn not_served(diagnosis: &AddressDiagnosis) -> String {
    if let Some(ban) = diagnosis.bans.first() {
        return format!("Not served, not dialled: {}.", banned(ban));
    }
    if diagnosis.view.record.state == State::Banned {
        return "Not served, not dialled: the ban of its ID has just ended; it is new again within a minute."
            .to_owned();
    }
    if let Some(refused) = &diagnosis.refused {
        return format!("Not served: by the present configuration the book would not take it: {refused}.");
    }
    let record = &diagnosis.view.record;
    let would_be =
        if diagnosis.seed_mode { record.verified } else { record.verified || record.outcome == DialOutcome::Untried };
    if let Some(other) = diagnosis.served_at.filter(|_| would_be) {
        return format!(
            "Not served: one address of an ID is served, and this ID's is {other}, which was verified before, or reached later. \
             This one takes its place when that one fails."
        );
    }
    if record.outcome == DialOutcome::Untried {
        return "Not served: it was never tried, and a seed reports only what its own dial verified.".to_owned();
    }
    let since = if record.last_success.is_never() {
        "it was never reached".to_owned()
    } else {
        format!("it was last reached at {}", time(record.last_success))
    };
    format!(
        "Not served: our latest attempt, at {}, failed: {}. It failed {} in a row, and {since}. One dial that finds its ID \
         there makes it served.",
        time(record.last_attempt),
        failure(record.outcome),
        times(record.attempts)
    )
}

/// When it will be dialled, or why not.
fn next(diagnosis: &AddressDiagnosis) -> String {
    let manual = "PeerService.DialPeer tries it now";
    if !diagnosis.bans.is_empty() || diagnosis.view.record.state == State::Banned {
        return String::new();
    }
    if diagnosis.dialling {
        return "Its ID is being dialled now.".to_owned();
    }
    if !diagnosis.running {
        return "The reactor does not run, so nothing is dialled: ReactorService.Start starts it.".to_owned();
    }
    if !diagnosis.seed_mode {
        return match diagnosis.not_before {
            Some(until) => format!("A node dials it when it needs peers, but not before {}; {manual}.", time(until)),
            None => format!("A node dials it when it needs peers; {manual}."),
        };
    }
    if diagnosis.view.connected {
        return "Its ID is connected, which verifies no address; it is dialled when that connection is gone."
            .to_owned();
    }
    match diagnosis.next_attempt {
        Some(at) => {
            format!("The crawl dials it at {}, as far as dials are free: {}.", time(at), why_then(diagnosis))
        }
        None => "The crawl has taken it and dials it now.".to_owned(),
    }
}

/// What decides when it is dialled.
fn why_then(diagnosis: &AddressDiagnosis) -> String {
    let failures = times(diagnosis.view.record.attempts);
    match diagnosis.next_dial_reason {
        NextDialReason::NeverTried => "it was never tried, and waits for the turn of its source".to_owned(),
        NextDialReason::Answered => {
            "it answered, and is asked the less often the longer it has answered, within half an hour".to_owned()
        }
        NextDialReason::Held => "its failure is not held against it, and it is asked again soon".to_owned(),
        NextDialReason::Failed => {
            format!(
                "it failed {failures} in a row, and each time doubles the wait (exponential backoff, 6 hours at most)"
            )
        }
        NextDialReason::GivenUp => format!("it failed {failures} in a row and never answered: it is tried once a day"),
        NextDialReason::PutOff => "its dial was put off: its host was busy, or the dial told nothing".to_owned(),
        NextDialReason::SameEndpoint => {
            "somebody else is or was at its IP and port, and what is known of that holds it back".to_owned()
        }
    }
}

/// What it would give way to.
fn place(diagnosis: &AddressDiagnosis) -> String {
    match diagnosis.place {
        TablePlace::Banned => String::new(),
        TablePlace::Verified => {
            "When the book is full, it leaves only for another one that was reached, and only after a \
             dial that it did not answer."
                .to_owned()
        }
        TablePlace::Lapsed { of, at_most } => format!(
            "It is one of {of} that answered once and not lately; of more than {at_most} one leaves, by chance."
        ),
        TablePlace::NeverReached { of, at_most } => format!(
            "It has a place in its source's part of the book, with {of} of at most {at_most} that nobody reached; what \
             failed leaves first, then chance decides."
        ),
    }
}

fn banned(ban: &Ban) -> String {
    let target = match ban.target {
        crate::node::row::BanTarget::Id(_) => "its ID is banned".to_owned(),
        crate::node::row::BanTarget::Range(_) => format!("its IP is banned ({})", ban.target),
    };
    let until =
        if ban.until.is_never() { "until it is lifted".to_owned() } else { format!("until {}", time(ban.until)) };
    let why = if ban.reason.is_empty() { String::new() } else { format!(" for {:?}", ban.reason) };
    format!("{target}{why}, {until}; BanService.Unban lifts that")
}

const fn failure(outcome: DialOutcome) -> &'static str {
    match outcome {
        DialOutcome::Untried => "it was never tried",
        DialOutcome::Reached | DialOutcome::NoPex | DialOutcome::Full => "it was reached, and lost its standing since",
        DialOutcome::Refused => "the host refused the connection or cannot be reached: nothing listens there now",
        DialOutcome::TimedOut => "it did not answer in time: a firewall, or a host that is gone or overloaded",
        DialOutcome::WrongIdentity => "a node with another ID answered there: the address is outdated, or was made up",
        DialOutcome::WrongNetwork => "a node of another chain or block version answered there",
        DialOutcome::HungUp => "it hung up within the handshake: most often a node without a free slot",
        DialOutcome::Misbehaved => "it broke the protocol",
    }
}

fn times(count: u16) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn time(at: Wall) -> String {
    timestamp(at).map_or_else(|| "no time".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{Record, Source};
    use crate::node::AddressView;
    use crate::node::row::BanTarget;
    use crate::types::{Group, NetAddress, NodeId};

    /// What a running seed knows of an address that it reached.
    fn good() -> AddressDiagnosis {
        let at = Wall::from_secs(1_750_000_000);
        let address = NetAddress::new(NodeId::from_bytes([1; 20]), [1, 2, 3, 4].into(), 26_656).unwrap();
        let record = Record {
            address,
            state: State::New,
            source: Source { id: address.id(), ip: address.ip() },
            added: at,
            attempts: 0,
            outcome: DialOutcome::Reached,
            last_attempt: at,
            last_success: at,
            reached_since: at,
            reliability: crate::book::Reliability::default(),
            verified: true,
        };
        AddressDiagnosis {
            view: AddressView { record, group: Group::V4([1, 2]), servable: true, connected: false },
            seed_mode: true,
            running: true,
            outage: false,
            refused: None,
            served_at: Some(address),
            dialling: false,
            next_attempt: Some(at),
            share: Some(crate::book::Share { group_ids: 12, chance: 0.25 }),
            next_dial_reason: NextDialReason::Answered,
            place: TablePlace::Verified,
            not_before: None,
            bans: Vec::new(),
        }
    }

    /// The same when its latest attempt failed.
    fn failed(outcome: DialOutcome, attempts: u16) -> AddressDiagnosis {
        let mut diagnosis = good();
        diagnosis.view.servable = false;
        diagnosis.served_at = None;
        (diagnosis.view.record.verified, diagnosis.view.record.outcome, diagnosis.view.record.attempts) =
            (false, outcome, attempts);
        diagnosis
    }

    fn changed(mut diagnosis: AddressDiagnosis, change: impl FnOnce(&mut AddressDiagnosis)) -> String {
        change(&mut diagnosis);
        reason(&diagnosis)
    }

    #[track_caller]
    fn says(text: &str, wanted: &[&str]) {
        assert!(wanted.iter().all(|wanted| text.contains(wanted)), "{text}");
    }

    #[test]
    fn a_served_address_tells_what_it_rests_on() {
        says(&reason(&good()), &["Served: our own dial", "2025-06-15T15:06:40Z", "The crawl dials it at"]);
        let untried = |diagnosis: &mut AddressDiagnosis| {
            (diagnosis.seed_mode, diagnosis.view.record.outcome, diagnosis.view.record.verified) =
                (false, DialOutcome::Untried, false);
        };
        says(&changed(good(), untried), &["never tried", "A seed would not", "when it needs peers", "DialPeer"]);
        let held = |diagnosis: &mut AddressDiagnosis| {
            (diagnosis.outage, diagnosis.view.record.outcome) = (true, DialOutcome::TimedOut)
        };
        says(&changed(good(), held), &["Served", "did not answer in time", OUTAGE]);
        let restored = |diagnosis: &mut AddressDiagnosis| diagnosis.view.record.outcome = DialOutcome::Refused;
        says(&changed(good(), restored), &["Served", "not held against it"]);
    }

    #[test]
    fn an_address_that_is_not_served_tells_why_and_what_would_change_that() {
        says(
            &reason(&failed(DialOutcome::TimedOut, 3)),
            &["failed: it did not answer", "3 times in a row", "One dial that finds"],
        );
        let never = |diagnosis: &mut AddressDiagnosis| diagnosis.view.record.last_success = Wall::NEVER;
        says(&changed(failed(DialOutcome::Refused, 1), never), &["once in a row", "never reached"]);
        let untried = |diagnosis: &mut AddressDiagnosis| diagnosis.view.record.last_attempt = Wall::NEVER;
        says(
            &changed(failed(DialOutcome::Untried, 0), untried),
            &["Not served: it was never tried", "The crawl dials it"],
        );
        let other: NetAddress = format!("{}@5.6.7.8:1", NodeId::from_bytes([1; 20])).parse().unwrap();
        let elsewhere =
            |diagnosis: &mut AddressDiagnosis| (diagnosis.view.servable, diagnosis.served_at) = (false, Some(other));
        says(&changed(good(), elsewhere), &["one address of an ID", "5.6.7.8:1"]);
        let private = |diagnosis: &mut AddressDiagnosis| {
            (diagnosis.view.servable, diagnosis.refused) = (false, Some(crate::book::Refused::Private));
        };
        says(&changed(good(), private), &["private_peer_ids"]);
    }

    #[test]
    fn a_ban_comes_before_all_else() {
        let ban = |target| Ban::new(target, "spam".into(), Wall::from_secs(5), None, Some("ops"));
        let by_range = |diagnosis: &mut AddressDiagnosis| {
            diagnosis.view.servable = false;
            diagnosis.bans = vec![ban(BanTarget::Range("1.2.0.0/16".parse().unwrap()))];
        };
        let text = changed(good(), by_range);
        says(&text, &["1.2.0.0/16", "\"spam\"", "until it is lifted", "BanService.Unban"]);
        assert!(!text.contains("dials it"), "{text}");
        let by_id = |diagnosis: &mut AddressDiagnosis| {
            (diagnosis.view.servable, diagnosis.view.record.state) = (false, State::Banned);
            diagnosis.bans = vec![ban(BanTarget::Id(NodeId::from_bytes([1; 20])))];
        };
        says(&changed(good(), by_id), &["its ID is banned"]);
        let ended = |diagnosis: &mut AddressDiagnosis| {
            (diagnosis.view.servable, diagnosis.view.record.state) = (false, State::Banned)
        };
        says(&changed(good(), ended), &["has just ended"]);
    }

    #[test]
    fn the_next_dial_is_told_or_why_there_is_none() {
        let failed = || failed(DialOutcome::TimedOut, 17);
        let until = Wall::from_secs(1_750_086_400);
        says(&changed(failed(), |s| (s.seed_mode, s.not_before) = (false, Some(until))), &["not before 2025-06-16"]);
        says(&changed(failed(), |s| s.running = false), &["ReactorService.Start"]);
        says(&changed(failed(), |s| s.dialling = true), &["being dialled now"]);
        says(&changed(failed(), |s| s.view.connected = true), &["Its ID is connected"]);
        says(&changed(failed(), |s| s.next_attempt = None), &["dials it now"]);
        says(&changed(failed(), |s| s.next_dial_reason = NextDialReason::Failed), &["17 times", "doubles the wait"]);
        says(&changed(failed(), |s| s.next_dial_reason = NextDialReason::SameEndpoint), &["at its IP and port"]);
    }

    #[test]
    fn its_place_in_the_book_is_told() {
        says(&reason(&good()), &["only for another one that was reached"]);
        let failed = || failed(DialOutcome::TimedOut, 3);
        let never = TablePlace::NeverReached { of: 37, at_most: 16_384 };
        says(&changed(failed(), |s| s.place = never), &["37 of at most 16384", "what failed leaves first"]);
        let lapsed = TablePlace::Lapsed { of: 2, at_most: 900 };
        says(&changed(failed(), |s| s.place = lapsed), &["one of 2 that answered once", "more than 900"]);
    }
}
