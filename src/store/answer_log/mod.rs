//! What was answered to whom and when, for a day, in a file of its own beside the book: for whoever asks why strangers
//! dial their host, and for whoever wants to know what an attacker learned.
//!
//! It is off the way of the answers: [`AnswerLog::note`] puts one into a queue of bounded size and never waits, and a
//! thread writes what is in it twice a second. When the disk does not keep up, answers are left out and counted; the
//! peers get theirs all the same.
//!
//! An address is written once in each [epoch](file), and an answer names its addresses by numbers, about a byte each. The
//! file is not synced at each write: after a power failure the last minutes may be missing.

mod file;
mod names;
mod query;
#[cfg(test)]
mod tests;

use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use query::{AnswerEntry, AnswerQuery, WhoOrWhere, answers};

use super::lock::{FILES, beside};
use crate::clock::Clock;
use crate::types::{Mono, NetAddress, NodeId, Wall};
use file::AnswerFile;

/// Addresses of answers that wait for the thread at most: some 10 MB.
const MAX_QUEUED: usize = 250_000;
/// How often what is too old is forgotten while nobody asks.
const TIDY: Duration = Duration::from_mins(10);
/// How long the thread waits for more before it writes.
const GATHER: Duration = Duration::from_millis(500);
/// How long after a failure the file is not tried again; what is answered meanwhile is left out.
const RETRY: Duration = Duration::from_secs(10);

/// The log's file, beside the book's.
pub fn answer_log_path(book: &Path) -> PathBuf {
    beside(book, ".answers")
}

/// Removes the log of a network that keeps none any more: it has the IP addresses of those who asked.
///
/// # Errors
/// When it cannot be removed. A file that no log of answers was is left as it is.
pub fn remove_answer_log(book: &Path) -> io::Result<()> {
    let path = answer_log_path(book);
    if !path.exists() || !file::is_ours(&path)? {
        return Ok(());
    }
    for path in [beside(&path, ".unreadable"), path] {
        for suffix in FILES {
            match std::fs::remove_file(beside(&path, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// An answer to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When it was sent.
    pub at: Wall,
    /// To which ID.
    pub id: NodeId,
    /// At which IP.
    pub ip: IpAddr,
    /// What it named.
    pub addresses: Arc<[NetAddress]>,
}

/// What the log has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerLogStats {
    /// Answers that were written.
    pub written: u64,
    /// Answers that were left out, because the disk failed or did not keep up.
    pub dropped: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// The answer log of one network. Dropping it has the thread write what is left, and end, without waiting for it.
#[derive(Debug)]
pub struct AnswerLog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    written: AtomicU64,
    dropped: AtomicU64,
    file_bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    answers: Vec<Answered>,
    /// Addresses in them, and one for each.
    size: usize,
    closing: bool,
}

impl AnswerLog {
    /// A log that keeps about `max_bytes` on disk, 1 MiB at least. A file that is there is opened at once; it
    /// is made at the first answer.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn open(path: PathBuf, max_bytes: u64) -> io::Result<AnswerLog> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("pexd-answers".to_owned());
        // Its lines in the log are about the network that it is opened for.
        let span = tracing::Span::current();
        let thread = thread.spawn(move || {
            let writer = Writer { shared: theirs, path, max_bytes, file: None, not_before: Mono::ZERO, failing: false };
            span.in_scope(|| writer.run())
        })?;
        Ok(AnswerLog { shared, thread: Some(thread) })
    }

    /// Notes an answer; never waits for the disk.
    pub fn note(&self, answered: Answered) {
        let size = answered.addresses.len() + 1;
        let mut queue = self.shared.lock();
        if queue.size + size > MAX_QUEUED {
            drop(queue);
            self.shared.dropped.fetch_add(1, Relaxed);
            return;
        }
        // One wakes the thread; it sleeps until there is half a queue, or for a while.
        let wakes = queue.answers.is_empty() || (queue.size < MAX_QUEUED / 2 && queue.size + size >= MAX_QUEUED / 2);
        queue.size += size;
        queue.answers.push(answered);
        drop(queue);
        if wakes {
            self.shared.wake.notify_one();
        }
    }

    /// What was written, and what was left out.
    pub fn stats(&self) -> AnswerLogStats {
        AnswerLogStats {
            written: self.shared.written.load(Relaxed),
            dropped: self.shared.dropped.load(Relaxed),
            file_bytes: self.shared.file_bytes.load(Relaxed),
        }
    }

    /// Writes what is left, and waits for it; blocks on the disk.
    pub fn close(mut self) {
        self.shared.end();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was caught and counted there.
            let _ = thread.join();
        }
    }
}

impl Drop for AnswerLog {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Shared {
    /// Nothing that can panic runs under this lock, and a poisoned one must not spread.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    /// Waits for answers, and a little longer for more; after [`TIDY`] there are none. The second is whether these are the
    /// last.
    fn next(&self) -> (Vec<Answered>, bool) {
        let idle = |queue: &mut Queue| queue.answers.is_empty() && !queue.closing;
        let waited = self.wake.wait_timeout_while(self.lock(), TIDY, idle);
        let (queue, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return (Vec::new(), queue.closing);
        }
        let few = |queue: &mut Queue| queue.size < MAX_QUEUED / 2 && !queue.closing;
        let gathered = self.wake.wait_timeout_while(queue, GATHER, few);
        let (mut queue, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        queue.size = 0;
        (std::mem::take(&mut queue.answers), queue.closing)
    }
}

/// The thread.
struct Writer {
    shared: Arc<Shared>,
    path: PathBuf,
    max_bytes: u64,
    file: Option<AnswerFile>,
    /// When the file is tried again after a failure.
    not_before: Mono,
    /// The last attempt failed, and was reported.
    failing: bool,
}

impl Writer {
    fn run(mut self) {
        if self.path.exists() {
            self.write(&[]);
        }
        loop {
            let (answers, last) = self.shared.next();
            let count = answers.len() as u64;
            let wanted = count > 0 || self.file.is_some();
            let written = wanted && Clock.mono() >= self.not_before && self.write(&answers);
            let counter = if written { &self.shared.written } else { &self.shared.dropped };
            counter.fetch_add(count, Relaxed);
            if last {
                break;
            }
        }
    }

    /// Writes these answers, all or none, and forgets what is too old; whether it could.
    fn write(&mut self, answers: &[Answered]) -> bool {
        let attempt = catch_unwind(AssertUnwindSafe(|| self.try_write(answers)));
        let error = match attempt {
            Ok(Ok(())) => {
                self.failing = false;
                return true;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "internal fault".to_owned(),
        };
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(
                path = %self.path.display(), %error,
                "the log of answers cannot be written; peers are answered all the same"
            );
        }
        // Its numbers may not be those of the disk any more.
        self.file = None;
        self.not_before = Clock.mono() + RETRY;
        false
    }

    fn try_write(&mut self, answers: &[Answered]) -> Result<(), file::FileError> {
        // One that was removed is made anew.
        let file = match self.file.take().filter(|file| file.is_at(&self.path)) {
            Some(file) => file,
            None => AnswerFile::open(&self.path, self.max_bytes)?,
        };
        let file = self.file.insert(file);
        let done = if answers.is_empty() { file.forget(Clock.now().wall) } else { file.write(answers) };
        if let Err(error) = done {
            if error.is_damage() {
                self.file = None;
                file::put_aside(&self.path, &error)?;
            }
            return Err(error);
        }
        self.shared.file_bytes.store(file.bytes(), Relaxed);
        Ok(())
    }
}
