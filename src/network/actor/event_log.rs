//! The events of a network as lines of the log and as counters.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::servable_log::{ServableChange, ServableLog};
use crate::network::counters::Counters;
use crate::network::views::PeerEnd;
use crate::node::{AddressEvent, BanEvent, CrawlEvent, DialEnd, Event, ExchangeEvent, OUTAGE, PeerEvent, ReactorEvent};
use crate::pex::MAX_SEEDS;
use crate::types::{Fault, NodeId, PeerAddress, Wall};

/// Ends of connections that are kept with their peer; about 8 KB.
const RECENT_ENDS: usize = 64;

/// Counts what happened and why peers went, and writes the log.
#[derive(Debug, Default)]
pub(in crate::network) struct EventLog {
    pub(in crate::network) counters: Counters,
    ended: BTreeMap<&'static str, u64>,
    recent_ends: VecDeque<PeerEnd>,
    /// The seeds whose last dial failed, each with the name of what was wrong: logged when it changes, not at each dial.
    failing_seeds: BTreeMap<Arc<PeerAddress>, &'static str>,
    servable: ServableLog,
}

impl EventLog {
    /// Notes one event. What an operator must act on is a warning, what they may want to see is `info`, what
    /// happens all day at `debug`.
    pub(in crate::network) fn note(&mut self, event: &Event, at: Wall) {
        self.counters.note(event, at);
        match event {
            Event::Reactor(ReactorEvent::Started) => {
                self.servable = ServableLog::default();
                tracing::info!("reactor started");
            }
            Event::Reactor(ReactorEvent::Stopped) => tracing::info!("reactor stopped"),
            Event::Reactor(ReactorEvent::Failed(reason)) => {
                tracing::error!(%reason, "reactor failed; what may pass by itself is tried again, else start the network when it is fixed");
            }
            Event::Peer(PeerEvent::Up { id, direction, purpose, .. }) => {
                tracing::debug!(%id, %direction, purpose = purpose.map(tracing::field::display), "peer connected");
            }
            Event::Peer(PeerEvent::Down { id, fault, .. }) => {
                self.note_end(*id, fault, at);
                tracing::debug!(%id, %fault, "peer gone");
            }
            Event::Peer(PeerEvent::Refused { id, ip, fault }) => {
                tracing::debug!(%id, %ip, %fault, "connection refused");
            }
            Event::Dialled(end) => note_dial(end),
            Event::Address(AddressEvent::Learned { address, from }) => {
                tracing::trace!(%address, %from, "address learned")
            }
            Event::Exchange(ExchangeEvent::Answered { id, total, learned }) => {
                tracing::debug!(%id, total, learned, "addresses received")
            }
            Event::Exchange(ExchangeEvent::Served { id, addresses }) => {
                tracing::debug!(%id, addresses, "addresses sent")
            }
            Event::Address(AddressEvent::Verified(address)) => tracing::debug!(%address, "verified"),
            Event::Address(AddressEvent::Unverified { address, outcome }) => {
                tracing::debug!(%address, %outcome, "no longer verified")
            }
            Event::Address(AddressEvent::Promoted(address)) => tracing::debug!(%address, "good"),
            Event::Ban(BanEvent::Banned(ban)) => tracing::info!(target = %ban.target, reason = %ban.reason, "banned"),
            Event::Ban(BanEvent::Unbanned(target)) => tracing::info!(%target, "ban lifted"),
            Event::Crawl(CrawlEvent::Outage(true)) => {
                tracing::warn!("{OUTAGE}");
            }
            Event::Crawl(CrawlEvent::Outage(false)) => tracing::info!("the outage is over"),
            Event::Crawl(CrawlEvent::SeedDialled { seed, fault }) => self.note_seed(seed, fault.as_ref()),
            Event::Crawl(CrawlEvent::Round { backlog, servable }) => {
                self.note_servable(*servable, at);
                tracing::debug!(backlog, servable, "round");
            }
        }
    }

