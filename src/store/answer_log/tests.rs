//! The log as its readers see it.

use std::fs;

use tempfile::TempDir;

use super::super::history::{HistoryPage, HistoryRange, QueryInterrupt};
use super::*;

const MEBIBYTE: u64 = 1 << 20;

fn id(n: u32) -> NodeId {
    let mut bytes = [0; NodeId::LEN];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    NodeId::from_bytes(bytes)
}

fn address(n: u32) -> NetAddress {
    let ip = IpAddr::from([11, (n >> 16) as u8, (n >> 8) as u8, n as u8]);
    NetAddress::new(id(n), ip, 26_656).unwrap()
}

fn at(secs: i64) -> Wall {
    Wall::from_secs(1_750_000_000 + secs)
}

/// An answer to requester `to` that names these addresses.
fn answer(secs: i64, to: u32, named: impl IntoIterator<Item = u32>) -> Answered {
    let ip = IpAddr::from([12, 0, 0, to as u8]);
    Answered { at: at(secs), id: id(1_000_000 + to), ip, addresses: named.into_iter().map(address).collect() }
}

fn temp() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = answer_log_path(&folder.path().join("book.db"));
    (folder, path)
}

/// Writes these answers in one life of a log.
fn write(path: &Path, max_bytes: u64, answers: impl IntoIterator<Item = Answered>) -> AnswerLogStats {
    let log = AnswerLog::open(path.to_path_buf(), max_bytes).unwrap();
    answers.into_iter().for_each(|answered| log.note(answered));
    let shared = Arc::clone(&log.shared);
    log.close();
    let stats = AnswerLog { shared, thread: None };
    stats.stats()
}

fn all(path: &Path, query: &AnswerQuery) -> Vec<AnswerEntry> {
    read(path, query, HistoryRange { before: None, max: usize::MAX }).entries
}

fn read(path: &Path, query: &AnswerQuery, range: HistoryRange) -> HistoryPage<AnswerEntry> {
    answers(path, query, range, &QueryInterrupt::default()).unwrap()
}

fn named(entries: &[AnswerEntry]) -> Vec<Vec<NetAddress>> {
    entries.iter().map(|entry| entry.addresses.clone()).collect()
}

#[test]
fn who_was_told_what_can_be_asked_from_either_end() {
    let (_folder, path) = temp();
    assert_eq!(all(&path, &AnswerQuery::default()), [], "there is no file yet");
    let stats = write(&path, MEBIBYTE, [answer(0, 1, 0..250), answer(1, 2, 200..300), answer(2, 1, [7, 299])]);
    assert_eq!((stats.written, stats.dropped), (3, 0));
    assert!(stats.file_bytes >= fs::metadata(&path).unwrap().len());

    let with = |requester, named| AnswerQuery { requester, named, addresses: true, ..AnswerQuery::default() };
    let entries = all(&path, &with(None, None));
    let whole: Vec<Vec<NetAddress>> =
        vec![vec![address(7), address(299)], (200..300).map(address).collect(), (0..250).map(address).collect()];
    assert_eq!(named(&entries), whole);
    assert_eq!(
        entries.iter().map(|entry| (entry.at, entry.count)).collect::<Vec<_>>(),
        [(at(2), 2), (at(1), 100), (at(0), 250)]
    );
    let times = |requester, named| all(&path, &with(requester, named)).iter().map(|entry| entry.at).collect::<Vec<_>>();
    let to_one = WhoOrWhere::Id(id(1_000_001));
    assert_eq!(times(Some(to_one), None), [at(2), at(0)]);
    assert_eq!(times(Some(WhoOrWhere::Range("12.0.0.2/32".parse().unwrap())), None), [at(1)]);
    for wanted in
        [WhoOrWhere::Id(id(299)), WhoOrWhere::Address(address(299)), WhoOrWhere::Range("11.0.1.43/32".parse().unwrap())]
    {
        assert_eq!(times(None, Some(wanted)), [at(2), at(1)], "{wanted:?}");
    }
    assert_eq!(times(Some(to_one), Some(WhoOrWhere::Id(id(249)))), [at(0)]);
    assert_eq!(times(None, Some(WhoOrWhere::Id(id(300)))), []);
    let time = AnswerQuery { time: (Some(at(1)), Some(at(2))), ..AnswerQuery::default() };
    assert_eq!(all(&path, &time).iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(1)]);
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let (_folder, path) = temp();
    write(&path, MEBIBYTE, (0..7).map(|n| answer(n, 1, [n as u32])));
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = read(&path, &AnswerQuery::default(), HistoryRange { before, max: 3 });
        seen.extend(page.entries.iter().map(|entry| entry.at));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..7).rev().map(at).collect::<Vec<_>>());
}

