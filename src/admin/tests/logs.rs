//! Pages of what several networks write down, while they write on and forget the oldest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

use proptest::prelude::*;

use super::{Shared, violated_field, world};
use crate::admin::auth::caller::{AllowedNetworks, Caller};
use crate::admin::auth::roles::Role;
use crate::admin::page::{Log, latest_first};
use crate::admin::request::network_scope::Scope;
use crate::network::{Directory, Error, Handle, HistoryPage, HistoryRange};
use crate::types::Wall;

/// An entry: its number and its second.
type Entry = (u64, i64);

/// Books that are kept here, of which each call looks at so many entries at most; it lets even numbers through, or all.
#[derive(Debug, Default)]
struct Books {
    all: Mutex<BTreeMap<String, VecDeque<Entry>>>,
    scan: usize,
    even: bool,
    /// One that does not answer.
    silent: &'static str,
}

impl Books {
    fn write(&self, network: &str, second: i64) {
        let mut all = self.all.lock().unwrap();
        let book = all.entry(network.to_owned()).or_default();
        let number = book.back().map_or(1, |(number, _)| number + 1);
        book.push_back((number, second));
    }

    /// Forgets the oldest, but not the latest: numbers go on.
    fn forget(&self, network: &str, count: usize) -> Vec<Entry> {
        let mut all = self.all.lock().unwrap();
        let book = all.get_mut(network).unwrap();
        let count = count.min(book.len().saturating_sub(1));
        book.drain(..count).collect()
    }

    fn entries(&self) -> BTreeSet<(String, Entry)> {
        let all = self.all.lock().unwrap();
        let admitted = |entry: &&Entry| !self.even || entry.0.is_multiple_of(2);
        all.iter()
            .flat_map(|(network, book)| book.iter().filter(admitted).map(|entry| (network.clone(), *entry)))
            .collect()
    }
}

impl Log for Books {
    const KIND: &'static str = "books";
    type Entry = Entry;
    type Item = (String, Entry);

    fn query(&self) -> Vec<u8> {
        vec![self.even.into()]
    }

    async fn read(&self, network: &Handle, portion: HistoryRange) -> Result<HistoryPage<Entry>, Error> {
        if **network.chain_id() == *self.silent {
            return Err(Error::Unresponsive(network.chain_id().clone()));
        }
        let all = self.all.lock().unwrap();
        let book = all.get(&**network.chain_id()).cloned().unwrap_or_default();
        let mut rows =
            book.into_iter().rev().filter(|(number, _)| portion.before.is_none_or(|before| *number < before));
        let mut part = HistoryPage { entries: Vec::new(), next: None };
        let mut last = None;
        for _ in 0..self.scan {
            let Some(entry) = rows.next() else { return Ok(part) };
            if part.entries.len() >= portion.max {
                break;
            }
            last = Some(entry.0);
            part.entries.extend(Some(entry).filter(|(number, _)| !self.even || number.is_multiple_of(2)));
        }
        part.next = last;
        Ok(part)
    }

    fn place(&self, (number, second): &Entry) -> (u64, Wall) {
        (*number, Wall::from_secs(*second))
    }

    fn show(&self, network: &str, entry: Entry) -> (String, Entry) {
        (network.to_owned(), entry)
    }
}

fn scope(worlds: &[Shared]) -> Scope {
    let caller = Caller { who: "ops".into(), role: Role::Read, networks: AllowedNetworks::All };
    Scope::of(&Directory::new(worlds.iter().map(Shared::handle), None), &caller, "-").unwrap()
}

