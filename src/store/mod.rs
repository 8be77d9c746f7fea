//! The book on disk: one SQLite file a network, written by one thread (docs/architecture.md, "Memory is authoritative
//! while a network runs").
//!
//! Memory is authoritative while a network runs. [`Store::open`] gives what the last run left; from then on the node's
//! changed rows are handed to [`Store::write`], whose answer comes when they are committed and synced. Nothing is ever
//! read again. The file is in write-ahead mode and not locked for readers, so that it can be looked at, copied or
//! replicated while in use.

pub mod answer_log;
mod backup;
mod check;
mod column_text;
mod create;
mod dial_ring;
mod error;
pub mod history;
mod load;
mod lock;
mod open;
pub mod process_audit;
mod save;
mod schema;
mod stats;
#[cfg(test)]
mod tests;
mod writer;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use backup::{CopyError, back_up, restore};
pub use error::{Failure, OpenError, WriteError};
pub use load::Skipped;
use lock::Lock;
use rusqlite::Connection;
use stats::Meter;
pub use stats::StoreStats;
use writer::{Batch, Sink, Writer};

use crate::clock::Clock;
use crate::node::row::{RowChange, Rows};

/// Bounds on a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// How long to wait for another program that holds the file; 2 seconds by default.
    pub busy_timeout: Duration,
    /// The greatest size of the file in pages of 4,096 bytes; 0, the default, leaves it to the disk.
    pub max_pages: u32,
    /// Dials that are kept, the latest; 0 = none. 100,000 by default: some 20 MB.
    pub dial_log: u32,
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings { busy_timeout: Duration::from_secs(2), max_pages: 0, dial_log: 100_000 }
    }
}

/// What a store held when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// All rows that read, in the order of their keys' texts.
    pub rows: Rows,
    /// The secret that places addresses in buckets: of the first start, so that they are where they were.
    pub hash_key: [u8; 32],
    /// The rows that do not read.
    pub skipped: Skipped,
}

/// An open book. Dropping it writes what is left and closes the file soon after; [`Store::close`] waits for that.
#[derive(Debug)]
pub struct Store {
    writer: Writer,
    max_pages: Arc<AtomicU32>,
    meter: Arc<Meter>,
}

impl Store {
    /// Opens the book of `chain_id` at `path`, or makes a new one with `fresh_key` when there is none or an empty file.
    ///
    /// Blocks on the disk: for 20,480 addresses some 60 ms. The folder must exist. Beside the file come `-wal` and
    /// `-shm`, which belong to it, and `.lock`, which names the process that has it open.
    ///
    /// # Errors
    /// Each names the file and what to do. A file that is refused keeps every byte.
    pub fn open(path: &Path, chain_id: &str, fresh_key: [u8; 32]) -> Result<(Store, Loaded), OpenError> {
        Self::open_with(path, chain_id, fresh_key, &StoreSettings::default())
    }

    /// [`Store::open`] with other bounds than the default.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub fn open_with(
        path: &Path,
        chain_id: &str,
        fresh_key: [u8; 32],
        settings: &StoreSettings,
    ) -> Result<(Store, Loaded), OpenError> {
        let (conn, lock, loaded) = open::open(path, chain_id, fresh_key, settings)?;
        let max_pages = Arc::new(AtomicU32::new(settings.max_pages));
        let meter = Arc::new(Meter::default());
        meter.measure(path);
        let book = OpenBook {
            conn,
            _lock: lock,
            path: path.to_path_buf(),
            max_pages: Arc::clone(&max_pages),
            in_effect: 0,
            meter: Arc::clone(&meter),
        };
        let writer = Writer::spawn(book).map_err(OpenError::io(path, "start the thread that writes it"))?;
        Ok((Store { writer, max_pages, meter }, loaded))
    }

    /// Hands in changed rows, at once and in the order of the calls: of two images of one row the later one stays. The
    /// future waits until they are committed and synced; dropping it takes nothing back.
    ///
    /// Calls that come while another is written share one transaction.
    ///
    /// # Errors
    /// [`WriteError::NotSaved`] when the attempt failed: the rows are kept, count in [`Store::unsaved`], and are part of
    /// every later attempt. [`WriteError::Closed`] when the thread is gone.
    pub fn write(&self, changes: Vec<RowChange>) -> impl Future<Output = Result<(), WriteError>> + Send + use<> {
        self.writer.write(changes)
    }

    /// Tries to write what an earlier attempt could not; a no-op when there is nothing.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn retry(&self) -> impl Future<Output = Result<(), WriteError>> + Send + use<> {
        self.writer.write(Vec::new())
    }

    /// Rows that are not committed, those being written included: at most all rows twice.
    pub fn unsaved(&self) -> usize {
        self.writer.unsaved()
    }

    /// What was written since it was opened, and what waits.
    pub fn stats(&self) -> StoreStats {
        self.meter.read(self.unsaved())
    }

    /// Sets the greatest size of the file, from the next attempt on: pages of 4,096 bytes, 0 = as much as fits the disk.
    /// A file that is already larger stays as it is and does not grow.
    pub fn set_max_pages(&self, pages: u32) {
        self.max_pages.store(pages, Ordering::Relaxed);
    }

    /// Writes what is left, folds the log into the file, closes it and releases the lock.
    ///
    /// # Errors
    /// [`WriteError::NotSaved`] when the last rows could not be written; they are lost.
    pub async fn close(self) -> Result<(), WriteError> {
        self.writer.close().await
    }
}

/// The thread's end of the file. The connection is dropped before the lock.
struct OpenBook {
    conn: Connection,
    _lock: Lock,
    path: PathBuf,
    max_pages: Arc<AtomicU32>,
    /// The bound that the connection has.
    in_effect: u32,
    meter: Arc<Meter>,
}

/// SQLite's own bound on the pages of a file.
const MOST_PAGES: u32 = u32::MAX - 1;

/// How long closing waits for readers before it leaves the log to the next start.
const CLOSE_WAIT: Duration = Duration::from_millis(250);

impl OpenBook {
    fn bound_pages(&mut self) -> rusqlite::Result<()> {
        let pages = self.max_pages.load(Ordering::Relaxed);
        if pages != self.in_effect {
            let most = if pages == 0 { MOST_PAGES } else { pages };
            let _: u32 = self.conn.pragma_update_and_check(None, "max_page_count", most, |row| row.get(0))?;
            self.in_effect = pages;
        }
        Ok(())
    }

    fn fold_log(&self) -> rusqlite::Result<()> {
        self.conn.busy_timeout(CLOSE_WAIT)?;
        self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}

impl Sink for OpenBook {
    fn save(&mut self, changes: &Batch) -> Result<(), WriteError> {
        let began = Clock.mono();
        let result = self.bound_pages().and_then(|()| save::save(&mut self.conn, changes));
        self.meter.wrote(changes.len(), Clock.mono().since(began), result.is_ok());
        self.meter.measure(&self.path);
        Ok(result?)
    }

    fn close(self) {
        // Everything is committed, in the log or in the file: the next start reads both.
        if let Err(error) = self.fold_log() {
            tracing::warn!(path = %self.path.display(), %error, "the log could not be folded into the book");
        }
    }
}
