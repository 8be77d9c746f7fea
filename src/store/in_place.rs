//! Whether the files of an open book are still the ones in its folder. What is written to a file that was removed, or that
//! another one was put over, is on no disk that a next start looks at.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::check::{connect_immutable, is_book};
use super::identity::Identity;
use super::lock::beside;

/// The files of an open book.
#[derive(Debug)]
pub(super) struct OpenFiles {
    /// The name that it was opened by, which a next start looks at.
    asked: PathBuf,
    /// Where the book is, links resolved: SQLite keeps its log and index there.
    path: PathBuf,
    /// To look at the book without a name. Closing it would release the locks that SQLite has on the file, so it is dropped
    /// after the connection.
    file: File,
    book: Identity,
    /// The log and its index.
    beside: [(&'static str, Identity); 2],
    folder: Identity,
    /// The index, to learn of checkpoints.
    index: File,
    /// What was in the book at the last look.
    content: Content,
}

/// What of a book changes by a checkpoint and by nothing else, in write-ahead mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    length: u64,
    head: [u8; HEAD],
    checkpoint: Checkpoint,
}

/// How far the log was folded into the book: the parts of SQLite's index that each checkpoint changes before and after it
/// writes (its `walindex.html`: salts of the log's header, nBackfill, nBackfillAttempted).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Checkpoint {
    salts: [u8; 8],
    folded: [u8; 4],
    attempted: [u8; 4],
}

/// Bytes of a book's own header.
const HEAD: usize = 100;
/// Where the index has what [`Checkpoint`] is made of.
const SALTS_AT: u64 = 32;
const FOLDED_AT: u64 = 96;
const ATTEMPTED_AT: u64 = 128;

/// Where the files of a book are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where they were.
    Ours,
    /// The book is the same file, and nothing is in it any more.
    Emptied,
    /// The book is the same file, and something else was written into it: it is somebody's, whatever it is.
    Overwritten(PathBuf),
    /// The name that it was opened by leads elsewhere now, or nowhere.
    Unlinked(PathBuf),
    /// A file is gone from the folder: this one. Nothing else is in its place.
    Missing(PathBuf),
    /// The folder itself is gone; whether the one that it was in is there, on the same device.
    NoFolder {
        /// The folder that is gone.
        folder: PathBuf,
        /// Whether it can be made anew without anything being hidden by it.
        on_same_device: bool,
    },
    /// Another device is where the folder was: a volume was unmounted, or another was mounted over it.
    OtherDevice(PathBuf),
    /// Something else has a name of ours; what it is, in words.
    Taken(String),
    /// The system does not say.
    Unknown(String),
}

impl OpenFiles {
    /// The files of a book that was just opened, by this name, and read.
    pub(super) fn of(asked: &Path) -> io::Result<Self> {
        OpenFiles::at(asked, fs::canonicalize(asked)?)
    }

    /// The files of a book that is open in the place of this one, wherever the name leads now.
    pub(super) fn successor(&self) -> io::Result<Self> {
        OpenFiles::at(&self.asked, self.path.clone())
    }

    fn at(asked: &Path, path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let missing = |path: &Path| io::Error::new(io::ErrorKind::NotFound, format!("{} is gone", path.display()));
        let identity = |path: &Path| Identity::at(path)?.ok_or_else(|| missing(path));
        let log = |suffix| identity(&beside(&path, suffix)).map(|identity| (suffix, identity));
        let index = File::open(beside(&path, "-shm"))?;
        Ok(OpenFiles {
            asked: asked.to_path_buf(),
            content: Content::read(&file, &index)?,
            index,
            book: Identity::of_file(&file)?,
            beside: [log("-wal")?, log("-shm")?],
            folder: identity(folder_of(&path))?,
            file,
            path,
        })
    }

    /// Where the book is, links resolved.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the folder and at the head of the file. Some microseconds: six look-ups and reads of some 200 bytes.
    pub(super) fn look(&mut self, chain_id: &str) -> Place {
        self.judge(chain_id).unwrap_or_else(|error| Place::Unknown(format!("{}: {error}", self.path.display())))
    }

    /// Whether the file of this suffix, `""` for the book, is the one that was opened.
    pub(super) fn is_ours(&self, suffix: &str) -> io::Result<bool> {
        let ours = match self.beside.iter().find(|(name, _)| *name == suffix) {
            Some((_, identity)) => *identity,
            None => self.book,
        };
        Ok(Identity::at(&beside(&self.path, suffix))? == Some(ours))
    }

