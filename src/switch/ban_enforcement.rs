//! Bans, enforced on what is connected, on accept and on dialling.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Ban, BanEvent, BanScope, BanTarget, Effect, Event, Outbox, Peer, Switch, TooManyBans};
use crate::types::{CloseHow, CloseReason, ConnId, Fault, Mono, NodeId, Now, Wall};

impl Switch {
    /// Sets a ban and closes what it applies to; the peers that were closed.
    ///
    /// # Errors
    /// When there are as many bans by operators as are kept.
    pub fn ban(&mut self, out: &mut Outbox, now: Now, ban: Ban) -> Result<Vec<Peer>, TooManyBans> {
        let (target, scope, copy) = (ban.target, ban.scope, ban.clone());
        self.bans.lay(ban)?;
        self.await_end_of_bans(now);
        out.event(Event::Ban(BanEvent::Banned(copy.into())));
        self.publish(out, &target);
        let caught = |peer: &&Peer| match target {
            BanTarget::Id(id) => peer.info.id == id,
            BanTarget::Range(net) => net.contains(&peer.remote.ip()),
        };
        let conns: Vec<ConnId> =
            self.peers().filter(|_| scope == BanScope::All).filter(caught).map(|peer| peer.conn).collect();
        let banned = Fault::ClosedByUs(CloseReason::Banned);
        Ok(conns.into_iter().filter_map(|conn| self.close(out, now, conn, CloseHow::Now, banned.clone())).collect())
    }

    /// Lifts a ban; whether there was one.
    pub fn unban(&mut self, out: &mut Outbox, target: &BanTarget) -> bool {
        let lifted = self.bans.remove(target).is_some();
        if lifted {
            out.event(Event::Ban(BanEvent::Unbanned(*target)));
            self.publish(out, target);
        }
        lifted
    }

    /// Lifts the bans that have ended, and names them and those that made room for others.
    pub fn expire_bans(&mut self, out: &mut Outbox, now: Now) -> Vec<BanTarget> {
        let ended = self.bans.expire(now.wall);
        self.await_end_of_bans(now);
        for target in &ended {
            out.event(Event::Ban(BanEvent::Unbanned(*target)));
            self.publish(out, target);
        }
        ended
    }

    fn await_end_of_bans(&mut self, now: Now) {
        self.ban_ends = self.bans.next_end(now.wall).map(|wait| now.mono + wait);
    }

    /// When [`Switch::expire_bans`] has something to do.
    pub const fn next_ban_end(&self) -> Option<Mono> {
        self.ban_ends
    }

    fn publish(&mut self, out: &mut Outbox, target: &BanTarget) {
        if matches!(target, BanTarget::Range(_)) {
            out.effect(Effect::PublishBans);
        }
    }

    /// Whether an ID is banned now.
    pub fn bans_id(&self, id: &NodeId, now: Wall) -> bool {
        self.bans.bans_id(id, now)
    }

    /// Whether an IP is in a range that is banned now.
    pub fn bans_ip(&self, ip: IpAddr, now: Wall) -> bool {
        self.bans.bans_ip(ip, now)
    }

    /// The bans that keep this ID or this IP out.
    pub fn bans_of(&self, id: Option<&NodeId>, ip: Option<IpAddr>, now: Wall) -> impl Iterator<Item = &Ban> {
        let by_ip = ip.into_iter().flat_map(move |ip| self.bans.of_ip(ip, now));
        id.and_then(|id| self.bans.of_id(id, now)).into_iter().chain(by_ip)
    }

    /// The bans after a target, in the order of their targets: IDs, then IPv4 ranges, then IPv6 ranges.
    pub fn bans_after(&self, after: Option<&BanTarget>) -> impl Iterator<Item = &Ban> {
        self.bans.after(after)
    }

    /// The ban of exactly this target.
    pub fn ban_of(&self, target: &BanTarget) -> Option<&Ban> {
        self.bans.get(target)
    }

    /// Whether any range is banned, so that it is worth asking.
    pub fn bans_ranges(&self) -> bool {
        self.bans.ranges() > 0
    }

    /// The bans that are kept, one that has just ended perhaps among them.
    pub fn bans(&self) -> impl Iterator<Item = &Ban> {
        self.bans.iter()
    }

    /// How many bans are kept.
    pub fn ban_count(&self) -> usize {
        self.bans.len()
    }

    /// The banned ranges with their ends, for the gate.
    pub fn banned_ranges(&self) -> Vec<(IpNet, Wall)> {
        let range = |ban: &Ban| match ban.target {
            BanTarget::Range(net) if ban.scope == BanScope::All => Some((net, ban.until)),
            BanTarget::Range(_) | BanTarget::Id(_) => None,
        };
        self.bans.iter().filter_map(range).collect()
    }

    /// Whether a ban or a list changed that is not stored yet.
    pub fn has_dirty(&self) -> bool {
        self.bans.has_dirty() || self.has_dirty_list()
    }

    /// One changed ban: its image, or `None` when it was lifted.
    pub fn take_dirty(&mut self) -> Option<(BanTarget, Option<Ban>)> {
        self.bans.take_dirty()
    }
}
