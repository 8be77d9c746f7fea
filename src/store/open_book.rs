//! The thread's end of an open book: commits, and what becomes of them when the file is no longer the one in its folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::check::{check_content, check_meta, connect};
use super::identity::Identity;
use super::in_place::{OpenFiles, Place};
use super::lock::{Lock, beside};
use super::open::prepare;
use super::rebuild::{From, Rebuild, displaced, not_opened};
use super::stats::Meter;
use super::writer::{Batch, Sink};
use super::{Failure, OpenError, StoreSettings, WriteError, save};
use crate::clock::Clock;
use crate::types::Mono;

/// SQLite's own bound on the pages of a file.
const MOST_PAGES: u32 = u32::MAX - 1;

/// How long closing waits for readers before it leaves the log to the next start.
const CLOSE_WAIT: Duration = Duration::from_millis(250);

/// What a book is of, and how it is opened.
pub(super) struct What {
    pub(super) chain_id: String,
    pub(super) hash_key: [u8; 32],
    pub(super) settings: StoreSettings,
}

/// The connection is dropped before the files, and the lock last.
pub(super) struct OpenBook {
    conn: Connection,
    files: OpenFiles,
    lock: Lock,
    path: PathBuf,
    what: What,
    max_pages: Arc<AtomicU32>,
    /// The bound that the connection has.
    in_effect: u32,
    meter: Arc<Meter>,
    /// Since when the files are not in their place.
    displaced: Option<Mono>,
    /// The book that was written anew and is not opened yet.
    placed: Option<Identity>,
    /// Whether something else was written into the open file.
    spoilt: bool,
}

impl OpenBook {
    pub(super) fn new(
        (conn, lock): (Connection, Lock),
        path: &Path,
        what: What,
        max_pages: Arc<AtomicU32>,
        meter: Arc<Meter>,
    ) -> Result<Self, OpenError> {
        let files = OpenFiles::of(path).map_err(OpenError::io(path, "look at the files of the book"))?;
        let path = path.to_path_buf();
        let (displaced, placed, spoilt, in_effect) = (None, None, false, 0);
        Ok(OpenBook { conn, files, lock, path, what, max_pages, in_effect, meter, displaced, placed, spoilt })
    }

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

    fn commit(&mut self, changes: &Batch) -> Result<(), WriteError> {
        let began = Clock.mono();
        let result = self.bound_pages().and_then(|()| save::save(&mut self.conn, changes));
        self.meter.wrote(changes.len(), Clock.mono().since(began), result.is_ok());
        self.meter.measure(&self.path);
        Ok(result?)
    }

    /// Whether a next start would find what was committed.
    fn look(&mut self) -> Result<(), Place> {
        let place = self.files.look(&self.what.chain_id);
        self.fold_on_close(place == Place::Ours);
        match place {
            Place::Ours => {
                if self.displaced.take().is_some() {
                    tracing::info!(path = %self.path.display(), "the book is in its place again");
                }
                Ok(())
            }
            place => {
                self.spoilt |= matches!(place, Place::Emptied | Place::Overwritten(_));
                if matches!(place, Place::Overwritten(_)) {
                    self.take_log_away();
                }
                Err(place)
            }
        }
    }

