//! What the network holds of a peer's task, and what the two share.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use crate::types::{CloseHow, CloseReason, ConnId, Fault, NodeId};
use crate::wire::mconn::SEND_QUEUE;
use crate::wire::pex::{Outgoing, Received};

/// What a peer's task reports.
#[derive(Debug)]
pub struct FromPeer {
    /// Whose it is.
    pub conn: ConnId,
    /// What there is to report.
    pub what: PeerSaid,
}

/// What a peer's task reports.
#[derive(Debug)]
pub enum PeerSaid {
    /// It sent a message. Nothing more is read from it until the [`Ack`] is dropped.
    Message(Received, Ack),
    /// Its connection ended; reported exactly once, and nothing comes after it.
    Closed(Fault),
}

/// Lets the peer's task read on when it is dropped.
#[derive(Debug)]
pub struct Ack {
    shared: Arc<Shared>,
}

impl Ack {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.unacknowledged.store(true, Relaxed);
        Ack { shared: shared.clone() }
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        self.shared.unacknowledged.store(false, Relaxed);
        self.shared.waker.wake();
    }
}

/// The peer's send queue is full, or its connection is closing: the message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer's send queue is full, or its connection is closing")]
pub struct Full;

/// Bytes and messages of a connection since its handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes received, as they came over the wire.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Requests that came in.
    pub requests_in: u32,
    /// Messages with addresses that came in.
    pub addresses_in: u32,
    /// Requests that were sent.
    pub requests_out: u32,
    /// Messages with addresses that were sent.
    pub addresses_out: u32,
}

/// A connected peer. Dropping it closes the connection at once.
#[derive(Debug)]
pub struct PeerHandle {
    id: NodeId,
    remote: SocketAddr,
    shared: Arc<Shared>,
}

impl PeerHandle {
    pub(super) fn new(id: NodeId, remote: SocketAddr, shared: Arc<Shared>) -> Self {
        PeerHandle { id, remote, shared }
    }

    /// Its ID, authenticated.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The other end of the connection.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Queues a message; never waits.
    ///
    /// # Errors
    /// When ten messages wait already, or the connection is closing.
    pub fn try_send(&self, message: Outgoing) -> Result<(), Full> {
        self.shared.with_mail(|mail| {
            if mail.close.is_some() || mail.queue.len() >= SEND_QUEUE {
                return Err(Full);
            }
            mail.queue.push_back(message);
            Ok(())
        })?;
        self.shared.waker.wake();
        Ok(())
    }

    /// Closes the connection; `fault` is what [`PeerSaid::Closed`] will say. The first call decides, except that a flush
    /// can be cut short.
    pub fn close(&self, how: CloseHow, fault: Fault) {
        self.shared.with_mail(|mail| match &mut mail.close {
            Some((before, _)) if how == CloseHow::Now => *before = CloseHow::Now,
            Some(_) => {}
            None => mail.close = Some((how, fault)),
        });
        self.shared.waker.wake();
    }

    /// What went over the connection so far.
    pub fn traffic(&self) -> Traffic {
        self.shared.counters.read()
    }
}

impl Drop for PeerHandle {
    fn drop(&mut self) {
        self.close(CloseHow::Now, Fault::ClosedByUs(CloseReason::Stopped));
    }
}

/// What a peer's task and its handle share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) waker: AtomicWaker,
    mail: Mutex<Mail>,
    unacknowledged: AtomicBool,
    pub(super) counters: Counters,
}

/// From the handle to the task. A channel would hold a block of slots; this holds nothing at rest.
#[derive(Debug, Default)]
pub(super) struct Mail {
    queue: VecDeque<Outgoing>,
    close: Option<(CloseHow, Fault)>,
}

impl Shared {
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Whether the network still has a message of this peer.
    pub(super) fn is_unacknowledged(&self) -> bool {
        self.unacknowledged.load(Relaxed)
    }

    /// Whether and how the connection is to be closed.
    pub(super) fn close(&self) -> Option<CloseHow> {
        self.with_mail(|mail| mail.close.as_ref().map(|&(how, _)| how))
    }

    /// Why the connection is to be closed.
    pub(super) fn close_fault(&self) -> Option<Fault> {
        self.with_mail(|mail| mail.close.as_ref().map(|(_, fault)| fault.clone()))
    }

    pub(super) fn has_mail(&self) -> bool {
        self.with_mail(|mail| !mail.queue.is_empty())
    }

    /// The next message to send; the last one takes the queue's memory with it.
    pub(super) fn next_message(&self) -> Option<Outgoing> {
        self.with_mail(|mail| {
            let message = mail.queue.pop_front();
            if mail.queue.is_empty() {
                mail.queue = VecDeque::new();
            }
            message
        })
    }

    fn with_mail<T>(&self, work: impl FnOnce(&mut Mail) -> T) -> T {
        work(&mut self.mail.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    requests_in: AtomicU32,
    addresses_in: AtomicU32,
    requests_out: AtomicU32,
    addresses_out: AtomicU32,
}

impl Counters {
    pub(super) fn received_bytes(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn sent_bytes(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn received(&self, message: &Received) {
        match message {
            Received::Request => self.requests_in.fetch_add(1, Relaxed),
            Received::Addresses { .. } => self.addresses_in.fetch_add(1, Relaxed),
        };
    }

    pub(super) fn sent(&self, message: &Outgoing) {
        match message {
            Outgoing::Request => self.requests_out.fetch_add(1, Relaxed),
            Outgoing::Addresses(_) => self.addresses_out.fetch_add(1, Relaxed),
        };
    }

    fn read(&self) -> Traffic {
        Traffic {
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            requests_in: self.requests_in.load(Relaxed),
            addresses_in: self.addresses_in.load(Relaxed),
            requests_out: self.requests_out.load(Relaxed),
            addresses_out: self.addresses_out.load(Relaxed),
        }
    }
}
