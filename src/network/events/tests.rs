//! Readers of any kind, over any row of lives.

use proptest::prelude::*;
use tokio::sync::Notify;

use super::numbers::BLOCK;
use super::*;
use crate::node::CrawlEvent;

fn bell() -> Arc<Notify> {
    Arc::default()
}

/// Events that say which they are.
fn record(events: &Events, ids: std::ops::Range<u64>) {
    ids.for_each(|id| {
        events
            .record(Wall::from_secs(1), What::Node(Event::Crawl(CrawlEvent::Round { backlog: id as u32, servable: 0 })))
    });
}

fn id(entry: &Entry) -> u64 {
    match entry.what {
        What::Node(Event::Crawl(CrawlEvent::Round { backlog, .. })) => u64::from(backlog),
        ref other => panic!("{other:?}"),
    }
}

/// Pulls until there is nothing more: what was missed first, and the events.
fn read(reader: &mut Reader) -> (Option<Missed>, Vec<Entry>) {
    let (mut missed, mut entries) = (None, Vec::new());
    loop {
        let pulled = reader.pull(100);
        assert!(entries.is_empty() || pulled.missed.is_none());
        missed = missed.or(pulled.missed);
        entries.extend(pulled.entries);
        if pulled.caught_up {
            return (missed, entries);
        }
    }
}

/// Events of a life whose book is new.
fn started() -> Events {
    let events = Events::default();
    events.adopt(None);
    events.saved();
    events
}

