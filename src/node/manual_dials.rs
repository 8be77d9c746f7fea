//! What operators do with single peers: dial and disconnect.

use std::time::Duration;

use super::{BanTarget, Node, PeerAddress, RunState, TooManyBans};
use crate::switch::NotDialled;
use crate::types::{ConnId, NodeId, Now, Purpose};

impl Node {
    /// Dials a peer on an operator's behalf, or takes over a dial of this very address that is under way. A peer that is
    /// reached stays until it is lost or disconnected.
    ///
    /// # Errors
    /// When a rule is against it, or the node does not run.
    pub fn dial(&mut self, now: Now, target: PeerAddress) -> Result<ConnId, NotDialled> {
        if self.state != RunState::Running {
            return Err(NotDialled::NotRunning);
        }
        self.switch.dial(&mut self.out, now, target, Purpose::Manual)
    }

    /// Closes the connection of a peer, which takes what was sent to it first; whether it was connected. A persistent one
    /// is not redialled before the next start, or an operator's dial.
    pub fn disconnect(&mut self, now: Now, id: &NodeId) -> bool {
        let Some(conn) = self.switch.conn_of(id) else { return false };
        self.switch.hold(id);
        self.with(now, |pex, cx| pex.disconnect(cx, conn));
        true
    }

    /// Bans an ID and closes its connection at once; see [`Node::disconnect`] and [`Node::ban`].
    ///
    /// # Errors
    /// When there are as many bans as are kept; then the connection stays.
    pub fn disconnect_and_ban(
        &mut self,
        now: Now,
        id: NodeId,
        reason: String,
        length: Duration,
        author: &str,
    ) -> Result<(), TooManyBans> {
        let connected = self.switch.is_connected(&id);
        self.ban(now, BanTarget::Id(id), reason, Some(length), author)?;
        if connected {
            self.switch.hold(&id);
        }
        Ok(())
    }
}
