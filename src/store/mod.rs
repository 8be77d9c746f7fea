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
mod identity;
mod in_place;
mod load;
mod lock;
mod open;
mod open_book;
pub mod process_audit;
mod rebuild;
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

pub use backup::{CopyError, back_up, check_copy, check_unused, copy_database, restore};
pub use check::check_header;
pub use error::{Failure, OpenError, WriteError};
pub use load::Skipped;
use open_book::{OpenBook, What};
use stats::Meter;
pub use stats::StoreStats;
use writer::Writer;

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
    /// Whether the book's folder has nothing else of the network in it, so that it can be made anew when it was removed while
    /// the book is open. No by default: without configuration and key nobody could use the book.
    pub make_folder: bool,
    /// Where what pexd has is kept when it stops while the book's own folder is gone or on another device; none by default. When
    /// it is gone itself, the folders that it was in are tried.
    pub rescue: Option<PathBuf>,
    /// How long a book has to be out of its place before it is written anew; 1.5 seconds by default.
    pub settle: Duration,
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings {
            busy_timeout: Duration::from_secs(2),
            max_pages: 0,
            dial_log: 100_000,
            make_folder: false,
            rescue: None,
            settle: Duration::from_millis(1_500),
        }
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
        let what = What { chain_id: chain_id.to_owned(), hash_key: loaded.hash_key, settings: settings.clone() };
        let book = OpenBook::new((conn, lock), path, what, Arc::clone(&max_pages), Arc::clone(&meter))?;
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
        self.writer.write(changes, false)
    }

    /// As [`Store::write`], with all rows that there are, the changed ones among them: what [`Failure::Lost`] asks for. The audit
    /// and the dial log are in the file alone and are not among them.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn write_all(&self, rows: Vec<RowChange>) -> impl Future<Output = Result<(), WriteError>> + Send + use<> {
        self.writer.write(rows, true)
    }

    /// Tries to write what an earlier attempt could not, and looks whether the file is still the one in its folder; some
    /// microseconds when there is nothing to do.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn retry(&self) -> impl Future<Output = Result<(), WriteError>> + Send + use<> {
        self.writer.write(Vec::new(), false)
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
    /// [`WriteError::NotSaved`] when the last rows could not be written; they are lost. [`WriteError::SetAside`] when they are in
    /// another file.
    pub async fn close(self) -> Result<(), WriteError> {
        self.writer.close().await
    }
}
