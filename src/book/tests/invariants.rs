//! The invariants of the book (see the top of `book/mod.rs`), recounted the slow way.

use std::collections::{BTreeMap, BTreeSet};

use super::super::entry_index::{Pool, Queue};
use super::params::{MAX_ADDRESSES_PER_ID, MAX_IDS_PER_ENDPOINT};
use super::*;
use crate::types::Group;

/// Checks everything that can be recounted.
pub(crate) fn check(book: &Book) {
    let records = book.page(None, usize::MAX);
    assert!(records.is_sorted_by(|a, b| a.address < b.address));
    assert_eq!(records.len(), book.slab.live().count());
    let mut ids: BTreeMap<NodeId, Vec<&Record>> = BTreeMap::new();
    for record in &records {
        ids.entry(record.address.id()).or_default().push(record);
    }
    check_ids(book, &ids);
    check_places(book, &records);
    check_counts(book, &records, &ids);
    check_accounts(book, &records);
    check_waits(book);
}

fn check_ids(book: &Book, ids: &BTreeMap<NodeId, Vec<&Record>>) {
    for (id, records) in ids {
        let states: BTreeSet<State> = records.iter().map(|r| r.state).collect();
        assert_eq!(states.len(), 1, "one state for {id}");
        let most = if records[0].state == State::Old { 1 } else { MAX_ADDRESSES_PER_ID };
        assert!(records.len() <= most, "{id} has {} addresses", records.len());
        let mut found = book.addresses_of(id);
        found.sort();
        assert_eq!(found, records.iter().map(|r| r.address).collect::<Vec<_>>());
        assert!(records.iter().all(|r| !r.verified || !r.last_success.is_never()));
    }
}

/// The capacity, the IDs at one ip:port, and the lists that an entry is in.
fn check_places(book: &Book, records: &[Record]) {
    assert!(records.iter().filter(|r| r.state != State::Banned).count() <= book.params.capacity);
    let mut endpoints: BTreeMap<std::net::SocketAddr, usize> = BTreeMap::new();
    for record in records {
        *endpoints.entry(record.address.socket()).or_default() += 1;
    }
    for (endpoint, count) in endpoints {
        assert!(count <= MAX_IDS_PER_ENDPOINT, "{endpoint}");
        assert_eq!(book.slab.at_endpoint(endpoint).count(), count);
    }
    for ix in book.slab.live() {
        let entry = book.slab.entry(ix);
        let banned = entry.standing.state() == Some(State::Banned);
        let expected = match entry.history {
            _ if banned || entry.taken || entry.history.verified => vec![Pool::None],
            history if history.was_reached() => vec![Pool::Lapsed],
            history if history.is_untried() => vec![Pool::Ready, Pool::Waiting],
            _ => vec![Pool::Due, Pool::Waiting],
        };
        assert!(expected.contains(&entry.pool), "{} is in {:?}", book.slab.address(ix), entry.pool);
    }
}

fn check_counts(book: &Book, records: &[Record], ids: &BTreeMap<NodeId, Vec<&Record>>) {
    let in_state = |state| ids.values().filter(|r| r[0].state == state).count();
    let any = |test: &dyn Fn(&Record) -> bool| {
        ids.values().filter(|r| r[0].state != State::Banned && r.iter().any(|r| test(r))).count()
    };
    let counts = Counts {
        new: in_state(State::New),
        old: in_state(State::Old),
        banned: in_state(State::Banned),
        addresses: records.len(),
        banned_addresses: records.iter().filter(|r| r.state == State::Banned).count(),
        verified: records.iter().filter(|r| r.state != State::Banned && r.verified).count(),
        untried: any(&|r| r.outcome == DialOutcome::Untried),
        outcomes: DialOutcome::ALL.map(|outcome| records.iter().filter(|r| r.outcome == outcome).count()),
    };
    assert_eq!(book.counts(), counts);
    assert!(counts.banned <= params::MAX_BANNED);
    let serves_untried = book.params.serves == Servable::NotFailed;
    let may_serve = |r: &Record| r.verified || (serves_untried && r.outcome == DialOutcome::Untried);
    assert_eq!(book.servable(), any(&may_serve));
    let sources: Vec<NodeId> = records.iter().map(|r| r.source.id).collect();
    for (source, (all, verified)) in book.count_by_source(&sources) {
        let of_source = || records.iter().filter(|r| r.source.id == source);
        assert_eq!(
            (all as usize, verified as usize),
            (of_source().count(), of_source().filter(|r| r.verified).count())
        );
    }
    let served: Vec<NodeId> = records.iter().map(|r| r.address).filter(|a| book.is_served(a)).map(|a| a.id()).collect();
    assert_eq!(served.len(), book.servable());
    assert_eq!(served.iter().collect::<BTreeSet<_>>().len(), served.len());
    assert_eq!(book.served().count(), served.len());
    for ix in book.slab.live().filter(|&ix| book.served.contains(&book.slab, ix)) {
        assert_eq!(book.served.acceptance_of(&book.slab, ix), Some(book.acceptance(ix)), "{}", book.slab.address(ix));
    }
    if !book.params.crawled {
        assert_eq!((book.known_new.len(), book.known_old.len()), (book.counts.new, book.counts.old));
    }
}

/// What the records say of each source, as long as no account has given way: as brought, reached and dead.
pub(super) fn recount(book: &Book, records: &[Record]) -> BTreeMap<Group, [u32; 3]> {
    let mut counts: BTreeMap<Group, [u32; 3]> = BTreeMap::new();
    for record in records.iter().filter(|record| record.source.id != book.params.own_id) {
        let [brought, reached, dead] = counts.entry(book.params.group_of(record.source.ip)).or_default();
        let was_reached = !record.last_success.is_never();
        *brought += 1;
        *reached += u32::from(was_reached);
        *dead += u32::from(!was_reached && record.attempts > 0);
    }
    counts
}

fn check_accounts(book: &Book, records: &[Record]) {
    let accounts: BTreeMap<Group, SourceAccount> = book.source_accounts(None, usize::MAX).into_iter().collect();
    assert!(accounts.len() <= params::MAX_SOURCE_ACCOUNTS);
    for (group, account) in &accounts {
        assert!(account.brought >= account.reached + account.dead, "{group} {account:?}");
    }
    if accounts.len() == params::MAX_SOURCE_ACCOUNTS {
        return;
    }
    for (group, there) in recount(book, records) {
        let account = accounts[&group];
        let counted = [account.brought, account.reached, account.dead];
        // The rest has left the book.
        assert!(counted.iter().zip(there).all(|(counted, there)| *counted >= there), "{group} {account:?} {there:?}");
    }
}

/// Each entry of a crawled book that is not banned waits for one thing, or was handed out.
fn check_waits(book: &Book) {
    for ix in book.slab.live() {
        let entry = book.slab.entry(ix);
        let banned = entry.standing.state() == Some(State::Banned);
        let waits =
            usize::from(entry.queue != Queue::NONE) + usize::from(matches!(entry.pool, Pool::Ready | Pool::Due));
        let expected = usize::from(book.params.crawled && !banned && !entry.taken);
        assert!(waits == expected || !book.params.crawled, "{} waits for {waits}", book.slab.address(ix));
    }
}
