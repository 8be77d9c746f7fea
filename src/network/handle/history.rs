//! The dial log, the audit log and the log of answers of a network, read from its files without asking its actor.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Handle;
use crate::network::error::Error;
use crate::node::row::{AuditEntry, DialEntry};
use crate::store::answer_log::{self, AnswerEntry, AnswerQuery};
use crate::store::history::{self, AuditQuery, DialQuery, HistoryError, HistoryPage, HistoryRange, QueryInterrupt};
use crate::store::process_audit::{ProcessAudit, ProcessAuditEntry};
use crate::types::NodeId;

/// Queries at once in the process: each has a thread and reads the disk.
static TURNS: Semaphore = Semaphore::const_new(2);
/// How long a query may wait for its turn.
const TURN: Duration = Duration::from_secs(10);
/// How long it may take then.
const LIMIT: Duration = Duration::from_secs(4);

impl Handle {
    /// Our own dials that are kept, the latest first; those of the last half second may be missing.
    ///
    /// # Errors
    /// [`Error::Unreadable`], or [`Error::Unresponsive`] when it takes too long.
    pub async fn dials(&self, query: DialQuery, range: HistoryRange) -> Result<HistoryPage<DialEntry>, Error> {
        self.query(move |path, stop| history::dials(&path, &query, range, stop)).await
    }

    /// What operators changed, the latest first.
    ///
    /// # Errors
    /// See [`Handle::dials`].
    pub async fn audit(&self, query: AuditQuery, range: HistoryRange) -> Result<HistoryPage<AuditEntry>, Error> {
        self.query(move |path, stop| history::audit(&path, &query, range, stop)).await
    }

    /// The latest dials, at most `max`, to an ID, or to one of these places, whoever was expected there.
    ///
    /// # Errors
    /// See [`Handle::dials`].
    pub async fn attempts(&self, id: NodeId, places: Vec<SocketAddr>, max: usize) -> Result<Vec<DialEntry>, Error> {
        self.query(move |path, stop| history::attempts(&path, id, &places, max, stop)).await
    }

    /// What was answered to whom, the latest first; the answers of the last second may be missing.
    ///
    /// # Errors
    /// [`Error::NoAnswerLog`], or see [`Handle::dials`].
    pub async fn answers(&self, query: AnswerQuery, range: HistoryRange) -> Result<HistoryPage<AnswerEntry>, Error> {
        let path = self.answer_log().ok_or_else(|| Error::NoAnswerLog(self.chain_id().clone()))?.to_path_buf();
        self.query_file(path, move |path, stop| answer_log::answers(&path, &query, range, stop)).await
    }

    async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(PathBuf, &QueryInterrupt) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, Error> {
        self.query_file(self.book().to_path_buf(), query).await
    }

    async fn query_file<T: Send + 'static>(
        &self,
        path: PathBuf,
        query: impl FnOnce(PathBuf, &QueryInterrupt) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, Error> {
        self.check_configured()?;
        let unreadable = |reason| Error::Unreadable { chain_id: self.chain_id().clone(), reason };
        query_file(path, query).await.map_err(|error| match error {
            HistoryError::Stopped => Error::Unresponsive(self.chain_id().clone()),
            HistoryError::Unreadable(reason) => unreadable(reason),
        })
    }
}

/// The entries of the process's audit that `query` and `admits` let through, the latest first.
///
/// # Errors
/// When the file cannot be read, or that takes too long.
pub async fn process_audit(
    audit: &ProcessAudit,
    query: AuditQuery,
    range: HistoryRange,
    admits: impl Fn(&ProcessAuditEntry) -> bool + Send + 'static,
) -> Result<HistoryPage<ProcessAuditEntry>, HistoryError> {
    let (audit, path) = (audit.clone(), audit.path().to_path_buf());
    query_file(path, move |_, stop| audit.entries(&query, range, stop, admits)).await
}

/// Queries a file by a thread of its own, in its turn.
async fn query_file<T: Send + 'static>(
    path: PathBuf,
    query: impl FnOnce(PathBuf, &QueryInterrupt) -> Result<T, HistoryError> + Send + 'static,
) -> Result<T, HistoryError> {
    let stopped = || HistoryError::Stopped;
    let turn = timeout(TURN, TURNS.acquire()).await.map_err(|_| stopped())?.map_err(|_| stopped())?;
    let name = path.file_name().unwrap_or_default().display().to_string();
    let stop = StopOnDrop::default();
    let theirs = stop.0.clone();
    let work = tokio::task::spawn_blocking(move || {
        let answer = query(path, &theirs);
        // Given back when the thread is free, not when the caller is tired of it.
        drop(turn);
        answer
    });
    match timeout(LIMIT, work).await {
        Ok(Ok(Err(HistoryError::Unreadable(reason)))) => Err(HistoryError::Unreadable(format!("{name}: {reason}"))),
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => Err(HistoryError::Unreadable(format!("internal fault: {panic}"))),
        Err(_) => Err(stopped()),
    }
}

/// Ends a query that nobody waits for any more.
#[derive(Default)]
struct StopOnDrop(QueryInterrupt);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.now();
    }
}
