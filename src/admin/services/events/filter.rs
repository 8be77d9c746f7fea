//! Which events a reader wants, and what each is about.

use std::net::IpAddr;

use ipnet::IpNet;
use tonic::Status;

use crate::admin::reply::status_codes::invalid;
use crate::admin::request::filters;
use crate::network::events::What;
use crate::node::Event;
use crate::node::row::BanTarget;
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
            Event::Started | Event::StartFailed(_) | Event::Stopped => EventKind::Reactor,
            Event::PeerUp { .. } => EventKind::PeerUp,
            Event::PeerDown { .. } => EventKind::PeerDown,
            Event::Refused { .. } => EventKind::Refused,
            Event::Dialled(_) => EventKind::Dial,
            Event::Learned { .. } => EventKind::Learned,
            Event::Verified(_) | Event::Unverified { .. } | Event::Promoted(_) => EventKind::Address,
            Event::Answered { .. } => EventKind::Answered,
            Event::Served { .. } => EventKind::Served,
            Event::Banned(_) => EventKind::Banned,
            Event::Unbanned(_) => EventKind::Unbanned,
            Event::SeedDialled { .. } => EventKind::Seed,
            Event::Round { .. } => EventKind::CrawlRound,
            Event::Outage(_) => EventKind::Outage,
        },
    }
}

fn is_about_id(what: &What, id: NodeId) -> bool {
    let answered = |fault: &Option<Fault>| matches!(fault, Some(Fault::WrongId { actual }) if *actual == id);
    let What::Node(event) = what else { return false };
    match event {
        Event::PeerUp { id: of, .. }
        | Event::PeerDown { id: of, .. }
        | Event::Refused { id: of, .. }
        | Event::Answered { id: of, .. }
        | Event::Served { id: of, .. } => *of == id,
        Event::Dialled(end) => end.target.id() == id || answered(&end.fault),
        Event::Learned { address, from } => address.id() == id || *from == id,
        Event::Verified(address) | Event::Unverified { address, .. } | Event::Promoted(address) => address.id() == id,
        Event::Banned(ban) => ban.target == BanTarget::Id(id),
        Event::Unbanned(target) => *target == BanTarget::Id(id),
        Event::SeedDialled { seed, fault } => seed.id() == id || answered(fault),
        Event::Started | Event::StartFailed(_) | Event::Stopped | Event::Round { .. } | Event::Outage(_) => false,
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
        Event::PeerUp { remote, .. } | Event::PeerDown { remote, .. } => holds(remote.ip()),
        Event::Refused { ip, .. } => holds(*ip),
        Event::Dialled(end) => end.remote.is_some_and(|remote| holds(remote.ip())),
        Event::Learned { address, .. } => holds(address.ip()),
        Event::Verified(address) | Event::Unverified { address, .. } | Event::Promoted(address) => holds(address.ip()),
        Event::Banned(ban) => banned(&ban.target),
        Event::Unbanned(target) => banned(target),
        Event::SeedDialled { seed, .. } => matches!(seed.host(), Host::Ip(ip) if holds(*ip)),
        Event::Answered { .. }
        | Event::Served { .. }
        | Event::Started
        | Event::StartFailed(_)
        | Event::Stopped
        | Event::Round { .. }
        | Event::Outage(_) => false,
    }
}
