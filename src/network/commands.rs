//! What operators ask of the actor.

use tokio::sync::oneshot;

use super::actor::Actor;
use super::handle::{Applied, Command, Error, MAX_PAGE, Page, Peer, Saved};
use crate::node::PeerView;
use crate::pex::MAX_SEEDS;
use crate::switch::params::MAX_OPERATOR_BANS;
use crate::types::NetAddress;

impl Actor<'_> {
    /// Does what a caller asks. One that has gone away meanwhile is not missed.
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Start(reply) => self.start(reply),
            Command::Stop(reply) => {
                let stopped = self.node.stop(self.shell.clock.now());
                self.drain();
                drop(reply.send(stopped));
            }
            Command::Peers(reply) => drop(reply.send(self.peer_list())),
            Command::Summary(reply) => drop(reply.send(self.node.summary())),
            Command::Addresses { after, max, reply } => drop(reply.send(self.page(after, max))),
            Command::Seeds(reply) => drop(reply.send(self.node.seeds())),
            Command::Bans(reply) => drop(reply.send(self.node.bans())),
            change => self.change(change),
        }
    }

    /// A change is applied, committed, then answered.
    fn change(&mut self, command: Command) {
        let now = self.shell.clock.now();
        match command {
            Command::AddSeed { seed, reply } => {
                let added = self.node.add_seed(now, seed);
                let limit = Error::TooMany { what: "the seeds", limit: MAX_SEEDS };
                self.applied(added.map_err(|_| limit), reply);
            }
            Command::RemoveSeed { seed, reply } => {
                let removed = self.node.remove_seed(now, &seed);
                self.applied(if removed { Ok(true) } else { Err(Error::NoSuchSeed(seed)) }, reply);
            }
            Command::Ban { target, reason, length, reply } => {
                let banned = self.node.ban(now, target, reason, length);
                let limit = Error::TooMany { what: "the bans", limit: MAX_OPERATOR_BANS };
                self.applied(banned.map(|()| true).map_err(|_| limit), reply);
            }
            Command::Unban { target, reply } => {
                let lifted = self.node.unban(now, &target);
                self.applied(if lifted { Ok(true) } else { Err(Error::NoSuchBan) }, reply);
            }
            _ => {}
        }
    }

    fn applied(&mut self, outcome: Result<bool, Error>, reply: oneshot::Sender<Result<Applied, Error>>) {
        match outcome {
            Ok(true) => self.saving.save_now(&mut self.node, reply),
            Ok(false) => drop(reply.send(Ok(Applied { changed: false, saved: Saved::Yes }))),
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn peer_list(&self) -> Vec<Peer> {
        let peer = |view: PeerView| {
            let traffic = self.peers.get(&view.conn).map(crate::transport::PeerHandle::traffic).unwrap_or_default();
            Peer { view, bytes_in: traffic.bytes_in, bytes_out: traffic.bytes_out }
        };
        self.node.peers().into_iter().map(peer).collect()
    }

    fn page(&self, after: Option<NetAddress>, max: usize) -> Page {
        let max = max.clamp(1, MAX_PAGE);
        let mut entries = self.node.addresses(after.as_ref(), max + 1);
        let more = entries.len() > max;
        entries.truncate(max);
        Page { entries, more }
    }
}
