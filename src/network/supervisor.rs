//! Keeps a network answering whatever happens to it: opens its store, runs its actor, and when the actor panics puts
//! another in its place, failed and startable again (supervision). Nothing of it reaches the other networks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::actor::audit_log::AuditAndDialLog;
use super::actor::saving::Saving;
use super::actor::{Actor, Exit, Shell, event_mark};
use super::command::{ChangeAuthor, Command, StartWaiter};
use super::handle::Handle;
use super::shared_listener::SharedListener;
use super::tunables::{Changeable, Configured, RuntimeSettings};
use crate::book::HashKey;
use crate::clock::{self, Clock};
use crate::node::row::{RowChange, Rows, Setting};
use crate::node::{Node, Params};
use crate::store::answer_log::{AnswerLog, answer_log_path, remove_answer_log};
use crate::store::{self, Loaded, Store};
use crate::transport::{Dialler, LocalNode};

/// Everything that makes a network.
#[derive(Debug)]
pub struct Config {
    /// The chain ID.
    pub chain_id: Arc<str>,
    /// The machine's parameters.
    pub params: Params,
    /// Our identity and what we say of ourselves.
    pub local: Arc<LocalNode>,
    /// Where peers come in.
    pub shared_listener: SharedListener,
    /// The book's file.
    pub book: PathBuf,
    /// Bounds on the book's file.
    pub store: store::StoreSettings,
    /// Bytes of disk for the log of answers; 0 = none.
    pub answer_log_bytes: u64,
    /// What operators may change of it at run time.
    pub changeable: Changeable,
}

impl Config {
    /// What of it can take effect while the network runs.
    pub fn configured(&self) -> Configured {
        Configured {
            params: self.params.clone(),
            rates: self.local.settings().rates,
            handshake_limits: self.shared_listener.limits(),
        }
    }
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
    let (handle, inbox) = Handle::new(config.chain_id.clone(), &config.book, config.answer_log_bytes > 0);
    let configured = ArcSwap::from_pointee(config.configured());
    // What is logged of the network says which one, from its first line on.
    let span = tracing::info_span!("network", chain = %config.chain_id);
    let supervisor = Supervisor {
        shell: Shell {
            chain_id: config.chain_id,
            local: config.local,
            shared_listener: config.shared_listener,
            dialler,
            clock: Clock,
            events: handle.events().clone(),
            shutdown,
            configured,
            answer_log: span.in_scope(|| answer_log(&config.book, config.answer_log_bytes)),
        },
        changeable: config.changeable,
        book: config.book,
        store: config.store,
    };
    let opened = supervisor.open().instrument(span.clone()).await;
    let broken = opened.as_ref().err().cloned();
    let task = tokio::spawn(supervisor.run(inbox, opened).instrument(span));
    Running { handle, broken, task }
}

/// The log of answers of the network with this book, if one is wanted.
fn answer_log(book: &Path, max_bytes: u64) -> Option<AnswerLog> {
    if max_bytes == 0 {
        if let Err(error) = remove_answer_log(book) {
            tracing::warn!(%error, "the log of answers, which is off, could not be removed");
        }
        return None;
    }
    let log = AnswerLog::open(answer_log_path(book), max_bytes);
    log.inspect_err(|error| tracing::warn!(%error, "there is no thread for the log of answers: they are not kept")).ok()
}

struct Supervisor {
    shell: Shell,
    changeable: Changeable,
    book: PathBuf,
    store: store::StoreSettings,
}

/// What a store gives, or why it gives nothing.
type Opened = Result<(Store, Loaded), String>;

