//! Which events a reader wants, and what each is about.

use std::net::IpAddr;

use ipnet::IpNet;
use tonic::Status;

use crate::admin::reply::status_codes::invalid;
use crate::admin::request::filters;
use crate::network::events::What;
use crate::node::row::BanTarget;
use crate::node::{AddressEvent, BanEvent, CrawlEvent, Event, ExchangeEvent, PeerEvent, ReactorEvent};
use crate::proto::pexd::v1::{EventFilter, EventKind};
use crate::types::{Fault, Host, NodeId};

/// Kinds in a filter at most; more are repetitions.
const MAX_KINDS: usize = 64;

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Empty lets every kind through.
    kinds: Vec<EventKind>,
    id: Option<NodeId>,
    range: Option<IpNet>,
}

impl Filter {
    /// Reads a request's filter.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with the field.
    pub(super) fn read(filter: Option<EventFilter>) -> Result<Filter, Status> {
        let filter = filter.unwrap_or_default();
        if filter.kinds.len() > MAX_KINDS {
            return Err(invalid("filter.kinds", format!("more than {MAX_KINDS}: name each kind once")));
        }
        let kind = |number: &i32| match EventKind::try_from(*number) {
            Ok(EventKind::Unspecified) | Err(_) => {
                let text =
                    format!("{number} is not a kind: leave `kinds` empty for all, or name kinds like EVENT_KIND_DIAL");
                Err(invalid("filter.kinds", text))
            }
            Ok(kind) => Ok(kind),
        };
        Ok(Filter {
            kinds: filter.kinds.iter().map(kind).collect::<Result<_, _>>()?,
            id: filters::id("filter.id", &filter.id)?,
            range: filters::range("filter.ip_range", &filter.ip_range)?,
        })
    }

    /// Whether the reader wants this event.
    pub(super) fn admits(&self, what: &What) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&kind(what)))
            && self.id.is_none_or(|id| is_about_id(what, id))
            && self.range.is_none_or(|range| is_about_range(what, range))
    }
}

/// The kind of an event.
pub(super) const fn kind(what: &What) -> EventKind {
    match what {
        What::Store(_) => EventKind::Store,
        What::Changed(_) => EventKind::Changed,
        What::Node(event) => match event {
            Event::Reactor(ReactorEvent::Started)
            | Event::Reactor(ReactorEvent::Failed(_))
            | Event::Reactor(ReactorEvent::Stopped) => EventKind::Reactor,
            Event::Peer(PeerEvent::Up { .. }) => EventKind::PeerUp,
            Event::Peer(PeerEvent::Down { .. }) => EventKind::PeerDown,
            Event::Peer(PeerEvent::Refused { .. }) => EventKind::Refused,
            Event::Dialled(_) => EventKind::Dial,
            Event::Address(AddressEvent::Learned { .. }) => EventKind::Learned,
            Event::Address(AddressEvent::Verified(_))
            | Event::Address(AddressEvent::Unverified { .. })
            | Event::Address(AddressEvent::Promoted(_)) => EventKind::Address,
            Event::Exchange(ExchangeEvent::Answered { .. }) => EventKind::Answered,
            Event::Exchange(ExchangeEvent::Served { .. }) => EventKind::Served,
            Event::Ban(BanEvent::Banned(_)) => EventKind::Banned,
            Event::Ban(BanEvent::Unbanned(_)) => EventKind::Unbanned,
            Event::Crawl(CrawlEvent::SeedDialled { .. }) => EventKind::Seed,
            Event::Crawl(CrawlEvent::Round { .. }) => EventKind::CrawlRound,
            Event::Crawl(CrawlEvent::Outage(_)) => EventKind::Outage,
        },
    }
}

fn is_about_id(what: &What, id: NodeId) -> bool {
    let answered = |fault: &Option<Fault>| matches!(fault, Some(Fault::WrongId { actual }) if *actual == id);
    let What::Node(event) = what else { return false };
    match event {
        Event::Peer(PeerEvent::Up { id: of, .. })
        | Event::Peer(PeerEvent::Down { id: of, .. })
        | Event::Peer(PeerEvent::Refused { id: of, .. })
        | Event::Exchange(ExchangeEvent::Answered { id: of, .. })
        | Event::Exchange(ExchangeEvent::Served { id: of, .. }) => *of == id,
        Event::Dialled(end) => end.target.id() == id || answered(&end.fault),
        Event::Address(AddressEvent::Learned { address, from }) => address.id() == id || *from == id,
        Event::Address(AddressEvent::Verified(address))
        | Event::Address(AddressEvent::Unverified { address, .. })
        | Event::Address(AddressEvent::Promoted(address)) => address.id() == id,
        Event::Ban(BanEvent::Banned(ban)) => ban.target == BanTarget::Id(id),
        Event::Ban(BanEvent::Unbanned(target)) => *target == BanTarget::Id(id),
        Event::Crawl(CrawlEvent::SeedDialled { seed, fault }) => seed.id() == id || answered(fault),
        Event::Reactor(ReactorEvent::Started)
        | Event::Reactor(ReactorEvent::Failed(_))
        | Event::Reactor(ReactorEvent::Stopped)
        | Event::Crawl(CrawlEvent::Round { .. })
        | Event::Crawl(CrawlEvent::Outage(_)) => false,
    }
}

fn is_about_range(what: &What, range: IpNet) -> bool {
    let holds = |ip: IpAddr| range.contains(&ip);
    let banned = |target: &BanTarget| match target {
        BanTarget::Id(_) => false,
        BanTarget::Range(banned) => range.contains(banned) || banned.contains(&range),
    };
    let What::Node(event) = what else { return false };
    match event {
        Event::Peer(PeerEvent::Up { remote, .. }) | Event::Peer(PeerEvent::Down { remote, .. }) => holds(remote.ip()),
        Event::Peer(PeerEvent::Refused { ip, .. }) => holds(*ip),
        Event::Dialled(end) => end.remote.is_some_and(|remote| holds(remote.ip())),
        Event::Address(AddressEvent::Learned { address, .. }) => holds(address.ip()),
        Event::Address(AddressEvent::Verified(address))
        | Event::Address(AddressEvent::Unverified { address, .. })
        | Event::Address(AddressEvent::Promoted(address)) => holds(address.ip()),
        Event::Ban(BanEvent::Banned(ban)) => banned(&ban.target),
        Event::Ban(BanEvent::Unbanned(target)) => banned(target),
        Event::Crawl(CrawlEvent::SeedDialled { seed, .. }) => matches!(seed.host(), Host::Ip(ip) if holds(*ip)),
        Event::Exchange(ExchangeEvent::Answered { .. })
        | Event::Exchange(ExchangeEvent::Served { .. })
        | Event::Reactor(ReactorEvent::Started)
        | Event::Reactor(ReactorEvent::Failed(_))
        | Event::Reactor(ReactorEvent::Stopped)
        | Event::Crawl(CrawlEvent::Round { .. })
        | Event::Crawl(CrawlEvent::Outage(_)) => false,
    }
}
