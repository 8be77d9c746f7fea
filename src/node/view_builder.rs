//! Making the views.

use std::collections::BTreeMap;

use super::{BookView, CrawlView, Node, PeerView, RunState, SeedCounts, SeedView, StatusView};
use crate::book::SourceAccount;
use crate::pex::SeedOutcome;
use crate::switch::Peer;
use crate::types::{ConnId, Delta, Direction, NodeId, Now, PeerAddress, Purpose, Wall};

impl Node {
    /// The reactor at a glance.
    pub fn status(&self, now: Now) -> StatusView {
        let (mut inbound, mut outbound) = (0, 0);
        for peer in self.switch.peers() {
            match peer.direction {
                Direction::Inbound => inbound += 1,
                Direction::Outbound => outbound += 1,
            }
        }
        let params = self.switch.params();
        StatusView {
            state: self.state.clone(),
            since: self.since,
            seed_mode: self.pex.is_seed(),
            inbound,
            outbound,
            dialling: count(self.switch.dialling()),
            max_inbound: params.limits.max_inbound,
            max_outbound: params.limits.max_outbound,
            max_dials: count(params.limits.max_dials),
            book: self.summary(now),
            crawl: CrawlView {
                last_round: self.pex.last_round(),
                last_seed_round: self.pex.last_seed_round(),
                backlog: self.book.backlog(),
                next_due: self.book.next_due(),
            },
            seeds: self.seed_counts(),
            bans: count(self.switch.ban_count()),
            outage: self.in_outage(),
        }
    }

    /// Whether most of what was good fails at once. While it is stopped nothing fails.
    pub(super) fn in_outage(&self) -> bool {
        self.state == RunState::Running && self.pex.in_outage()
    }

    /// The seeds in effect, this node itself left out, by what our latest dials found.
    pub fn seed_counts(&self) -> SeedCounts {
        let mut counts = SeedCounts::default();
        for seed in self.other_seeds() {
            let count = match self.pex.seed_health(seed).outcome() {
                SeedOutcome::Untried => &mut counts.untried,
                SeedOutcome::Reached => &mut counts.reached,
                SeedOutcome::Failed => &mut counts.failed,
                SeedOutcome::WrongIdentity => &mut counts.wrong_identity,
                SeedOutcome::WrongNetwork => &mut counts.wrong_network,
                SeedOutcome::Ourselves => continue,
            };
            *count += 1;
        }
        counts
    }

    /// How many a start has to ask: seeds, persistent peers, and the book as one when it has addresses.
    pub fn contacts(&self) -> usize {
        let persistent = self.switch.persistent().iter().filter(|peer| !self.switch.is_ourselves(peer)).count();
        self.other_seeds().count() + persistent + usize::from(!self.book.is_empty())
    }

    /// The seeds in effect that are not this node itself.
    pub(super) fn other_seeds(&self) -> impl Iterator<Item = &PeerAddress> {
        self.pex.seeds().filter(|seed| !self.switch.is_ourselves(seed))
    }

    /// What the seeds in effect brought, and what became of it, by the aliases of their IDs.
    pub fn seed_accounts(&self) -> BTreeMap<String, SourceAccount> {
        let account = |seed: &PeerAddress| (self.book.alias(&seed.id()), self.book.watched_account(&seed.id()));
        self.other_seeds().map(account).map(|(alias, account)| (alias, account.unwrap_or_default())).collect()
    }

    /// The book's counts.
    pub fn summary(&self, now: Now) -> BookView {
        let counts = self.book.counts();
        let in_banned_ranges = self.pex.in_banned_ranges(&self.book, &self.switch, now);
        BookView {
            size: count(self.book.size()),
            new: count(counts.new),
            old: count(counts.old),
            banned: count(counts.banned),
            addresses: count(counts.addresses),
            untried: count(counts.untried),
            servable: count(self.book.servable() - in_banned_ranges),
            in_banned_ranges: count(in_banned_ranges),
            capacity: count(self.book.capacity()),
            traces: count(self.book.traces()),
            refused: self.book.refused(),
            outcomes: counts.outcomes.map(count),
        }
    }

    /// Who dialled and why, of each connected peer.
    pub fn peer_kinds(&self) -> impl Iterator<Item = (Direction, Option<Purpose>)> {
        self.switch.peers().map(|peer| (peer.direction, peer.purpose))
    }

    /// The connected peers.
    pub fn peers(&self) -> Vec<PeerView> {
        self.switch.peers().map(|peer| self.peer_view(peer)).collect()
    }

    /// At most `max` peers whose connection is later than `after`, the earliest first.
    pub fn peers_after(&self, after: Option<ConnId>, max: usize) -> Vec<PeerView> {
        self.switch.peers_after(after, max).map(|peer| self.peer_view(peer)).collect()
    }

    /// The peer of a connection.
    pub fn peer(&self, conn: ConnId) -> Option<PeerView> {
        self.switch.peer(conn).map(|peer| self.peer_view(peer))
    }

    /// The connected peer with this ID.
    pub fn peer_of(&self, id: &NodeId) -> Option<PeerView> {
        self.peer(self.switch.conn_of(id)?)
    }

    fn peer_view(&self, peer: &Peer) -> PeerView {
        let (last_request, requests) = peer.requests;
        let leaves = self.pex.leaves_at(peer);
        PeerView {
            conn: peer.conn,
            info: peer.info.clone(),
            remote: peer.remote,
            direction: peer.direction,
            purpose: peer.purpose,
            connected_since: peer.since.wall,
            last_request,
            requests,
            asked_at: self.pex.asked_at(peer.conn),
            persistent: peer.persistent,
            unconditional: peer.unconditional,
            kept: self.pex.kept(peer),
            leaves: leaves.map_or(Wall::NEVER, |at| peer.since.wall + at.since(peer.since.mono)),
            dialled: peer.dialled,
        }
    }

    /// The seeds, those of the file that were removed at run time included.
    pub fn seeds(&self) -> Vec<SeedView> {
        let ids: Vec<NodeId> = self.pex.seed_entries().map(|(seed, _)| seed.id()).collect();
        let advertised = self.book.count_by_source(&ids);
        let view = |(seed, delta): (&PeerAddress, Option<&Delta<PeerAddress>>)| SeedView {
            seed: seed.clone(),
            from_file: delta.is_none_or(|delta| !delta.added),
            in_effect: delta.is_none_or(|delta| delta.added),
            change: delta.map(|delta| (delta.author.clone(), delta.at)),
            in_use: self.switch.is_busy_with(&seed.id()),
            ourselves: self.switch.is_ourselves(seed),
            health: self.pex.seed_health(seed),
            advertised: advertised.get(&seed.id()).copied().unwrap_or_default(),
            account: self.book.watched_account(&seed.id()).unwrap_or_default(),
            alias: self.book.alias(&seed.id()),
        };
        self.pex.seed_entries().map(view).collect()
    }
}

pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
