//! Operators who add and remove seeds, persistent peers and bans, and what they were reported is saved.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use pexd::proto::pexd::v1::ban_service_client::BanServiceClient;
use pexd::proto::pexd::v1::peer_service_client::PeerServiceClient;
use pexd::proto::pexd::v1::seed_service_client::SeedServiceClient;
use pexd::proto::pexd::v1::{
    AddConfiguredPeerRequest, AddSeedRequest, BanRequest, ChangeResult, ListBansRequest, ListSeedsRequest, PeerList,
    RemoveConfiguredPeerRequest, RemoveSeedRequest, UnbanRequest,
};
use pexd::types::SeededRng;
use rand::RngExt as _;
use tonic::Status;
use tonic::transport::Channel;

use super::home::FILE_SEEDS;

/// Seeds that are added at run time, beside those of the file, and bans: few, so that each is changed often.
const SEEDS: u8 = 4;
const BANS: u8 = 6;
/// Private peers.
const PRIVATE: u8 = 3;
/// Milliseconds between two changes of an operator at the most.
const PAUSE: u64 = 8;

/// What a change is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// A seed. Its value is the delta's: "true" when it was added, "false" when it was removed.
    Seed(String),
    /// A ban. Its value is its reason, another one each time.
    Ban(String),
    /// A private peer, of which the file has none. Its value is "true" when it was added.
    Private(String),
}

impl Subject {
    fn all() -> impl Iterator<Item = Subject> {
        let seed = |n| format!("{}@127.0.0.1:1", format!("a{n}").repeat(20));
        let seeds = FILE_SEEDS.into_iter().map(str::to_owned).chain((0..SEEDS).map(seed)).map(Subject::Seed);
        let ban = |n| match n % 3 {
            0 => format!("203.0.113.{n}"),
            1 => format!("198.51.{n}.0/24"),
            _ => format!("b{n}").repeat(20),
        };
        let private = |n: u8| Subject::Private(format!("c{n}").repeat(20));
        seeds.chain((0..BANS).map(ban).map(Subject::Ban)).chain((0..PRIVATE).map(private))
    }

    /// Whether a seed with this delta is one of the network's.
    fn is_there(&self, value: Option<&str>) -> bool {
        match self {
            Subject::Seed(seed) => value.map_or(FILE_SEEDS.contains(&seed.as_str()), |added| added == "true"),
            Subject::Ban(_) | Subject::Private(_) => value.is_some(),
        }
    }
}

/// What is known of one subject's row: the value that it must have, or may have when the process ended before it reported.
#[derive(Clone, Debug, Default)]
struct Known {
    acknowledged: Option<String>,
    asked: Option<Option<String>>,
}

/// What must be on disk.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<Subject, Known>,
}

impl Ledger {
    /// Hands the subjects out to so many operators.
    pub(crate) fn split(&mut self, operators: usize) -> Vec<Ledger> {
        for subject in Subject::all() {
            self.entries.entry(subject).or_default();
        }
        let mut ledgers: Vec<_> = (0..operators).map(|_| Ledger::default()).collect();
        if !ledgers.is_empty() {
            for (n, (subject, known)) in std::mem::take(&mut self.entries).into_iter().enumerate() {
                ledgers[n % operators].entries.insert(subject, known);
            }
        }
        ledgers
    }

    /// Takes an operator's part back.
    pub(crate) fn join(&mut self, part: Ledger) {
        self.entries.extend(part.entries);
    }

    /// Whether nothing was ever acknowledged.
    pub(crate) fn is_untouched(&self) -> bool {
        self.entries.values().all(|known| known.acknowledged.is_none())
    }

    /// Holds the rows that are left against what was acknowledged. What was only asked for may be there or not; from now
    /// on it is what it is.
    pub(crate) fn check_left(&mut self, left: &BTreeMap<Subject, String>) {
        for subject in left.keys() {
            assert!(self.entries.contains_key(subject), "nobody asked for {subject:?}");
        }
        for (subject, known) in &mut self.entries {
            let found = left.get(subject).cloned();
            let may_be = known.asked.take().is_some_and(|asked| asked == found);
            assert!(found == known.acknowledged || may_be, "{subject:?} is {found:?} and must be {known:?}");
            known.acknowledged = found;
        }
    }

