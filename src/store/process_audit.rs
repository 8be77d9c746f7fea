//! The audit log of the process: what is of no network, and what has to outlive its network. One SQLite file in the home.
//!
//! The file is opened for each entry and closed behind it: entries are few, the command line writes them too while pexd runs,
//! and a file that was removed or put back is never written to under another name. It has a rollback journal and no log
//! beside it, so that a copy of the file alone is a whole one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior, params};

use super::check::connect_immutable;
use super::create::{create_private, sync_folder};
use super::history::{AuditQuery, HistoryError, HistoryPage, HistoryRange, QueryInterrupt, Select};
use super::identity::Identity;
use super::load::{BadColumn, Cells};
use super::lock::beside;
use crate::clock::Clock;
use crate::file_owner::FileOwner;
use crate::node::row::AuditEntry;
use crate::types::shortened;

/// SQLite's `application_id` of such a file: "pexu".
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"pexu");
/// The version of the tables.
const VERSION: i64 = 1;
/// Entries of each kind that are kept, the latest. Their texts have a bound, so that the file has some 25 MB at most.
const KEPT: i64 = 10_000;
/// Bytes of a text in an entry at most.
const MAX_TEXT: usize = 512;
/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(2);

const SCHEMA: &str = "
    CREATE TABLE audit (
        number  INTEGER NOT NULL PRIMARY KEY, -- grows with each entry, from 1
        at_ms   INTEGER NOT NULL,
        kind    TEXT    NOT NULL, -- change, refusal
        network TEXT    NOT NULL, -- the chain ID of the network that it is about; empty = the process
        author  TEXT    NOT NULL,
        method  TEXT    NOT NULL,
        summary TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX audit_kind ON audit (kind, number);";

/// What an entry of the process's audit is. Each kind has room of its own: whoever is refused again and again drives no
/// change out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// What somebody did.
    Change,
    /// What somebody was not let do.
    Refusal,
}

impl AuditKind {
    const fn name(self) -> &'static str {
        match self {
            AuditKind::Change => "change",
            AuditKind::Refusal => "refusal",
        }
    }
}

/// An entry that is to be written. Of each text 512 bytes are kept; one that was longer ends in `...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// What it is.
    pub kind: AuditKind,
    /// The chain ID of the network that it is about; empty for the process.
    pub network: Box<str>,
    /// Who: a token, a certificate, a socket, or the user of a command.
    pub author: Box<str>,
    /// By which method of the admin API, such as `NetworkService.RemoveNetwork`, or by which command.
    pub method: Box<str>,
    /// What, in words.
    pub summary: Box<str>,
}

/// An entry as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessAuditEntry {
    /// The chain ID of the network that it is about; empty for the process.
    pub network: Box<str>,
    /// The rest.
    pub entry: AuditEntry,
}

/// Why an entry is not on disk. The texts name the file and the fix.
#[derive(Debug, thiserror::Error)]
pub enum ProcessAuditError {
    /// The system refused.
    #[error("the audit log {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("the audit log {}: {source} (when it is damaged, move it elsewhere: a new one is made)", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// The file is another program's, or a newer pexd's.
    #[error("{} is not an audit log that this pexd knows; it was left as it is: move it elsewhere", .0.display())]
    Foreign(PathBuf),
}

/// The audit log of a process. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct ProcessAudit {
    path: Arc<Path>,
    /// Entries of this process queue here and not at the file. It has the file as this process knew it last; `None` before
    /// there was one.
    turn: Arc<Mutex<Option<Identity>>>,
}

impl ProcessAudit {
    /// The log in this file, which is made with the first entry.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path: PathBuf = path.into();
        let audit = ProcessAudit { path: path.into(), turn: Arc::default() };
        // What cannot be looked at, or is none, has no entries that could be lost; what is wrong with it `check` says.
        let known = audit.is_ours().is_ok_and(|ours| ours).then(|| Identity::at(&audit.path).ok().flatten()).flatten();
        ProcessAudit { turn: Arc::new(Mutex::new(known)), ..audit }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes an entry; it is on disk when this returns. Blocks on the disk; inside a runtime call [`ProcessAudit::record`].
    ///
    /// # Errors
    /// Nothing was written then.
    pub fn record_blocking(&self, entry: &NewAuditEntry) -> Result<(), ProcessAuditError> {
        let mut known = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let found = Identity::at(&self.path).map_err(|source| self.io(source))?;
        if let Some(loss) = loss(*known, found) {
            tracing::warn!(path = %self.path.display(), "{loss}");
        }
        self.make_if_missing()?;
        self.write(entry)?;
        *known = Identity::at(&self.path).map_err(|source| self.io(source))?;
        Ok(())
    }