    fn note_servable(&mut self, servable: u32, at: Wall) {
        match self.servable.note(servable, at) {
            Some(ServableChange { before: 0, now }) => tracing::info!("{now} servable: those who ask are answered"),
            Some(ServableChange { before, now: 0 }) => {
                tracing::warn!("0 servable, {before} before: nobody can be named to those who ask")
            }
            Some(ServableChange { before, now }) => tracing::info!("{now} servable, {before} before"),
            None => {}
        }
    }

    fn note_seed(&mut self, seed: &Arc<PeerAddress>, fault: Option<&Fault>) {
        match (self.is_news(seed, fault), fault) {
            (true, Some(fault)) => tracing::warn!(%seed, %fault, "the seed cannot be used; it is tried again"),
            (false, Some(fault)) => tracing::debug!(%seed, %fault, "the seed cannot be used"),
            (true, None) => tracing::info!(%seed, "the seed answers again"),
            (false, None) => tracing::debug!(%seed, "seed dialled"),
        }
    }

    /// Whether the end of a seed's dial is another one than before. That a seed answers at first is none.
    fn is_news(&mut self, seed: &Arc<PeerAddress>, fault: Option<&Fault>) -> bool {
        if self.failing_seeds.len() > MAX_SEEDS {
            // Removed ones are among them.
            self.failing_seeds.clear();
        }
        let now = fault.map(Fault::name);
        let before = match now {
            Some(name) => self.failing_seeds.insert(seed.clone(), name),
            None => self.failing_seeds.remove(seed),
        };
        before != now
    }

    fn note_end(&mut self, id: NodeId, fault: &Fault, at: Wall) {
        *self.ended.entry(fault.name()).or_default() += 1;
        if self.recent_ends.len() == RECENT_ENDS {
            self.recent_ends.pop_front();
        }
        self.recent_ends.push_back(PeerEnd { at, id, fault: fault.clone() });
    }

    /// How often a peer went for what, since the start.
    pub(in crate::network) fn ends(&self) -> Vec<(&'static str, u64)> {
        self.ended.iter().map(|(reason, count)| (*reason, *count)).collect()
    }

    /// The peers that went last, the latest at the end.
    pub(in crate::network) fn recent_ends(&self) -> Vec<PeerEnd> {
        self.recent_ends.iter().cloned().collect()
    }
}

fn note_dial(end: &DialEnd) {
    let DialEnd { target, purpose, .. } = end;
    match &end.fault {
        Some(fault) => tracing::debug!(%target, %purpose, %fault, "dial failed"),
        None => tracing::debug!(%target, %purpose, "dialled"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::types::ConnId;

    #[test]
    fn a_failing_seed_is_told_once_and_again_when_it_changes() {
        let mut event_log = EventLog::default();
        let seed = Arc::new("0101010101010101010101010101010101010101@seed.example.com:1".parse().unwrap());
        let dials = [Some(Fault::Refused), Some(Fault::Refused), Some(Fault::Unresolved), None, None];
        let news = dials.each_ref().map(|fault| event_log.is_news(&seed, fault.as_ref()));
        assert_eq!(news, [true, false, true, true, false]);
    }

    #[test]
    fn ends_are_counted_by_name_and_the_latest_are_kept() {
        let mut event_log = EventLog::default();
        let remote = "127.0.0.1:1".parse().unwrap();
        let down = |n: u8, fault| {
            let id = NodeId::from_bytes([n; 20]);
            Event::Peer(PeerEvent::Down { conn: ConnId(1), id, remote, length: Duration::ZERO, fault })
        };
        event_log.note(&down(0, Fault::BadMessage), Wall::from_secs(0));
        for second in 1..=70 {
            event_log.note(&down(second, Fault::UnknownChannel(i32::from(second))), Wall::from_secs(second.into()));
        }
        assert_eq!(event_log.ends(), [("bad_message", 1), ("unknown_channel", 70)]);
        let recent = event_log.recent_ends();
        assert_eq!(recent.len(), RECENT_ENDS);
        assert_eq!((recent[0].at, recent[63].at), (Wall::from_secs(7), Wall::from_secs(70)));
        assert_eq!((recent[63].id, &recent[63].fault), (NodeId::from_bytes([70; 20]), &Fault::UnknownChannel(70)));
    }
}
