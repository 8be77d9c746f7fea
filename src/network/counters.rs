//! Counts of what happened, for the status and for metrics: plain numbers of fixed size, cheap to keep and to copy.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::node::{DialEnd, Event, ExchangeEvent};
use crate::types::{ConnId, DialOutcome, Direction, Fault, Mono, Purpose, Wall};

/// Minutes that the health of our dials is looked at over.
const WINDOW: i64 = 10;
const MINUTE: i64 = 60_000;

/// Counts of one network since its actor began.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Dials that ended, by purpose and outcome; `None` says nothing about the address.
    pub dials: BTreeMap<(Purpose, Option<DialOutcome>), u64>,
    /// Whether our dials reach anybody.
    pub outbound: Outbound,
    /// Peers that asked for addresses and were answered.
    pub answered: u64,
    /// When somebody was last answered.
    pub last_answered: Wall,
    /// From the connection of an inbound peer to our first answer to it.
    pub sessions: Histogram,
    /// From the connection to the end of the handshake, of inbound peers.
    pub inbound_handshakes: Histogram,
    /// The same of our dials, the dial included.
    pub outbound_handshakes: Histogram,
}

impl Counters {
    pub(super) fn note(&mut self, event: &Event, at: Wall) {
        match event {
            Event::Dialled(end) => self.dialled(end, at),
            Event::Exchange(ExchangeEvent::Served { .. }) => {
                self.answered += 1;
                self.last_answered = at;
            }
            _ => {}
        }
    }

    fn dialled(&mut self, end: &DialEnd, at: Wall) {
        *self.dials.entry((end.purpose, end.outcome)).or_default() += 1;
        match (end.outcome, &end.fault) {
            (Some(outcome), _) => self.outbound.note(is_answer(outcome), at),
            // These say as much of our own connection as silence does.
            (None, Some(Fault::Unresolved | Fault::LocalResources)) => self.outbound.note(false, at),
            (None, _) => {}
        }
    }
}

/// Whether somebody was there, the right node or another. A host that refuses says nothing: a firewall of ours can do so.
const fn is_answer(outcome: DialOutcome) -> bool {
    match outcome {
        DialOutcome::Untried | DialOutcome::Refused | DialOutcome::TimedOut => false,
        DialOutcome::Reached
        | DialOutcome::WrongIdentity
        | DialOutcome::WrongNetwork
        | DialOutcome::HungUp
        | DialOutcome::Misbehaved
        | DialOutcome::NoPex
        | DialOutcome::Full => true,
    }
}

/// How our dials of the last ten minutes ended, minute by minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbound {
    slots: [Slot; WINDOW as usize],
    last_answer: Wall,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot {
    minute: i64,
    ended: u32,
    answered: u32,
}

impl Outbound {
    pub(super) fn note(&mut self, answered: bool, at: Wall) {
        let minute = at.as_millis().div_euclid(MINUTE);
        let slot = &mut self.slots[minute.rem_euclid(WINDOW) as usize];
        if slot.minute != minute {
            *slot = Slot { minute, ..Slot::default() };
        }
        slot.ended = slot.ended.saturating_add(1);
        if answered {
            slot.answered = slot.answered.saturating_add(1);
            self.last_answer = at;
        }
    }

    /// Dials that ended within the ten minutes before `now`, and those of them that somebody answered.
    pub fn recent(&self, now: Wall) -> (u32, u32) {
        let minute = now.as_millis().div_euclid(MINUTE);
        // A clock that was set back leaves slots in the future: they are as good as none.
        let recent = self.slots.iter().filter(|slot| (0..WINDOW).contains(&(minute - slot.minute)));
        recent.fold((0, 0), |(ended, answered), slot| {
            (ended.saturating_add(slot.ended), answered.saturating_add(slot.answered))
        })
    }

    /// When somebody last answered a dial; [`Wall::NEVER`] when nobody did.
    pub fn last_answer(&self) -> Wall {
        self.last_answer
    }
}

/// Upper bounds of a histogram's buckets in microseconds; what is longer is counted in no bucket.
pub const BOUNDS: [u64; 14] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 25_000_000,
];

/// How long something took, by fixed buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How often it took at most [`BOUNDS`] of the same place, and more than the one before.
    pub buckets: [u64; BOUNDS.len()],
    /// How often in all.
    pub count: u64,
    /// How long in all.
    pub sum: Duration,
}

impl Histogram {
    /// Notes how long it took once.
    pub fn note(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(BOUNDS.partition_point(|bound| *bound < micros)) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(took);
    }
}

/// Inbound peers that were not answered yet, with how long their handshakes took and when those ended; as many as there
/// are such peers.
#[derive(Debug, Default)]
pub(super) struct Unanswered(HashMap<ConnId, (Duration, Mono)>);

