//! One seed: is it there, is it who it should be, what does it answer, and is that any good.

use std::net::SocketAddr;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rand::seq::SliceRandom as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::client::{Answer, NoAnswer, PexClient, ask};
use super::{ProbeLimits, Question, Report, Verdict};
use crate::clock::{Clock, seeded_rng};
use crate::transport::{Dialler, Upgraded};
use crate::types::{Fault, NetAddress, NodeId, PeerAddress, is_routable};
use crate::wire::pex::MAX_ADDRESSES;

/// Looks at seeds, one call each, until the time of all is over.
pub(super) struct Examiner {
    visitor: PexClient,
    sample: usize,
    strict: bool,
    limits: ProbeLimits,
    end: Instant,
    sample_dials: Semaphore,
}

impl Examiner {
    pub(super) fn new(dialler: &Dialler, question: &Question, limits: ProbeLimits) -> Self {
        let Question { chain_id, block_version, sample, strict } = question;
        Examiner {
            visitor: PexClient::new(dialler.clone(), chain_id, *block_version, *strict),
            sample: *sample,
            strict: *strict,
            limits,
            end: Clock.deadline(Clock.mono() + limits.whole),
            sample_dials: Semaphore::new(limits.sample_dials.max(1)),
        }
    }

    /// What is found of a seed, `text` being its entry.
    pub(super) async fn examine(&self, text: &str, seed: &PeerAddress) -> Report {
        let mut report = Report::new(text);
        if timeout_at(self.end, self.judge(seed, &mut report)).await.is_err() && report.verdict == Verdict::NotChecked {
            let whole = self.limits.whole.as_secs();
            report.detail = format!("the {whole} s of the whole check were over: check fewer seeds at once");
        }
        report
    }

    /// Fills in the report as it goes on: what stands there is true when it is cut short.
    async fn judge(&self, seed: &PeerAddress, report: &mut Report) {
        let dialled = self.visitor.dial(seed.clone()).await;
        report.remote = dialled.remote;
        match dialled.result {
            Ok(upgraded) => self.question(*upgraded, report).await,
            Err(fault) => {
                report.judge(Verdict::of(&fault), fault.name(), detail(&fault));
                if let Some(remote) = dialled.remote {
                    self.look_closer(seed.id(), remote, fault, report).await;
                }
            }
        }
    }

    /// Asks the right node.
    async fn question(&self, upgraded: Upgraded, report: &mut Report) {
        let own = upgraded.info.id;
        report.meet(&upgraded);
        match ask(upgraded, self.limits.answer).await {
            Ok(answer) => self.weigh(own, answer, report).await,
            Err(NoAnswer::Ended(fault)) => report.judge(Verdict::of(&fault), fault.name(), detail(&fault)),
            Err(NoAnswer::Silent) => {
                let patience = self.limits.answer.as_secs_f32();
                report.judge(Verdict::Silent, "silent", format!("no answer to a request within {patience} s"));
            }
        }
    }

    pub(super) async fn weigh(&self, own: NodeId, answer: Answer, report: &mut Report) {
        let Answer { mut addresses, total, took } = answer;
        // From more than are looked at a sample was drawn, and those that were passed over are not known to be bad.
        let looked_at = if addresses.len() < MAX_ADDRESSES { total as usize } else { addresses.len() };
        addresses.retain(|address| !self.strict || is_routable(address.ip()));
        let unusable = looked_at.saturating_sub(addresses.len());
        report.answer_time = Some(took);
        report.address_count = total;
        report.unusable_address_count = u32::try_from(unusable).unwrap_or(u32::MAX);
        match (total, addresses.is_empty()) {
            (_, false) => report.judge(Verdict::Ok, "", ""),
            (0, _) => report.judge(Verdict::Empty, "", "it knows no address to give now"),
            _ => report.judge(Verdict::Empty, "", "none of the addresses that it gave can be used"),
        }
        self.try_some(pick(addresses, own, self.sample), report).await;
    }

    /// Dials what the seed named, and counts those who are there.
    async fn try_some(&self, picked: Vec<NetAddress>, report: &mut Report) {
        let dial = async |address: NetAddress| {
            // Never closed.
            let _turn = self.sample_dials.acquire().await;
            self.visitor.dial(address.into()).await.result
        };
        let mut dials: FuturesUnordered<_> = picked.into_iter().map(dial).collect();
        while let Some(result) = dials.next().await {
            report.sample_tried_count += 1;
            // Without PEX it is the right node of the right chain all the same.
            if matches!(result, Ok(_) | Err(Fault::NoCommonChannel)) {
                report.sample_reached_count += 1;
            }
        }
    }

    /// Finds out who answers in place of the seed. Its ID and its block version are checked before its chain, so that it is
    /// dialled again as what it says to be: a seed with a new key is distinguished from somebody else's host.
    async fn look_closer(&self, id: NodeId, remote: SocketAddr, mut fault: Fault, report: &mut Report) {
        let (mut visitor, mut id) = (self.visitor.clone(), id);
        for _ in 0..2 {
            match fault {
                Fault::WrongId { actual } => {
                    id = actual;
                    report.actual_id = Some(actual);
                }
                Fault::WrongBlockVersion { actual } => visitor.block_version = actual,
                _ => break,
            }
            let Ok(target) = NetAddress::new(id, remote.ip(), remote.port()) else { return };
            match visitor.dial(target.into()).await.result {
                Ok(upgraded) => {
                    report.meet(&upgraded);
                    return self.note_network(visitor.chain_id(), visitor.block_version, report);
                }
                Err(next) => fault = next,
            }
        }
        match fault {
            Fault::WrongNetwork { actual } => self.note_network(&actual, visitor.block_version, report),
            // Channels are compared last, so that all else is as this look expected it.
            Fault::NoCommonChannel if report.verdict != Verdict::NoPex => {
                self.note_network(visitor.chain_id(), visitor.block_version, report);
            }
            _ => {}
        }
    }

    /// Says who answers, now that its chain is known.
    fn note_network(&self, network: &str, block_version: u64, report: &mut Report) {
        report.actual_network = Some(network.to_owned());
        let mut node = format!("a node of {network}");
        if block_version != self.visitor.block_version {
            node += &format!(" with block version {block_version}");
        }
        report.detail = match report.actual_id {
            None => format!("{node} answers there"),
            Some(id) if network == self.visitor.chain_id() => {
                format!("{node} answers there with ID {id}: it may have a new key, ask its operator")
            }
            Some(id) => format!("{node} answers there, with ID {id}"),
        };
    }
}

/// A fault in words, with what it may mean where that is not plain.
fn detail(fault: &Fault) -> String {
    match Verdict::of(fault) {
        Verdict::HungUp => format!("{fault}: it may be full, or be connected to this host already"),
        Verdict::Unroutable => "the name stands only for addresses that nobody reaches over the Internet".to_owned(),
        _ => fault.to_string(),
    }
}

/// So many addresses at random, each of another node, and not of the seed itself.
fn pick(mut addresses: Vec<NetAddress>, own: NodeId, count: usize) -> Vec<NetAddress> {
    let mut rng = seeded_rng();
    // Sorting keeps the order of what is equal, so that of a node's several addresses any may be the one.
    addresses.shuffle(&mut rng);
    addresses.sort_by_key(NetAddress::id);
    addresses.dedup_by_key(|address| address.id());
    addresses.retain(|address| address.id() != own);
    addresses.shuffle(&mut rng);
    addresses.truncate(count);
    addresses
}
