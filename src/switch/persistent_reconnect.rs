//! When to dial persistent peers again: short intervals, then exponential backoff with jitter
//! (docs/protocol/pex-reactor.md, "Reconnecting to persistent peers").

use std::time::Duration;

use rand::RngExt as _;

use super::params::{
    MAX_PERSISTENT, RECONNECT_AT_LAST, RECONNECT_ATTEMPTS, RECONNECT_BACKOFF_ATTEMPTS, RECONNECT_BACKOFF_BASE,
    RECONNECT_INTERVAL, RECONNECT_JITTER, RECONNECT_LEAST,
};
use crate::types::{Delta, ListDiff, ListFull, Mono, NodeId, Overlay, PeerAddress, SeededRng, Wall};

/// The persistent peers, each with its next dial.
#[derive(Debug, Default)]
pub(super) struct Reconnect {
    list: Overlay<PeerAddress>,
    /// Those in effect.
    peers: Vec<Persistent>,
}

#[derive(Debug)]
struct Persistent {
    address: PeerAddress,
    /// Dials that failed since it was last connected.
    failures: u32,
    /// When to dial; `None` while it is connected, dialled, or disconnected by an operator.
    next: Option<Mono>,
    /// An operator disconnected it: it is not redialled before the next start.
    held: bool,
}

impl Persistent {
    fn idle(address: PeerAddress) -> Self {
        Persistent { address, failures: 0, next: None, held: false }
    }

    fn dial_at(&mut self, at: Mono) {
        self.next = (!self.held).then_some(at);
    }
}

impl Reconnect {
    /// The file's addresses with the run-time changes that still apply.
    pub(super) fn load(from_file: &[PeerAddress], deltas: Vec<Delta<PeerAddress>>) -> Self {
        let list = Overlay::load(from_file.iter().cloned(), deltas);
        let peers = list.iter().cloned().map(Persistent::idle).collect();
        Reconnect { list, peers }
    }

    /// All addresses, those of the file that were removed included.
    pub(super) fn list(&self) -> &Overlay<PeerAddress> {
        &self.list
    }

    /// One changed address, with its change, or `None` when that lapsed.
    pub(super) fn take_dirty(&mut self) -> Option<(PeerAddress, Option<Delta<PeerAddress>>)> {
        self.list.take_dirty()
    }

    /// Adds an address that is dialled at `next` (`None` = not before the next start, or its loss); `false` when it is
    /// there already.
    ///
    /// # Errors
    /// When there are [`MAX_PERSISTENT`].
    pub(super) fn add(
        &mut self,
        address: PeerAddress,
        author: &str,
        at: Wall,
        next: Option<Mono>,
    ) -> Result<bool, ListFull> {
        let added = self.list.add_within(MAX_PERSISTENT, address.clone(), author, at)?;
        if added {
            self.peers.push(Persistent { next, ..Persistent::idle(address) });
        }
        Ok(added)
    }

    /// Removes an address; `false` when there is none.
    pub(super) fn remove(&mut self, address: &PeerAddress, author: &str, at: Wall) -> bool {
        self.peers.retain(|peer| peer.address != *address);
        self.list.remove(address, author, at)
    }

    /// Takes the file's addresses; each that comes into force is dialled when `next` says so, as in [`Reconnect::add`].
    pub(super) fn set_file(
        &mut self,
        from_file: Vec<PeerAddress>,
        next: impl Fn(&NodeId) -> Option<Mono>,
    ) -> ListDiff<PeerAddress> {
        let diff = self.list.set_file(from_file);
        self.peers.retain(|peer| self.list.contains(&peer.address));
        let added = diff.added.iter().cloned();
        self.peers.extend(added.map(|address| Persistent { next: next(&address.id()), ..Persistent::idle(address) }));
        diff
    }

    /// Whether an address of this ID is persistent.
    pub(super) fn has_id(&self, id: &NodeId) -> bool {
        self.peers.iter().any(|peer| peer.address.id() == *id)
    }

    /// When an address is dialled next.
    pub(super) fn next_of(&self, address: &PeerAddress) -> Option<Mono> {
        self.peers.iter().find(|peer| peer.address == *address)?.next
    }

    /// An operator does not want this ID: it is not redialled before the next start.
    pub(super) fn hold(&mut self, id: &NodeId) {
        self.of(id).for_each(|peer| (peer.held, peer.next) = (true, None));
    }

    /// Whether an operator does not want this ID.
    pub(super) fn is_held(&self, id: &NodeId) -> bool {
        self.peers.iter().any(|peer| peer.held && peer.address.id() == *id)
    }

