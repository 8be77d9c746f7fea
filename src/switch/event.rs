//! What happened, by subject, for logs, metrics and those who watch. The state never depends on an event being read.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::{Ban, BanTarget};
use crate::types::{ConnId, DialOutcome, Direction, Fault, NetAddress, NodeId, PeerAddress, Purpose};

/// Something that an operator may want to know of. Thousands are kept: what is long is behind a pointer, and a copy copies
/// no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Of the reactor's lifecycle.
    Reactor(ReactorEvent),
    /// Of a connection.
    Peer(PeerEvent),
    /// A dial ended, with whatever outcome.
    Dialled(Arc<DialEnd>),
    /// Of an address of the book.
    Address(AddressEvent),
    /// Of requests and answers.
    Exchange(ExchangeEvent),
    /// Of bans.
    Ban(BanEvent),
    /// Of the rounds of the reactor.
    Crawl(CrawlEvent),
}

/// What an event is about, by which it can be looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Node IDs.
    pub ids: [Option<NodeId>; 2],
    /// An IP, as a range of one, or a range.
    pub range: Option<IpNet>,
}

impl Event {
    /// What it is about. Those about the reactor as a whole are about nobody.
    pub fn about(&self) -> About {
        let one = |id: NodeId, ip: Option<IpAddr>| About { ids: [Some(id), None], range: ip.map(IpNet::from) };
        let at = |address: &NetAddress| one(address.id(), Some(address.ip()));
        let answered = |fault: &Option<Fault>| match fault {
            Some(Fault::WrongId { actual }) => Some(*actual),
            _ => None,
        };
        match self {
            Event::Peer(PeerEvent::Up { id, remote, .. } | PeerEvent::Down { id, remote, .. }) => {
                one(*id, Some(remote.ip()))
            }
            Event::Peer(PeerEvent::Refused { id, ip, .. }) => one(*id, Some(*ip)),
            Event::Dialled(end) => About {
                ids: [Some(end.target.id()), answered(&end.fault)],
                range: end.remote.map(|remote| remote.ip().into()),
            },
            Event::Address(AddressEvent::Learned { address, from }) => {
                About { ids: [Some(address.id()), Some(*from)], range: Some(address.ip().into()) }
            }
            Event::Address(
                AddressEvent::Verified(address)
                | AddressEvent::Unverified { address, .. }
                | AddressEvent::Promoted(address),
            ) => at(address),
            Event::Exchange(ExchangeEvent::Answered { id, .. } | ExchangeEvent::Served { id, .. }) => one(*id, None),
            Event::Ban(event) => match event.target() {
                BanTarget::Id(id) => one(id, None),
                BanTarget::Range(range) => About { range: Some(range), ..About::default() },
            },
            Event::Crawl(CrawlEvent::SeedDialled { seed, fault }) => {
                let ip = seed.as_net_address().map(|address| address.ip().into());
                About { ids: [Some(seed.id()), answered(fault)], range: ip }
            }
            Event::Crawl(_) | Event::Reactor(_) => About::default(),
        }
    }
}

/// The reactor's lifecycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReactorEvent {
    /// It runs.
    Started,
    /// It could not start, or broke down: why.
    Failed(Arc<str>),
    /// It was stopped.
    Stopped,
}

/// Connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerEvent {
    /// A peer is connected.
    Up {
        /// Its connection.
        conn: ConnId,
        /// Its ID.
        id: NodeId,
        /// Its end of the connection.
        remote: SocketAddr,
        /// Who dialled.
        direction: Direction,
        /// Why we dialled.
        purpose: Option<Purpose>,
    },
    /// A peer is gone.
    Down {
        /// Its connection.
        conn: ConnId,
        /// Its ID.
        id: NodeId,
        /// Its end of the connection.
        remote: SocketAddr,
        /// How long it was connected.
        length: Duration,
        /// Why.
        fault: Fault,
    },
    /// An inbound connection was refused after its handshake.
    Refused {
        /// Its authenticated ID.
        id: NodeId,
        /// The IP that it came from.
        ip: IpAddr,
        /// Why.
        fault: Fault,
    },
}

/// Addresses of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressEvent {
    /// An address entered the book.
    Learned {
        /// The address.
        address: NetAddress,
        /// The ID of the peer that advertised it.
        from: NodeId,
    },
    /// An address was reached and may be served from now on.
    Verified(NetAddress),
    /// An address is not served any more.
    Unverified {
        /// The address.
        address: NetAddress,
        /// The outcome of the attempt.
        outcome: DialOutcome,
    },
    /// An ID became old (good).
    Promoted(NetAddress),
}

/// Requests and answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeEvent {
    /// A seed, or any node that was asked, answered.
    Answered {
        /// Its ID.
        id: NodeId,
        /// Addresses in its message.
        total: u32,
        /// How many of them were new to the book.
        learned: u32,
    },
    /// A request was answered.
    Served {
        /// The requester's ID.
        id: NodeId,
        /// With how many addresses.
        addresses: u32,
    },
}

/// Bans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BanEvent {
    /// A ban took effect.
    Banned(Arc<Ban>),
    /// A ban ended.
    Unbanned(BanTarget),
}

impl BanEvent {
    fn target(&self) -> BanTarget {
        match self {
            BanEvent::Banned(ban) => ban.target,
            BanEvent::Unbanned(target) => *target,
        }
    }
}

/// The rounds of the reactor: crawl, ensure peers, seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrawlEvent {
    /// Most of what was good fails at once (true), or no longer.
    Outage(bool),
    /// A configured seed was dialled; a name that does not resolve before the start counts as a dial.
    SeedDialled {
        /// The seed.
        seed: Arc<PeerAddress>,
        /// What went wrong, when something did.
        fault: Option<Fault>,
    },
    /// A round of the crawl or of ensure peers began.
    Round {
        /// Addresses that wait for the crawl to dial them; a node dials only for free slots, none wait for it.
        backlog: u32,
        /// IDs that a requester could be sent.
        servable: u32,
    },
}

/// The end of a dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialEnd {
    /// Whom we dialled.
    pub target: PeerAddress,
    /// Where we really went; `None` when a name did not resolve.
    pub remote: Option<SocketAddr>,
    /// Why.
    pub purpose: Purpose,
    /// What became of it; `None` when it says nothing about the address.
    pub outcome: Option<DialOutcome>,
    /// What went wrong. One that was reached may have a fault, too: why it was not kept.
    pub fault: Option<Fault>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each network keeps 8,192 of them.
    #[test]
    fn an_event_is_small() {
        assert!(size_of::<Event>() <= 112, "{}", size_of::<Event>());
    }
}
