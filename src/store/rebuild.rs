//! Writes a book anew whose files are no longer in its folder.
//!
//! The first source is the file itself: for as long as it is open everything is in it, the audit and the dial log too, that
//! were read by nobody since the start. When it cannot be read (its volume is gone, it was emptied) the network hands in all
//! that it has in memory, and only those two logs are lost. What others put in the place is never written over.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempPath;

use super::check::check_content;
use super::create::{create_private, fill, sync_folder};
use super::identity::Identity;
use super::in_place::{OpenFiles, Place, folder_of};
use super::lock::{FILES, beside};
use super::writer::Batch;
use super::{Failure, OpenError, WriteError, save};
use crate::file_owner::FileOwner;

/// What a book is made of, and what it is to be.
pub(super) struct Rebuild<'a> {
    /// The connection to the old file.
    pub(super) conn: &'a Connection,
    pub(super) files: &'a OpenFiles,
    pub(super) chain_id: &'a str,
    pub(super) hash_key: [u8; 32],
    /// Rows that changed since the old file.
    pub(super) changes: &'a Batch,
    /// Whether these are all rows that there are.
    pub(super) all: bool,
    /// Whether the folder may be made anew.
    pub(super) make_folder: bool,
    /// Whether the open file is what pexd and SQLite wrote.
    pub(super) old_file_reads: bool,
}

/// Where a new book came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// The old file, which is still open.
    OpenFile,
    /// The rows that were handed in.
    Memory,
}