    /// When a connection is closed, SQLite folds its log into the file and removes it by its name, whatever has that name now.
    fn fold_on_close(&self, fold: bool) {
        if let Err(error) = self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !fold) {
            tracing::error!(path = %self.path.display(), %error, "a stop may spoil what is in the book's place");
        }
    }

    /// The log is of what was in the file: applied to what is in it now, by the next start, it would spoil that.
    fn take_log_away(&self) {
        for suffix in ["-wal", "-shm"] {
            if self.files.is_ours(suffix).is_ok_and(|is| is)
                && let Err(error) = std::fs::remove_file(beside(self.files.path(), suffix))
            {
                tracing::error!(path = %self.path.display(), suffix, %error, "move this file of the old book away before pexd starts again");
            }
        }
    }

    /// Another process could open the book behind a lock file that is not the one of its folder.
    fn keep_lock(&mut self) -> Result<(), WriteError> {
        let is_in_place = self.lock.is_in_place(&self.path);
        if is_in_place.is_ok_and(|is| is) {
            return Ok(());
        }
        self.lock = Lock::take(&self.path).map_err(|error| not_opened(&error))?;
        Ok(())
    }

    /// Tells of a book that is out of its place when that is news, and writes it anew when it has been so for a while: whoever
    /// moves files about is not run over.
    fn restore_place(&mut self, place: &Place, changes: &Batch, all: bool) -> Result<(), WriteError> {
        let now = Clock.mono();
        let is_news = self.displaced.is_none();
        let since = *self.displaced.get_or_insert(now);
        if is_news || now.since(since) < self.what.settings.settle {
            return Err(self.displaced(place, all));
        }
        self.write_anew(place, changes, all)
    }

    /// What was written over does not read any more: all rows are asked for at once, to be at hand when pexd has to stop.
    fn displaced(&self, place: &Place, all: bool) -> WriteError {
        match displaced(place, self.what.settings.make_folder) {
            WriteError::NotSaved { why, .. } if matches!(place, Place::Overwritten(_)) && !all => {
                WriteError::NotSaved { failure: Failure::Lost, why }
            }
            error => error,
        }
    }

    fn write_anew(&mut self, place: &Place, changes: &Batch, all: bool) -> Result<(), WriteError> {
        if self.placed.is_none() || self.placed != Identity::at(self.files.path()).ok().flatten() {
            if matches!(place, Place::Missing(_) | Place::Emptied) {
                self.keep_lock()?;
            }
            let (placed, from) = self.rebuild(changes, all).run(place)?;
            self.placed = Some(placed);
            self.keep_lock()?;
            self.tell(from);
        }
        self.adopt()?;
        self.commit(changes)?;
        self.look().map_err(|place| displaced(&place, self.what.settings.make_folder))
    }

    fn rebuild<'a>(&'a self, changes: &'a Batch, all: bool) -> Rebuild<'a> {
        Rebuild {
            conn: &self.conn,
            files: &self.files,
            chain_id: &self.what.chain_id,
            hash_key: self.what.hash_key,
            changes,
            all,
            make_folder: self.what.settings.make_folder,
            old_file_reads: !self.spoilt,
        }
    }

    fn tell(&self, from: From) {
        let path = self.path.display();
        match from {
            From::OpenFile => {
                tracing::warn!(%path, "the book was not in its place and was written anew; nothing is lost")
            }
            From::Memory => tracing::warn!(
                %path,
                "the book was not in its place and was written anew from memory; its audit and its log of dials until now \
                 are lost"
            ),
        }
    }

    /// Goes on with the book that was written anew.
    fn adopt(&mut self) -> Result<(), WriteError> {
        let path = self.files.path().to_path_buf();
        let opened = || {
            let conn = connect(&path, &self.what.settings).map_err(|error| OpenError::sqlite(&path, error))?;
            check_content(&conn, &path)?;
            check_meta(&conn, &path, &self.what.chain_id)?;
            prepare(&conn, &path)?;
            Ok(conn)
        };
        let conn = opened().map_err(|error| not_opened(&error))?;
        // A book in WAL mode has its log and index once it was read.
        let _: i64 = conn.query_row("SELECT count(*) FROM meta", [], |row| row.get(0))?;
        let files = self.files.successor().map_err(|error| WriteError::new(Failure::Io, &error.to_string()))?;
        // The old one is not folded into anything: the names beside it are the new one's.
        self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        self.conn = conn;
        self.files = files;
        (self.in_effect, self.placed, self.spoilt) = (0, None, false);
        Ok(())
    }
}

impl Sink for OpenBook {
    fn save(&mut self, changes: &Batch, all: bool) -> Result<(), WriteError> {
        if let Err(place) = self.look() {
            return self.restore_place(&place, changes, all);
        }
        self.keep_lock()?;
        if changes.is_empty() {
            return Ok(());
        }
        self.commit(changes)?;
        // It may have gone while it was written to.
        self.look().or_else(|place| self.restore_place(&place, changes, all))
    }

    fn last_resort(&mut self, changes: &Batch, all: bool, error: WriteError) -> Result<(), WriteError> {
        let Err(place) = self.look() else { return Err(error) };
        let error = match self.write_anew(&place, changes, all) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let stamp = u64::try_from(Clock.now().wall.as_millis() / 1_000).unwrap_or_default();
        let rescue = self.what.settings.rescue.as_deref();
        let folders: Vec<&Path> = rescue.into_iter().flat_map(Path::ancestors).take(3).collect();
        match self.rebuild(changes, all).set_aside(&place, stamp, &folders) {
            Ok(aside) => return Err(WriteError::SetAside { why: error.why().to_owned(), aside }),
            Err(error) => tracing::error!(%error, "what pexd had could not be put into another file either"),
        }
        Err(error)
    }

    fn close(mut self) {
        // Everything is committed, in the log or in the file: the next start reads both.
        if self.look().is_err() {
            return;
        }
        if let Err(error) = self.fold_log() {
            tracing::warn!(path = %self.path.display(), %error, "the log could not be folded into the book");
        }
    }
}
