//! The file: SQLite, written by one thread.
//!
//! Answers lie in epochs of an hour at most, or a sixteenth of the file. An epoch has a dictionary of the addresses that its
//! answers name, so that the oldest epoch can be forgotten as a whole, with what only it named.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use hashbrown::HashMap;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::super::create::create_private;
use super::super::lock::{FILES, beside};
use super::Answered;
use super::names::Numbers;
use crate::types::{NetAddress, Wall};

/// SQLite's `application_id` of such a file: "pexa".
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"pexa");
/// The version of the tables.
const VERSION: i64 = 1;
/// For how long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);
/// The longest epoch.
const EPOCH: Duration = Duration::from_hours(1);
/// Epochs that a full file has at least.
const EPOCHS: i64 = 16;
/// How long to wait for a reader when it is written, and when its write-ahead log is to be folded.
const BUSY: Duration = Duration::from_secs(2);
const FOLD_WAIT: Duration = Duration::from_millis(250);
const PAGE: i64 = 4_096;
/// Pages of the write-ahead log, which are part of the bound on the file's size: 256 KiB. While readers hold it, it may have a
/// quarter of the bound more.
const LOG_PAGES: i64 = 64;
/// The least size of a log.
const LEAST_BYTES: i64 = 1 << 20;
/// Bytes that a row takes beside what it holds: a little more than measured, so that epochs end in time.
const ROW: i64 = 16;

const SCHEMA: &str = "
    CREATE TABLE epoch (number INTEGER PRIMARY KEY, began_ms INTEGER NOT NULL, first_answer INTEGER NOT NULL);
    CREATE TABLE name (
        epoch INTEGER NOT NULL, number INTEGER NOT NULL, id BLOB NOT NULL, ip BLOB NOT NULL, port INTEGER NOT NULL,
        PRIMARY KEY (epoch, number)
    ) WITHOUT ROWID;
    CREATE TABLE answer (
        number INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, at_ms INTEGER NOT NULL, id BLOB NOT NULL, ip BLOB NOT NULL,
        names BLOB NOT NULL
    );";

/// Why the file does not take anything.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("another program's file is there: move it elsewhere, or give the book another name")]
    Foreign,
    #[error("readers keep its write-ahead log from being folded into it")]
    Held,
}

impl FileError {
    fn is_full(&self) -> bool {
        matches!(self, FileError::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }

    /// Whether the file is damaged, and not only out of reach for now.
    pub(super) fn is_damage(&self) -> bool {
        let FileError::Sqlite(error) = self else { return false };
        let passes = [
            ErrorCode::DatabaseBusy,
            ErrorCode::DatabaseLocked,
            ErrorCode::FileLockingProtocolFailed,
            ErrorCode::OutOfMemory,
            ErrorCode::SystemIoFailure,
            ErrorCode::DiskFull,
            ErrorCode::CannotOpen,
            ErrorCode::ReadOnly,
            ErrorCode::PermissionDenied,
        ];
        !error.sqlite_error_code().is_some_and(|code| passes.contains(&code))
    }
}

/// The present epoch.
struct Epoch {
    number: i64,
    began: Wall,
    names: HashMap<NetAddress, u32>,
    bytes: i64,
}

/// The open file.
pub(super) struct AnswerFile {
    conn: Connection,
    /// Device and inode of the file, where there is such a thing.
    identity: Option<(u64, u64)>,
    max_pages: i64,
    epoch: Epoch,
    next_answer: i64,
    /// Those of the answer that is being written.
    numbers: Numbers,
}

impl AnswerFile {
    /// Opens the file, or makes it. A log that is damaged, or of another version, is put aside first, in place of what was
    /// put aside before.
    ///
    /// # Errors
    /// [`FileError::Foreign`] for a file that no log of answers was; it is left as it is.
    pub(super) fn open(path: &Path, max_bytes: u64) -> Result<Self, FileError> {
        let max_pages = i64::try_from(max_bytes).unwrap_or(i64::MAX).max(LEAST_BYTES) / PAGE - LOG_PAGES;
        if fs::metadata(path).map_or(0, |data| data.len()) == 0 {
            return AnswerFile::with(make(path)?, path, max_pages);
        }
        if !is_ours(path)? {
            return Err(FileError::Foreign);
        }
        match connect(path).and_then(|conn| AnswerFile::with(conn, path, max_pages)) {
            Err(error) if error.is_damage() => {
                put_aside(path, &error)?;
                AnswerFile::with(make(path)?, path, max_pages)
            }
            opened => opened,
        }
    }

