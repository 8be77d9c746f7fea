//! Pages of lists that change between two of them, in both kinds of order, with and without a filter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use proptest::prelude::*;
use tonic::{Code, Status};

use super::{Shared, reason, violated_field, world};
use crate::admin::auth::caller::{AllowedNetworks, Caller};
use crate::admin::auth::roles::Role;
use crate::admin::page::{Chunk, Listing, Page, Pages, pick};
use crate::admin::request::network_scope::Scope;
use crate::network::{Directory, Error, Handle};

/// Numbers, each with a worth that changes; the filter lets through what `divisor` divides.
#[derive(Debug)]
struct Numbers {
    all: Mutex<BTreeMap<String, BTreeMap<u32, u32>>>,
    ranked: bool,
    divisor: u32,
    /// Entries that were asked for at a time, at most.
    asked: Mutex<usize>,
}

impl Numbers {
    fn of(&self, network: &Handle) -> BTreeMap<u32, u32> {
        self.all.lock().unwrap().get(&**network.chain_id()).cloned().unwrap_or_default()
    }

    fn change(&self, network: &str, work: impl FnOnce(&mut BTreeMap<u32, u32>)) {
        work(self.all.lock().unwrap().entry(network.to_owned()).or_default());
    }
}

impl Listing for Numbers {
    const KIND: &'static str = "numbers";
    type Key = u32;
    type Entry = (u32, u32);
    type Item = (String, u32, u32);

    fn query(&self) -> Vec<u8> {
        format!("{} {}", self.ranked, self.divisor).into_bytes()
    }

    fn is_filtered(&self) -> bool {
        self.divisor != 1
    }

    fn admits(&self, (key, _): &(u32, u32)) -> bool {
        key % self.divisor == 0
    }

    fn is_ranked(&self) -> bool {
        self.ranked
    }

    fn rank(&self, (_, worth): &(u32, u32)) -> u64 {
        (*worth).into()
    }

    async fn scan(&self, network: &Handle, after: Option<u32>, max: usize) -> Result<Chunk<u32, (u32, u32)>, Error> {
        let mut asked = self.asked.lock().unwrap();
        *asked = max.max(*asked);
        Ok(Chunk::cut(self.of(network).into_iter().map(|(key, worth)| (key, (key, worth))), after.as_ref(), max))
    }

    async fn fetch(&self, network: &Handle, keys: &[u32]) -> Result<Vec<(u32, (u32, u32))>, Error> {
        Ok(pick(self.of(network).into_iter().map(|(key, worth)| (key, (key, worth))), keys))
    }

    fn show(&self, network: &Handle, (key, worth): (u32, u32)) -> (String, u32, u32) {
        (network.chain_id().to_string(), key, worth)
    }
}

fn numbers(networks: &[&str], count: u32, ranked: bool, divisor: u32) -> Numbers {
    let all = (0..count).map(|key| (key, key.wrapping_mul(2_654_435_761) % 50));
    let all: BTreeMap<u32, u32> = all.collect();
    let all = networks.iter().map(|network| ((*network).to_owned(), all.clone())).collect();
    Numbers { all: Mutex::new(all), ranked, divisor, asked: Mutex::new(0) }
}

fn caller(who: &str) -> Caller {
    Caller { who: who.into(), role: Role::Read, networks: AllowedNetworks::All }
}

fn scope(worlds: &[Shared], network: &str) -> Scope {
    let directory = Directory::new(worlds.iter().map(Shared::handle), None);
    Scope::of(&directory, &caller("ops"), network).unwrap()
}

type Presented = Page<(String, u32, u32)>;

async fn get(pages: &Pages, list: &Numbers, scope: &Scope, size: i32, token: &str) -> Result<Presented, Status> {
    pages.page(list, &caller("token ops from 10.0.0.7:40112"), scope, size, token).await
}