#[test]
fn a_reader_gets_each_event_once_and_a_slow_one_is_told_what_it_missed() {
    let events = started();
    let mut reader = events.reader(&Begin::Now, bell());
    record(&events, 0..10);
    let (missed, entries) = read(&mut reader);
    assert_eq!((missed, entries.iter().map(id).collect::<Vec<_>>()), (None, (0..10).collect()));
    assert_eq!(entries.iter().map(|entry| entry.cursor.number).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    for _ in 0..3 {
        record(&events, 0..KEPT as u64 / 2);
        events.take_mark();
        events.saved();
    }
    let (missed, entries) = read(&mut reader);
    let missed = missed.unwrap();
    assert_eq!((missed.count, missed.exact, missed.cursor.number), (KEPT as u64 / 2, true, 10 + KEPT as u64 / 2));
    assert_eq!(entries.len(), KEPT);
    assert_eq!(read(&mut reader), (None, Vec::new()));
}

#[test]
fn a_cursor_of_another_count_or_ahead_of_it_begins_with_what_is_kept() {
    let events = started();
    record(&events, 0..5);
    let cursor = events.reader(&Begin::Now, bell()).pull(1).cursor;
    assert_eq!(cursor.number, 5);
    let other = Cursor { epoch: "other".into(), ..cursor.clone() };
    for cursor in [other, Cursor { number: 6, ..cursor.clone() }, Cursor { number: u64::MAX, ..cursor.clone() }] {
        let (missed, entries) = read(&mut events.reader(&Begin::After(cursor), bell()));
        let missed = missed.unwrap();
        assert_eq!((missed.count, missed.exact, entries.len()), (0, false, 5));
    }
    let (missed, entries) = read(&mut events.reader(&Begin::After(Cursor { number: 0, ..cursor }), bell()));
    assert_eq!((missed, entries.len()), (None, 5));
}

#[test]
fn a_number_that_is_not_reserved_on_disk_is_hidden_while_the_disk_works() {
    let events = started();
    let mut reader = events.reader(&Begin::Now, bell());
    record(&events, 0..BLOCK + 5);
    let (_, entries) = read(&mut reader);
    assert_eq!(entries.last().map(id), Some(BLOCK - 1));
    assert!(events.needs_mark());
    assert_eq!(events.take_mark().unwrap().reserved, 2 * BLOCK + 5);
    assert!(!events.needs_mark(), "it is on its way");
    assert!(reader.pull(9).entries.is_empty());
    events.saved();
    assert_eq!(reader.pull(9).entries.len(), 5);
}

#[test]
fn while_the_disk_fails_events_are_shown_under_an_epoch_that_no_other_life_knows() {
    let events = started();
    let mut reader = events.reader(&Begin::Now, bell());
    record(&events, 0..BLOCK + 5);
    events.take_mark();
    events.not_saved();
    let (_, entries) = read(&mut reader);
    let (safe, beyond) = entries.split_at(entries.len() - 5);
    assert!(safe.iter().all(|entry| entry.cursor.epoch == safe[0].cursor.epoch));
    assert!(beyond.iter().all(|entry| entry.cursor.epoch != safe[0].cursor.epoch && entry.cursor.number > BLOCK));
    // Cursors of both go on within this life.
    for entry in [&safe[safe.len() - 1], &beyond[0]] {
        let mut reader = events.reader(&Begin::After(entry.cursor.clone()), bell());
        let (missed, entries) = read(&mut reader);
        assert_eq!((missed, entries[0].cursor.number), (None, entry.cursor.number + 1));
    }
    // The disk works again: from now on the new epoch is what it knows.
    events.saved();
    let mark = events.take_mark().unwrap();
    assert_eq!(mark.epoch, (*beyond[0].cursor.epoch).into());
    events.saved();
    assert!(!events.needs_mark());
}

#[test]
fn without_a_book_events_are_shown_and_a_book_that_opens_later_goes_on_from_its_own() {
    let events = Events::default();
    let mut reader = events.reader(&Begin::Now, bell());
    record(&events, 0..3);
    assert_eq!(read(&mut reader).1.len(), 3);
    let kept = EventMark { epoch: "kept".into(), reserved: 70, clean: true, uncertain: 9 };
    assert_eq!(events.adopt(Some(&kept)).reserved, 70 + BLOCK);
    events.saved();
    record(&events, 3..4);
    let (missed, entries) = read(&mut reader);
    assert_eq!(missed.map(|missed| (missed.count, missed.exact)), Some((0, false)));
    assert_eq!((entries[0].cursor.number, &*entries[0].cursor.epoch), (71, "kept"));
}

#[test]
fn a_breakdown_of_the_actor_is_not_felt_and_another_book_is() {
    let events = started();
    let mut reader = events.reader(&Begin::Now, bell());
    record(&events, 0..3);
    let cursor = events.ring().cursor(3);
    let on_disk = EventMark { epoch: (*cursor.epoch).into(), reserved: BLOCK, clean: false, uncertain: 0 };
    events.adopt(Some(&on_disk));
    events.saved();
    record(&events, 3..5);
    let (missed, entries) = read(&mut reader);
    assert_eq!((missed, entries.len()), (None, 5));
    events.adopt(None);
    events.saved();
    record(&events, 5..6);
    let (missed, entries) = read(&mut reader);
    assert_eq!((missed, entries.len()), (None, 1), "in this life nothing is lost");
    assert_ne!(entries[0].cursor.epoch, cursor.epoch);
}

#[tokio::test]
async fn the_bell_rings_for_each_reader_until_it_goes() {
    let events = started();
    let (one, other) = (bell(), bell());
    let reader = events.reader(&Begin::Now, one.clone());
    let _other = events.reader(&Begin::Now, other.clone());
    record(&events, 0..2);
    one.notified().await;
    other.notified().await;
    drop(reader);
    assert_eq!(events.ring().bells(), 1);
    events.end();
    other.notified().await;
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Happen(u64),
    Read,
    /// The reader comes back with its cursor.
    Return,
    Write,
    WriteFails,
    Breakdown,
    Crash,
    CleanEnd,
    /// The disk takes the last mark no more.
    EndFails,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![1..50_u64, 1..2 * BLOCK].prop_map(Step::Happen),
        4 => Just(Step::Read),
        2 => Just(Step::Return),
        4 => Just(Step::Write),
        1 => Just(Step::WriteFails),
        1 => Just(Step::Breakdown),
        2 => Just(Step::Crash),
        2 => Just(Step::CleanEnd),
        1 => Just(Step::EndFails),
    ]
}

