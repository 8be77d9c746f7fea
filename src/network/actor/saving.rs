//! When changed rows go to the store: what peers say within a second, what operators change at once.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::network::error::Error;
use crate::network::views::{Applied, Saved};
use crate::node::row::RowChange;
use crate::store::{Failure, Store, StoreStats, WriteError};
use crate::types::Mono;

/// Least time between two writes of what peers said: together with a write's own time it stays below a second.
pub(in crate::network) const INTERVAL: Duration = Duration::from_millis(400);
/// Time until a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// Longest time between two looks at the file: one that was removed is noticed by then, also when nothing changes.
const LOOK: Duration = Duration::from_secs(5);
/// Rows in one transaction.
pub(in crate::network) const GROUP: usize = 2_048;

type Write = Pin<Box<dyn Future<Output = Result<(), WriteError>> + Send>>;

/// The store and the write that is under way.
pub(in crate::network) struct Saving {
    store: Result<Store, String>,
    under_way: Option<Write>,
    next: Mono,
    /// When the file is looked at although nothing is to be written.
    look: Mono,
    /// Whether the store has lost its file and asks for all rows.
    wants_all: bool,
    /// Whether an operator's change was handed in whose end is not known here yet.
    unchecked: bool,
    failure: Option<String>,
    clock: Clock,
}

impl Saving {
    pub(in crate::network) fn new(store: Store, clock: Clock) -> Self {
        Saving::with(Ok(store), clock)
    }

    /// For a network whose book cannot be opened.
    pub(in crate::network) fn without_store(reason: String, clock: Clock) -> Self {
        Saving::with(Err(reason), clock)
    }

    fn with(store: Result<Store, String>, clock: Clock) -> Self {
        let look = clock.mono() + LOOK;
        let (next, unchecked, wants_all) = (Mono::ZERO, false, false);
        Saving { store, under_way: None, next, look, wants_all, unchecked, failure: None, clock }
    }

    /// Why there is no store, when there is none.
    pub(in crate::network) fn no_store(&self) -> Option<&str> {
        self.store.as_ref().err().map(String::as_str)
    }

    /// When the next write is due, or a look at the file when there is nothing to write; `None` while a write is under way.
    pub(in crate::network) fn due(&self, dirty: bool, now: Mono) -> Option<Mono> {
        let wanted = dirty || self.unchecked || self.failure.is_some();
        let able = self.store.is_ok() && self.under_way.is_none();
        able.then(|| if wanted { self.next.max(now) } else { self.look.max(now) })
    }

    /// Whether the disk works, as far as is known. While it fails, changes stay where they are, coalesced and bounded: the
    /// store holds enough already.
    pub(in crate::network) fn takes_more(&self) -> bool {
        self.failure.is_none()
    }

    /// Begins to write what changed; `more` says whether a full group left something behind.
    pub(in crate::network) fn save(&mut self, changes: Vec<RowChange>, more: bool, now: Mono) {
        let Ok(store) = &self.store else { return };
        self.look = now + LOOK;
        // What was left behind has waited as long as what is in the group.
        self.next = if more && self.failure.is_none() { now } else { now + INTERVAL };
        self.unchecked = false;
        self.under_way = Some(Box::pin(store.write(changes)));
    }

    /// Whether the store needs all rows that there are ([`Saving::save_all`]).
    pub(in crate::network) const fn wants_all(&self) -> bool {
        self.wants_all
    }

    /// Begins to write all rows that there are, for a store whose file is gone.
    pub(in crate::network) fn save_all(&mut self, rows: Vec<RowChange>, now: Mono) {
        let Ok(store) = &self.store else { return };
        (self.next, self.unchecked, self.wants_all) = (now + INTERVAL, false, false);
        self.under_way = Some(Box::pin(store.write_all(rows)));
    }

    /// Writes what an operator changed, with all that changed before, and answers when it is committed. When it was so
    /// already, the change that made it so may still be unsaved, and the answer waits for that one.
    pub(in crate::network) fn save_now(
        &mut self,
        changes: Vec<RowChange>,
        changed: bool,
        reply: oneshot::Sender<Result<Applied, Error>>,
    ) {
        let Ok(store) = &self.store else { return };
        let write = store.write(changes);
        tokio::spawn(async move {
            let saved = match write.await {
                Ok(()) => Saved::Yes,
                Err(error) => Saved::No(error.to_string()),
            };
            drop(reply.send(Ok(Applied { changed, saved })));
        });
        // The end of the next write, which comes after this one, says whether the disk works.
        self.unchecked = true;
        self.next = self.clock.mono();
    }

    /// Waits for the write that is under way; for ever when there is none.
    pub(in crate::network) async fn written(&mut self) -> Result<(), WriteError> {
        let Some(write) = &mut self.under_way else { return std::future::pending().await };
        let result = write.await;
        self.under_way = None;
        result
    }

    /// Takes the end of a write.
    pub(in crate::network) fn finished(&mut self, result: Result<(), WriteError>) {
        match (result, self.failure.take()) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => tracing::info!("the address book can be saved again"),
            (Err(error), before) => {
                if before.is_none() {
                    tracing::error!(%error, "the address book cannot be saved: changes are in effect and not on disk");
                }
                self.wants_all = matches!(error, WriteError::NotSaved { failure: Failure::Lost, .. });
                self.failure = Some(error.to_string());
                self.next = self.clock.mono() + RETRY;
            }
        }
    }

    /// What was written of the book; `None` without one.
    pub(in crate::network) fn stats(&self) -> Option<StoreStats> {
        self.store.as_ref().ok().map(Store::stats)
    }

    /// Why the latest changes are not on disk; `None` when they are, or are about to be.
    pub(in crate::network) fn failure(&self) -> Option<String> {
        self.failure.clone()
    }

    /// Writes all that is left, group by group until there is none, and closes the store.
    pub(in crate::network) async fn close(mut self, mut left: impl FnMut(usize) -> Vec<RowChange>) {
        if let Some(write) = self.under_way.take() {
            let result = write.await;
            self.finished(result);
        }
        let Ok(store) = self.store else { return };
        loop {
            let changes = left(GROUP);
            if changes.is_empty() {
                break;
            }
            // The store writes what it was handed before it closes.
            drop(store.write(changes));
        }
        close(store).await;
    }

    /// Closes the store without the node, which broke down.
    pub(in crate::network) async fn abandon(self) {
        if let Ok(store) = self.store {
            close(store).await;
        }
    }
}

async fn close(store: Store) {
    match store.close().await {
        Ok(()) => {}
        Err(error @ WriteError::SetAside { .. }) => {
            tracing::error!(%error, "the last changes of the address book are in another file");
        }
        Err(error) => tracing::error!(%error, "the last changes of the address book are lost"),
    }
}