/// Walks all pages, and lets `turn` change the list after each. What was shown, and the total that was reported.
async fn walk(list: &Numbers, scope: &Scope, size: i32, mut turn: impl FnMut()) -> (Vec<(String, u32, u32)>, u64) {
    let pages = Pages::default();
    let (mut shown, mut token, mut total) = (Vec::new(), String::new(), 0);
    for number in 0_usize.. {
        let page = get(&pages, list, scope, size, &token).await.unwrap();
        assert!(page.items.len() <= size as usize && page.failures.is_empty());
        assert!(page.total == 0 || number == 0, "only the first page has a total");
        total += page.total;
        shown.extend(page.items);
        if page.next.is_empty() {
            return (shown, total);
        }
        token = page.next;
        turn();
    }
    unreachable!()
}

/// What changes between two pages: the network, keys that come, keys that go, worths that change.
type Turn = (bool, Vec<u32>, Vec<u32>, Vec<(u32, u32)>);

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let keys = || proptest::collection::vec(0..400_u32, 0..20);
    let worths = proptest::collection::vec((0..400_u32, 0..100_u32), 0..20);
    proptest::collection::vec((any::<bool>(), keys(), keys(), worths), 0..12)
}

async fn check(size: i32, ranked: bool, divisor: u32, turns: Vec<Turn>) {
    let list = numbers(&["a", "b"], 200, ranked, divisor);
    let scope = scope(&[world("a"), world("b")], "-");
    let initial: Vec<(String, u32)> = ["a", "b"]
        .iter()
        .flat_map(|n| (0..200).map(|key| ((*n).to_owned(), key)))
        .filter(|(_, key)| key % divisor == 0)
        .collect();
    let mut gone: BTreeSet<(String, u32)> = BTreeSet::new();
    let mut turns = turns.into_iter();
    let (shown, total) = walk(&list, &scope, size, || {
        let Some((first, come, go, worths)) = turns.next() else { return };
        let network = if first { "a" } else { "b" };
        list.change(network, |numbers| {
            for key in &go {
                numbers.remove(key);
            }
            numbers.extend(come.iter().map(|key| (*key, 7)));
            for (key, worth) in worths {
                if let Some(present) = numbers.get_mut(&key) {
                    *present = worth;
                }
            }
        });
        gone.extend(go.into_iter().map(|key| (network.to_owned(), key)));
    })
    .await;
    assert_eq!(total, initial.len() as u64);
    let keys: BTreeSet<(String, u32)> = shown.iter().map(|(network, key, _)| (network.clone(), *key)).collect();
    assert_eq!(keys.len(), shown.len(), "one came twice");
    assert!(keys.iter().all(|(_, key)| key % divisor == 0));
    for stayed in initial.into_iter().filter(|entry| !gone.contains(entry)) {
        assert!(keys.contains(&stayed), "{stayed:?} was left out");
    }
    assert!(ranked || shown.is_sorted_by_key(|(network, _, _)| network.clone()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_comes_twice_and_nothing_that_stayed_is_left_out(
        size in 1..60_i32, ranked in any::<bool>(), divisor in 1..40_u32, turns in turns()
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(size, ranked, divisor, turns));
    }
}

#[tokio::test]
async fn an_order_is_that_of_the_first_page_and_the_rows_are_the_present_ones() {
    let list = numbers(&["a"], 100, true, 1);
    let scope = scope(&[world("a")], "a");
    let mut wanted: Vec<(u32, u32)> = list.of(&scope.handles()[0]).into_iter().collect();
    wanted.sort_by_key(|(key, worth)| (Reverse(*worth), *key));
    let (shown, _) =
        walk(&list, &scope, 7, || list.change("a", |all| all.values_mut().for_each(|worth| *worth = 1_000))).await;
    assert_eq!(
        shown.iter().map(|(_, key, _)| *key).collect::<Vec<_>>(),
        wanted.iter().map(|(key, _)| *key).collect::<Vec<_>>()
    );
    assert_eq!(shown[6].2, wanted[6].1);
    assert!(shown[7..].iter().all(|(_, _, worth)| *worth == 1_000));
}

#[tokio::test]
async fn an_order_over_all_networks_is_one_whatever_network_an_entry_is_of() {
    let list = numbers(&["a", "b", "c"], 20, true, 1);
    list.change("b", |all| all.values_mut().for_each(|worth| *worth += 25));
    list.change("c", |all| *all = [(7, 1_000)].into());
    let scope = scope(&[world("a"), world("b"), world("c")], "-");
    let mut wanted: Vec<(Reverse<u32>, &str, u32)> = Vec::new();
    for (network, handle) in ["a", "b", "c"].into_iter().zip(scope.handles()) {
        wanted.extend(list.of(handle).into_iter().map(|(key, worth)| (Reverse(worth), network, key)));
    }
    wanted.sort_unstable();
    let (shown, total) = walk(&list, &scope, 3, || ()).await;
    assert_eq!(
        (shown[0].clone(), total),
        (("c".to_owned(), 7, 1_000), 41),
        "the worst of the last network comes first"
    );
    let shown: Vec<(Reverse<u32>, &str, u32)> =
        shown.iter().map(|(network, key, worth)| (Reverse(*worth), network.as_str(), *key)).collect();
    assert_eq!(shown, wanted);
}

#[tokio::test]
async fn a_network_that_goes_takes_its_part_of_the_order_along() {
    let list = numbers(&["a", "b"], 20, true, 1);
    let worlds = [world("a"), world("b")];
    let pages = Pages::default();
    let first = get(&pages, &list, &scope(&worlds, "-"), 5, "").await.unwrap();
    let rest = get(&pages, &list, &scope(&worlds[..1], "-"), 100, &first.next).await.unwrap();
    let of_a = |page: &Presented| page.items.iter().filter(|(network, _, _)| network == "a").count();
    assert_eq!((of_a(&first) + of_a(&rest), rest.items.len(), &*rest.next), (20, of_a(&rest), ""));
}

#[tokio::test]
async fn a_filter_that_lets_one_through_finds_it_at_once_a_thousand_entries_at_a_time() {
    let list = numbers(&["a"], 20_480, false, 20_479);
    list.change("a", |all| all.retain(|key, _| *key != 0));
    let scope = scope(&[world("a")], "a");
    let page = get(&Pages::default(), &list, &scope, 10, "").await.unwrap();
    assert_eq!((page.items.len(), page.items[0].1, page.total, page.next.as_str()), (1, 20_479, 1, ""));
    assert_eq!(*list.asked.lock().unwrap(), 1_000);
}

#[tokio::test]
async fn a_list_without_an_end_is_cut_into_short_pages_that_go_on() {
    // 400 networks' worth of work in one: more than one request may do.
    let list = numbers(&["a"], 200_000, false, 199_999);
    let scope = scope(&[world("a")], "a");
    let first = get(&Pages::default(), &list, &scope, 10, "").await.unwrap();
    assert_eq!((first.items.len(), first.next.is_empty()), (1, false));
    let second = get(&Pages::default(), &list, &scope, 10, &first.next).await.unwrap();
    assert_eq!((second.items[0].1, second.next.as_str()), (199_999, ""));
}

#[tokio::test]
async fn a_token_is_of_its_list_filter_order_and_caller() {
    let (plain, ranked) = (numbers(&["a"], 50, false, 1), numbers(&["a"], 50, true, 1));
    let filtered = numbers(&["a"], 50, false, 2);
    let (pages, scope) = (Pages::default(), scope(&[world("a")], "a"));
    let token = get(&pages, &plain, &scope, 5, "").await.unwrap().next;
    for other in [&ranked, &filtered] {
        assert_eq!(violated_field(&get(&pages, other, &scope, 5, &token).await.unwrap_err()), "page_token");
    }
    let token = get(&pages, &ranked, &scope, 5, "").await.unwrap().next;
    // Another connection of the same caller goes on; another caller, another process and what was forgotten do not.
    let same = caller("token ops from 10.0.0.8:999");
    assert_eq!(pages.page(&ranked, &same, &scope, 5, &token).await.unwrap().items.len(), 5);
    let other = caller("token else from 10.0.0.7:40112");
    for refused in [
        pages.page(&ranked, &other, &scope, 5, &token).await.unwrap_err(),
        get(&Pages::default(), &ranked, &scope, 5, &token).await.unwrap_err(),
    ] {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "PAGE_EXPIRED"));
    }
    for _ in 0..40 {
        get(&pages, &ranked, &scope, 5, "").await.unwrap();
    }
    assert!(get(&pages, &ranked, &scope, 5, &token).await.is_ok(), "a walk outlives those that nobody goes on with");
}
