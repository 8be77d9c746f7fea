//! Why an address is served or not, and what would change that, in words.

use super::convert;
use crate::book::State;
use crate::node::AddressStory;
use crate::node::row::Ban;
use crate::types::{Outcome, Wall};

/// The reason of an address's state, for an operator.
pub(super) fn reason(story: &AddressStory) -> String {
    let verdict = if story.view.servable { served(story) } else { not_served(story) };
    let next = next(story);
    if next.is_empty() { verdict } else { format!("{verdict} {next}") }
}

fn served(story: &AddressStory) -> String {
    let record = &story.view.record;
    let reached = time(record.last_success);
    if record.outcome == Outcome::Untried {
        return "Served although it was never tried: a node tells of all that did not fail. A seed would not."
            .to_owned();
    }
    if record.outcome.is_success() {
        return format!(
            "Served: our own dial found its ID there at {reached}, and it did not fail since. It is served until a dial fails."
        );
    }
    let held = if story.outage {
        "most of what was good fails at once, so we take the fault to be ours and hold nothing against it until others \
         answer again"
    } else {
        "it failed while most of what was good failed at once, which was not held against it"
    };
    format!(
        "Served: our own dial found its ID there at {reached}. The latest attempt, at {}, failed ({}), but {held}.",
        time(record.last_attempt),
        failure(record.outcome)
    )
}

fn not_served(story: &AddressStory) -> String {
    if let Some(ban) = story.bans.first() {
        return format!("Not served, not dialled: {}.", banned(ban));
    }
    if story.view.record.state == State::Banned {
        return "Not served, not dialled: the ban of its ID has just ended; it is new again within a minute."
            .to_owned();
    }
    if let Some(refused) = &story.refused {
        return format!("Not served: by the present configuration the book would not take it: {refused}.");
    }
    let record = &story.view.record;
    let would_be =
        if story.seed_mode { record.verified } else { record.verified || record.outcome == Outcome::Untried };
    if let Some(other) = story.served_at.filter(|_| would_be) {
        return format!(
            "Not served: one address an ID is told, and this ID's is {other}, which was verified before, or reached later. \
             This one takes its place when that one fails."
        );
    }
    if record.outcome == Outcome::Untried {
        return "Not served: it was never tried, and a seed tells only of what its own dial verified.".to_owned();
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
fn next(story: &AddressStory) -> String {
    let manual = "PeerService.DialPeer tries it now";
    if !story.bans.is_empty() || story.view.record.state == State::Banned {
        return String::new();
    }
    if story.dialling {
        return "Its ID is being dialled now.".to_owned();
    }
    if !story.running {
        return "The reactor does not run, so nothing is dialled: ReactorService.Start starts it.".to_owned();
    }
    if !story.seed_mode {
        return match story.held {
            Some((until, true)) => format!("It failed too often and is left alone until {}; {manual}.", time(until)),
            Some((until, false)) => {
                format!("A node dials it when it needs peers, but not before {}; {manual}.", time(until))
            }
            None => format!("A node dials it when it needs peers; {manual}."),
        };
    }
    if story.view.connected {
        return "Its ID is connected, which verifies no address; it is dialled when that connection is gone."
            .to_owned();
    }
    match (story.held, story.next_attempt) {
        (Some((until, true)), _) if !story.view.record.verified => format!(
            "Its place failed too often and is given up until {}: it leaves the book at its next turn; {manual}.",
            time(until)
        ),
        (_, Some(at)) => format!("The crawl dials it at {}, as far as dials are free.", time(at)),
        (_, None) => "It waits for the end of a dial to its place: another ID is said to be there, too.".to_owned(),
    }
}

fn banned(ban: &Ban) -> String {
    let whom = match ban.target {
        crate::node::row::BanTarget::Id(_) => "its ID is banned".to_owned(),
        crate::node::row::BanTarget::Range(_) => format!("its IP is banned ({})", ban.target),
    };
    let until =
        if ban.until.is_never() { "until it is lifted".to_owned() } else { format!("until {}", time(ban.until)) };
    let why = if ban.reason.is_empty() { String::new() } else { format!(" for {:?}", ban.reason) };
    format!("{whom}{why}, {until}; BanService.Unban lifts that")
}

const fn failure(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Untried => "it was never tried",
        Outcome::Reached | Outcome::NoPex => "it was reached, and lost its standing since",
        Outcome::Refused => "the host refused the connection or cannot be reached: nothing listens there now",
        Outcome::TimedOut => "it did not answer in time: a firewall, or a host that is gone or overloaded",
        Outcome::WrongIdentity => "a node with another ID answered there: the address is outdated, or was made up",
        Outcome::WrongNetwork => "a node of another chain or block version answered there",
        Outcome::HungUp => "it hung up within the handshake: most often a node without a free slot",
        Outcome::Misbehaved => "it broke the protocol",
    }
}

fn times(count: u16) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn time(at: Wall) -> String {
    convert::time(at).map_or_else(|| "no time".to_owned(), |time| time.to_string())
}
