//! The book as operators see and change it: one address or many.

use std::net::IpAddr;

use super::view_builder::count;
use super::{AddressDiagnosis, AddressRef, AddressView, Ban, BanTarget, Node, NotAdded, Preview, RunState, SourceView};
use crate::book::{Added, Record, Source};
use crate::pex::Context;
use crate::types::{Group, Mono, NetAddress, NodeId, Now, SeededRng};

impl Node {
    /// At most `max` addresses of the book after the key `after`, in the order of their keys.
    pub fn addresses(&self, now: Now, after: Option<&NetAddress>, max: usize) -> Vec<AddressView> {
        self.book.page(after, max).into_iter().map(|record| self.address_view(now, record)).collect()
    }

    /// At most `max` groups of sources after a group, in their order, with what each brought and what became of it.
    pub fn sources(&self, after: Option<Group>, max: usize) -> Vec<SourceView> {
        let view = |(group, account)| SourceView { group, account };
        self.book.source_accounts(after, max).into_iter().map(view).collect()
    }

    /// One group of sources.
    pub fn source(&self, group: Group) -> Option<SourceView> {
        self.book.source_account(group).map(|account| SourceView { group, account })
    }

    /// Bytes that the book and its traces occupy in memory. A walk over their parts, which takes some 100 us in a full book.
    pub fn book_memory(&self) -> usize {
        self.book.memory()
    }

    /// One address of the book.
    pub fn address(&self, now: Now, address: &NetAddress) -> Option<AddressView> {
        self.book.get(address).map(|record| self.address_view(now, record))
    }

    fn address_view(&self, now: Now, record: Record) -> AddressView {
        let listed = self.book.is_served(&record.address);
        AddressView {
            group: self.book.group(&record.address),
            servable: listed && !self.switch.bans_ip(record.address.ip(), now.wall),
            connected: self.switch.is_connected(&record.address.id()),
            record,
        }
    }

    /// All that decides about an address, or about each of an ID's, by IP and port.
    pub fn diagnoses(&self, now: Now, whose: &AddressRef) -> Vec<AddressDiagnosis> {
        self.named(whose).iter().filter_map(|address| self.diagnosis(now, address)).collect()
    }

    fn named(&self, whose: &AddressRef) -> Vec<NetAddress> {
        match whose {
            AddressRef::Id(id) => {
                let mut addresses = self.book.addresses_of(id);
                addresses.sort_unstable();
                addresses
            }
            AddressRef::Address(address) => vec![*address],
        }
    }

    fn diagnosis(&self, now: Now, address: &NetAddress) -> Option<AddressDiagnosis> {
        let view = self.address(now, address)?;
        let (id, running) = (address.id(), self.state == RunState::Running);
        let wall_of = |at: Mono| now.wall + at.since(now.mono);
        let crawled = running && self.pex.is_seed();
        let bans: Vec<_> = self.switch.bans_of(Some(&id), Some(address.ip()), now.wall).cloned().collect();
        let turn = self.book.due_at(address).filter(|_| crawled && bans.is_empty());
        let (next_dial_reason, place) = self.book.explain(now, address)?;
        Some(AddressDiagnosis {
            next_dial_reason,
            place,
            seed_mode: self.pex.is_seed(),
            running,
            outage: self.in_outage(),
            refused: self.book.refusal(address, &view.record.source),
            served_at: self.book.served_address(&id),
            share: self.book.share(address),
            dialling: self.switch.is_busy_with(&id) && !view.connected,
            next_attempt: turn.map(wall_of),
            not_before: self.book.not_before(address).filter(|at| *at > now.mono).map(wall_of),
            bans,
            view,
        })
    }

    /// What an inbound peer would be sent now. Randomness comes from the caller, so that the answers that peers get are not
    /// touched.
    pub fn preview(&mut self, now: Now, requester: Option<NodeId>, rng: &mut SeededRng) -> Preview {
        // Nobody has our own ID.
        let requester = requester.unwrap_or(self.own_id());
        let own = self.book.served_address(&requester);
        let own_is_servable = own.is_some_and(|own| !self.switch.bans_ip(own.ip(), now.wall));
        let servable = self.summary(now).servable - u32::from(own_is_servable);
        let mut context = Context { now, book: &mut self.book, switch: &mut self.switch, out: &mut self.out, rng };
        Preview { addresses: self.pex.preview(&mut context, requester), servable }
    }

    /// Puts an address into the book for an operator. Without a `source` it is ourselves.
    ///
    /// # Errors
    /// When it may not be stored, with what to do about it.
    pub fn add_address(&mut self, now: Now, address: NetAddress, source: Option<Source>) -> Result<Added, NotAdded> {
        let ourselves = Source { id: self.own_id(), ip: address.ip() };
        if self.switch.bans_id(&address.id(), now.wall) {
            return Err(NotAdded::BannedId);
        }
        if let Some(ban) = self.switch.bans_of(None, Some(address.ip()), now.wall).next() {
            return Err(NotAdded::BannedRange(ban.target));
        }
        Ok(self.book.add_surely(now, address, source.unwrap_or(ourselves))?)
    }

    /// Takes an address, or all of an ID, out of the book; how many there were. Connections and bans stay.
    pub fn remove_addresses(&mut self, whose: &AddressRef) -> u32 {
        count(self.named(whose).iter().filter(|address| self.book.drop_address(address)).count())
    }

    /// At most `max` bans in effect after a target, in the order of their targets.
    pub fn bans_after(&self, now: Now, after: Option<&BanTarget>, max: usize) -> Vec<Ban> {
        self.switch.bans_after(after).filter(|ban| ban.holds(now.wall)).take(max).cloned().collect()
    }

    /// The bans that keep an ID or an IP out.
    pub fn bans_of(&self, now: Now, id: Option<&NodeId>, ip: Option<IpAddr>) -> Vec<Ban> {
        self.switch.bans_of(id, ip, now.wall).cloned().collect()
    }
}
