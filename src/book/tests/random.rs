//! Random sequences of operations, after which the invariants are recounted.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::params::MAX_ADDRESSES_PER_ID;
use super::*;

/// Endpoints and peers are few, so that they collide: 2 groups of sources, 3 of addresses.
const SOURCES: u32 = 2;
const GROUPS: u32 = 3;

#[derive(Clone, Debug)]
enum Op {
    Add {
        id: u32,
        group: u32,
        source: u32,
    },
    AddOwn {
        id: u32,
        group: u32,
    },
    AddSurely {
        id: u32,
        group: u32,
        source: u32,
    },
    /// Many IDs of one group at once, to fill the book.
    Flood {
        from: u32,
        group: u32,
        source: u32,
    },
    Reached {
        id: u32,
        group: u32,
    },
    Failed {
        id: u32,
        group: u32,
        hold: bool,
    },
    /// Many IDs, twice, three hours apart: to make them old.
    Promote {
        from: u32,
        group: u32,
    },
    Restore {
        id: u32,
        group: u32,
    },
    Drop {
        id: u32,
        group: u32,
    },
    Remove {
        id: u32,
    },
    Ban {
        id: u32,
    },
    Reinstate {
        id: u32,
    },
    Wait {
        secs: u64,
    },
    Due {
        times: u8,
    },
    Untake {
        id: u32,
        group: u32,
    },
    Retry {
        id: u32,
    },
    Select {
        bias: Option<u8>,
        requester: u32,
    },
    Pick {
        bias: u8,
    },
    Store {
        max: usize,
    },
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let who = || (0..300_u32, 0..GROUPS);
    prop_oneof![
        10 => (who(), 0..SOURCES).prop_map(|((id, group), source)| Op::Add { id, group, source }),
        2 => who().prop_map(|(id, group)| Op::AddOwn { id, group }),
        2 => (who(), 0..SOURCES).prop_map(|((id, group), source)| Op::AddSurely { id, group, source }),
        4 => (who(), 0..SOURCES).prop_map(|((from, group), source)| Op::Flood { from, group, source }),
        4 => who().prop_map(|(id, group)| Op::Reached { id, group }),
        4 => (who(), any::<bool>()).prop_map(|((id, group), hold)| Op::Failed { id, group, hold }),
        3 => who().prop_map(|(from, group)| Op::Promote { from, group }),
        1 => who().prop_map(|(id, group)| Op::Restore { id, group }),
        2 => who().prop_map(|(id, group)| Op::Drop { id, group }),
        1 => who().prop_map(|(id, _)| Op::Remove { id }),
        2 => who().prop_map(|(id, _)| Op::Ban { id }),
        2 => who().prop_map(|(id, _)| Op::Reinstate { id }),
        2 => (0..500_000_u64).prop_map(|secs| Op::Wait { secs }),
        2 => any::<u8>().prop_map(|times| Op::Due { times }),
        1 => who().prop_map(|(id, group)| Op::Untake { id, group }),
        2 => who().prop_map(|(id, _)| Op::Retry { id }),
        2 => (proptest::option::of(0..120_u8), 0..300_u32).prop_map(|(bias, requester)| Op::Select { bias, requester }),
        1 => (0..120_u8).prop_map(|bias| Op::Pick { bias }),
        3 => (0..200_usize).prop_map(|max| Op::Store { max }),
        1 => Just(Op::Restart),
    ]
}

/// A book, the clock and a store that learns about the book from its changes only.
struct Life {
    book: Book,
    now: Now,
    rng: SeededRng,
    store: BTreeMap<NetAddress, Record>,
}

impl Life {
    fn new(params: Params) -> Self {
        let mut book = Book::new(params, KEY);
        book.watch_sources([source(0).id]);
        Life { book, now: now(), rng: rng(), store: BTreeMap::new() }
    }

