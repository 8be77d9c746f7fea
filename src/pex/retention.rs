//! Retention: why a peer is connected, and for how long it may stay.

use std::fmt;

use super::{Context, Pex, params};
use crate::switch::Peer;
use crate::types::{CloseReason, Direction, Fault, Mono, Purpose};

/// Why a peer is connected, which decides how long it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionReason {
    /// A persistent peer.
    Persistent,
    /// An operator dialled it.
    Manual,
    /// One of the outbound peers of a node.
    Outbound,
    /// The crawl asks it.
    Visit,
    /// The crawl only wants to know whether it answers.
    Verify,
    /// A seed that we ask.
    Seed,
    /// It dialled a seed: it is answered once.
    Requester,
    /// It dialled a node.
    Inbound,
}

impl fmt::Display for RetentionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RetentionReason::Persistent => "a persistent peer: it stays, and is redialled when it is lost",
            RetentionReason::Manual => "an operator dialled it: it stays until it is lost or disconnected",
            RetentionReason::Outbound => "one of the outbound peers that are kept (max_num_outbound_peers)",
            RetentionReason::Visit => "the crawl asks it for addresses and disconnects with its answer",
            RetentionReason::Verify => "the crawl wanted to know whether it answers, and disconnects",
            RetentionReason::Seed => {
                "a seed, asked for addresses; with its answer a node keeps it if there is a slot, and a seed disconnects"
            }
            RetentionReason::Requester => {
                "it dialled us: it is answered once and disconnected; while it asks for nothing it may be evicted for another peer"
            }
            RetentionReason::Inbound => "it dialled us: it stays for as long as it likes (max_num_inbound_peers)",
        })
    }
}

impl Pex {
    /// Why a peer is connected.
    pub fn kept(&self, peer: &Peer) -> RetentionReason {
        match (peer.direction, peer.purpose) {
            (Direction::Inbound, _) | (_, None) if self.is_seed() => RetentionReason::Requester,
            (_, Some(Purpose::Verify)) => RetentionReason::Verify,
            _ if peer.persistent => RetentionReason::Persistent,
            (Direction::Inbound, _) | (_, None) => RetentionReason::Inbound,
            (_, Some(Purpose::Manual)) => RetentionReason::Manual,
            (_, Some(Purpose::Visit)) => RetentionReason::Visit,
            (_, Some(Purpose::Seed)) => RetentionReason::Seed,
            (_, Some(Purpose::Keep | Purpose::Persistent)) => RetentionReason::Outbound,
        }
    }

    /// When a peer will be disconnected if it is still there; `None` when no time is set.
    pub fn leaves_at(&self, peer: &Peer) -> Option<Mono> {
        match self.kept(peer) {
            RetentionReason::Visit | RetentionReason::Seed => Some(peer.since.mono + params::VISIT_TIMEOUT),
            _ => self.too_old_at(peer),
        }
    }

    /// A full seed lets the oldest go of those who dialled it and have asked for nothing: an honest peer asks at once, and
    /// who only holds slots shall not keep it out.
    pub fn make_room(&mut self, cx: &mut Context<'_>) {
        let holds_a_slot = |peer: &&Peer| {
            let had_its_time = cx.now.mono.since(peer.since.mono) >= params::VISIT_TIMEOUT;
            had_its_time && self.kept(peer) == RetentionReason::Requester && !peer.unconditional && !peer.persistent
        };
        // With a limit that was lowered one slot is not enough.
        let one_is_enough = cx.switch.counted().0 == cx.switch.params().limits.max_inbound;
        let oldest = cx.switch.peers().find(holds_a_slot).map(|peer| peer.conn);
        if let Some(conn) = oldest.filter(|_| self.is_seed() && one_is_enough) {
            self.misbehaved(cx, conn, Fault::ClosedByUs(CloseReason::MadeRoom));
        }
    }

    /// When a peer has stayed for as long as a seed keeps one. Those that an operator named stay.
    pub(super) fn too_old_at(&self, peer: &Peer) -> Option<Mono> {
        let wanted = peer.persistent || peer.purpose == Some(Purpose::Manual);
        (self.is_seed() && !wanted).then(|| peer.since.mono + self.params.seed_disconnect_wait_period)
    }
}
