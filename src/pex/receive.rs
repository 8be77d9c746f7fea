//! Receive (docs/protocol/pex-reactor.md, "Receive"; `p2p/pex/pex_reactor.go: Receive`).

use super::params::SEED_SELECTION_BIAS;
use super::request_times::Asked;
use super::{Context, Pex};
use crate::book::{Answer, Source};
use crate::switch::{Event, ExchangeEvent};
use crate::types::{CloseReason, ConnId, Direction, Fault, NetAddress, NodeId, Purpose};
use crate::wire::pex::{Outgoing, Received};

impl Pex {
    /// Takes a message. What comes on a connection that is gone is ignored.
    pub fn receive(&mut self, cx: &mut Context<'_>, conn: ConnId, message: Received) {
        if self.next_round.is_none() || cx.switch.heard(cx.now, conn, &message).is_none() {
            return;
        }
        match message {
            Received::Request => self.requested(cx, conn),
            Received::Addresses { addresses, total } => self.addresses_received(cx, conn, addresses, total),
        }
    }

    /// A seed answers an inbound peer once and lets it go; anyone else is answered as often as the timing rules allow.
    fn requested(&mut self, cx: &mut Context<'_>, conn: ConnId) {
        let Some(peer) = cx.switch.peer(conn) else { return };
        let id = peer.info.id;
        let once = self.params.seed_mode && peer.direction == Direction::Inbound;
        match self.requests.received(id, cx.now.mono) {
            Asked::InTime if once => {
                self.answer(cx, conn, Some(SEED_SELECTION_BIAS));
                self.let_go(cx, conn, CloseReason::Answered);
            }
            Asked::InTime => self.answer(cx, conn, None),
            Asked::TooSoon | Asked::TooOften if once => {
                self.misbehaved(cx, conn, Fault::RequestTooSoon);
            }
            Asked::TooSoon => self.misbehaved(cx, conn, Fault::RequestTooSoon),
            Asked::TooOften => self.misbehaved(cx, conn, Fault::RequestsTooOften),
        }
    }

    /// Sends addresses, perhaps none: the requester can ask again only after an answer.
    fn answer(&mut self, cx: &mut Context<'_>, conn: ConnId, bias: Option<u8>) {
        let Some((id, asker)) = cx.switch.peer(conn).map(|peer| (peer.info.id, peer.remote.ip())) else { return };
        let servable = cx.book.servable();
        let addresses = match self.answers.again(asker, servable, cx.now.mono) {
            Some(again) => Self::read(cx, again, id),
            None => {
                let answer = cx.book.selection(bias, id, cx.rng);
                let addresses = Self::read(cx, &answer, id);
                self.answers.keep(asker, answer, servable, cx.now.mono);
                addresses
            }
        };
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        cx.out.event(Event::Exchange(ExchangeEvent::Served { id, addresses: count }));
        cx.switch.send(cx.out, conn, Outgoing::Addresses(addresses.into()));
    }

    /// What an answer names now to this requester.
    fn read(cx: &Context<'_>, answer: &Answer, requester: NodeId) -> Vec<NetAddress> {
        let mut addresses = cx.book.read(answer, &requester);
        if cx.switch.bans_ranges() {
            addresses.retain(|address| !cx.switch.bans_ip(address.ip(), cx.now.wall));
        }
        addresses
    }

    /// What an inbound peer that asks now, from an IP that did not ask lately, would be sent; nothing is sent, and nothing
    /// changes but the generator of the context.
    pub fn preview(&self, cx: &mut Context<'_>, requester: NodeId) -> Vec<NetAddress> {
        let bias = self.params.seed_mode.then_some(SEED_SELECTION_BIAS);
        let answer = cx.book.selection(bias, requester, cx.rng);
        Self::read(cx, &answer, requester)
    }

    /// Addresses that were asked for enter the book, their source being the sender. Those from a seed start a round at once
    /// (upstream's tendermint/tendermint#2093).
    fn addresses_received(&mut self, cx: &mut Context<'_>, conn: ConnId, addresses: Vec<NetAddress>, total: u32) {
        if self.asked.remove(&conn).is_none() {
            return self.misbehaved(cx, conn, Fault::Unsolicited);
        }
        let Some(peer) = cx.switch.peer(conn) else { return };
        let source = Source { id: peer.info.id, ip: peer.remote.ip() };
        let purpose = peer.purpose;
        let learned = addresses.into_iter().filter(|address| Self::learn(cx, *address, source)).count();
        let learned = u32::try_from(learned).unwrap_or(u32::MAX);
        cx.out.event(Event::Exchange(ExchangeEvent::Answered { id: source.id, total, learned }));
        self.seeds.note_answer(&source.id, total, cx.now.wall);
        self.after_answer(cx, conn, purpose);
        if self.seeds.is_seed_id(&source.id) && !self.params.seed_mode {
            self.ensure_peers(cx, true);
        }
        self.crawl(cx);
    }

    /// A visit is over with its answer. A node keeps a seed that has not hung up by itself, if it has a slot for it.
    fn after_answer(&mut self, cx: &mut Context<'_>, conn: ConnId, purpose: Option<Purpose>) {
        if !matches!(purpose, Some(Purpose::Visit | Purpose::Seed)) {
            return;
        }
        self.visits.retain(|(_, other)| *other != conn);
        let (_, outbound) = cx.switch.counted();
        if !self.params.seed_mode && outbound <= cx.switch.params().limits.max_outbound {
            cx.switch.repurpose(conn, Purpose::Keep);
        } else {
            self.let_go(cx, conn, CloseReason::VisitOver);
        }
    }
}