    /// An operator wants this ID again.
    pub(super) fn release(&mut self, id: &NodeId) {
        self.of(id).for_each(|peer| peer.held = false);
    }

    /// Whether this very address is persistent.
    pub(super) fn is_persistent(&self, address: &PeerAddress) -> bool {
        self.peers.iter().any(|peer| peer.address == *address)
    }

    /// Dials all soon, spread a little, as at start.
    pub(super) fn start(&mut self, now: Mono, rng: &mut SeededRng) {
        for peer in &mut self.peers {
            (peer.failures, peer.held) = (0, false);
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

    /// A connection to this ID was lost; the first redial is at `next`.
    pub(super) fn lost(&mut self, id: &NodeId, next: Mono) {
        for peer in self.of(id) {
            peer.failures = 0;
            peer.dial_at(next);
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
        self.of(id).for_each(|peer| peer.dial_at(now + RECONNECT_INTERVAL));
    }

    /// A dial of this very address failed. `cap` bounds the next wait; zero = it does not.
    pub(super) fn failed(&mut self, address: &PeerAddress, now: Mono, cap: Duration, rng: &mut SeededRng) {
        for peer in self.peers.iter_mut().filter(|peer| peer.address == *address) {
            peer.failures = peer.failures.saturating_add(1);
            let wait = wait(peer.failures) + jitter(rng);
            peer.dial_at(now + if cap.is_zero() { wait } else { wait.min(cap.max(RECONNECT_LEAST)) });
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
        let mut reconnect = Reconnect::load(std::slice::from_ref(&address), Vec::new());
        let now = Mono::from_micros(10);
        reconnect.hurry(now);
        assert_eq!(reconnect.next(), None, "one that is connected or was disconnected is not dialled for it");
        (0..40).for_each(|_| reconnect.failed(&address, now, Duration::ZERO, &mut rng));
        assert!(reconnect.next().unwrap() > now + Duration::from_secs(3000));
        reconnect.hurry(now + Duration::from_secs(60));
        assert_eq!(reconnect.next(), Some(now + Duration::from_secs(60)));
    }

    #[test]
    fn a_lost_peer_is_redialled_at_once_and_a_connected_one_not() {
        let address: PeerAddress = format!("{}@1.2.3.4:5", NodeId::from_bytes([1; 20])).parse().unwrap();
        let mut rng = SeededRng::seed_from_u64(1);
        let mut reconnect = Reconnect::load(std::slice::from_ref(&address), Vec::new());
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

    #[test]
    fn what_an_operator_disconnected_waits_for_the_next_start_or_for_him() {
        let address: PeerAddress = format!("{}@1.2.3.4:5", NodeId::from_bytes([1; 20])).parse().unwrap();
        let (mut rng, now) = (SeededRng::seed_from_u64(1), Mono::from_micros(10));
        let mut reconnect = Reconnect::load(std::slice::from_ref(&address), Vec::new());
        reconnect.hold(&address.id());
        reconnect.lost(&address.id(), now);
        reconnect.postpone(&address.id(), now);
        reconnect.failed(&address, now, Duration::ZERO, &mut rng);
        assert_eq!(reconnect.next(), None);
        reconnect.release(&address.id());
        reconnect.lost(&address.id(), now);
        assert_eq!(reconnect.next(), Some(now));
        reconnect.hold(&address.id());
        reconnect.start(now, &mut rng);
        assert!(reconnect.next().is_some());
    }

    #[test]
    fn one_that_is_removed_is_not_dialled_and_the_list_is_bounded() {
        let address =
            |n: u16| -> PeerAddress { format!("{}@1.2.3.4:{n}", NodeId::from_bytes([1; 20])).parse().unwrap() };
        let file: Vec<_> = (1..=MAX_PERSISTENT as u16).map(address).collect();
        let (mut reconnect, now, at) = (Reconnect::load(&file, Vec::new()), Mono::from_micros(10), Wall::from_secs(1));
        assert_eq!(reconnect.add(address(999), "ops", at, Some(now)), Err(ListFull));
        assert_eq!(reconnect.add(address(1), "ops", at, Some(now)), Ok(false));
        reconnect.lost(&address(1).id(), now);
        assert!(reconnect.remove(&address(1), "ops", at));
        assert!(!reconnect.remove(&address(1), "ops", at));
        assert!(!reconnect.is_persistent(&address(1)));
        assert_eq!(reconnect.add(address(999), "ops", at, Some(now)), Ok(true));
        let due: Vec<_> = std::iter::from_fn(|| reconnect.due(now)).collect();
        assert!(due.contains(&address(999)) && !due.contains(&address(1)));
    }
}
