//! What the thread that writes has done, in numbers that anybody may read at any time.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What was written to a book since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Transactions that were committed and synced.
    pub writes: u64,
    /// Transactions that failed; their rows are part of the next one.
    pub failed_writes: u64,
    /// How long all of them took.
    pub write_time: Duration,
    /// Rows that were committed.
    pub rows: u64,
    /// Rows that are not committed yet.
    pub waiting_rows: u64,
    /// Bytes of the file and its log after the last attempt.
    pub file_bytes: u64,
}

/// Counts for the thread to keep.
#[derive(Debug, Default)]
pub(super) struct Meter {
    writes: AtomicU64,
    failed_writes: AtomicU64,
    micros: AtomicU64,
    rows: AtomicU64,
    file_bytes: AtomicU64,
}

impl Meter {
    pub(super) fn wrote(&self, rows: usize, took: Duration, saved: bool) {
        let count = if saved { &self.writes } else { &self.failed_writes };
        count.fetch_add(1, Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        if saved {
            self.rows.fetch_add(rows as u64, Relaxed);
        }
    }

    /// Looks at the size of the file and of its log.
    pub(super) fn measure(&self, path: &Path) {
        let log = PathBuf::from(format!("{}-wal", path.display()));
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.len());
        self.file_bytes.store(size(path) + size(&log), Relaxed);
    }

    pub(super) fn read(&self, waiting_rows: usize) -> StoreStats {
        StoreStats {
            writes: self.writes.load(Relaxed),
            failed_writes: self.failed_writes.load(Relaxed),
            write_time: Duration::from_micros(self.micros.load(Relaxed)),
            rows: self.rows.load(Relaxed),
            waiting_rows: waiting_rows as u64,
            file_bytes: self.file_bytes.load(Relaxed),
        }
    }
}
