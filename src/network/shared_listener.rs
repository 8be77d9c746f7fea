//! Where a network's peers come in: a listener of its own, or one that it shares with others under one identity.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::views::{ListenerNumber, ListenerView};
use crate::port_holder;
use crate::transport::{BindError, HandshakeLimits, Listener, LocalNode, Refusals, RouteError, Upgraded};

/// An address to listen on, bound while a network uses it. Networks with equal address and identity hold clones of one.
#[derive(Clone, Debug)]
pub struct SharedListener {
    laddr: SocketAddr,
    limits: HandshakeLimits,
    state: Arc<Mutex<State>>,
    /// Several networks may wait for the same end of a listener; none may go on before it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    listener: Option<Arc<Listener>>,
    /// What each network at the listener wants its limits to be.
    limits: BTreeMap<String, HandshakeLimits>,
    /// Gives the port back.
    closing: Option<JoinHandle<()>>,
}

/// A network's place at a listener, given up when this is dropped; the last one that leaves frees the port.
#[derive(Debug)]
pub(super) struct BoundListener {
    shared: SharedListener,
    listener: Arc<Listener>,
    chain_id: String,
}

/// Why a network has no place at a listener.
#[derive(Debug, thiserror::Error)]
enum NotEntered {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Route(#[from] RouteError),
}

impl SharedListener {
    /// An entrance at `laddr`, not bound yet; port 0 takes a free one at each start.
    pub fn new(laddr: SocketAddr, limits: HandshakeLimits) -> Self {
        SharedListener { laddr, limits, state: Arc::default(), turn: Arc::default() }
    }

    /// The same entrance for a network that wants other limits.
    #[must_use]
    pub fn with_limits(&self, limits: HandshakeLimits) -> Self {
        SharedListener { limits, ..self.clone() }
    }

    /// The limits that the network wants.
    pub const fn limits(&self) -> HandshakeLimits {
        self.limits
    }

    /// The configured address.
    pub const fn laddr(&self) -> SocketAddr {
        self.laddr
    }

    /// Binds the address unless another network has, and takes the connections that are for this network.
    pub(super) async fn open(
        &self,
        local: Arc<LocalNode>,
        limits: HandshakeLimits,
        peers: mpsc::Sender<Upgraded>,
    ) -> Result<BoundListener, String> {
        let _turn = self.turn.lock().await;
        loop {
            self.settle().await;
            match self.enter(&local, &peers) {
                None => {}
                Some(Ok(open)) => {
                    open.set_limits(limits);
                    return Ok(open);
                }
                Some(Err(NotEntered::Bind(error @ BindError::InUse(laddr)))) => {
                    let holder = port_holder::find_aside(laddr).await;
                    let found = holder.map_or(String::new(), |holder| format!("; it is {holder}"));
                    return Err(format!("{error}{found}"));
                }
                Some(Err(error)) => return Err(error.to_string()),
            }
        }
    }

    /// Whether both are one entrance.
    pub fn is_same(&self, other: &SharedListener) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    /// Waits until a port that the last network left is free again.
    pub(super) async fn closed(&self) {
        let _turn = self.turn.lock().await;
        self.settle().await;
    }

    async fn settle(&self) {
        let closing = self.state().closing.take();
        if let Some(closing) = closing {
            // A task that broke down has given the port back too.
            let _ = closing.await;
        }
    }

    /// `None` when the last network left a moment ago.
    fn enter(
        &self,
        local: &Arc<LocalNode>,
        peers: &mpsc::Sender<Upgraded>,
    ) -> Option<Result<BoundListener, NotEntered>> {
        let mut state = self.state();
        state.closing.is_none().then(|| {
            let listener = match &state.listener {
                Some(listener) => listener.clone(),
                None => {
                    let listener = Listener::bind(self.laddr, local.key().clone(), self.limits);
                    Arc::new(listener?)
                }
            };
            listener.add_route(local.clone(), peers.clone())?;
            state.listener = Some(listener.clone());
            Ok(BoundListener { shared: self.clone(), listener, chain_id: local.info().network.clone() })
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Has the listener hold to the strictest of what its networks want.
    fn limit(&self) {
        let strictest = self.limits.values().copied().reduce(HandshakeLimits::strictest);
        if let (Some(listener), Some(limits)) = (&self.listener, strictest) {
            listener.set_limits(limits);
        }
    }
}

impl BoundListener {
    /// Sets the limits that this network wants.
    pub(super) fn set_limits(&self, limits: HandshakeLimits) {
        let mut state = self.shared.state();
        state.limits.insert(self.chain_id.clone(), limits);
        state.limit();
    }

    /// Where it listens.
    pub(super) fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// The connections refused before it was known which network was meant, since the port was bound.
    pub(super) fn refusals(&self) -> &Refusals {
        self.listener.refusals()
    }

    /// Which listener it is, and what it refused.
    pub(super) fn view(&self) -> ListenerView {
        ListenerView { number: self.number(), refused: by_reason(self.refusals()) }
    }

    /// A number of the listener that no other one of this process has while it lives.
    pub(super) fn number(&self) -> ListenerNumber {
        ListenerNumber(Arc::as_ptr(&self.listener).addr())
    }
}

/// Refusals by their reasons' names.
pub(super) fn by_reason(refusals: &Refusals) -> Vec<(&'static str, u64)> {
    let mut all: BTreeMap<&'static str, u64> = BTreeMap::new();
    refusals.counts().into_iter().for_each(|(fault, count)| *all.entry(fault.name()).or_default() += count);
    all.into_iter().collect()
}

impl Drop for BoundListener {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.limits.remove(&self.chain_id);
        if self.listener.remove_route(&self.chain_id) == 0 {
            state.listener = None;
            let listener = self.listener.clone();
            state.closing = Some(tokio::spawn(async move { listener.stop().await }));
        }
        state.limit();
    }
}
