//! The crawl of a seed (docs/protocol/pex-reactor.md, "crawlPeersRoutine"): it dials what the book says is due, asks what
//! it reaches, and lets it go with its answer.

use rand::seq::IteratorRandom as _;

use super::params::{DIALS_IN_RESERVE, SEED_ROUND_INTERVAL};
use super::{Context, Pex};
use crate::switch::{NotDialled, Peer, Switch};
use crate::types::{CloseReason, ConnId, DialOutcome, NetAddress, Purpose};

impl Pex {
    /// A round, every 30 s: lets go who stayed too long, asks the seeds when there is need.
    pub(super) fn crawl_round(&mut self, cx: &mut Context<'_>) {
        self.disconnect_old(cx);
        if self.needs_seeds(cx) {
            self.dial_seeds(cx);
        }
        if cx.book.needs_more() {
            self.ask_one_that_stays(cx);
        }
    }

    /// Who is persistent or was dialled by an operator is connected already, so that no visit comes to ask it.
    fn ask_one_that_stays(&mut self, cx: &mut Context<'_>) {
        let stays = |peer: &&Peer| matches!(peer.purpose, Some(Purpose::Persistent | Purpose::Manual | Purpose::Keep));
        let conns = cx.switch.peers().filter(stays).map(|peer| peer.conn);
        if let Some(conn) = conns.choose(cx.rng) {
            self.ask_again(cx, conn);
        }
    }

    fn disconnect_old(&mut self, cx: &mut Context<'_>) {
        let old = |peer: &&Peer| self.too_old_at(peer).is_some_and(|at| at <= cx.now.mono);
        let conns: Vec<ConnId> = cx.switch.peers().filter(old).map(|peer| peer.conn).collect();
        for conn in conns {
            self.let_go(cx, conn, CloseReason::TooOld);
        }
    }

    /// At the start; later on at each round while nothing can be served, and now and then while the book is not full
    /// enough.
    fn needs_seeds(&self, cx: &Context<'_>) -> bool {
        let Some(last) = self.last_seed_round else { return true };
        let nothing_to_serve = cx.book.verified() == 0;
        let long_ago = cx.now.mono.since(last.mono) >= SEED_ROUND_INTERVAL;
        nothing_to_serve || (cx.book.needs_more() && long_ago)
    }

    /// Whether a dial of the crawl may begin now.
    pub(super) fn may_crawl(&self, switch: &Switch) -> bool {
        let most = switch.params().limits.max_dials;
        self.params.seed_mode && switch.dialling() + DIALS_IN_RESERVE.min(most / 2) < most
    }

    /// Dials what is due, as far as dials are free.
    pub(super) fn crawl(&mut self, cx: &mut Context<'_>) {
        if self.next_round.is_none() {
            return;
        }
        while self.may_crawl(cx.switch)
            && let Some(address) = cx.book.due(cx.now)
        {
            self.visit(cx, address);
        }
    }

    /// Dials an address that was due, or gives it back.
    fn visit(&self, cx: &mut Context<'_>, address: NetAddress) {
        // Whoever runs without PEX has nothing to advertise.
        let without_pex = cx.book.get(&address).is_some_and(|record| record.outcome == DialOutcome::NoPex);
        let purpose = if without_pex { Purpose::Verify } else { Purpose::Visit };
        match cx.switch.dial(cx.out, cx.now, address.into(), purpose) {
            Ok(_) => {}
            Err(NotDialled::HostBusy | NotDialled::EndpointBusy) => cx.book.wait_for_host(cx.now, &address),
            Err(_) => cx.book.untake(cx.now, &address),
        }
    }
}