    /// The log of this connection. One that is larger than it may be forgets what is oldest first.
    fn with(conn: Connection, path: &Path, max_pages: i64) -> Result<Self, FileError> {
        let last = conn.query_row("SELECT max(number) FROM answer", [], |row| row.get::<_, Option<i64>>(0))?;
        let epoch = "SELECT number, first_answer FROM epoch ORDER BY number DESC LIMIT 1";
        let epoch = conn.query_row(epoch, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).optional()?;
        let (number, first) = epoch.unwrap_or((0, 1));
        let mut file = AnswerFile {
            identity: identity(path),
            conn,
            max_pages,
            // Its dictionary is not in memory: the next answer begins another one.
            epoch: Epoch { number, began: Wall::NEVER, names: HashMap::new(), bytes: i64::MAX },
            next_answer: last.map_or(first, |last| first.max(last.saturating_add(1))),
            numbers: Numbers::default(),
        };
        file.forget_what_is_too_much()?;
        let _: i64 = file.conn.pragma_update_and_check(None, "max_page_count", max_pages, |row| row.get(0))?;
        Ok(file)
    }

    /// Whether this is still the file at `path`: it may have been removed, or another put in its place.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.identity == identity(path) && path.exists()
    }

    /// Bytes of the file and of its write-ahead log.
    pub(super) fn bytes(&self) -> u64 {
        self.pages().map_or(0, |(all, _)| u64::try_from(all * PAGE).unwrap_or(0)) + self.log_bytes()
    }

    fn log_bytes(&self) -> u64 {
        self.conn.path().map_or(0, |path| fs::metadata(beside(Path::new(path), "-wal")).map_or(0, |data| data.len()))
    }

    /// Writes these answers, all or none, and forgets what is too old or too much.
    ///
    /// # Errors
    /// Among others when they are more than fits beside the latest, or readers that never end hold the write-ahead log.
    pub(super) fn write(&mut self, answers: &[Answered]) -> Result<(), FileError> {
        self.fold_log()?;
        let mut appended = self.append(answers);
        // What is oldest makes room, unless it is the disk that is full, or the batch is larger than all that.
        for _ in 0..EPOCHS / 4 {
            let is_full = appended.as_ref().is_err_and(FileError::is_full);
            if !is_full || self.pages()?.0 + LOG_PAGES < self.max_pages || !self.forget_oldest()? {
                break;
            }
            self.epoch.bytes = i64::MAX;
            appended = self.append(answers);
        }
        appended?;
        self.forget(answers.last().map_or(Wall::NEVER, |answered| answered.at))
    }

    /// Forgets what is too old or too much.
    pub(super) fn forget(&mut self, now: Wall) -> Result<(), FileError> {
        while self.is_oldest_over(now)? && self.forget_oldest()? {}
        self.forget_what_is_too_much()
    }

    /// Readers that overlap keep the log from being reset after a commit: then it is waited for, and not written to while it is
    /// a quarter of what the file may have.
    fn fold_log(&self) -> Result<(), FileError> {
        let bound = |pages: i64| u64::try_from(pages * PAGE).unwrap_or(0);
        if self.log_bytes() <= bound(4 * LOG_PAGES) {
            return Ok(());
        }
        self.conn.busy_timeout(FOLD_WAIT)?;
        let folded = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.conn.busy_timeout(BUSY)?;
        folded?;
        if self.log_bytes() > bound(4 * LOG_PAGES).max(bound(self.max_pages / 4)) {
            Err(FileError::Held)
        } else {
            Ok(())
        }
    }

    /// The present epoch is let to end before it is all there is.
    fn forget_what_is_too_much(&mut self) -> Result<(), FileError> {
        while self.used_pages()? > self.max_pages * (EPOCHS - 1) / EPOCHS && self.forget_oldest()? {}
        if self.pages()?.0 > self.max_pages {
            // The bound was lowered.
            // Each step gives back one page.
            let mut vacuum = self.conn.prepare("PRAGMA incremental_vacuum")?;
            let mut steps = vacuum.query([])?;
            while steps.next()?.is_some() {}
        }
        Ok(())
    }