#[test]
fn what_is_older_than_a_day_is_forgotten_by_the_hour() {
    let (_folder, path) = temp();
    let hour = 3_600;
    // An address an hour, and one that all of them name.
    write(&path, MEBIBYTE, (0..30).map(|n| answer(n * hour, 1, [n as u32, 77])));
    let query = AnswerQuery { named: Some(WhoOrWhere::Id(id(77))), addresses: true, ..AnswerQuery::default() };
    let kept = all(&path, &query);
    assert_eq!(kept.len(), 26, "those of the last day, and of the hour in which it began");
    assert!(kept.iter().all(|entry| entry.at >= at(4 * hour) && entry.addresses.len() == 2));
    let first = AnswerQuery { named: Some(WhoOrWhere::Id(id(0))), ..AnswerQuery::default() };
    assert_eq!(all(&path, &first), []);
}

#[test]
fn the_file_stays_within_its_bound_and_keeps_the_latest() {
    let (_folder, path) = temp();
    // Each names 40 addresses that nobody else names: much more than fits.
    let mut file = AnswerFile::open(&path, MEBIBYTE).unwrap();
    for n in 0..120_u32 {
        file.write(&(0..20).map(|k| answer(n.into(), k, (0..40).map(|m| (n * 20 + k) * 40 + m))).collect::<Vec<_>>())
            .unwrap();
        assert!(fs::metadata(&path).unwrap().len() <= MEBIBYTE);
        let wal = beside(&path, "-wal");
        assert!(fs::metadata(&wal).map_or(0, |data| data.len()) <= MEBIBYTE / 2);
    }
    let kept = all(&path, &AnswerQuery { addresses: true, ..AnswerQuery::default() });
    assert!((250..1_000).contains(&kept.len()), "{} answers of 40 addresses in a mebibyte", kept.len());
    assert!(kept.iter().all(|entry| entry.count == 40 && entry.addresses.len() == 40));
    let numbers: Vec<u64> = kept.iter().map(|entry| entry.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] == pair[1] + 1) && numbers[0] == 2_400, "the latest, without a gap");
}

#[test]
fn one_batch_that_does_not_fit_is_refused_and_the_next_one_is_taken() {
    let (_folder, path) = temp();
    let mut file = AnswerFile::open(&path, MEBIBYTE).unwrap();
    file.write(&[answer(0, 1, 0..10)]).unwrap();
    let flood: Vec<Answered> = (0..400).map(|n| answer(1, 1, n * 250..(n + 1) * 250)).collect();
    assert!(file.write(&flood).is_err());
    assert_eq!(all(&path, &AnswerQuery::default()).len(), 1, "what was there before stays");
    let mut file = AnswerFile::open(&path, MEBIBYTE).unwrap();
    file.write(&[answer(2, 3, 0..10)]).unwrap();
    let latest = &all(&path, &AnswerQuery { addresses: true, ..AnswerQuery::default() })[0];
    assert_eq!((latest.at, &latest.addresses), (at(2), &(0..10).map(address).collect()));
}

#[test]
fn numbers_go_on_over_a_restart() {
    let (_folder, path) = temp();
    write(&path, MEBIBYTE, [answer(0, 1, 0..5)]);
    write(&path, MEBIBYTE, [answer(1, 1, 3..8)]);
    let entries = all(&path, &AnswerQuery { addresses: true, ..AnswerQuery::default() });
    assert_eq!(entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(named(&entries), [(3..8).map(address).collect::<Vec<_>>(), (0..5).map(address).collect()]);
}

#[test]
fn a_file_that_no_log_was_is_left_as_it_is() {
    let (folder, path) = temp();
    let book = folder.path().join("another.db");
    drop(super::super::Store::open(&book, "chain-1", [7; 32]).unwrap());
    let texts = "not a database, and long enough to have a header of one hundred bytes: ".repeat(9);
    for content in [texts.into_bytes(), fs::read(&book).unwrap()] {
        fs::write(&path, &content).unwrap();
        let stats = write(&path, MEBIBYTE, [answer(0, 1, 0..5)]);
        assert_eq!((stats.written, stats.dropped), (0, 1));
        remove_answer_log(&folder.path().join("book.db")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), content);
        assert!(!beside(&path, ".unreadable").exists());
    }
}

