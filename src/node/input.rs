//! What the shell passes to the node.

use std::net::{IpAddr, SocketAddr};

use crate::switch::Handshaken;
use crate::types::{ConnId, Fault, Ticket};
use crate::wire::pex::Received;

/// Something happened outside.
#[derive(Debug)]
pub enum Input {
    /// An inbound connection finished its handshake; the node admits or refuses the ticket.
    Inbound {
        /// The shell's number for it.
        ticket: Ticket,
        /// Who it is.
        peer: Box<Handshaken>,
    },
    /// A dial of ours ended. On success the node opens or closes the connection.
    Dialled {
        /// The dial's number.
        conn: ConnId,
        /// The ip:port that was dialled, once a name was resolved.
        remote: Option<SocketAddr>,
        /// Who answered, or why nobody did.
        result: Result<Box<Handshaken>, Fault>,
    },
    /// A message came in.
    Message {
        /// On this connection.
        conn: ConnId,
        /// What it said.
        message: Received,
    },
    /// A connection ended; the last input for its number. Only sent for connections that were admitted or opened.
    Closed {
        /// The connection.
        conn: ConnId,
        /// Why.
        fault: Fault,
    },
    /// A name was looked up.
    Resolved {
        /// The name.
        name: Box<str>,
        /// What it stands for; empty when it does not resolve.
        ips: Vec<IpAddr>,
    },
}