impl Supervisor {
    async fn open(&self) -> Opened {
        let (path, chain_id, settings) = (self.book.clone(), self.shell.chain_id.clone(), self.store.clone());
        let span = tracing::Span::current();
        let open = move || span.in_scope(|| Store::open_with(&path, &chain_id, clock::entropy(), &settings));
        match tokio::task::spawn_blocking(open).await {
            Ok(Ok((store, loaded))) => {
                self.reserve_events(&store, &loaded).await;
                Ok((store, loaded))
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(panic) => Err(format!("opening the book broke down: {panic}")),
        }
    }

    /// The numbers of this life's events are on disk before the first of them.
    async fn reserve_events(&self, store: &Store, loaded: &Loaded) {
        let mark = self.shell.events.adopt(loaded.rows.event_mark.as_ref());
        match store.write(vec![event_mark(mark)]).await {
            Ok(()) => self.shell.events.saved(),
            // The first write of the actor fails as well, and reports it.
            Err(_) => self.shell.events.not_saved(),
        }
    }

    async fn run(self, mut inbox: mpsc::Receiver<Command>, mut opened: Opened) {
        let mut wish: Option<(Option<ChangeAuthor>, StartWaiter)> = None;
        let mut breakdown: Option<String> = None;
        loop {
            let (node, saving, logs, settings) = self.load_or_fail(opened);
            let mut actor = Actor::new(&self.shell, node, saving, logs, settings);
            if let Some(reason) = breakdown.take() {
                actor.node.fail(self.shell.clock.now(), reason);
            }
            let life = async {
                if let Some((by, starter)) = wish.take() {
                    match actor.saving.no_store() {
                        Some(reason) => drop(starter.send(Err(reason.to_owned()))),
                        None => actor.start(by.as_ref(), starter).await,
                    }
                }
                actor.run(&mut inbox).await
            };
            match AssertUnwindSafe(life).catch_unwind().await {
                Ok(Exit::Over) => {
                    // Who waits for an answer learns at once that there will be none.
                    drop(inbox);
                    actor.finish().await;
                    return self.shell.close_answer_log().await;
                }
                Ok(Exit::Reopen(by, starter)) => wish = Some((by, starter)),
                Err(panic) => {
                    let reason = format!("internal fault: {}; start the network again", words(panic.as_ref()));
                    tracing::error!(%reason, "the network broke down");
                    breakdown = Some(reason);
                    actor.abandon().await;
                }
            }
            opened = self.open().await;
        }
    }

    /// As [`Supervisor::load`]; a book that breaks the node is as good as none.
    fn load_or_fail(&self, opened: Opened) -> (Node, Saving, AuditAndDialLog, RuntimeSettings) {
        catch_unwind(AssertUnwindSafe(|| self.load(opened))).unwrap_or_else(|panic| {
            let reason = format!("internal fault while the book was loaded: {}", words(panic.as_ref()));
            self.load(Err(reason))
        })
    }

    /// The node with what its book held. Without a book it is empty, failed, and can only be looked at or started.
    fn load(&self, opened: Opened) -> (Node, Saving, AuditAndDialLog, RuntimeSettings) {
        let (clock, now) = (self.shell.clock, self.shell.clock.now());
        match opened {
            Ok((store, mut loaded)) => {
                let mut logs = AuditAndDialLog::after(&loaded.rows, self.store.dial_log);
                self.leave_out_what_is_forbidden(&mut loaded.rows);
                let (settings, lapsed) = self.settings(std::mem::take(&mut loaded.rows.settings));
                lapsed.into_iter().for_each(|change| logs.keep(change));
                let node = self.node(loaded, self.params(&settings));
                (node, Saving::new(store, clock), logs, settings)
            }
            Err(reason) => {
                let (settings, _) = self.settings(Vec::new());
                let key = HashKey::from_bytes([0; HashKey::LEN]);
                let params = self.params(&settings);
                let (mut node, _) = Node::new(params, key, Rows::default(), now, clock::seeded_rng());
                node.take_dirty(usize::MAX);
                node.fail(now, reason.clone());
                (node, Saving::without_store(reason, clock), AuditAndDialLog::after(&Rows::default(), 0), settings)
            }
        }
    }

    fn settings(&self, kept: Vec<Setting>) -> (RuntimeSettings, Vec<RowChange>) {
        RuntimeSettings::load(self.changeable.clone(), &self.shell.configured.load(), kept)
    }

    /// The parameters as the file has them, with what was changed at run time.
    fn params(&self, settings: &RuntimeSettings) -> Params {
        let mut params = self.shell.configured.load().params.clone();
        params.set_tuning(settings.in_effect().node);
        params
    }

    /// While the file forbids changes at run time, those that were made earlier stay in the store and have no effect.
    fn leave_out_what_is_forbidden(&self, rows: &mut Rows) {
        let Some(file) = &self.changeable.forbidden else { return };
        let count = rows.deltas.len() + rows.settings.len();
        if count > 0 {
            tracing::warn!(count, file = %file, "changes made at run time have no effect: the file forbids them");
        }
        rows.deltas.clear();
        rows.settings.clear();
    }

    fn node(&self, loaded: Loaded, params: Params) -> Node {
        if loaded.skipped.count > 0 {
            tracing::warn!(count = loaded.skipped.count, rows = ?loaded.skipped.notes, "rows of the book do not read");
        }
        let mut key = [0; HashKey::LEN];
        key.copy_from_slice(&loaded.hash_key[..HashKey::LEN]);
        let now = self.shell.clock.now();
        let (node, report) = Node::new(params, HashKey::from_bytes(key), loaded.rows, now, clock::seeded_rng());
        tracing::info!(
            loaded = report.loaded,
            repaired = report.repaired,
            skipped = report.skipped,
            "address book loaded"
        );
        node
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown")
}