/// A network through its lives, a disk, and one reader.
struct World {
    events: Events,
    disk: Option<EventMark>,
    handed: Option<EventMark>,
    happened: u64,
    /// The first event that the reader has not got.
    wanted: u64,
    reader: Reader,
    cursor: Cursor,
    /// Whether a life ended in a crash, or without its last mark, since the reader's last event.
    crashed: bool,
    /// Whether events were numbered that no disk knew of, in a life that did not end well.
    uncounted: bool,
}

impl World {
    fn new() -> Self {
        let events = Events::default();
        let mut reader = events.reader(&Begin::Now, bell());
        let cursor = reader.pull(1).cursor;
        let mut world = World {
            events,
            disk: None,
            handed: None,
            happened: 0,
            wanted: 0,
            reader,
            cursor,
            crashed: false,
            uncounted: false,
        };
        world.adopt();
        world.read();
        world
    }

    /// The book is opened, and the mark is on disk before anything happens.
    fn adopt(&mut self) {
        self.disk = Some(self.events.adopt(self.disk.clone().as_ref()));
        self.handed = None;
        self.events.saved();
    }

    fn live(&mut self, ended_well: bool) {
        self.crashed |= !ended_well;
        // Nothing on disk has numbers so far beyond the reservation.
        let last = self.events.ring().numbers.last();
        self.uncounted |= !ended_well && self.disk.as_ref().is_none_or(|mark| mark.reserved + BLOCK < last);
        self.events = Events::default();
        self.adopt();
        self.come_back();
    }

    fn come_back(&mut self) {
        self.reader = self.events.reader(&Begin::After(self.cursor.clone()), bell());
    }

    fn read(&mut self) {
        let (missed, entries) = read(&mut self.reader);
        let first = entries.first().map(id);
        if let Some(missed) = &missed {
            self.cursor = missed.cursor.clone();
        }
        let shown = self.happened - self.hidden();
        let really = first.unwrap_or(shown) - self.wanted;
        match missed {
            None => assert_eq!(really, 0, "a silent loss"),
            Some(missed) if missed.exact => assert_eq!(missed.count, really),
            Some(missed) if missed.count > 0 => {
                assert!(self.crashed);
                assert!(missed.count >= really || self.uncounted, "{} reported, {really} missed", missed.count);
            }
            Some(_) => {}
        }
        assert!(entries.windows(2).all(|pair| id(&pair[1]) == id(&pair[0]) + 1));
        if let Some(last) = entries.last() {
            self.cursor = last.cursor.clone();
        }
        self.wanted = shown;
        (self.crashed, self.uncounted) = (false, false);
    }

    fn hidden(&self) -> u64 {
        let ring = self.events.ring();
        ring.numbers.last() - ring.numbers.shown()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Happen(count) => {
                record(&self.events, self.happened..self.happened + count);
                self.happened += count;
            }
            Step::Read => self.read(),
            Step::Return => self.come_back(),
            Step::Write => {
                self.handed = self.events.take_mark().or(self.handed.take());
                self.disk = self.handed.take().or(self.disk.take());
                self.events.saved();
            }
            Step::WriteFails => {
                self.handed = self.events.take_mark().or(self.handed.take());
                self.events.not_saved();
            }
            Step::Breakdown => self.adopt(),
            Step::Crash => self.live(false),
            Step::CleanEnd => {
                self.disk = Some(self.events.end());
                self.live(true);
            }
            Step::EndFails => {
                self.events.end();
                self.live(false);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Over any row of lives, nothing is lost unnoticed: what is reported to a reader is exact when no crash lies between,
    /// and otherwise at least what it missed.
    #[test]
    fn nobody_is_told_of_less_than_he_missed(steps in proptest::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.step(step));
        world.read();
    }
}
