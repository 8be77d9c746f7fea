//! A stand-in for the actor, for tests of its callers: a real handle that is answered from plain values, which the test
//! changes when it likes.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use super::command::{BookCommand, ChangeRequest, Command, PeerCommand};
use super::{Applied, ChangeAuthor, Error, Handle, Page, Peer, Saved, Status};
use crate::book::SourceAccount;
use crate::node::row::{Ban, BanTarget};
use crate::node::{AddressView, RunState, SeedView, SourceView};
use crate::types::{ConnId, Group, NetAddress, PeerAddress, Wall};

/// What the stand-in answers with.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) status: Status,
    /// Why it does not start.
    pub(crate) start_fault: Option<String>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) book: BTreeMap<NetAddress, AddressView>,
    /// Entries in one answer, however many were asked for.
    pub(crate) chunk: usize,
    pub(crate) seeds: Vec<SeedView>,
    pub(crate) sources: BTreeMap<Group, SourceAccount>,
    pub(crate) bans: BTreeMap<BanTarget, Ban>,
    pub(crate) max_bans: usize,
    pub(crate) saved: Saved,
    /// Whether the actor is gone: it ends at the next command.
    pub(crate) gone: bool,
    /// Makes the view of a seed that is added.
    pub(crate) new_seed: fn(PeerAddress) -> SeedView,
}

/// Some operator.
pub(crate) fn by() -> ChangeAuthor {
    ChangeAuthor { author: "ops".into(), method: "Tests.Change" }
}

/// A world that the test shares with its stand-in.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<World>>);

/// A network that never answers, as long as what is returned beside it lives.
pub(crate) fn hung(chain_id: &str) -> (Handle, Box<dyn Any + Send>) {
    let (handle, inbox) = Handle::new(chain_id.into(), Path::new("/nonexistent"), false);
    (handle, Box::new(inbox))
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Shared(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// A handle that this world answers.
    pub(crate) fn handle(&self) -> Handle {
        let (handle, mut inbox) = Handle::new(self.lock().status.chain_id.clone(), Path::new(""), true);
        let world = self.clone();
        tokio::spawn(async move {
            while let Some(command) = inbox.recv().await {
                let mut world = world.lock();
                if world.gone {
                    break;
                }
                world.answer(command);
            }
        });
        handle
    }
}

impl World {
    /// A caller that went away misses its answer, and nothing else.
    fn answer(&mut self, command: Command) {
        match command {
            Command::Status(reply) => drop(reply.send(self.status.clone())),
            Command::Start(_, reply) => drop(reply.send(self.start())),
            Command::Stop(_, reply) => drop(reply.send(self.enter(RunState::Stopped))),
            Command::Peer(PeerCommand::After { after, max, reply }) => drop(reply.send(self.peers_after(after, max))),
            Command::Peer(_) => {}
            Command::Summary(reply) => drop(reply.send(self.status.node.book)),
            Command::Addresses { after, max, reply } => drop(reply.send(self.page(after, max))),
            Command::Book(BookCommand::BansAfter(after, max, reply)) => {
                let left = self.bans.iter().filter(|(target, _)| after.is_none_or(|after| **target > after));
                drop(reply.send(left.take(max).map(|(_, ban)| ban.clone()).collect()));
            }
            Command::Book(BookCommand::Sources { after, max, reply }) => {
                let left = self.sources.iter().filter(|(group, _)| after.is_none_or(|after| **group > after));
                let view = |(&group, &account): (&Group, &SourceAccount)| SourceView { group, account };
                drop(reply.send(Page::cut(left.map(view).collect(), max.min(self.chunk))));
            }
            Command::Book(BookCommand::SourcesAt(groups, reply)) => {
                let view = |group: Group| Some(SourceView { group, account: *self.sources.get(&group)? });
                drop(reply.send(groups.into_iter().filter_map(view).collect()));
            }
            Command::Book(_) => {}
            Command::Seeds(reply) => drop(reply.send(self.seeds.clone())),
            Command::Bans(reply) => drop(reply.send(self.bans.values().cloned().collect())),
            Command::ProbeContext(reply) => drop(reply),
            Command::ChangeRequest { by, change, reply } => drop(reply.send(self.change(&by, change))),
            // Their callers are tested against real networks.
            Command::Config(_) | Command::Report(_) => {}
            Command::Panic => panic!("asked to"),
        }
    }

    fn change(&mut self, by: &ChangeAuthor, change: ChangeRequest) -> Result<Applied, Error> {
        match change {
            ChangeRequest::Disconnect { .. } | ChangeRequest::AddListed(_) | ChangeRequest::RemoveListed(_) => {
                Ok(self.applied(false))
            }
            ChangeRequest::AddSeed(seed) => Ok(self.add_seed(seed)),
            ChangeRequest::RemoveSeed(seed) => self.remove_seed(seed),
            ChangeRequest::Ban { target, scope, reason, length } => {
                let since = Wall::from_secs(1_000);
                let until = length.map_or(Wall::NEVER, |length| since + length);
                self.ban(Ban { target, scope, reason, since, until, by_operator: true, author: (*by.author).into() })
            }
            ChangeRequest::Unban(target) => {
                self.bans.remove(&target).ok_or(Error::NoSuchBan)?;
                Ok(self.applied(true))
            }
            ChangeRequest::Set(_) | ChangeRequest::Reset(_) => Ok(self.applied(false)),
        }
    }

    fn start(&mut self) -> Result<bool, String> {
        match self.start_fault.clone() {
            Some(fault) => {
                self.enter(RunState::Failed(fault.clone()));
                Err(fault)
            }
            None => Ok(self.enter(RunState::Running)),
        }
    }

    fn enter(&mut self, state: RunState) -> bool {
        let changed = self.status.node.state != state;
        self.status.node.state = state;
        changed
    }

    fn peers_after(&self, after: Option<ConnId>, max: usize) -> Page<Peer> {
        let mut peers: Vec<Peer> = self.peers.clone();
        peers.sort_by_key(|peer| peer.view.conn);
        peers.retain(|peer| after.is_none_or(|after| peer.view.conn > after));
        let more = peers.len() > max;
        peers.truncate(max);
        Page { entries: peers, more }
    }

    fn page(&self, after: Option<NetAddress>, max: usize) -> Page {
        let mut left = self.book.iter().filter(|(key, _)| after.is_none_or(|after| **key > after));
        let entries = left.by_ref().take(max.min(self.chunk)).map(|(_, view)| view.clone()).collect();
        Page { entries, more: left.next().is_some() }
    }

    fn add_seed(&mut self, seed: PeerAddress) -> Applied {
        let known = self.seeds.iter().any(|view| view.seed == seed);
        if !known {
            self.seeds.push((self.new_seed)(seed));
        }
        self.applied(!known)
    }

    fn remove_seed(&mut self, seed: PeerAddress) -> Result<Applied, Error> {
        let at = self.seeds.iter().position(|view| view.seed == seed).ok_or(Error::NoSuchSeed(seed))?;
        self.seeds.remove(at);
        Ok(self.applied(true))
    }

    fn ban(&mut self, ban: Ban) -> Result<Applied, Error> {
        if self.bans.len() >= self.max_bans {
            return Err(Error::TooMany { what: "bans", limit: self.max_bans });
        }
        let before = self.bans.insert(ban.target, ban.clone());
        Ok(self.applied(before != Some(ban)))
    }

    fn applied(&self, changed: bool) -> Applied {
        Applied { changed, saved: self.saved.clone() }
    }
}