    fn append(&mut self, answers: &[Answered]) -> Result<(), FileError> {
        // A batch that failed may have left some.
        self.numbers = Numbers::default();
        let epoch_bytes = self.max_pages * PAGE / EPOCHS;
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (epoch, next) = (&mut self.epoch, &mut self.next_answer);
        for answered in answers {
            let age = answered.at.since(epoch.began);
            // A clock that was set back begins another one, too.
            if epoch.bytes >= epoch_bytes || age >= EPOCH || answered.at < epoch.began {
                begin_epoch(&transaction, epoch, answered.at, *next)?;
            }
            for address in answered.addresses.iter() {
                let number = name(&transaction, epoch, address)?;
                self.numbers.insert(number);
            }
            let names = self.numbers.encode();
            let ip = octets(answered.ip);
            const SQL: &str =
                "INSERT INTO answer (number, epoch, at_ms, id, ip, names) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            transaction.prepare_cached(SQL)?.execute(params![
                *next,
                epoch.number,
                answered.at.as_millis(),
                answered.id.as_bytes(),
                ip.as_slice(),
                names,
            ])?;
            *next += 1;
            epoch.bytes = epoch.bytes.saturating_add(names.len() as i64 + 20 + ip.len() as i64 + 10 + ROW);
        }
        match transaction.commit() {
            Ok(()) => Ok(()),
            Err(error) => {
                // What was named in vain has a number here and none on disk.
                self.epoch.bytes = i64::MAX;
                Err(error.into())
            }
        }
    }

    /// Whether all of the oldest epoch is older than answers are kept: the next one began before. One that begins in the
    /// future is of a clock that was wrong.
    fn is_oldest_over(&self, now: Wall) -> Result<bool, FileError> {
        let sql = "SELECT began_ms FROM epoch ORDER BY number LIMIT 1 OFFSET 1";
        let second = self.conn.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).optional()?;
        Ok(second.is_some_and(|began| began < (now - KEPT).as_millis() || began > (now + EPOCH).as_millis()))
    }

    /// Forgets the oldest epoch, if it is not the present one.
    fn forget_oldest(&mut self) -> Result<bool, FileError> {
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let oldest = "SELECT number FROM epoch ORDER BY number LIMIT 1";
        let oldest: Option<i64> = transaction.query_row(oldest, [], |row| row.get(0)).optional()?;
        let second = "SELECT first_answer FROM epoch ORDER BY number LIMIT 1 OFFSET 1";
        let second: Option<i64> = transaction.query_row(second, [], |row| row.get(0)).optional()?;
        let Some((oldest, second)) = oldest.zip(second) else { return Ok(false) };
        transaction.execute("DELETE FROM answer WHERE number < ?1", [second])?;
        transaction.execute("DELETE FROM name WHERE epoch = ?1", [oldest])?;
        transaction.execute("DELETE FROM epoch WHERE number = ?1", [oldest])?;
        transaction.commit()?;
        Ok(true)
    }

    fn used_pages(&self) -> Result<i64, FileError> {
        let (all, free) = self.pages()?;
        Ok(all - free)
    }

    fn pages(&self) -> Result<(i64, i64), FileError> {
        let of = |pragma| self.conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        Ok((of("page_count")?, of("freelist_count")?))
    }
}

fn begin_epoch(transaction: &Transaction<'_>, epoch: &mut Epoch, at: Wall, first: i64) -> rusqlite::Result<()> {
    let number = epoch.number + 1;
    const SQL: &str = "INSERT INTO epoch (number, began_ms, first_answer) VALUES (?1, ?2, ?3)";
    transaction.prepare_cached(SQL)?.execute(params![number, at.as_millis(), first])?;
    *epoch = Epoch { number, began: at, names: HashMap::new(), bytes: 0 };
    Ok(())
}

/// The number of an address in this epoch.
fn name(transaction: &Transaction<'_>, epoch: &mut Epoch, address: &NetAddress) -> rusqlite::Result<u32> {
    if let Some(&number) = epoch.names.get(address) {
        return Ok(number);
    }
    let number = u32::try_from(epoch.names.len()).unwrap_or(u32::MAX);
    let ip = octets(address.ip());
    const SQL: &str = "INSERT INTO name (epoch, number, id, ip, port) VALUES (?1, ?2, ?3, ?4, ?5)";
    let id = address.id();
    transaction.prepare_cached(SQL)?.execute(params![
        epoch.number,
        number,
        id.as_bytes(),
        ip.as_slice(),
        address.port()
    ])?;
    epoch.names.insert(*address, number);
    epoch.bytes = epoch.bytes.saturating_add(20 + ip.len() as i64 + 10 + ROW);
    Ok(number)
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// Whether the file's own head says that it is a log of answers, looked at before SQLite may touch it.
pub(super) fn is_ours(path: &Path) -> io::Result<bool> {
    let mut head = [0; 72];
    let read = File::open(path)?.read_exact(&mut head);
    Ok(read.is_ok() && head.starts_with(b"SQLite format 3\0") && head[68..] == APPLICATION_ID.to_be_bytes())
}

fn connect(path: &Path) -> Result<Connection, FileError> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&conn)?;
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != VERSION {
        return Err(rusqlite::Error::InvalidQuery.into());
    }
    Ok(conn)
}

fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    let _: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    let _: i64 = conn.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |row| row.get(0))?;
    let log = LOG_PAGES * PAGE;
    let _: i64 = conn.pragma_update_and_check(None, "journal_size_limit", log, |row| row.get(0))?;
    Ok(())
}

/// Makes an empty file, which nobody else may read.
fn make(path: &Path) -> Result<Connection, FileError> {
    for suffix in FILES {
        match fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    create_private(path)?;
    let mut conn =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Before there is a table, so that the file shrinks when its bound is lowered.
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    prepare(&conn)?;
    let transaction = conn.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(conn)
}

/// Moves a damaged log out of the way, with what belongs to it.
pub(super) fn put_aside(path: &Path, why: &FileError) -> Result<(), FileError> {
    tracing::warn!(path = %path.display(), %why, "the log of answers is damaged: it is put aside, and begins anew");
    let aside = beside(path, ".unreadable");
    for suffix in FILES {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}