    /// Holds what a process that was started again says against what is on disk.
    pub(crate) async fn check_running(&self, channel: Channel) {
        let listed = BanServiceClient::new(channel.clone()).list_bans(ListBansRequest::default()).await.unwrap();
        let bans = listed.into_inner().bans.into_iter().map(|ban| (Subject::Ban(ban.target), ban.reason)).collect();
        let expected: BTreeMap<_, _> = self
            .entries
            .iter()
            .filter(|(subject, _)| matches!(subject, Subject::Ban(_)))
            .filter_map(|(subject, known)| Some((subject.clone(), known.acknowledged.clone()?)))
            .collect();
        assert_eq!(expected, bans);

        let listed = SeedServiceClient::new(channel).list_seeds(ListSeedsRequest::default()).await.unwrap();
        let in_effect = listed.into_inner().seeds.into_iter().filter(|seed| seed.in_effect);
        let mut seeds: Vec<_> = in_effect.map(|seed| Subject::Seed(seed.seed)).collect();
        seeds.sort();
        let is_there = |subject: &Subject| {
            let known = self.entries.get(subject).and_then(|known| known.acknowledged.as_deref());
            matches!(subject, Subject::Seed(_)) && subject.is_there(known)
        };
        let mut expected: Vec<_> = Subject::all().filter(is_there).collect();
        expected.sort();
        assert_eq!(expected, seeds);
    }
}

/// Somebody who changes what their ledger lists, one change at a time.
#[derive(Debug)]
pub(crate) struct Operator {
    channel: Channel,
    ledger: Ledger,
    rng: SeededRng,
    killed: Rc<Cell<bool>>,
}

impl Operator {
    pub(crate) fn new(channel: Channel, ledger: Ledger, rng: SeededRng, killed: Rc<Cell<bool>>) -> Self {
        Operator { channel, ledger, rng, killed }
    }

    /// Works until the process is gone; their ledger, and how many changes were acknowledged.
    pub(crate) async fn work(mut self) -> (Ledger, usize) {
        let subjects: Vec<_> = self.ledger.entries.keys().cloned().collect();
        for number in 0.. {
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..PAUSE))).await;
            let subject = &subjects[self.rng.random_range(0..subjects.len())];
            match self.change(subject).await {
                Ok(result) => assert!(result.changed && result.saved, "{subject:?}: {result:?}"),
                Err(_) if self.killed.get() => return (self.ledger, number),
                Err(status) => panic!("{subject:?}: {status}"),
            }
        }
        unreachable!("nobody lives for ever")
    }

    /// Asks for one change; when this returns a result, the ledger demands it.
    async fn change(&mut self, subject: &Subject) -> Result<ChangeResult, Status> {
        let reason = format!("{:016x}", self.rng.random::<u64>());
        let known = self.ledger.entries.get_mut(subject).expect("it is on their list");
        let there = subject.is_there(known.acknowledged.as_deref());
        let in_file = matches!(subject, Subject::Seed(seed) if FILE_SEEDS.contains(&seed.as_str()));
        // A ban may also be laid again, with another reason.
        let remove = there && (!matches!(subject, Subject::Ban(_)) || self.rng.random());
        let wanted = match (subject, remove) {
            (Subject::Ban(_), false) => Some(reason.clone()),
            (Subject::Private(_), false) => Some(true.to_string()),
            // What the file has needs a row only while it is removed, what it has not only while it is added.
            (Subject::Seed(_), remove) if remove == in_file => Some((!remove).to_string()),
            _ => None,
        };
        known.asked = Some(wanted.clone());
        let result = request(self.channel.clone(), subject, remove, reason).await?;
        *known = Known { acknowledged: wanted, asked: None };
        Ok(result)
    }
}

async fn request(channel: Channel, subject: &Subject, remove: bool, reason: String) -> Result<ChangeResult, Status> {
    let network = String::new();
    let result = match (subject.clone(), remove) {
        (Subject::Seed(seed), false) => {
            SeedServiceClient::new(channel).add_seed(AddSeedRequest { network, seed }).await?.into_inner().result
        }
        (Subject::Seed(seed), true) => {
            SeedServiceClient::new(channel).remove_seed(RemoveSeedRequest { network, seed }).await?.into_inner().result
        }
        (Subject::Private(peer), false) => {
            let request = AddConfiguredPeerRequest { network, list: PeerList::Private.into(), peer };
            PeerServiceClient::new(channel).add_configured_peer(request).await?.into_inner().result
        }
        (Subject::Private(peer), true) => {
            let request = RemoveConfiguredPeerRequest { network, list: PeerList::Private.into(), peer };
            PeerServiceClient::new(channel).remove_configured_peer(request).await?.into_inner().result
        }
        (Subject::Ban(target), false) => {
            let request = BanRequest { network, target, reason, ..Default::default() };
            BanServiceClient::new(channel).ban(request).await?.into_inner().results.pop()
        }
        (Subject::Ban(target), true) => {
            BanServiceClient::new(channel).unban(UnbanRequest { network, target }).await?.into_inner().results.pop()
        }
    };
    Ok(result.expect("what became of it"))
}
