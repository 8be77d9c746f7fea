//! The thread that writes, and the set of changed rows that it draws on.
//!
//! There is no queue of groups: what waits is one map, the newest image for each key, so that it is bounded by the rows
//! that there are, whatever the disk does. Handing in never waits. The thread takes the whole map at once, so groups
//! that came while it was busy share a transaction; after a failure it puts back what no newer image replaced.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Failure, WriteError};
use crate::node::row::{Key, Row, RowChange};

/// Changed rows in the order of their keys, which is also the order of the tables.
pub(super) type Batch = BTreeMap<Key, Option<Row>>;

/// Where the thread writes to.
pub(super) trait Sink: Send + 'static {
    /// Commits all of `changes` or none; `all` says that they are all rows that there are. Without changes it looks whether what
    /// was committed is still where it was.
    fn save(&mut self, changes: &Batch, all: bool) -> Result<(), WriteError>;
    /// The last attempt failed with this error: what can be done when there will be no other.
    fn last_resort(&mut self, _changes: &Batch, _all: bool, error: WriteError) -> Result<(), WriteError> {
        Err(error)
    }
    /// The last call.
    fn close(self);
}

/// The caller's end. Dropping it has the thread write what is left, and end, without waiting for it.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    changes: Batch,
    /// Whether `changes` are all rows that there are.
    all: bool,
    /// Rows that the thread is writing now.
    in_hand: usize,
    /// The number of the latest group.
    asked: u64,
    closing: bool,
}

/// How far the thread came, in numbers of groups.
#[derive(Debug, Default)]
struct Progress {
    tried: u64,
    saved: u64,
    /// Why `saved` is behind `tried`.
    error: Option<WriteError>,
}

/// One attempt of the thread.
struct Turn {
    batch: Batch,
    all: bool,
    group: u64,
    last: bool,
}

impl Writer {
    pub(super) fn spawn(sink: impl Sink) -> io::Result<Writer> {
        let shared = Arc::new(Shared::default());
        let (sender, progress) = watch::channel(Progress::default());
        let theirs = Arc::clone(&shared);
        // Its lines in the log are about the network that it is spawned for.
        let span = tracing::Span::current();
        let work = move || span.in_scope(|| run(&theirs, sink, &sender));
        std::thread::Builder::new().name("pexd-store".to_owned()).spawn(work)?;
        Ok(Writer { shared, progress })
    }

    /// `all` says that these are all rows that there are.
    pub(super) fn write(
        &self,
        changes: Vec<RowChange>,
        all: bool,
    ) -> impl Future<Output = Result<(), WriteError>> + Send + use<> {
        let group = self.shared.hand_in(changes, all);
        let mut progress = self.progress.clone();
        async move {
            let tried = progress.wait_for(|progress| progress.tried >= group).await;
            tried.map_err(|_| WriteError::Closed)?.result(group)
        }
    }

    pub(super) fn unsaved(&self) -> usize {
        let queue = self.shared.lock();
        queue.changes.len() + queue.in_hand
    }

