//! When to dial persistent peers again (behaviour document, "Persistent peers").

use std::time::Duration;

use rand::RngExt as _;

use super::params::{
    RECONNECT_AT_LAST, RECONNECT_ATTEMPTS, RECONNECT_BACKOFF_ATTEMPTS, RECONNECT_BACKOFF_BASE, RECONNECT_INTERVAL,
    RECONNECT_JITTER,
};
use crate::types::{Mono, NodeId, PeerAddress, SeededRng};

/// The persistent peers, each with its next dial.
#[derive(Debug, Default)]
pub(super) struct Reconnect {
    peers: Vec<Persistent>,
}

#[derive(Debug)]
struct Persistent {
    address: PeerAddress,
    /// Dials that failed since it was last connected.
    failures: u32,
    /// When to dial; `None` while it is connected, dialled or let go on purpose.
    next: Option<Mono>,
}

impl Reconnect {
    pub(super) fn new(addresses: &[PeerAddress]) -> Self {
        let idle = |address: &PeerAddress| Persistent { address: address.clone(), failures: 0, next: None };
        Reconnect { peers: addresses.iter().map(idle).collect() }
    }

    /// Whether this very address is persistent.
    pub(super) fn is_persistent(&self, address: &PeerAddress) -> bool {
        self.peers.iter().any(|peer| peer.address == *address)
    }

    /// Dials all soon, spread a little, as at start.
    pub(super) fn start(&mut self, now: Mono, rng: &mut SeededRng) {
        for peer in &mut self.peers {
            peer.failures = 0;
            peer.next = Some(now + jitter(rng));
        }
    }

    /// Dials those whose time would come later at this time.
    pub(super) fn hurry(&mut self, latest: Mono) {
        self.peers.iter_mut().for_each(|peer| peer.next = peer.next.map(|next| next.min(latest)));
    }

    /// Dials none until [`Reconnect::start`].
    pub(super) fn stop(&mut self) {
        self.peers.iter_mut().for_each(|peer| peer.next = None);
    }

    /// A connection to this ID is up, whoever dialled. Whether that counts as a success is known when it ends.
    pub(super) fn connected(&mut self, id: &NodeId) {
        for peer in self.of(id) {
            peer.next = None;
        }
    }

    /// A connection to this ID was lost; the first redial is at once.
    pub(super) fn lost(&mut self, id: &NodeId, now: Mono) {
        for peer in self.of(id) {
            peer.failures = 0;
            peer.next = Some(now);
        }
    }

    /// A connection to this ID ended as soon as it was up: the node is full, or has another connection to our ID. That is
    /// a failed dial.
    pub(super) fn hung_up(&mut self, id: &NodeId, now: Mono, cap: Duration, rng: &mut SeededRng) {
        let addresses: Vec<PeerAddress> = self.of(id).map(|peer| peer.address.clone()).collect();
        addresses.iter().for_each(|address| self.failed(address, now, cap, rng));
    }

    /// What stands against a dial of this ID is not its fault: its turn comes again shortly.
    pub(super) fn postpone(&mut self, id: &NodeId, now: Mono) {
        self.of(id).for_each(|peer| peer.next = Some(now + RECONNECT_INTERVAL));
    }

    /// A dial of this very address failed. `cap` bounds the next wait; zero = it does not.
    pub(super) fn failed(&mut self, address: &PeerAddress, now: Mono, cap: Duration, rng: &mut SeededRng) {
        for peer in self.peers.iter_mut().filter(|peer| peer.address == *address) {
            peer.failures = peer.failures.saturating_add(1);
            let wait = wait(peer.failures) + jitter(rng);
            peer.next = Some(now + if cap.is_zero() { wait } else { wait.min(cap) });
        }
    }

    /// The next address whose time has come; it is not handed out again before one of the calls above.
    pub(super) fn due(&mut self, now: Mono) -> Option<PeerAddress> {
        let peer = self.peers.iter_mut().find(|peer| peer.next.is_some_and(|at| at <= now))?;
        peer.next = None;
        Some(peer.address.clone())
    }

    /// When [`Reconnect::due`] has something.
    pub(super) fn next(&self) -> Option<Mono> {
        self.peers.iter().filter_map(|peer| peer.next).min()
    }

    fn of<'a>(&'a mut self, id: &'a NodeId) -> impl Iterator<Item = &'a mut Persistent> {
        self.peers.iter_mut().filter(|peer| peer.address.id() == *id)
    }
}

/// The wait after so many failures, without its random part.
fn wait(failures: u32) -> Duration {
    if failures < RECONNECT_ATTEMPTS {
        return RECONNECT_INTERVAL;
    }
    let growing = failures - RECONNECT_ATTEMPTS + 1;
    if growing > RECONNECT_BACKOFF_ATTEMPTS {
        return RECONNECT_AT_LAST;
    }
    Duration::from_secs(RECONNECT_BACKOFF_BASE.pow(growing))
}

fn jitter(rng: &mut SeededRng) -> Duration {
    Duration::from_micros(rng.random_range(0..RECONNECT_JITTER.as_micros() as u64))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn short_waits_then_growing_ones_then_an_hour() {
        let seconds: Vec<u64> = (1..=32).map(|failures| wait(failures).as_secs()).collect();
        assert_eq!(seconds[..19], [5; 19]);
        assert_eq!(seconds[19..29], [3, 9, 27, 81, 243, 729, 2187, 6561, 19683, 59049]);
        assert_eq!(seconds[29..], [3600; 3]);
    }

    #[test]
    fn a_shorter_pause_shortens_the_one_that_is_under_way() {
        let address: PeerAddress = format!("{}@1.2.3.4:5", NodeId::from_bytes([1; 20])).parse().unwrap();
        let mut rng = SeededRng::seed_from_u64(1);
        let mut reconnect = Reconnect::new(std::slice::from_ref(&address));
        let now = Mono::from_micros(10);
        reconnect.hurry(now);
        assert_eq!(reconnect.next(), None, "who is connected or let go is not dialled for it");
        (0..40).for_each(|_| reconnect.failed(&address, now, Duration::ZERO, &mut rng));
        assert!(reconnect.next().unwrap() > now + Duration::from_secs(3000));
        reconnect.hurry(now + Duration::from_secs(60));
        assert_eq!(reconnect.next(), Some(now + Duration::from_secs(60)));
    }

    #[test]
    fn a_lost_peer_is_redialled_at_once_and_a_connected_one_not() {
        let address: PeerAddress = format!("{}@1.2.3.4:5", NodeId::from_bytes([1; 20])).parse().unwrap();
        let mut rng = SeededRng::seed_from_u64(1);
        let mut reconnect = Reconnect::new(std::slice::from_ref(&address));
        assert_eq!(reconnect.next(), None);
        let now = Mono::from_micros(10);
        reconnect.lost(&address.id(), now);
        assert_eq!(reconnect.due(now), Some(address.clone()));
        assert_eq!(reconnect.due(now), None);
        reconnect.failed(&address, now, Duration::from_secs(1), &mut rng);
        assert!(reconnect.next().unwrap() <= now + Duration::from_secs(1));
        reconnect.connected(&address.id());
        assert_eq!(reconnect.next(), None);
    }
}
