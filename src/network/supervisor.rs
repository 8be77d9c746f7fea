//! Keeps a network answering whatever befalls it: opens its store, runs its actor, and when the actor breaks down puts
//! another in its place, failed and startable again. Nothing of it reaches the other networks.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::actor::{Actor, Shell};
use super::door::Door;
use super::handle::{Command, Handle};
use super::saving::Saving;
use crate::book::HashKey;
use crate::clock::{self, Clock};
use crate::node::{Node, Params};
use crate::store::{Loaded, Settings, Store};
use crate::transport::{Dialler, Local};

/// Everything that makes a network.
#[derive(Debug)]
pub struct Config {
    /// The chain ID.
    pub chain_id: Arc<str>,
    /// The machine's parameters.
    pub params: Params,
    /// Our identity and what we say of ourselves.
    pub local: Arc<Local>,
    /// Where peers come in.
    pub door: Door,
    /// The book's file.
    pub book: PathBuf,
    /// Bounds on the book's file.
    pub store: Settings,
}

/// A network that runs as a task of its own.
#[derive(Debug)]
pub struct Running {
    /// What its callers hold.
    pub handle: Handle,
    /// Why its book could not be opened, when it could not.
    pub broken: Option<String>,
    /// Ends when the network has ended in order.
    pub task: JoinHandle<()>,
}

/// Opens the network's book and runs its actor until `shutdown`. The reactor is not started by this.
///
/// A book that cannot be opened leaves the network failed; starting it tries again.
pub async fn spawn(config: Config, dialler: Dialler, shutdown: CancellationToken) -> Running {
    let (handle, inbox) = Handle::new(config.chain_id.clone());
    let supervisor = Supervisor {
        shell: Shell {
            chain_id: config.chain_id,
            local: config.local,
            door: config.door,
            dialler,
            clock: Clock,
            shutdown,
        },
        params: config.params,
        book: config.book,
        store: config.store,
    };
    let opened = supervisor.open().await;
    let broken = opened.as_ref().err().cloned();
    let span = tracing::info_span!("network", chain = %supervisor.shell.chain_id);
    let task = tokio::spawn(supervisor.run(inbox, opened).instrument(span));
    Running { handle, broken, task }
}

struct Supervisor {
    shell: Shell,
    params: Params,
    book: PathBuf,
    store: Settings,
}

/// What a store gives, or why it gives nothing.
type Opened = Result<(Store, Loaded), String>;

impl Supervisor {
    async fn open(&self) -> Opened {
        let (path, chain_id, settings) = (self.book.clone(), self.shell.chain_id.clone(), self.store.clone());
        let open = move || Store::open_with(&path, &chain_id, clock::entropy(), &settings);
        match tokio::task::spawn_blocking(open).await {
            Ok(opened) => opened.map_err(|error| error.to_string()),
            Err(panic) => Err(format!("opening the book broke down: {panic}")),
        }
    }

    async fn run(self, mut inbox: mpsc::Receiver<Command>, mut opened: Opened) {
        let mut breakdown = None;
        loop {
            let (store, loaded) = match opened {
                Ok(opened) => opened,
                Err(reason) => {
                    tracing::error!(%reason, "the address book cannot be opened");
                    let Some(reply) = self.without_book(&mut inbox, &reason).await else { return };
                    opened = self.open().await;
                    if let Err(reason) = &opened {
                        drop(reply.send(Err(reason.clone())));
                        continue;
                    }
                    let Ok(ready) = opened else { return };
                    self.live(ready, &mut inbox, &mut breakdown, Some(reply)).await;
                    if self.is_over(&inbox) {
                        return;
                    }
                    opened = self.open().await;
                    continue;
                }
            };
            self.live((store, loaded), &mut inbox, &mut breakdown, None).await;
            if self.is_over(&inbox) {
                return;
            }
            opened = self.open().await;
        }
    }
}
