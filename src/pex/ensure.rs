//! ensurePeersRoutine (docs/protocol/pex-reactor.md, "ensurePeersRoutine"; `p2p/pex/pex_reactor.go: ensurePeers`).

use std::collections::BTreeSet;

use rand::seq::IteratorRandom as _;

use super::params::FEELER_INTERVAL;
use super::{Context, Pex};
use crate::types::{Group, NetAddress, Purpose};

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
            // What is against it now may not be at the next round.
            let _ = cx.switch.dial(cx.out, cx.now, (*address).into(), Purpose::Keep);
        }
        if cx.book.needs_more() {
            self.find_more(cx, wake_up, picked.is_empty());
        }
    }

    /// Picks of the book for so many slots, no two of one group and none of the group of an outbound peer, while the book
    /// has others: who runs many nodes in few places shall not be all our peers (an eclipse).
    fn pick(cx: &mut Context<'_>, slots: u32) -> Vec<NetAddress> {
        let (_, outbound) = cx.switch.counted();
        let bias = outbound.min(BIAS_PEERS) as u8 * BIAS_STEP + BIAS_STEP;
        let mut groups: BTreeSet<Group> = Self::outbound_groups(cx);
        let (mut chosen, mut picked, mut same_group) = (BTreeSet::new(), Vec::new(), Vec::new());
        for _ in 0..slots.saturating_mul(PICKS_PER_SLOT) {
            if picked.len() >= slots as usize {
                break;
            }
            let Some(address) = cx.book.pick(cx.now, bias, cx.rng) else { continue };
            if cx.switch.is_busy_with(&address.id()) || !chosen.insert(address.id()) {
                continue;
            }
            if groups.insert(cx.book.group(&address)) {
                picked.push(address);
            } else {
                same_group.push(address);
            }
        }
        // The book has no others, or hardly: a network of one range needs peers, too.
        picked.extend(same_group);
        picked.truncate(slots as usize);
        picked
    }

    /// The groups of the peers that we dialled and of the dials under way.
    fn outbound_groups(cx: &Context<'_>) -> BTreeSet<Group> {
        let peers = cx.switch.peers().filter_map(|peer| peer.dialled);
        let dials = cx.switch.dials().filter_map(|dial| dial.target.as_net_address());
        peers.chain(dials).map(|address| cx.book.group(&address)).collect()
    }

    /// A feeler (as Bitcoin Core's): one short dial of something new now and then, so that the book knows what answers
    /// before a peer is needed, and is not left with what attackers keep alive.
    pub(super) fn feel(&mut self, cx: &mut Context<'_>) {
        let Some(next) = self.next_feeler.filter(|next| *next <= cx.now.mono) else { return };
        // Late by more than a round is no reason to hurry.
        self.next_feeler = Some(next.max(cx.now.mono) + FEELER_INTERVAL);
        if let Some(address) = cx.book.pick(cx.now, 100, cx.rng) {
            let _ = cx.switch.dial(cx.out, cx.now, address.into(), Purpose::Verify);
        }
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