impl Rebuild<'_> {
    /// Writes the new book under another name, takes what is left of the old one away, and puts the new one in its place: a
    /// crash at any moment leaves the new book or none.
    ///
    /// # Errors
    /// Why there is none. [`Failure::Lost`] asks for all rows.
    pub(super) fn run(&self, place: &Place) -> Result<(Identity, From), WriteError> {
        self.allowed(place)?;
        let path = self.files.path();
        let fresh = beside(path, ".new");
        let from = self.write_whole(&fresh)?;
        let placed = self.put_in_place(&fresh, place).map_err(|error| {
            // Nobody looks for it under this name.
            let _ = fs::remove_file(&fresh);
            unwritten(path, &error)
        })?;
        Ok((placed, from))
    }

    /// Writes all there is to a file of another name, for whoever wants to see to it: beside the book, or in the first of
    /// `folders` that is there when the book's own folder is not, or would be hidden again; where.
    pub(super) fn set_aside(&self, place: &Place, stamp: u64, folders: &[&Path]) -> Result<PathBuf, WriteError> {
        let own = folder_of(self.files.path());
        let folder = match place {
            Place::NoFolder { .. } | Place::OtherDevice(_) => folders.iter().copied().find(|folder| folder.is_dir()),
            _ => None,
        };
        let folder = folder.unwrap_or(own);
        let name = match folder == own {
            true => self.files.path().file_name().unwrap_or_default().to_string_lossy().into_owned(),
            false => format!("{}-book.db", self.chain_id),
        };
        let fresh = folder.join(format!("{name}.new"));
        self.write_whole(&fresh)?;
        for aside in (stamp..stamp + 100).map(|stamp| folder.join(format!("{name}.unsaved-{stamp}"))) {
            match persist_new(&fresh, &aside) {
                Ok(()) => return sync_folder(&aside).map(|()| aside).map_err(|error| unwritten(&fresh, &error)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unwritten(&fresh, &error)),
            }
        }
        Err(unwritten(&fresh, &io::ErrorKind::AlreadyExists.into()))
    }

    /// Whether a file may be made there.
    fn allowed(&self, place: &Place) -> Result<(), WriteError> {
        match place {
            Place::Ours | Place::Emptied | Place::Missing(_) => Ok(()),
            Place::NoFolder { folder, on_same_device: true } if self.make_folder => {
                fs::create_dir(folder).map_err(|error| unwritten(folder, &error))?;
                FileOwner::of(folder_of(folder))
                    .and_then(|owner| owner.give(folder))
                    .map_err(|error| unwritten(folder, &error))
            }
            _ => Err(displaced(place, self.make_folder)),
        }
    }

    /// A whole book of this name, with all changes, closed and synced; nothing when that fails.
    fn write_whole(&self, fresh: &Path) -> Result<From, WriteError> {
        let written = self.write_to(fresh);
        if written.is_err() {
            for suffix in FILES {
                let _ = fs::remove_file(beside(fresh, suffix));
            }
        }
        written
    }

    fn write_to(&self, fresh: &Path) -> Result<From, WriteError> {
        let from = match self.copy_old(fresh) {
            Ok(()) => From::OpenFile,
            Err(error @ WriteError::NotSaved { failure: Failure::Full, .. }) => return Err(error),
            Err(_) if self.all => {
                empty(fresh)?;
                fill(fresh, self.chain_id, self.hash_key).map_err(|error| match error {
                    rusqlite_migration::Error::RusqliteError { err, .. } => WriteError::from(err),
                    other => WriteError::new(Failure::Internal, &other.to_string()),
                })?;
                From::Memory
            }
            Err(error) => {
                return Err(WriteError::new(Failure::Lost, &format!("{}: {error}", self.files.path().display())));
            }
        };
        let mut conn = Connection::open(fresh)?;
        // A copy of a book in WAL mode is in none: the changes are in the file itself when it is closed.
        conn.pragma_update(None, "synchronous", "FULL")?;
        let _: String = conn.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
        save::save(&mut conn, self.changes)?;
        conn.close().map_err(|(_, error)| error)?;
        let synced = File::open(fresh).and_then(|file| file.sync_all());
        synced.map_err(|error| unwritten(fresh, &error))?;
        FileOwner::of(folder_of(fresh))
            .and_then(|owner| owner.give(fresh))
            .map_err(|error| unwritten(fresh, &error))?;
        Ok(from)
    }

    fn copy_old(&self, fresh: &Path) -> Result<(), WriteError> {
        empty(fresh)?;
        if !self.old_file_reads {
            return Err(WriteError::new(Failure::Damaged, "the file was emptied or written over"));
        }
        let target = fresh.to_str().ok_or_else(|| WriteError::new(Failure::Internal, "the name is no text"))?;
        self.conn.execute("VACUUM INTO ?1", [target])?;
        let copy = Connection::open(fresh)?;
        check_content(&copy, fresh).map_err(|error| WriteError::new(Failure::Damaged, &error.to_string()))
    }

    fn put_in_place(&self, fresh: &Path, place: &Place) -> io::Result<Identity> {
        let path = self.files.path();
        let over_ours = match place {
            Place::NoFolder { .. } => false,
            _ => self.files.is_ours("")?,
        };
        if over_ours && self.old_file_reads {
            // Its log, which is about to be taken away, is in nobody's file until then.
            // One that others took away is lost with a crash already: to go on is what mends that.
            let folded = self.fold_log();
            if self.files.is_ours("-wal")? {
                folded?;
            }
        }
        // Left beside the new book, the old log would be applied to it. What is not ours stays, and nothing is done.
        for suffix in ["-wal", "-shm", "-journal"] {
            let left = beside(path, suffix);
            match Identity::at(&left)? {
                None => {}
                Some(_) if suffix != "-journal" && self.files.is_ours(suffix)? => fs::remove_file(&left)?,
                Some(_) => return Err(taken(&left)),
            }
        }
        let identity = Identity::at(fresh)?.ok_or(io::ErrorKind::NotFound)?;
        if over_ours {
            fs::rename(fresh, path)?
        } else {
            persist_new(fresh, path)?
        }
        sync_folder(path)?;
        Ok(identity)
    }

    /// Folds all of the log into the open file.
    fn fold_log(&self) -> io::Result<()> {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let folded = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], read);
        // A reader that only keeps the log from being emptied does no harm: all of it is in the file as well.
        let (busy, in_log, in_file): (bool, i64, i64) = folded.map_err(io::Error::other)?;
        if busy && (in_log != in_file || in_log < 0) {
            let held = "a reader keeps its log from being folded into it, which is tried again";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, held));
        }
        Ok(())
    }
}

