//! Anchors (as Bitcoin Core's): the outbound peers that lasted are dialled first after a restart, so that whoever filled the
//! book meanwhile does not get all slots.

use super::params::{ANCHOR_AFTER, ANCHORS};
use super::{Context, Pex};
use crate::switch::Peer;
use crate::types::{NetAddress, Purpose};

/// The anchors of a node.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    kept: Vec<NetAddress>,
    /// Slots to be stored.
    dirty: [bool; ANCHORS],
}

impl Anchors {
    /// Those that were stored.
    pub(super) fn load(kept: Vec<NetAddress>) -> Self {
        Anchors { kept: kept.into_iter().take(ANCHORS).collect(), dirty: [false; ANCHORS] }
    }

    fn set(&mut self, anchors: Vec<NetAddress>) {
        for (slot, dirty) in self.dirty.iter_mut().enumerate() {
            *dirty |= self.kept.get(slot) != anchors.get(slot);
        }
        self.kept = anchors;
    }

    /// What is in each slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, NetAddress)> {
        (0..).zip(self.kept.iter().copied())
    }

    /// Whether a slot changed.
    pub(super) fn has_dirty(&self) -> bool {
        self.dirty.contains(&true)
    }

    /// One slot that changed, and what is in it.
    pub(super) fn take_dirty(&mut self) -> Option<(u8, Option<NetAddress>)> {
        let slot = self.dirty.iter().position(|dirty| *dirty)?;
        self.dirty[slot] = false;
        Some((slot as u8, self.kept.get(slot).copied()))
    }
}

impl Pex {
    /// At each round of a node: the outbound peers that have lasted longest are its anchors; one that is gone stays one until
    /// another has lasted.
    pub(super) fn keep_anchors(&mut self, cx: &Context<'_>) {
        let lasted =
            |peer: &&Peer| peer.purpose == Some(Purpose::Keep) && cx.now.mono.since(peer.since.mono) >= ANCHOR_AFTER;
        let mut peers: Vec<&Peer> = cx.switch.peers().filter(lasted).collect();
        peers.sort_by_key(|peer| (peer.since.mono, peer.conn));
        let mut anchors: Vec<NetAddress> = peers.into_iter().filter_map(|peer| peer.dialled).take(ANCHORS).collect();
        for before in &self.anchors.kept {
            if anchors.len() < ANCHORS && !anchors.contains(before) {
                anchors.push(*before);
            }
        }
        if anchors != self.anchors.kept {
            self.anchors.set(anchors);
        }
    }

    /// At the start of a node: dials its anchors, before anything is picked.
    pub(super) fn dial_anchors(&self, cx: &mut Context<'_>) {
        for anchor in &self.anchors.kept {
            let _ = cx.switch.dial(cx.out, cx.now, (*anchor).into(), Purpose::Keep);
        }
    }
}