    /// Writes what is left, and waits until the sink is closed.
    pub(super) async fn close(mut self) -> Result<(), WriteError> {
        self.shared.end();
        while self.progress.changed().await.is_ok() {}
        let group = self.shared.lock().asked;
        self.progress.borrow().result(group)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Progress {
    fn result(&self, group: u64) -> Result<(), WriteError> {
        if self.saved >= group { Ok(()) } else { Err(self.error.clone().unwrap_or(WriteError::Closed)) }
    }
}

impl Shared {
    /// Nothing that can panic runs under this lock, and a poisoned one must not spread.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_in(&self, changes: Vec<RowChange>, all: bool) -> u64 {
        let mut queue = self.lock();
        queue.all |= all;
        queue.changes.extend(changes.into_iter().map(|change| (change.key, change.row)));
        queue.asked += 1;
        self.wake.notify_one();
        queue.asked
    }

    fn end(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    /// Waits for a group behind `tried`, or for the end.
    fn next(&self, tried: u64) -> Turn {
        let idle = |queue: &mut Queue| queue.asked == tried && !queue.closing;
        let mut queue = self.wake.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut queue.changes);
        queue.in_hand = batch.len();
        let all = std::mem::take(&mut queue.all);
        Turn { batch, all, group: queue.asked, last: queue.closing }
    }

    fn put_back(&self, batch: Batch, all: bool) {
        let mut queue = self.lock();
        queue.all |= all;
        for (key, row) in batch {
            queue.changes.entry(key).or_insert(row);
        }
    }
}

fn run(shared: &Shared, mut sink: impl Sink, progress: &watch::Sender<Progress>) {
    let mut tried = 0;
    loop {
        let turn = shared.next(tried);
        let mut result = attempt(|| sink.save(&turn.batch, turn.all));
        if turn.last
            && let Err(error) = result
        {
            result = attempt(|| sink.last_resort(&turn.batch, turn.all, error));
        }
        if result.is_err() {
            shared.put_back(turn.batch, turn.all);
        }
        shared.lock().in_hand = 0;
        tried = turn.group;
        progress.send_modify(|progress| progress.advance(tried, result));
        if turn.last {
            break;
        }
    }
    sink.close();
}

impl Progress {
    fn advance(&mut self, group: u64, result: Result<(), WriteError>) {
        self.tried = group;
        self.error = result.err();
        if self.error.is_none() {
            self.saved = group;
        }
    }
}

/// A panic is an error to the callers, not the end of the thread: the rows are still there, and the next attempt may well
/// succeed.
fn attempt(work: impl FnOnce() -> Result<(), WriteError>) -> Result<(), WriteError> {
    let result = catch_unwind(AssertUnwindSafe(work));
    result.unwrap_or_else(|_| Err(WriteError::new(Failure::Internal, "the store's thread panicked")))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::node::row::{Ban, BanScope, BanTarget};
    use crate::types::{NodeId, Wall};

    /// Reports what it was given, and does what each step says.
    struct Scripted {
        seen: mpsc::SyncSender<Batch>,
        script: mpsc::Receiver<Step>,
    }

    enum Step {
        Save,
        Fail,
        Panic,
    }

    impl Sink for Scripted {
        fn save(&mut self, changes: &Batch, _all: bool) -> Result<(), WriteError> {
            if changes.is_empty() {
                return Ok(());
            }
            self.seen.send(changes.clone()).unwrap();
            match self.script.recv().unwrap() {
                Step::Save => Ok(()),
                Step::Fail => Err(WriteError::new(Failure::Full, "full")),
                Step::Panic => panic!("asked to"),
            }
        }

        fn close(self) {}
    }

    fn scripted() -> (Writer, mpsc::Receiver<Batch>, mpsc::SyncSender<Step>) {
        let (seen, seen_rx) = mpsc::sync_channel(8);
        let (script_tx, script) = mpsc::sync_channel(8);
        (Writer::spawn(Scripted { seen, script }).unwrap(), seen_rx, script_tx)
    }

    fn set(byte: u8, reason: &str) -> RowChange {
        let target = BanTarget::Id(NodeId::from_bytes([byte; 20]));
        let (since, until) = (Wall::NEVER, Wall::NEVER);
        let row = Row::Ban(Ban {
            target,
            scope: BanScope::All,
            reason: reason.to_owned(),
            since,
            until,
            by_operator: false,
            author: "".into(),
        });
        RowChange { key: Key::Ban(target), row: Some(row) }
    }

    fn delete(byte: u8) -> RowChange {
        RowChange { key: Key::Ban(BanTarget::Id(NodeId::from_bytes([byte; 20]))), row: None }
    }

    fn batch(changes: &[RowChange]) -> Batch {
        changes.iter().cloned().map(|change| (change.key, change.row)).collect()
    }

    #[tokio::test]
    async fn groups_that_come_while_it_writes_share_a_transaction() {
        let (writer, seen, script) = scripted();
        let first = writer.write(vec![set(1, "a")], false);
        assert_eq!(seen.recv().unwrap(), batch(&[set(1, "a")]));
        let second = writer.write(vec![set(1, "b"), set(2, "c")], false);
        let third = writer.write(vec![delete(2), set(1, "d"), delete(1), set(1, "e")], false);
        assert_eq!(writer.unsaved(), 3);
        script.send(Step::Save).unwrap();
        assert_eq!(first.await, Ok(()));
        assert_eq!(seen.recv().unwrap(), batch(&[set(1, "e"), delete(2)]));
        script.send(Step::Save).unwrap();
        assert_eq!((second.await, third.await), (Ok(()), Ok(())));
        assert_eq!(writer.unsaved(), 0);
        assert_eq!(writer.close().await, Ok(()));
        assert!(seen.try_recv().is_err(), "nothing was left to write");
    }

    #[tokio::test]
    async fn what_failed_is_kept_and_newer_images_win() {
        let (writer, seen, script) = scripted();
        let first = writer.write(vec![set(1, "old"), set(2, "kept")], false);
        seen.recv().unwrap();
        let second = writer.write(vec![set(1, "new")], false);
        script.send(Step::Fail).unwrap();
        assert!(matches!(first.await, Err(WriteError::NotSaved { failure: Failure::Full, .. })));
        assert_eq!(seen.recv().unwrap(), batch(&[set(1, "new"), set(2, "kept")]));
        script.send(Step::Fail).unwrap();
        assert!(second.await.is_err());
        assert_eq!(writer.unsaved(), 2);
        script.send(Step::Save).unwrap();
        assert_eq!(writer.write(Vec::new(), false).await, Ok(()), "an empty group is a retry");
        assert_eq!(writer.unsaved(), 0);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_to_the_caller_and_loses_nothing() {
        let (writer, seen, script) = scripted();
        script.send(Step::Panic).unwrap();
        let result = writer.write(vec![set(1, "a")], false).await;
        assert!(matches!(result, Err(WriteError::NotSaved { failure: Failure::Internal, .. })));
        assert_eq!(writer.unsaved(), 1);
        script.send(Step::Save).unwrap();
        assert_eq!(writer.write(vec![set(2, "b")], false).await, Ok(()));
        assert_eq!(seen.iter().take(2).last(), Some(batch(&[set(1, "a"), set(2, "b")])));
    }

    #[tokio::test]
    async fn closing_writes_what_is_left_and_tells_when_it_cannot() {
        let (writer, seen, script) = scripted();
        drop(writer.write(vec![set(1, "nobody waits")], false));
        script.send(Step::Fail).unwrap();
        seen.recv().unwrap();
        script.send(Step::Fail).unwrap();
        assert!(matches!(writer.close().await, Err(WriteError::NotSaved { failure: Failure::Full, .. })));
    }
}