impl Unanswered {
    /// A peer was let in after a handshake of `took`.
    pub(super) fn admitted(&mut self, conn: ConnId, took: Duration, now: Mono) {
        self.0.insert(conn, (took, now));
    }

    /// A peer was sent addresses: how long it waited for the first ones from its connection on, if it is one that came in.
    pub(super) fn answered(&mut self, conn: ConnId, now: Mono) -> Option<Duration> {
        self.0.remove(&conn).map(|(took, since)| took + now.since(since))
    }

    /// A peer is gone.
    pub(super) fn gone(&mut self, conn: ConnId) {
        self.0.remove(&conn);
    }
}

impl Counters {
    /// Notes the end of a handshake.
    pub(super) fn shook_hands(&mut self, direction: Direction, took: Duration) {
        match direction {
            Direction::Inbound => self.inbound_handshakes.note(took),
            Direction::Outbound => self.outbound_handshakes.note(took),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::switch::consequence;
    use crate::types::{NodeId, PeerAddress, Stage};

    fn target() -> PeerAddress {
        format!("{}@1.2.3.4:1", NodeId::from_bytes([1; 20])).parse().unwrap()
    }

    fn ended(outcome: Option<DialOutcome>, fault: Option<Fault>) -> Event {
        Event::Dialled(DialEnd { target: target(), remote: None, purpose: Purpose::Visit, outcome, fault }.into())
    }

    fn failed(fault: Fault) -> Event {
        ended(consequence(&fault).outcome, Some(fault))
    }

    fn reached() -> Event {
        ended(Some(DialOutcome::Reached), None)
    }

    #[test]
    fn an_answer_is_somebodys_who_was_there() {
        let mut counters = Counters::default();
        let at = Wall::from_secs(1_000_000);
        let wrong_id = Fault::WrongId { actual: NodeId::from_bytes([2; 20]) };
        counters.note(&failed(Fault::TimedOut(Stage::Dial)), at);
        counters.note(&failed(Fault::Refused), at);
        counters.note(&failed(Fault::Unresolved), at);
        assert_eq!((counters.outbound.recent(at), counters.outbound.last_answer()), ((3, 0), Wall::NEVER));
        counters.note(&failed(wrong_id), at);
        counters.note(&failed(Fault::Reset), at);
        counters.note(&reached(), at);
        // Our own policy: not a word about who is there.
        counters.note(&failed(Fault::DuplicateId), at);
        assert_eq!((counters.outbound.recent(at), counters.outbound.last_answer()), ((6, 3), at));
        let count = |outcome| counters.dials.get(&(Purpose::Visit, outcome)).copied();
        assert_eq!(
            (count(Some(DialOutcome::Refused)), count(Some(DialOutcome::Reached)), count(None)),
            (Some(1), Some(1), Some(2))
        );
    }

    #[test]
    fn ten_minutes_are_seen_and_a_clock_that_is_set_does_no_harm() {
        let mut outbound = Outbound::default();
        let minute = |n: i64| Wall::from_secs(1_000_020 + n * 60);
        (0..10).for_each(|n| outbound.note(n == 0, minute(n)));
        assert_eq!(outbound.recent(minute(9)), (10, 1));
        assert_eq!(outbound.recent(minute(10)), (9, 0));
        assert_eq!(outbound.recent(minute(30)), (0, 0));
        assert_eq!(outbound.recent(minute(-1)), (0, 0), "slots of a time to come");
        outbound.note(true, minute(-5));
        assert_eq!(outbound.recent(minute(-5)), (1, 1));
        assert_eq!(outbound.last_answer(), minute(-5));
    }

    #[test]
    fn a_session_ends_with_the_first_answer() {
        let mut unanswered = Unanswered::default();
        unanswered.admitted(ConnId(7), Duration::from_millis(2), Mono::from_micros(1_000));
        unanswered.admitted(ConnId(8), Duration::ZERO, Mono::from_micros(1_000));
        assert_eq!(unanswered.answered(ConnId(7), Mono::from_micros(4_000)), Some(Duration::from_millis(5)));
        assert_eq!(unanswered.answered(ConnId(7), Mono::from_micros(9_000)), None);
        unanswered.gone(ConnId(8));
        assert!(unanswered.0.is_empty());
    }

    proptest! {
        #[test]
        fn every_time_is_in_the_first_bucket_that_holds_it(micros in proptest::collection::vec(0_u64..40_000_000, 0..50)) {
            let mut histogram = Histogram::default();
            micros.iter().for_each(|&micros| histogram.note(Duration::from_micros(micros)));
            let mut below = 0;
            for (bound, bucket) in BOUNDS.iter().zip(histogram.buckets) {
                below += bucket;
                prop_assert_eq!(below, micros.iter().filter(|&micros| micros <= bound).count() as u64);
            }
            prop_assert_eq!(histogram.count, micros.len() as u64);
            prop_assert_eq!(histogram.sum, Duration::from_micros(micros.iter().sum()));
        }
    }
}