    /// Looks whether entries could be written, without writing one. That there is no file yet is in order. Blocks on the disk.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), ProcessAuditError> {
        match Identity::at(&self.path) {
            Ok(None) => return Ok(()),
            Ok(Some(_)) if self.is_ours()? => {}
            Ok(Some(_)) => return Err(ProcessAuditError::Foreign(self.path.to_path_buf())),
            Err(source) => return Err(self.io(source)),
        }
        let sqlite = |source| ProcessAuditError::Sqlite { path: self.path.to_path_buf(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.path, flags).map_err(sqlite)?;
        conn.busy_timeout(BUSY).map_err(sqlite)?;
        self.check_version(&conn)?;
        let latest =
            "SELECT number, at_ms, kind, network, author, method, summary FROM audit ORDER BY number DESC LIMIT 1";
        conn.query_row(latest, [], |_| Ok(())).optional().map_err(sqlite)?;
        Ok(())
    }

    /// Writes an entry; it is on disk when this is ready. Whoever calls it for what strangers do bounds how often.
    ///
    /// # Errors
    /// Why it is not on disk.
    pub async fn record(&self, entry: NewAuditEntry) -> Result<(), String> {
        let audit = self.clone();
        let written = tokio::task::spawn_blocking(move || audit.record_blocking(&entry)).await;
        written.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// The entries that `query` and `admits` let through, by their networks, the latest first. Blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be read, or `stop` is set.
    pub fn entries(
        &self,
        query: &AuditQuery,
        range: HistoryRange,
        stop: &QueryInterrupt,
        admits: impl Fn(&ProcessAuditEntry) -> bool,
    ) -> Result<HistoryPage<ProcessAuditEntry>, HistoryError> {
        if fs::metadata(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(HistoryPage { entries: Vec::new(), next: None });
        }
        if !self.is_ours().map_err(|error| HistoryError::Unreadable(error.to_string()))? {
            let text = "it is not an audit log that this pexd knows; it was left as it is: move it elsewhere";
            return Err(HistoryError::Unreadable(text.to_owned()));
        }
        let select = Select { columns: COLUMNS, table: "audit", column: "", value: None, portion: range };
        let conn = super::history::open(&self.path, stop)?;
        select.walk(&conn, read, |entry| query.admits(&entry.entry) && admits(entry))
    }

    fn write(&self, entry: &NewAuditEntry) -> Result<(), ProcessAuditError> {
        let sqlite = |source| ProcessAuditError::Sqlite { path: self.path.to_path_buf(), source };
        if !self.is_ours()? {
            return Err(ProcessAuditError::Foreign(self.path.to_path_buf()));
        }
        let mut conn = connect(&self.path).map_err(sqlite)?;
        self.check_version(&conn)?;
        insert(&mut conn, entry).map_err(sqlite)
    }

    fn check_version(&self, conn: &Connection) -> Result<(), ProcessAuditError> {
        let sqlite = |source| ProcessAuditError::Sqlite { path: self.path.to_path_buf(), source };
        let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
        if version == VERSION { Ok(()) } else { Err(ProcessAuditError::Foreign(self.path.to_path_buf())) }
    }

    /// Whether the file says of itself that it is such a log. What is no file is not read: of a pipe nothing would ever come.
    fn is_ours(&self) -> Result<bool, ProcessAuditError> {
        let kind = fs::metadata(&self.path).map_err(|source| self.io(source))?;
        let sqlite = |source| ProcessAuditError::Sqlite { path: self.path.to_path_buf(), source };
        Ok(kind.is_file() && is_ours(&self.path).map_err(sqlite)?)
    }
    /// Makes the file whole or not at all, for the owner of its folder alone, whoever runs this.
    fn make_if_missing(&self) -> Result<(), ProcessAuditError> {
        let is_there = || self.path.try_exists().map_err(|source| self.io(source));
        if is_there()? {
            return Ok(());
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Another process may make it at the same time; the lock goes with the handle.
        let lock = File::open(folder).map_err(|source| self.io(source))?;
        lock.lock().map_err(|source| self.io(source))?;
        if is_there()? {
            return Ok(());
        }
        let fresh = beside(&self.path, ".new");
        for suffix in ["-journal", ""] {
            match fs::remove_file(beside(&fresh, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.io(error)),
                _ => {}
            }
        }
        create_private(&fresh).map_err(|source| self.io(source))?;
        let sqlite = |source| ProcessAuditError::Sqlite { path: fresh.clone(), source };
        fill(&fresh).map_err(sqlite)?;
        FileOwner::of(folder).and_then(|owner| owner.give(&fresh)).map_err(|source| self.io(source))?;
        fs::rename(&fresh, &self.path).and_then(|()| sync_folder(&self.path)).map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> ProcessAuditError {
        ProcessAuditError::Io { path: self.path.to_path_buf(), source }
    }
}

/// Whether the file's own head says that it is such a log, looked at before a connection may change anything.
///
/// By SQLite, which knows of the readers that this process has: the locks that they have on the file would be gone with any other
/// handle that is closed.
fn is_ours(path: &Path) -> rusqlite::Result<bool> {
    let conn = connect_immutable(path)?;
    // The head is wanted, and whether the rest is there yet while another process writes it is no matter.
    conn.pragma_update(None, "writable_schema", true)?;
    match conn.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0)) {
        Ok(id) => Ok(id == APPLICATION_ID),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What there is to say of a file that was `known` to this process, and of which now `found` is there.
fn loss(known: Option<Identity>, found: Option<Identity>) -> Option<&'static str> {
    match (known?, found) {
        (_, None) => {
            Some("the audit log was removed or moved away: its former entries are gone, and a new one is begun")
        }
        (known, Some(found)) if known != found => {
            Some("another file is in the place of the audit log: its former entries are gone, unless that one has them")
        }
        _ => None,
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    // The end of a transaction is the end of its journal: EXTRA syncs the folder as well.
    conn.pragma_update(None, "synchronous", "EXTRA")?;
    Ok(conn)
}

fn fill(path: &Path) -> rusqlite::Result<()> {
    let mut conn = connect(path)?;
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    let transaction = conn.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

fn insert(conn: &mut Connection, entry: &NewAuditEntry) -> rusqlite::Result<()> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO audit (at_ms, kind, network, author, method, summary) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            Clock.now().wall.as_millis(),
            entry.kind.name(),
            shortened(&entry.network, MAX_TEXT),
            shortened(&entry.author, MAX_TEXT),
            shortened(&entry.method, MAX_TEXT),
            shortened(&entry.summary, MAX_TEXT),
        ],
    )?;
    transaction.execute(
        "DELETE FROM audit WHERE kind = ?1 AND number <=
            (SELECT number FROM audit WHERE kind = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
        params![entry.kind.name(), KEPT],
    )?;
    transaction.commit()
}

/// The order that [`read`] draws them in. The number comes first: the walk goes by it.
const COLUMNS: &str = "number, at_ms, author, method, summary, network";

fn read(cells: &mut Cells<'_, '_>) -> Result<ProcessAuditEntry, BadColumn> {
    let entry = super::history::audit_entry(cells)?;
    Ok(ProcessAuditEntry { network: cells.take::<String>()?.into(), entry })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    fn entry(kind: AuditKind, summary: &str) -> NewAuditEntry {
        NewAuditEntry {
            kind,
            network: "a-1".into(),
            author: "ops".into(),
            method: "NetworkService.RemoveNetwork".into(),
            summary: summary.into(),
        }
    }

    fn summaries(audit: &ProcessAudit) -> Vec<String> {
        let range = HistoryRange { before: None, max: 100_000 };
        let page = audit.entries(&AuditQuery::default(), range, &QueryInterrupt::default(), |_| true).unwrap();
        page.entries.into_iter().map(|entry| entry.entry.summary.into()).collect()
    }

    #[test]
    fn what_is_recorded_is_read_the_latest_first_by_whoever_opens_the_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.db");
        assert_eq!(summaries(&ProcessAudit::at(&path)), [""; 0], "there is none yet");
        ProcessAudit::at(&path).record_blocking(&entry(AuditKind::Change, "one")).unwrap();
        ProcessAudit::at(&path).record_blocking(&entry(AuditKind::Refusal, "two")).unwrap();
        assert_eq!(summaries(&ProcessAudit::at(&path)), ["two", "one"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "a copy of the file alone is whole");
    }

    #[test]
    fn processes_that_write_at_once_lose_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.db");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    ProcessAudit::at(path).record_blocking(&entry(AuditKind::Change, &n.to_string())).unwrap();
                });
            }
        });
        let mut all = summaries(&ProcessAudit::at(&path));
        all.sort();
        assert_eq!(all, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }

    #[test]
    fn a_flood_of_refusals_drives_no_change_out_and_the_file_stays_small() {
        let home = tempfile::tempdir().unwrap();
        let audit = ProcessAudit::at(home.path().join("audit.db"));
        audit.record_blocking(&entry(AuditKind::Change, "dear")).unwrap();
        let mut conn = connect(audit.path()).unwrap();
        // As many as there is room for, in one go.
        let flood = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
            INSERT INTO audit (at_ms, kind, network, author, method, summary) SELECT 0, 'refusal', '', '', '', i FROM n";
        conn.execute(flood, [KEPT]).unwrap();
        insert(&mut conn, &entry(AuditKind::Refusal, &"x".repeat(2_000))).unwrap();
        drop(conn);
        let all = summaries(&audit);
        assert_eq!(all.len() as i64, KEPT + 1);
        assert_eq!((all[0].len(), all.last().unwrap().as_str()), (MAX_TEXT, "dear"));
        assert!(all[0].ends_with("x..."), "that it was cut is to be seen");
        assert_eq!(all[all.len() - 2], "2", "the oldest refusal gave way");
    }

    #[test]
    fn a_file_of_others_is_left_as_it_is_and_named() {
        let home = tempfile::tempdir().unwrap();
        let audit = ProcessAudit::at(home.path().join("audit.db"));
        for content in ["", "x", &"not a database ".repeat(1_000)] {
            fs::write(audit.path(), content).unwrap();
            for error in [audit.check(), audit.record_blocking(&entry(AuditKind::Change, "one"))] {
                let error = error.unwrap_err();
                assert!(matches!(error, ProcessAuditError::Foreign(_)), "{content:.9}: {error}");
            }
            assert_eq!(fs::read_to_string(audit.path()).unwrap(), content);
        }
    }

    #[test]
    fn a_database_of_others_keeps_every_byte_and_gets_no_file_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let audit = ProcessAudit::at(home.path().join("audit.db"));
        let other = Connection::open(audit.path()).unwrap();
        other.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE theirs (what TEXT)").unwrap();
        drop(other);
        let content = fs::read(audit.path()).unwrap();
        let refused = || {
            let error = audit.record_blocking(&entry(AuditKind::Change, "one")).unwrap_err();
            assert!(matches!(error, ProcessAuditError::Foreign(_)), "{error}");
            assert!(fs::read(audit.path()).unwrap() == content);
        };
        refused();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
        // What a program that was killed left is for that program to roll back.
        let journal = beside(audit.path(), "-journal");
        fs::write(&journal, "x").unwrap();
        refused();
        assert_eq!(fs::read_to_string(&journal).unwrap(), "x");
    }

    #[test]
    fn a_home_may_have_any_name() {
        use std::os::unix::ffi::OsStrExt as _;
        let home = tempfile::tempdir().unwrap();
        for name in [&b"a b"[..], b"50%", b"%41", b"a?mode=ro", b"a#b", "\u{e9}".as_bytes(), b"\xff", b"'\""] {
            let folder = home.path().join(std::ffi::OsStr::from_bytes(name));
            fs::create_dir(&folder).unwrap();
            let audit = ProcessAudit::at(folder.join("audit.db"));
            audit.record_blocking(&entry(AuditKind::Change, "one")).unwrap();
            assert_eq!(summaries(&audit), ["one"], "{folder:?}");
        }
        let audit = ProcessAudit::at(format!("/{}/audit.db", home.path().display()));
        audit.record_blocking(&entry(AuditKind::Change, "one")).unwrap();
        assert_eq!(summaries(&audit), ["one"]);
    }

    #[test]
    fn what_a_kill_left_of_an_entry_does_not_keep_the_next_one_out() {
        let home = tempfile::tempdir().unwrap();
        let audit = ProcessAudit::at(home.path().join("audit.db"));
        audit.record_blocking(&entry(AuditKind::Change, "one")).unwrap();
        // In the middle of a transaction that needs more pages than the file has.
        let mut writer = connect(audit.path()).unwrap();
        writer.pragma_update(None, "cache_size", 1).unwrap();
        let transaction = writer.transaction().unwrap();
        let much = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
            INSERT INTO audit (at_ms, kind, network, author, method, summary)
            SELECT 0, 'refusal', '', '', '', hex(zeroblob(99)) FROM n";
        transaction.execute(much, []).unwrap();
        let copy = ProcessAudit::at(home.path().join("copy.db"));
        for suffix in ["", "-journal"] {
            fs::copy(beside(audit.path(), suffix), beside(copy.path(), suffix)).unwrap();
        }
        drop(transaction);
        let length = fs::metadata(copy.path()).unwrap().len();
        assert!(length > fs::metadata(audit.path()).unwrap().len(), "some of it is in the file");
        // Whether or not the file had grown already when its first page was written.
        for keep in [length, 2 * 4_096] {
            let cut = ProcessAudit::at(home.path().join(format!("{keep}.db")));
            for suffix in ["", "-journal"] {
                fs::copy(beside(copy.path(), suffix), beside(cut.path(), suffix)).unwrap();
            }
            File::options().write(true).open(cut.path()).unwrap().set_len(keep).unwrap();
            cut.record_blocking(&entry(AuditKind::Change, "two")).unwrap();
            assert_eq!(summaries(&cut), ["two", "one"]);
        }
    }

    /// POSIX locks are the process's: they go when it closes any of its handles to the file.
    #[test]
    fn a_reader_of_this_process_keeps_its_lock_while_entries_are_written() {
        let home = tempfile::tempdir().unwrap();
        let audit = ProcessAudit::at(home.path().join("audit.db"));
        audit.record_blocking(&entry(AuditKind::Change, "one")).unwrap();
        // A newer pexd's: an attempt opens and closes it as any other does, and ends without waiting for the reader.
        let writer = connect(audit.path()).unwrap();
        writer.pragma_update(None, "user_version", VERSION + 1).unwrap();
        let reader = super::super::history::open(audit.path(), &QueryInterrupt::default()).unwrap();
        let mut statement = reader.prepare("SELECT number FROM audit").unwrap();
        let mut rows = statement.query([]).unwrap();
        rows.next().unwrap().unwrap();
        assert!(is_locked(audit.path()));
        let error = audit.record_blocking(&entry(AuditKind::Change, "two")).unwrap_err();
        assert!(matches!(error, ProcessAuditError::Foreign(_)), "{error}");
        assert!(is_locked(audit.path()), "another process could write what the reader is reading");
    }

    /// Whether this process has a POSIX lock on a file.
    fn is_locked(path: &Path) -> bool {
        let inode = fs::metadata(path).unwrap().ino();
        let (process, inode) = (format!(" {} ", std::process::id()), format!(":{inode} "));
        let locks = fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|lock| lock.contains("POSIX") && lock.contains(&process) && lock.contains(&inode))
    }

    #[test]
    fn a_log_that_was_removed_begins_anew() {
        let home = tempfile::tempdir().unwrap();
        let audit = ProcessAudit::at(home.path().join("audit.db"));
        audit.record_blocking(&entry(AuditKind::Change, "one")).unwrap();
        fs::remove_file(audit.path()).unwrap();
        audit.record_blocking(&entry(AuditKind::Change, "two")).unwrap();
        assert_eq!(summaries(&audit), ["two"]);
    }

    #[test]
    fn a_log_that_takes_entries_or_is_not_there_yet_is_in_order_and_one_that_is_damaged_is_not() {
        let home = tempfile::tempdir().unwrap();
        let audit = ProcessAudit::at(home.path().join("audit.db"));
        audit.check().unwrap();
        assert!(!audit.path().exists(), "looking makes none");
        audit.record_blocking(&entry(AuditKind::Change, "one")).unwrap();
        audit.check().unwrap();
        let mut content = fs::read(audit.path()).unwrap();
        content[100..].fill(7);
        fs::write(audit.path(), content).unwrap();
        let error = audit.check().unwrap_err();
        assert!(error.to_string().contains("move it elsewhere"), "{error}");
    }

    #[test]
    fn entries_that_are_gone_are_missed_once_and_those_that_never_were_are_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.db");
        let at = || Identity::at(&path).unwrap();
        assert_eq!(loss(None, at()), None);
        fs::write(&path, "one").unwrap();
        let known = at();
        assert_eq!((loss(None, at()), loss(known, at())), (None, None));
        let kept = home.path().join("kept");
        fs::rename(&path, &kept).unwrap();
        assert!(loss(known, at()).unwrap().contains("its former entries are gone"));
        fs::write(&path, "another").unwrap();
        assert!(loss(known, at()).unwrap().contains("another file is in the place"));
    }
}
