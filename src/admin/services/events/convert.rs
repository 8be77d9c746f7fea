//! Events as they are sent.

use std::time::Duration;

use crate::admin::reply::conversions::{ban, outcome, purpose, time};
use crate::admin::reply::dial_attempts;
use crate::admin::untrusted_text::{printable, reason};
use crate::network::events::{Cursor, Entry, Missed, OperatorChange, What};
use crate::node::{AddressEvent, BanEvent, CrawlEvent, Event, ExchangeEvent, PeerEvent, ReactorEvent};
use crate::proto::pexd::v1::event::Detail;
use crate::proto::pexd::v1::watch_events_response::Update;
use crate::proto::pexd::v1::{self as pb, EventKind};
use crate::types::{DialOutcome, Direction, Fault, Wall};

pub(super) fn cursor(network: &str, cursor: &Cursor) -> pb::EventCursor {
    pb::EventCursor { network: network.to_owned(), epoch: cursor.epoch.to_string(), number: cursor.number }
}

pub(super) fn missed(network: &str, missed: &Missed) -> pb::WatchEventsResponse {
    let Missed { count, exact, cursor: at } = missed;
    let cursor = Some(cursor(network, at));
    update(Update::Missed(pb::MissedEvents { network: network.to_owned(), count: *count, exact: *exact, cursor }))
}

pub(super) fn caught_up(network: &str, at: &Cursor) -> pb::WatchEventsResponse {
    let cursor = Some(cursor(network, at));
    update(Update::CaughtUp(pb::CaughtUp { network: network.to_owned(), cursor }))
}

/// An event as it is sent, and its kind.
pub(super) fn event(network: &str, entry: &Entry) -> (EventKind, pb::WatchEventsResponse) {
    let (kind, detail) = kind_and_detail(network, entry.at, &entry.what);
    let event = pb::Event {
        cursor: Some(cursor(network, &entry.cursor)),
        time: time(entry.at),
        kind: kind.into(),
        detail: Some(detail),
    };
    (kind, update(Update::Event(event)))
}

const fn update(update: Update) -> pb::WatchEventsResponse {
    pb::WatchEventsResponse { update: Some(update) }
}

fn kind_and_detail(network: &str, at: Wall, what: &What) -> (EventKind, Detail) {
    match what {
        What::Store(failure) => {
            let unsaved_reason = failure.as_deref().map(reason).unwrap_or_default();
            (EventKind::Store, Detail::Store(pb::StoreEvent { unsaved_reason }))
        }
        What::Changed(change) => (EventKind::Changed, Detail::Changed(changed(change))),
        What::Node(event) => match event {
            Event::Reactor(event) => (EventKind::Reactor, reactor(event)),
            Event::Peer(event) => peer(event),
            Event::Dialled(end) => (EventKind::Dial, Detail::Dial(dial_attempts::ended(network, at, end))),
            Event::Address(event) => address(event),
            Event::Exchange(event) => exchange(event),
            Event::Ban(BanEvent::Banned(of)) => (EventKind::Banned, Detail::Banned(ban(network, (**of).clone()))),
            Event::Ban(BanEvent::Unbanned(target)) => {
                (EventKind::Unbanned, Detail::Unbanned(pb::UnbannedEvent { target: target.to_string() }))
            }
            Event::Crawl(event) => crawl(event),
        },
    }
}

fn reactor(event: &ReactorEvent) -> Detail {
    let (transition, text) = match event {
        ReactorEvent::Started => (pb::ReactorTransition::Started, ""),
        ReactorEvent::Stopped => (pb::ReactorTransition::Stopped, ""),
        ReactorEvent::Failed(text) => (pb::ReactorTransition::Failed, &**text),
    };
    Detail::Reactor(pb::ReactorEvent { transition: transition.into(), reason: reason(text) })
}

fn peer(event: &PeerEvent) -> (EventKind, Detail) {
    match event {
        PeerEvent::Up { conn, id, remote, direction, purpose: why } => {
            let detail = pb::PeerUpEvent {
                connection: conn.0,
                id: id.to_string(),
                remote_address: remote.to_string(),
                inbound: *direction == Direction::Inbound,
                purpose: why.map_or(pb::DialPurpose::Unspecified, purpose).into(),
            };
            (EventKind::PeerUp, Detail::PeerUp(detail))
        }
        PeerEvent::Down { conn, id, remote, length, fault } => {
            let detail = pb::PeerDownEvent {
                connection: conn.0,
                id: id.to_string(),
                remote_address: remote.to_string(),
                fault: fault.name().to_owned(),
                detail: words(fault),
                duration: Some(duration(*length)),
            };
            (EventKind::PeerDown, Detail::PeerDown(detail))
        }
        PeerEvent::Refused { id, ip, fault } => {
            let (fault, detail) = (fault.name().to_owned(), words(fault));
            let detail = pb::RefusedEvent { id: id.to_string(), ip: ip.to_string(), fault, detail };
            (EventKind::Refused, Detail::Refused(detail))
        }
    }
}

fn address(event: &AddressEvent) -> (EventKind, Detail) {
    let (address, transition, attempt) = match event {
        AddressEvent::Learned { address, from } => {
            let learned = pb::LearnedEvent { address: address.to_string(), source_id: from.to_string() };
            return (EventKind::Learned, Detail::Learned(learned));
        }
        AddressEvent::Verified(address) => (address, pb::AddressTransition::Verified, DialOutcome::Reached),
        AddressEvent::Promoted(address) => (address, pb::AddressTransition::Promoted, DialOutcome::Reached),
        AddressEvent::Unverified { address, outcome } => (address, pb::AddressTransition::Demoted, *outcome),
    };
    let (address, outcome) = (address.to_string(), outcome(attempt).into());
    let detail = pb::AddressEvent { address, transition: transition.into(), outcome };
    (EventKind::Address, Detail::Address(detail))
}

fn exchange(event: &ExchangeEvent) -> (EventKind, Detail) {
    match event {
        ExchangeEvent::Answered { id, total, learned } => {
            let detail = pb::AnsweredEvent { id: id.to_string(), address_count: *total, learned_count: *learned };
            (EventKind::Answered, Detail::Answered(detail))
        }
        ExchangeEvent::Served { id, addresses } => {
            (EventKind::Served, Detail::Served(pb::ServedEvent { id: id.to_string(), address_count: *addresses }))
        }
    }
}

fn crawl(event: &CrawlEvent) -> (EventKind, Detail) {
    match event {
        CrawlEvent::SeedDialled { seed, fault } => {
            let detail = pb::SeedEvent {
                seed: seed.to_string(),
                fault: fault.as_ref().map(|fault| fault.name().to_owned()).unwrap_or_default(),
                detail: fault.as_ref().map(words).unwrap_or_default(),
            };
            (EventKind::Seed, Detail::Seed(detail))
        }
        CrawlEvent::Round { backlog, servable } => {
            let detail = pb::CrawlRoundEvent { backlog_count: *backlog, servable_count: *servable };
            (EventKind::CrawlRound, Detail::CrawlRound(detail))
        }
        CrawlEvent::Outage(active) => (EventKind::Outage, Detail::Outage(pb::OutageEvent { active: *active })),
    }
}

fn duration(length: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: i32::try_from(length.subsec_nanos()).unwrap_or_default() }
}

fn changed(change: &OperatorChange) -> pb::ChangedEvent {
    pb::ChangedEvent {
        author: printable(&change.author),
        method: change.method.to_owned(),
        summary: reason(&change.summary),
    }
}

/// A fault may quote what a peer said.
fn words(fault: &Fault) -> String {
    reason(&fault.to_string())
}