/// Walks all pages, and lets `turn` change the books after each.
async fn walk(books: &Books, scope: &Scope, size: i32, mut turn: impl FnMut()) -> Vec<(String, Entry)> {
    let (mut shown, mut token) = (Vec::new(), String::new());
    for _ in 0..10_000 {
        let page = latest_first(books, scope, size, &token).await.unwrap();
        assert!(page.items.len() <= size as usize && page.failures.is_empty());
        shown.extend(page.items);
        token = page.next;
        if token.is_empty() {
            return shown;
        }
        turn();
    }
    panic!("it does not end");
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// What happens between two pages: who writes at which second, and who forgets how much.
type Turn = (Vec<(usize, i64)>, usize, usize);

fn writes(most: usize) -> impl Strategy<Value = Vec<(usize, i64)>> {
    proptest::collection::vec((0..3_usize, 1..60_i64), 0..most)
}

async fn check(size: i32, scan: usize, even: bool, begin: Vec<(usize, i64)>, turns: Vec<Turn>) {
    let books = Books { scan, even, ..Books::default() };
    NAMES.iter().for_each(|name| books.write(name, 1));
    begin.into_iter().for_each(|(who, second)| books.write(NAMES[who], second));
    let (before, mut forgotten) = (books.entries(), BTreeSet::new());
    let mut turns = turns.into_iter();
    let shown = walk(&books, &scope(&NAMES.map(world)), size, || {
        let Some((written, who, count)) = turns.next() else { return };
        written.into_iter().for_each(|(who, second)| books.write(NAMES[who], second));
        forgotten.extend(books.forget(NAMES[who], count).into_iter().map(|entry| (NAMES[who].to_owned(), entry)));
    })
    .await;
    let all: BTreeSet<(String, Entry)> = shown.iter().cloned().collect();
    assert_eq!(all.len(), shown.len(), "one came twice");
    assert!(before.difference(&forgotten).all(|stayed| all.contains(stayed)), "one that stayed was left out");
    for name in NAMES {
        let numbers = shown.iter().filter(|(network, _)| network == name).map(|(_, (number, _))| *number);
        assert!(
            numbers.collect::<Vec<_>>().is_sorted_by(|a, b| a > b),
            "the order of a network is that of its numbers"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Seconds are any: clocks are set back.
    #[test]
    fn no_entry_comes_twice_and_none_that_stayed_is_left_out(
        size in 1..20_i32,
        scan in 1..40_usize,
        even in any::<bool>(),
        begin in writes(120),
        turns in proptest::collection::vec((writes(6), 0..3_usize, 0..9_usize), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(size, scan, even, begin, turns));
    }
}

#[tokio::test]
async fn the_latest_of_all_comes_first_and_a_full_page_is_full() {
    let books = Books { scan: 50_000, ..Books::default() };
    for second in 0..900 {
        books.write(NAMES[second as usize % 2], second);
    }
    for second in 900..1_300 {
        books.write("c", second);
    }
    let scope = scope(&NAMES.map(world));
    let page = latest_first(&books, &scope, 1_000, "").await.unwrap();
    assert_eq!((page.items.len(), &page.items[0]), (1_000, &("c".to_owned(), (400, 1_299))));
    let shown = walk(&books, &scope, 7, || books.write("a", 5_000)).await;
    assert_eq!(shown.len(), 1_300, "what comes meanwhile is of the next walk");
    assert!(shown.iter().map(|(_, (_, second))| *second).eq((0..1_300).rev()));
}

#[tokio::test]
async fn a_network_that_does_not_answer_is_told_of_and_hides_no_other() {
    let books = Books { scan: 50_000, silent: "a", ..Books::default() };
    NAMES.iter().for_each(|name| books.write(name, 1));
    let page = latest_first(&books, &scope(&NAMES.map(world)), 1, "").await.unwrap();
    assert_eq!((page.items.len(), &*page.items[0].0), (1, "b"));
    assert_eq!((page.failures.len(), &*page.failures[0].network), (1, "a"));
    let other = Books { even: true, scan: 1, ..Books::default() };
    let refused = latest_first(&other, &scope(&NAMES.map(world)), 1, &page.next).await.unwrap_err();
    assert_eq!(violated_field(&refused), "page_token");
}