    fn apply(&mut self, op: &Op) {
        let (book, now, rng) = (&mut self.book, self.now, &mut self.rng);
        match *op {
            Op::Add { id, group, source: from } => drop(book.add(now, at(id, group), source(from), rng)),
            Op::AddSurely { id, group, source: from } => {
                let added = book.add_surely(now, at(id, group), source(from));
                assert_eq!(book.get(&at(id, group)).is_some() && added != Err(Refused::Banned), added.is_ok());
            }
            Op::AddOwn { id: n, group } => {
                let own = Source { id: id(n), ip: at(n, group).ip() };
                let added = book.add_own(now, at(n, group), own);
                let fair = [Refused::Banned, Refused::SourceRate, Refused::FailedLately, Refused::Full];
                assert!(added.as_ref().err().is_none_or(|refused| fair.contains(refused)), "{added:?}");
                assert!(book.addresses_of(&id(n)).len() <= MAX_ADDRESSES_PER_ID);
            }
            Op::Flood { from, group, source: source_group } => {
                for n in from..from + 80 {
                    let _ = book.add(now, at(n, group), source(source_group), rng);
                }
            }
            Op::Reached { id, group } => drop(book.mark_reached(now, &at(id, group), DialOutcome::Reached)),
            Op::Failed { id, group, hold } => self.fail(at(id, group), hold),
            Op::Promote { from, group } => self.promote(from, group),
            Op::Restore { id, group } => {
                let restored = book.restore(now, &at(id, group));
                assert!(!restored || book.get(&at(id, group)).unwrap().verified);
            }
            Op::Drop { id, group } => {
                book.drop_address(&at(id, group));
                assert_eq!(book.get(&at(id, group)), None);
            }
            Op::Remove { id: n } => {
                book.remove(&id(n));
                assert_eq!(book.state(&id(n)), None);
            }
            Op::Ban { id: n } => {
                let had = book.has(&id(n));
                assert_eq!(book.ban(&id(n)), had);
                assert!(!had || book.state(&id(n)) == Some(State::Banned));
            }
            Op::Reinstate { id: n } => assert!(!book.reinstate(now, &id(n)) || book.state(&id(n)) == Some(State::New)),
            Op::Wait { secs } => self.now = now.after(Duration::from_secs(secs)),
            Op::Due { times } => self.due(times),
            Op::Untake { id, group } => book.untake(now, &at(id, group)),
            Op::Retry { id: n } => book.retry_untried(now, &id(n)),
            Op::Select { bias, requester } => self.select(bias, requester),
            Op::Pick { bias } => self.pick(bias),
            Op::Store { max } => self.save(max),
            Op::Restart => self.restart(),
        }
    }

    fn fail(&mut self, address: NetAddress, hold: bool) {
        let before = self.book.get(&address);
        self.book.mark_failed(self.now, &address, DialOutcome::TimedOut, hold);
        let after = self.book.get(&address);
        let given_up = before.as_ref().is_some_and(|before| !hold && before.attempts + 1 >= params::BAD_FAILURES);
        assert!(before.is_some() == after.is_some() || given_up, "{before:?}");
        if hold && let (Some(before), Some(after)) = (before, after) {
            assert_eq!((before.verified, before.state), (after.verified, after.state));
        }
    }

    fn promote(&mut self, from: u32, group: u32) {
        for n in from..from + 80 {
            self.book.mark_reached(self.now, &at(n, group), DialOutcome::Reached);
        }
        self.now = self.now.after(hours(3));
        for n in from..from + 80 {
            let address = at(n, group);
            let change = self.book.mark_reached(self.now, &address, DialOutcome::Reached);
            assert!(change != MarkOutcome::Promoted || self.book.is_old(&address.id()));
        }
    }

    fn due(&mut self, times: u8) {
        let mut seen = BTreeSet::new();
        for _ in 0..times {
            if let Some(address) = self.book.due(self.now) {
                assert!(seen.insert(address), "handed out twice");
                assert!(self.book.has(&address.id()));
            }
            self.now = self.now.after(params::RECHECK_SPACING);
        }
    }

    fn select(&mut self, bias: Option<u8>, requester: u32) {
        let answer = self.book.selection(bias, id(requester), &mut self.rng);
        let out = self.book.read(&answer, &id(requester));
        assert_eq!(out.len(), answer.len());
        let ids: BTreeSet<NodeId> = out.iter().map(NetAddress::id).collect();
        assert_eq!(ids.len(), out.len());
        assert!(!ids.contains(&id(requester)));
        assert!(out.iter().all(|address| self.book.is_served(address)));
    }

    fn pick(&mut self, bias: u8) {
        if let Some(picked) = self.book.pick(self.now, bias, &mut self.rng) {
            assert!(self.book.has(&picked.id()));
            assert!(self.book.not_before(&picked).unwrap() <= self.now.mono);
        }
    }

