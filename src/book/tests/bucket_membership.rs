//! What enters a bucket, and what is evicted from it.

use super::*;

/// Addresses of one group from one source share a bucket.
fn fill_a_bucket(book: &mut Book) {
    for n in 0..64 {
        let later = now().after(Duration::from_secs(u64::from(n)));
        assert_eq!(book.add(later, at(n, 0), source(0), &mut rng()), Ok(Added::New));
    }
}

#[test]
fn a_full_new_bucket_loses_what_was_added_or_tried_longest_ago() {
    let mut book = book();
    fill_a_bucket(&mut book);
    let later = now().after(hours(1));
    book.mark_failed(later, &at(0, 0), DialOutcome::TimedOut, false);
    assert_eq!(book.add(later, at(64, 0), source(0), &mut rng()), Ok(Added::New));
    assert!(book.has(&id(0)) && !book.has(&id(1)) && book.has(&id(64)));
    assert_eq!(book.size(), 64);
}

#[test]
fn a_full_new_bucket_loses_a_bad_entry_first() {
    let mut book = book();
    fill_a_bucket(&mut book);
    let later = now().after(hours(1));
    for _ in 0..3 {
        book.mark_failed(later, &at(40, 0), DialOutcome::Refused, false);
    }
    let add = |book: &mut Book, n, now| book.add(now, at(n, 0), source(0), &mut rng()).unwrap();
    add(&mut book, 64, later);
    assert!(book.has(&id(40)) && !book.has(&id(0)), "tried within the last minute");
    add(&mut book, 65, later.after(Duration::from_secs(61)));
    assert!(!book.has(&id(40)) && book.has(&id(1)));
}

#[test]
fn an_entry_in_two_buckets_leaves_only_the_full_one() {
    let (mut book, rng) = (book(), &mut rng());
    let early = Now { wall: now().wall - hours(1), ..now() };
    book.add(early, at(999, 0), source(0), rng).unwrap();
    assert_eq!(insist(&mut book, early, at(999, 0), source(5), rng), Added::AnotherBucket);
    fill_a_bucket(&mut book);
    assert_eq!(book.get(&at(999, 0)).unwrap().buckets.len(), 1);
    assert_eq!(book.size(), 65);
}

#[test]
fn a_full_old_bucket_sends_the_one_tried_longest_ago_back_to_new() {
    let mut book = book();
    let mut placed = [0; 64];
    let mut n = 0;
    let full = loop {
        n += 1;
        add_old(&mut book, now().after(Duration::from_secs(u64::from(n))), at(n, 0));
        let bucket = usize::from(book.get(&at(n, 0)).unwrap().buckets[0]);
        placed[bucket] += 1;
        if placed[bucket] == 65 {
            break bucket as u16;
        }
    };
    let records = book.page(None, usize::MAX);
    assert_eq!(records.iter().filter(|r| r.state == State::Old && r.buckets == [full]).count(), 64);
    let demoted: Vec<&Record> = records.iter().filter(|r| r.state == State::New).collect();
    assert_eq!(demoted.len(), 1);
    let oldest = records.iter().map(|r| r.last_attempt).min();
    assert!(demoted[0].verified && demoted[0].buckets.len() == 1);
    assert!(Some(demoted[0].last_attempt) >= oldest);
    let among: Vec<&Record> = records.iter().filter(|r| r.buckets == [full] && r.state == State::Old).collect();
    assert!(among.iter().all(|r| r.last_attempt >= demoted[0].last_attempt));
    // It has to be good for three hours again before it is promoted again.
    let (address, tried) = (demoted[0].address, demoted[0].last_attempt);
    let soon = Now { mono: now().mono, wall: tried + hours(2) };
    assert_eq!(book.mark_reached(soon, &address, DialOutcome::Reached), MarkOutcome::None);
    let later = Now { mono: now().mono, wall: tried + hours(3) };
    assert_eq!(book.mark_reached(later, &address, DialOutcome::Reached), MarkOutcome::Promoted);
}

#[test]
fn every_bucket_holds_64_and_no_more() {
    let book = full_book();
    assert_eq!((book.counts().new, book.counts().old), (16_384, 4_096));
    invariants::check(&book);
}