    fn judge(&mut self, chain_id: &str) -> io::Result<Place> {
        let folder = folder_of(&self.path);
        match Identity::at(folder)? {
            None => {
                let parent = Identity::at(folder_of(folder))?;
                let on_same_device = parent.is_some_and(|parent| parent.is_on_device_of(self.folder));
                return Ok(Place::NoFolder { folder: folder.to_owned(), on_same_device });
            }
            Some(now) if !now.is_on_device_of(self.folder) => return Ok(Place::OtherDevice(folder.to_owned())),
            Some(_) => {}
        }
        let mut missing = None;
        match Identity::at(&self.path)? {
            Some(now) if now == self.book && self.file.metadata()?.nlink() > 0 => {
                if let Some(place) = self.judge_content()? {
                    return Ok(place);
                }
                if self.asked != self.path && Identity::at(&self.asked)? != Some(self.book) {
                    return Ok(Place::Unlinked(self.asked.clone()));
                }
            }
            Some(_) => return Ok(Place::Taken(what_is(&self.path, chain_id))),
            None => missing = Some(self.path.clone()),
        }
        for (suffix, ours) in &self.beside {
            let path = beside(&self.path, suffix);
            match Identity::at(&path)? {
                Some(now) if now == *ours => {}
                None => missing = missing.or(Some(path)),
                // Not applied to a new book, and not removed either: it may be all that is left of somebody's changes.
                Some(_) => return Ok(Place::Taken(format!("{} is of another book or program", path.display()))),
            }
        }
        Ok(missing.map_or(Place::Ours, Place::Missing))
    }

    /// Whether what is in the file is what was written by SQLite: pexd, and whoever else reads the book.
    fn judge_content(&mut self) -> io::Result<Option<Place>> {
        if self.file.metadata()?.len() == 0 {
            return Ok(Some(Place::Emptied));
        }
        let overwritten = || Some(Place::Overwritten(self.path.clone()));
        let Ok(now) = Content::read(&self.file, &self.index) else { return Ok(overwritten()) };
        if !is_book(&now.head) {
            return Ok(overwritten());
        }
        let (before, settled) = (self.content, now.checkpoint.is_over());
        if settled && now.checkpoint == before.checkpoint && now != before {
            return Ok(overwritten());
        }
        if settled {
            self.content = now;
        }
        Ok(None)
    }
}

impl Content {
    /// Of one moment: another process may fold the log meanwhile.
    fn read(file: &File, index: &File) -> io::Result<Self> {
        let mut checkpoint = Checkpoint::read(index)?;
        loop {
            let mut head = [0; HEAD];
            file.read_exact_at(&mut head, 0)?;
            let length = file.metadata()?.len();
            let after = Checkpoint::read(index)?;
            if after == checkpoint {
                return Ok(Content { length, head, checkpoint });
            }
            checkpoint = after;
        }
    }
}

impl Checkpoint {
    fn read(index: &File) -> io::Result<Self> {
        let (mut salts, mut folded, mut attempted) = ([0; 8], [0; 4], [0; 4]);
        index.read_exact_at(&mut salts, SALTS_AT)?;
        index.read_exact_at(&mut folded, FOLDED_AT)?;
        index.read_exact_at(&mut attempted, ATTEMPTED_AT)?;
        Ok(Checkpoint { salts, folded, attempted })
    }

    /// Whether none is under way, as far as the index says.
    fn is_over(self) -> bool {
        self.folded == self.attempted
    }
}

/// The folder that something is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What was put in the place of a book, looked at without changing a byte or leaving a file beside it.
fn what_is(path: &Path, chain_id: &str) -> String {
    let name = path.display();
    let head = || -> io::Result<[u8; 100]> {
        let mut head = [0; 100];
        File::open(path)?.read_exact_at(&mut head, 0)?;
        Ok(head)
    };
    match head() {
        Ok(head) if is_book(&head) => {}
        _ => return format!("{name} is another file now, and no address book"),
    }
    match chain_of(path) {
        Ok(chain) if chain == chain_id => {
            format!("{name} is another book of this chain now, as if a copy had been put back while pexd runs")
        }
        Ok(chain) => format!("{name} is the book of {chain:?} now"),
        Err(error) => format!("{name} is another book now, which does not read: {error}"),
    }
}

/// The chain of a book that nobody writes to.
fn chain_of(path: &Path) -> rusqlite::Result<String> {
    connect_immutable(path)?.query_row("SELECT value FROM meta WHERE name = 'chain_id'", [], |row| row.get(0))
}