#[test]
fn a_damaged_log_is_put_aside_and_begins_anew() {
    let (_folder, path) = temp();
    write(&path, MEBIBYTE, (0..40).map(|n| answer(n, 1, n as u32 * 50..n as u32 * 50 + 50)));
    let mut content = fs::read(&path).unwrap();
    content[4_096..].fill(0xa5);
    fs::write(&path, &content).unwrap();
    let stats = write(&path, MEBIBYTE, [answer(0, 2, 0..5)]);
    assert_eq!((stats.written, stats.dropped), (1, 0));
    assert!(beside(&path, ".unreadable").exists());
    assert_eq!(all(&path, &AnswerQuery::default()).len(), 1);
}

#[test]
fn a_log_that_is_off_is_removed_and_one_whose_bound_is_lowered_shrinks() {
    let (folder, path) = temp();
    let whole = |n: u32| answer(n.into(), 1, n * 250..n * 250 + 250);
    write(&path, 8 * MEBIBYTE, (0..500).map(whole));
    assert!(fs::metadata(&path).unwrap().len() > 4 * MEBIBYTE);
    // In several epochs, so that not all has to go.
    write(&path, 8 * MEBIBYTE, (500..520).map(whole));
    let stats = write(&path, MEBIBYTE, [whole(600)]);
    assert_eq!(stats.written, 1);
    assert!(fs::metadata(&path).unwrap().len() <= MEBIBYTE);
    remove_answer_log(&folder.path().join("book.db")).unwrap();
    assert!(!path.exists());
}

#[test]
fn what_is_old_is_forgotten_while_nobody_asks_and_a_clock_that_was_wrong_keeps_nothing() {
    let (_folder, path) = temp();
    let (year, later) = (365 * 24 * 3_600, 2 * 24 * 3_600);
    // Written long ago, and by a clock that was ahead.
    let mut file = AnswerFile::open(&path, MEBIBYTE).unwrap();
    file.write(&[answer(0, 1, 0..5)]).unwrap();
    file.write(&[answer(20 * year, 2, 0..5), answer(20 * year + 4_000, 3, 0..5)]).unwrap();
    file.forget(at(later)).unwrap();
    assert_eq!(all(&path, &AnswerQuery::default()).len(), 1, "the latest epoch alone");
    file.write(&[answer(later, 4, 0..5)]).unwrap();
    let kept: Vec<Wall> = all(&path, &AnswerQuery::default()).iter().map(|entry| entry.at).collect();
    assert_eq!(kept[0], at(later), "a clock that was set back begins an epoch");
}

#[test]
fn a_file_that_was_removed_is_made_anew() {
    let (_folder, path) = temp();
    let mut writer = Writer {
        shared: Arc::default(),
        path: path.clone(),
        max_bytes: MEBIBYTE,
        file: None,
        not_before: Mono::ZERO,
        failing: false,
    };
    assert!(writer.write(&[answer(0, 1, 0..5)]));
    fs::remove_file(&path).unwrap();
    assert!(writer.write(&[answer(1, 1, 0..5)]));
    assert_eq!(all(&path, &AnswerQuery::default()).len(), 1);
}

#[test]
fn a_folder_that_is_gone_costs_answers_and_nothing_else() {
    let (folder, path) = temp();
    drop(folder);
    let stats = write(&path, MEBIBYTE, [answer(0, 1, 0..5), answer(0, 2, 0..5)]);
    assert_eq!((stats.written, stats.dropped), (0, 2));
}

#[test]
fn a_queue_that_is_full_takes_no_more() {
    let shared = Arc::new(Shared::default());
    // Nobody writes.
    let log = AnswerLog { shared, thread: None };
    let addresses: Arc<[NetAddress]> = (0..249).map(address).collect();
    for n in 0..2_000 {
        log.note(Answered { addresses: Arc::clone(&addresses), ..answer(n, 1, []) });
    }
    assert_eq!(log.shared.lock().answers.len(), MAX_QUEUED / 250);
    assert_eq!(log.stats().dropped, 2_000 - MAX_QUEUED as u64 / 250);
}
