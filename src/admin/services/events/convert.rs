//! Events as they are sent.

use std::time::Duration;

use super::filter::kind;
use crate::admin::reply::conversions::{ban, outcome, purpose, time};
use crate::admin::reply::dial_attempts;
use crate::admin::untrusted_text::{printable, reason};
use crate::network::events::{Cursor, Entry, Missed, OperatorChange, What};
use crate::node::{AddressEvent, BanEvent, CrawlEvent, Event, ExchangeEvent, PeerEvent, ReactorEvent};
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::event::Detail;
use crate::proto::pexd::v1::watch_events_response::Update;
use crate::types::{DialOutcome, Direction, Fault, NetAddress, Wall};

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

pub(super) fn event(network: &str, entry: &Entry) -> pb::WatchEventsResponse {
    update(Update::Event(pb::Event {
        cursor: Some(cursor(network, &entry.cursor)),
        time: time(entry.at),
        kind: kind(&entry.what).into(),
        detail: Some(detail(network, entry.at, &entry.what)),
    }))
}

const fn update(update: Update) -> pb::WatchEventsResponse {
    pb::WatchEventsResponse { update: Some(update) }
}

fn detail(network: &str, at: Wall, what: &What) -> Detail {
    match what {
        What::Node(event) => of_node(network, at, event),
        What::Store(failure) => {
            Detail::Store(pb::StoreEvent { unsaved_reason: failure.as_deref().map(reason).unwrap_or_default() })
        }
        What::Changed(change) => Detail::Changed(changed(change)),
    }
}

fn of_node(network: &str, at: Wall, event: &Event) -> Detail {
    match event {
        Event::Reactor(ReactorEvent::Started) => reactor(pb::ReactorTransition::Started, ""),
        Event::Reactor(ReactorEvent::Stopped) => reactor(pb::ReactorTransition::Stopped, ""),
        Event::Reactor(ReactorEvent::Failed(text)) => reactor(pb::ReactorTransition::Failed, text),
        Event::Peer(PeerEvent::Up { conn, id, remote, direction, purpose: why }) => Detail::PeerUp(pb::PeerUpEvent {
            connection: conn.0,
            id: id.to_string(),
            remote_address: remote.to_string(),
            inbound: *direction == Direction::Inbound,
            purpose: why.map_or(pb::DialPurpose::Unspecified, purpose).into(),
        }),
        Event::Peer(PeerEvent::Down { conn, id, remote, length, fault }) => Detail::PeerDown(pb::PeerDownEvent {
            connection: conn.0,
            id: id.to_string(),
            remote_address: remote.to_string(),
            fault: fault.name().to_owned(),
            detail: words(fault),
            duration: Some(duration(*length)),
        }),
        Event::Peer(PeerEvent::Refused { id, ip, fault }) => Detail::Refused(pb::RefusedEvent {
            id: id.to_string(),
            ip: ip.to_string(),
            fault: fault.name().to_owned(),
            detail: words(fault),
        }),
        Event::Dialled(end) => Detail::Dial(dial_attempts::ended(network, at, end)),
        Event::Address(AddressEvent::Learned { address, from }) => {
            Detail::Learned(pb::LearnedEvent { address: address.to_string(), source_id: from.to_string() })
        }
        Event::Address(AddressEvent::Verified(of)) => {
            address(of, pb::AddressTransition::Verified, DialOutcome::Reached)
        }
        Event::Address(AddressEvent::Promoted(of)) => {
            address(of, pb::AddressTransition::Promoted, DialOutcome::Reached)
        }
        Event::Address(AddressEvent::Unverified { address: of, outcome }) => {
            address(of, pb::AddressTransition::Demoted, *outcome)
        }
        Event::Exchange(ExchangeEvent::Answered { id, total, learned }) => {
            Detail::Answered(pb::AnsweredEvent { id: id.to_string(), address_count: *total, learned_count: *learned })
        }
        Event::Exchange(ExchangeEvent::Served { id, addresses }) => {
            Detail::Served(pb::ServedEvent { id: id.to_string(), address_count: *addresses })
        }
        Event::Ban(BanEvent::Banned(of)) => Detail::Banned(ban(network, (**of).clone())),
        Event::Ban(BanEvent::Unbanned(target)) => Detail::Unbanned(pb::UnbannedEvent { target: target.to_string() }),
        Event::Crawl(CrawlEvent::SeedDialled { seed, fault }) => Detail::Seed(pb::SeedEvent {
            seed: seed.to_string(),
            fault: fault.as_ref().map(|fault| fault.name().to_owned()).unwrap_or_default(),
            detail: fault.as_ref().map(words).unwrap_or_default(),
        }),
        Event::Crawl(CrawlEvent::Round { backlog, servable }) => {
            Detail::CrawlRound(pb::CrawlRoundEvent { backlog_count: *backlog, servable_count: *servable })
        }
        Event::Crawl(CrawlEvent::Outage(active)) => Detail::Outage(pb::OutageEvent { active: *active }),
    }
}

fn duration(length: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: i32::try_from(length.subsec_nanos()).unwrap_or_default() }
}

fn reactor(transition: pb::ReactorTransition, text: &str) -> Detail {
    Detail::Reactor(pb::ReactorEvent { transition: transition.into(), reason: reason(text) })
}

fn address(of: &NetAddress, transition: pb::AddressTransition, attempt: DialOutcome) -> Detail {
    let (address, outcome) = (of.to_string(), outcome(attempt).into());
    Detail::Address(pb::AddressEvent { address, transition: transition.into(), outcome })
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
