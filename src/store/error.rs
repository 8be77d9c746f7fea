//! What can go wrong with the file, each with what an operator does about it.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why a book cannot be opened. The file is left as it is, byte by byte.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refused an operation on a file.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// On which file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Another pexd has it open.
    #[error(
        "{} is in use by another pexd{}: stop that one first, or give this one another home",
        path.display(),
        .pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
    )]
    Locked {
        /// The book.
        path: PathBuf,
        /// The other process, when the lock file names it.
        pid: Option<u32>,
    },
    /// Another program, such as a shell of SQLite's, holds it.
    #[error("{} is held by another program for writing: end its transaction, then start again", path.display())]
    Busy {
        /// The book.
        path: PathBuf,
    },
    /// It was not written by pexd.
    #[error(
        "{} is not an address book of pexd, or its first bytes are damaged; it was left as it is: move it elsewhere to \
         start with an empty book, or put a copy in its place with `pexd restore`",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer pexd wrote it.
    #[error(
        "{} was written by a newer pexd ({what} {found}, this one knows {known}); it was left as it is: run that version, \
         or move the file elsewhere together with its -wal to start with an empty book",
        path.display()
    )]
    Newer {
        /// The book.
        path: PathBuf,
        /// Which number is too high.
        what: &'static str,
        /// The number in the file.
        found: i64,
        /// The highest that this version knows.
        known: i64,
    },
    /// It is the book of another chain.
    #[error(
        "{} is the book of chain {found:?}, not of {expected:?}; it was left as it is: correct the chain ID, or put the \
         file back where it belongs",
        path.display()
    )]
    OtherChain {
        /// The book.
        path: PathBuf,
        /// The chain in the file.
        found: String,
        /// The chain that was asked for.
        expected: String,
    },
    /// SQLite, or a look at its own data, finds it broken.
    #[error(
        "{} is damaged ({detail}); it was left as it is: put a copy in its place with `pexd restore` (by hand, take its -wal \
         and -shm away first), or rescue what is readable with `sqlite3 book.db .recover`, or move it elsewhere together with \
         its -wal to start with an empty book",
        path.display()
    )]
    Damaged {
        /// The book.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A restore ended in its middle.
    #[error(
        "{0}: a restore was interrupted, and half of the old book may have been moved away; give `pexd restore` the same copy \
         again (or {0}.restoring, moved elsewhere)",
        path.display()
    )]
    Restoring {
        /// The book.
        path: PathBuf,
    },
    /// The changes of a book whose main file is gone. SQLite would apply them to whatever file comes in its place.
    #[error(
        "{} holds the last changes of a book.db that is gone or empty; it was left as it is: put that book.db back, or \
         move this file elsewhere to start with an empty book",
        path.display()
    )]
    Orphan {
        /// The file that was left behind.
        path: PathBuf,
    },
    /// It can be read and not written.
    #[error("{} cannot be written: let the user that runs pexd write the file and its folder", path.display())]
    ReadOnly {
        /// The book.
        path: PathBuf,
    },
    /// SQLite failed in another way.
    #[error("{}: {source} (the disk may be full or failing)", path.display())]
    Sqlite {
        /// The book.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
}

/// Why changes are not on disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The transaction failed as a whole. The changes are kept in memory, and are part of every later attempt.
    #[error("not saved: {why}")]
    NotSaved {
        /// In a word.
        failure: Failure,
        /// In words, with the fix.
        why: String,
    },
    /// The last attempt failed because the book is not in its place; the changes are in another file, with all else that was in
    /// the book.
    #[error("saved in {}, which `pexd restore` takes, and not in the book: {why}", aside.display())]
    SetAside {
        /// Why they are not in the book, in words, with the fix.
        why: String,
        /// The other file, a whole book.
        aside: PathBuf,
    },
    /// The store was closed, or its thread is gone.
    #[error("not saved: the store is closed")]
    Closed,
}

/// Kinds of failed writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No room: the disk is full, or the book has its greatest size.
    Full,
    /// The disk or the file system failed.
    Io,
    /// Another program held the file for longer than we wait.
    Busy,
    /// The file or its folder may not be written.
    ReadOnly,
    /// The file is damaged.
    Damaged,
    /// The book's files are no longer in its folder, or others are in their place.
    Displaced,
    /// So, and the open file does not read either: only [`Store::write_all`](super::Store::write_all) helps.
    Lost,
    /// A fault in pexd itself; the log has it.
    Internal,
}

impl Failure {
    fn fix(self) -> &'static str {
        match self {
            Failure::Full => "make room on the disk",
            Failure::Io => "check the disk",
            Failure::Busy => "end the other program's transaction on the book",
            Failure::ReadOnly => "let pexd write the book and its folder",
            Failure::Damaged => "stop pexd and put a copy of the book in its place with `pexd restore`",
            Failure::Displaced => "put it back, or move away what is in its place",
            Failure::Lost => "it is written anew from memory",
            Failure::Internal => "see the log",
        }
    }
}

impl WriteError {
    pub(super) fn new(failure: Failure, what: &str) -> Self {
        WriteError::NotSaved { failure, why: format!("{what} ({})", failure.fix()) }
    }

    /// Why, in words, with the fix.
    pub(super) fn why(&self) -> &str {
        match self {
            WriteError::NotSaved { why, .. } | WriteError::SetAside { why, .. } => why,
            WriteError::Closed => "the store is closed",
        }
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        WriteError::new(failure_of(&error), &error.to_string())
    }
}

fn failure_of(error: &rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Failure::Full,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::FileLockingProtocolFailed) => Failure::Io,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Failure::Busy,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Failure::ReadOnly,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Failure::Damaged,
        _ => Failure::Internal,
    }
}

impl OpenError {
    pub(super) fn io(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(io::Error) -> OpenError {
        let path = path.into();
        move |source| OpenError::Io { path, action, source }
    }

    /// What an error of SQLite's means for the book at `path`.
    pub(super) fn sqlite(path: impl Into<PathBuf>, source: rusqlite::Error) -> Self {
        let path = path.into();
        match failure_of(&source) {
            Failure::Busy => OpenError::Busy { path },
            Failure::ReadOnly => OpenError::ReadOnly { path },
            Failure::Damaged => OpenError::Damaged { path, detail: source.to_string() },
            // A statement that does not fit the tables: the schema is not the one that the version promises.
            Failure::Internal if !is_internal(&source) => OpenError::Damaged { path, detail: source.to_string() },
            Failure::Full | Failure::Io | Failure::Displaced | Failure::Lost | Failure::Internal => {
                OpenError::Sqlite { path, source }
            }
        }
    }
}

/// Whether the cause lies in this process and not in the file.
fn is_internal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::OutOfMemory
                | ErrorCode::InternalMalfunction
                | ErrorCode::ApiMisuse
                | ErrorCode::NoLargeFileSupport
        )
    )
}