/// An empty file of our own, in place of what an earlier attempt left.
fn empty(fresh: &Path) -> Result<(), WriteError> {
    for suffix in FILES {
        match fs::remove_file(beside(fresh, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritten(fresh, &error)),
            _ => {}
        }
    }
    create_private(fresh).map(drop).map_err(|error| unwritten(fresh, &error))
}

/// Renames a file, and never over another one, whoever makes one at the same moment.
fn persist_new(from: &Path, to: &Path) -> io::Result<()> {
    let temporary = TempPath::try_from_path(from)?;
    temporary.persist_noclobber(to).map_err(|failed| {
        // It is kept: its maker decides.
        let _ = failed.path.keep();
        failed.error
    })
}

fn taken(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is of another book or program", path.display()))
}

fn unwritten(path: &Path, error: &io::Error) -> WriteError {
    let failure = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::Full,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Failure::ReadOnly,
        io::ErrorKind::AlreadyExists => Failure::Displaced,
        io::ErrorKind::ResourceBusy => Failure::Busy,
        _ => Failure::Io,
    };
    WriteError::new(
        failure,
        &format!("the book is not in its place and cannot be written anew: {}: {error}", path.display()),
    )
}

/// What an operator is told of a book that is not in its place, with the fix.
pub(super) fn displaced(place: &Place, make_folder: bool) -> WriteError {
    let anew = "it is written anew from what pexd has";
    let text = match place {
        Place::Ours => return WriteError::new(Failure::Internal, "the book is in its place"),
        Place::Emptied => format!("what was in the book's file is gone; {anew} within seconds"),
        Place::Overwritten(path) => format!(
            "{} was written over while pexd runs, as by `cp`: pexd writes nothing there, and all that changes is in memory alone; \
             move that file elsewhere, and {anew}; or, if it is what you want, restart pexd, which then serves it, without what \
             changed since",
            path.display()
        ),
        Place::Unlinked(path) => format!(
            "{} does not lead to the book any more that pexd has open: let it lead there again, or restart pexd to serve what \
             it leads to",
            path.display()
        ),
        Place::Missing(path) => format!("{} was removed while pexd runs; {anew} within seconds", path.display()),
        Place::NoFolder { folder, on_same_device: true } if make_folder => {
            format!("the folder {} was removed while pexd runs; {anew} within seconds", folder.display())
        }
        Place::NoFolder { folder, .. } => format!(
            "the folder {} is gone while pexd runs, or its volume is: bring it back, and the book, if it is not in it, is written \
             anew into it; all that changes until then is in memory alone",
            folder.display()
        ),
        Place::OtherDevice(folder) => format!(
            "{} is on another device than the book was opened on, as if its volume were unmounted: mount it again; or, if \
             the book is to be here from now on, stop pexd, put a copy of it here (`pexd restore`), and start pexd",
            folder.display()
        ),
        Place::Taken(what) => format!(
            "{what}: pexd writes nothing there, and all that changes is in memory alone; move that file elsewhere, and {anew}; \
             or, if it is what you want, restart pexd, which then serves it"
        ),
        Place::Unknown(what) => format!("the book's file cannot be looked at: {what}"),
    };
    WriteError::NotSaved { failure: Failure::Displaced, why: text }
}

/// What is wrong with a book that was opened.
pub(super) fn not_opened(error: &OpenError) -> WriteError {
    WriteError::NotSaved { failure: Failure::Displaced, why: error.to_string() }
}
