//! What the switch, and the reactor through it, asks the shell to do.

use crate::types::{CloseHow, ConnId, Fault, PeerAddress, Purpose, Ticket};
use crate::wire::pex::Outgoing;

/// Something for the shell to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Dial, and answer with `Input::Dialled`. A name is resolved first, and what it stands for is filtered like any
    /// other address.
    Dial {
        /// The dial's number, and the connection's when it succeeds.
        conn: ConnId,
        /// Whom.
        target: PeerAddress,
        /// Why.
        purpose: Purpose,
    },
    /// Let an inbound connection in, under this number.
    Admit {
        /// The shell's number.
        ticket: Ticket,
        /// The node's.
        conn: ConnId,
    },
    /// Close an inbound connection that was not admitted.
    Refuse {
        /// The shell's number.
        ticket: Ticket,
        /// Why.
        fault: Fault,
    },
    /// Keep a dial's connection: start to serve it.
    Open {
        /// Its number.
        conn: ConnId,
    },
    /// Send a message.
    Send {
        /// To this connection.
        conn: ConnId,
        /// What.
        message: Outgoing,
    },
    /// Close a connection or give up a dial. `Input::Closed` (or `Dialled`) may still come and is ignored.
    Close {
        /// Which.
        conn: ConnId,
        /// Whether what is queued is sent first.
        how: CloseHow,
        /// Why; what the log and the peer's last record say.
        reason: Fault,
    },
    /// Look up a name and answer with `Input::Resolved`.
    Resolve {
        /// The name.
        name: Box<str>,
    },
    /// The bans by IP changed: publish [`super::Switch::banned_ranges`] to the gate.
    PublishBans,
}
