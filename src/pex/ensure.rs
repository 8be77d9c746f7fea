//! ensurePeersRoutine (docs/protocol/pex-reactor.md, "ensurePeersRoutine"; `p2p/pex/pex_reactor.go: ensurePeers`).

use std::collections::BTreeSet;

use rand::seq::IteratorRandom as _;

use super::{Context, Pex};
use crate::switch::NotDialled;
use crate::types::{NetAddress, Purpose};

/// Picks a free slot is worth: some of them are dialled, connected or drawn already.
const PICKS_PER_SLOT: u32 = 3;
/// The preference for new addresses without any outbound peer, and what each peer adds to it, in percent.
const BIAS_STEP: u8 = 10;
/// Outbound peers beyond which the preference does not grow.
const BIAS_PEERS: u32 = 8;

impl Pex {
    /// One round: dials as many picks of the book as there are free slots, and sees to it that the book does not run dry.
    /// A wake-up round (addresses came from a seed) asks nobody.
    pub(super) fn ensure_peers(&mut self, cx: &mut Context<'_>, wake_up: bool) {
        let slots = cx.switch.free_outbound();
        if slots == 0 {
            return;
        }
        let picked = Self::pick(cx, slots);
        for address in &picked {
            if cx.switch.dial(cx.out, cx.now, (*address).into(), Purpose::Keep) == Err(NotDialled::GivenUp) {
                cx.book.drop_address(address);
            }
        }
        if cx.book.needs_more() {
            self.find_more(cx, wake_up, picked.is_empty());
        }
    }

    fn pick(cx: &mut Context<'_>, slots: u32) -> Vec<NetAddress> {
        let (_, outbound) = cx.switch.counted();
        let bias = outbound.min(BIAS_PEERS) as u8 * BIAS_STEP + BIAS_STEP;
        let mut chosen = BTreeSet::new();
        let mut picked = Vec::new();
        for _ in 0..slots.saturating_mul(PICKS_PER_SLOT) {
            if picked.len() >= slots as usize {
                break;
            }
            let Some(address) = cx.book.pick(bias, cx.rng) else { continue };
            if !cx.switch.is_busy_with(&address.id()) && chosen.insert(address.id()) {
                picked.push(address);
            }
        }
        picked
    }

    fn find_more(&mut self, cx: &mut Context<'_>, wake_up: bool, nobody_picked: bool) {
        let peer = if wake_up { None } else { cx.switch.peers().map(|peer| peer.conn).choose(cx.rng) };
        if let Some(conn) = peer {
            self.ask_again(cx, conn);
        }
        if nobody_picked {
            self.dial_seeds(cx);
        }
    }
}
