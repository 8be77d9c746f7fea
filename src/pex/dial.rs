//! dialSeeds and dialPeer (docs/protocol/pex-reactor.md, "dialSeeds", "dialPeer"): what follows from the end of a dial.
//! The rules of *whether* to dial are the switch's.

use super::outage::{Good, OutageChange};
use super::seeds::note_dial;
use super::{Context, Pex};
use crate::book::{Book, MarkOutcome, Source};
use crate::switch::{AddressEvent, CrawlEvent, Dialled, Event, NotDialled, consequence};
use crate::types::{DialOutcome, Fault, NetAddress, NodeId, PeerAddress, Purpose};

impl Pex {
    /// dialSeeds: in random order, one at a time, until one is up, connected already or being dialled.
    pub(super) fn dial_seeds(&mut self, cx: &mut Context<'_>) {
        self.last_seed_round = Some(cx.now);
        self.seeds.begin_round(cx.rng);
        self.dial_next_seed(cx);
    }

    fn dial_next_seed(&mut self, cx: &mut Context<'_>) {
        while let Some(seed) = self.seeds.next_of_round() {
            match cx.switch.dial(cx.out, cx.now, seed, Purpose::Seed) {
                Ok(_) | Err(NotDialled::Connected | NotDialled::Dialling | NotDialled::DuplicateIp) => return,
                Err(_) => {}
            }
        }
    }

    /// Takes the end of a dial: the book notes what became of it, a seed's health is kept, the crawl goes on.
    pub fn dialled(&mut self, cx: &mut Context<'_>, dialled: &Dialled) {
        if dialled.dial.purpose == Purpose::Persistent
            && dialled.fault.is_none()
            && let Some(address) = dialled.address
        {
            // One with an IP is there from the start; what a name stands for is known only now.
            let own = Source { id: cx.switch.params().own_id, ip: address.ip() };
            Self::learn_surely(cx, address, own);
        }
        if let Some(address) = dialled.address {
            self.note_outcome(cx, &address, dialled.fault.as_ref());
        }
        // What a configured address turns out to be is its operator's to see to.
        let of_the_book = matches!(dialled.dial.purpose, Purpose::Visit | Purpose::Verify | Purpose::Keep);
        if let (Some(address), Some(Fault::WrongId { actual }), true) = (dialled.address, &dialled.fault, of_the_book) {
            Self::learn_actual(cx, &address, *actual);
        }
        if self.seeds.contains(&dialled.dial.target) {
            let (seed, fault) = (dialled.dial.target.clone().into(), dialled.fault.clone());
            cx.out.event(Event::Crawl(CrawlEvent::SeedDialled { seed, fault }));
        }
        let latency = u32::try_from(dialled.took.as_millis()).unwrap_or(u32::MAX);
        self.seeds.note(&dialled.dial.target, |health| {
            note_dial(health, dialled.fault.as_ref(), latency, cx.now.wall);
        });
        if let Some(conn) = dialled.conn {
            self.add_peer(cx, conn);
        }
        if dialled.dial.purpose == Purpose::Seed {
            match &dialled.fault {
                None => self.seeds.end_round(),
                Some(_) => self.dial_next_seed(cx),
            }
        }
        self.crawl(cx);
    }

    /// Notes that the name of a seed's host stood for no address when the start needed one, which is as good as a dial that
    /// failed.
    pub fn seed_name_unresolved(&mut self, cx: &mut Context<'_>, name: &str) {
        let seeds: Vec<PeerAddress> =
            self.seeds.iter().filter(|seed| seed.host_name() == Some(name)).cloned().collect();
        for seed in seeds {
            self.seeds.note(&seed, |health| note_dial(health, Some(&Fault::Unresolved), 0, cx.now.wall));
            cx.out.event(Event::Crawl(CrawlEvent::SeedDialled { seed: seed.into(), fault: Some(Fault::Unresolved) }));
        }
    }

    /// Another node than the one that was advertised proved itself at an ip:port.
    fn learn_actual(cx: &mut Context<'_>, dialled: &NetAddress, actual: NodeId) {
        if let Ok(address) = NetAddress::new(actual, dialled.ip(), dialled.port()) {
            Self::learn_surely(cx, address, Source { id: actual, ip: address.ip() });
            cx.book.follow_up(cx.now, dialled, &address);
        }
    }

    fn note_outcome(&mut self, cx: &mut Context<'_>, address: &NetAddress, fault: Option<&Fault>) {
        match fault.map_or(Some(DialOutcome::Reached), |fault| consequence(fault).outcome) {
            None => cx.book.untake(cx.now, address),
            Some(outcome) if outcome.is_success() => self.note_success(cx, address, outcome),
            Some(outcome) => self.note_failure(cx, address, outcome),
        }
    }

    /// Notes that an address was reached.
    pub(super) fn note_success(&mut self, cx: &mut Context<'_>, address: &NetAddress, outcome: DialOutcome) {
        match cx.book.mark_reached(cx.now, address, outcome) {
            MarkOutcome::Verified => cx.out.event(Event::Address(AddressEvent::Verified(*address))),
            MarkOutcome::Promoted => cx.out.event(Event::Address(AddressEvent::Promoted(*address))),
            MarkOutcome::None | MarkOutcome::Unverified | MarkOutcome::Demoted => {}
        }
        let is_held = |address: &NetAddress| cx.book.get(address).is_some_and(|record| record.verified);
        let group = |address: &NetAddress| cx.book.group(address);
        match self.outage.reached(address, good(cx.book), cx.now.mono, is_held, &group) {
            OutageChange::None | OutageChange::Began(_) => {}
            OutageChange::Ended => cx.out.event(Event::Crawl(CrawlEvent::Outage(false))),
            OutageChange::Expired(gone) => {
                cx.out.event(Event::Crawl(CrawlEvent::Outage(false)));
                gone.iter().for_each(|address| Self::give_up(cx, address));
            }
        }
    }

    /// What was held through an outage is demoted after all, for what its last dial found.
    fn give_up(cx: &mut Context<'_>, address: &NetAddress) {
        let Some(outcome) = cx.book.get(address).map(|record| record.outcome) else { return };
        if !outcome.is_success() {
            cx.book.mark_failed(cx.now, address, outcome, false);
            cx.out.event(Event::Address(AddressEvent::Unverified { address: *address, outcome }));
        }
    }

    fn note_failure(&mut self, cx: &mut Context<'_>, address: &NetAddress, outcome: DialOutcome) {
        let verified = cx.book.get(address).is_some_and(|record| record.verified);
        let hold = self.outage.spares(verified, cx.now.mono);
        let change = cx.book.mark_failed(cx.now, address, outcome, hold);
        let lost = matches!(change, MarkOutcome::Unverified | MarkOutcome::Demoted);
        if lost {
            cx.out.event(Event::Address(AddressEvent::Unverified { address: *address, outcome }));
        }
        // What was demoted at an outage's end fails again: that is no news.
        if verified {
            let group = |address: &NetAddress| cx.book.group(address);
            let change = self.outage.failed(*address, good(cx.book), cx.now.mono, &group);
            if let OutageChange::Began(addresses) = change {
                cx.out.event(Event::Crawl(CrawlEvent::Outage(true)));
                for address in addresses {
                    cx.book.restore(cx.now, &address);
                }
            }
        }
    }
}

/// How much of the book is verified.
const fn good(book: &Book) -> Good {
    Good { addresses: book.verified(), groups: book.verified_groups() }
}