    fn save(&mut self, max: usize) {
        let changes = self.book.take_dirty(max);
        assert!(changes.len() <= max);
        for (address, record) in changes {
            match record {
                Some(record) => drop(self.store.insert(address, record)),
                None => assert!(self.store.remove(&address).is_some(), "{address} was never stored"),
            }
        }
    }

    fn restart(&mut self) {
        self.save(usize::MAX);
        let (book, report) = Book::load(self.book.params.clone(), KEY, stored(self.store.values().cloned()), self.now);
        assert_eq!(report, LoadReport { loaded: self.store.len(), ..LoadReport::default() });
        self.book = book;
        self.book.watch_sources([source(0).id]);
        let accounts = self.book.source_accounts(None, usize::MAX);
        let counted = accounts.into_iter().map(|(group, a)| (group, [a.brought, a.reached, a.dead])).collect();
        let records = self.book.page(None, usize::MAX);
        assert_eq!(invariants::recount(&self.book, &records), counted, "an account says what the book has");
    }

    fn check_watched(&self) {
        let account = self.book.watched_account(&source(0).id).unwrap();
        assert!(account.brought >= account.reached + account.dead, "{account:?}");
        let there = self.book.count_by_source(&[source(0).id])[&source(0).id];
        assert!(account.brought >= there.0 && account.reached >= there.1, "{account:?} {there:?}");
    }

    fn check(&mut self) {
        invariants::check(&self.book);
        self.check_watched();
        let records = self.book.page(None, usize::MAX);
        self.save(usize::MAX);
        assert_eq!(self.store.values().cloned().collect::<Vec<_>>(), records);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_life_leaves_the_book_in_order(
        ops in proptest::collection::vec(op(), 1..120),
        seed_mode in any::<bool>(),
        capacity in 64..400_usize,
    ) {
        let mut life = Life::new(Params { capacity, ..Params::new(id(u32::MAX), seed_mode) });
        for (step, op) in ops.iter().enumerate() {
            life.apply(op);
            if step % 8 == 0 {
                invariants::check(&life.book);
            }
        }
        life.check();
    }

    #[test]
    fn pages_of_any_size_are_the_book_in_order(count in 0..200_u32, max in 1..60_usize) {
        let mut book = book();
        for n in 0..count {
            book.add(now(), at(n.wrapping_mul(7919), n), source(n), &mut rng()).unwrap();
        }
        let mut walked: Vec<Record> = Vec::new();
        loop {
            let page = book.page(walked.last().map(|r| &r.address), max);
            prop_assert!(page.len() <= max);
            if page.is_empty() {
                break;
            }
            walked.extend(page);
        }
        prop_assert!(walked.is_sorted_by_key(|r| r.address));
        prop_assert_eq!(walked, book.page(None, usize::MAX));
        prop_assert_eq!(book.counts().addresses, count as usize);
    }

    #[test]
    fn no_record_breaks_a_load(
        seed in any::<[i64; 4]>(),
        ids in proptest::collection::vec((0..40_u32, 0..5_u32, 0..3_u8, any::<u8>(), any::<u16>()), 0..300),
    ) {
        let records = ids.iter().map(|&(n, group, state, outcome, bucket)| Record {
            address: at(n, group),
            state: State::ALL[usize::from(state)],
            reliability: Reliability::from_bytes(&[outcome; Reliability::LEN]),
            source: source(group),
            added: Wall::from_millis(seed[0]),
            attempts: bucket,
            outcome: DialOutcome::from_u8(outcome % 10).unwrap(),
            last_attempt: Wall::from_millis(seed[1]),
            last_success: Wall::from_millis(seed[2]),
            reached_since: Wall::from_millis(seed[3]),
            verified: bucket % 2 == 0,
        });
        let mut store: BTreeMap<NetAddress, Record> = records.clone().map(|r| (r.address, r)).collect();
        let (mut book, report) = Book::load(params(), KEY, stored(store.clone().into_values()), now());
        invariants::check(&book);
        prop_assert_eq!(report.loaded + report.skipped, store.len());
        for (address, record) in book.take_dirty(usize::MAX) {
            match record {
                Some(record) => store.insert(address, record),
                None => store.remove(&address),
            };
        }
        prop_assert_eq!(store.into_values().collect::<Vec<_>>(), book.page(None, usize::MAX));
        let (twice, report) = Book::load(params(), KEY, stored(records), now());
        invariants::check(&twice);
        prop_assert!(report.loaded <= ids.len());
    }
}
