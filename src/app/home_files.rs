//! The files of a home that a backup has, each with its name in the backup, whose folders are those of a home: a network's key
//! and book have their usual names there, wherever its configuration has them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::config::{self, ConfigErrors, Home, NetworkFiles, NetworkFolder, Sources};

/// The names of a backup's files that a configuration may have elsewhere.
pub(super) const KEY: &str = "node_key.json";
pub(super) const BOOK: &str = "book.db";
pub(super) const ACCESS: &str = "access.toml";

/// Bytes of the errors of one network's configuration that are told at most; as many as in the answer to a reload.
const MAX_ERRORS: usize = 1_600;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Copied as it is.
    Plain,
    /// A database of SQLite, which may be in use.
    Database,
    /// The book of this chain, which may be in use.
    Book(String),
}

/// A file and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HomeFile {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

/// What there is to copy of a home.
#[derive(Debug, Default)]
pub(super) struct HomeFiles {
    /// The files by their names in a backup.
    pub(super) files: BTreeMap<PathBuf, HomeFile>,
    /// What else there is to say.
    pub(super) notes: Vec<String>,
    /// What could not be looked at, and why: what is in it is missing.
    pub(super) unread: Vec<(PathBuf, io::Error)>,
}

/// The files of a home. One folder that cannot be read costs nothing but what is in it.
pub(super) fn of_home(sources: &Sources) -> HomeFiles {
    let home = &sources.home;
    let HomeFiles { mut files, mut notes, mut unread } = HomeFiles::default();
    // Those that have their places by now, and the books, to which more files belong.
    let (mut placed, mut books) = (Vec::new(), Vec::new());
    // When it cannot be read, that is found again below.
    for folder in home.networks().unwrap_or_default() {
        let found = network_files(sources, &folder, &folder.config_file(), &mut notes);
        let name = Path::new("networks").join(&folder.name);
        placed.push(found.key.clone());
        books.push(found.book.clone());
        if found.key.exists() {
            files.insert(name.join(KEY), HomeFile { path: found.key, kind: Kind::Plain });
        }
        if found.book.exists() {
            files.insert(name.join(BOOK), HomeFile { path: found.book, kind: Kind::Book(found.chain_id) });
        }
    }
    let access = access_file(home, sources);
    if access.exists() {
        files.insert(ACCESS.into(), HomeFile { path: access.clone(), kind: Kind::Plain });
    }
    placed.push(access);
    for path in regular_files(home.path(), &mut unread) {
        let Ok(name) = path.strip_prefix(home.path()) else { continue };
        let is_placed = placed.iter().any(|placed| path == *placed || same_place(&path, placed));
        if files.contains_key(name) || is_placed || books.iter().any(|book| belongs_to(&path, book)) {
            continue;
        }
        let kind = if is_database(&path) { Kind::Database } else { Kind::Plain };
        files.insert(name.to_owned(), HomeFile { path, kind });
    }
    notes.sort();
    notes.dedup();
    HomeFiles { files, notes, unread }
}

/// The files of a network; its usual ones, with a note, when its configuration cannot be read.
pub(super) fn network_files(
    sources: &Sources,
    folder: &NetworkFolder,
    config_file: &Path,
    notes: &mut Vec<String>,
) -> NetworkFiles {
    if !config_file.exists() {
        return NetworkFiles::usual(folder);
    }
    config::network_files(sources, folder, config_file).unwrap_or_else(|errors| {
        let taken = "its key and book are taken to be where they usually are";
        notes.push(format!("the configuration of {} has errors, and {taken}:{}", folder.name, first_of(&errors)));
        NetworkFiles::usual(folder)
    })
}

/// The first errors, a line each, and how many more there are: what a file can hold has no bound.
fn first_of(errors: &ConfigErrors) -> String {
    let mut text = String::new();
    for (told, error) in errors.notes().iter().enumerate() {
        let line = format!("\n{error}");
        if text.len() + line.len() > MAX_ERRORS {
            let more = errors.notes().len() - told;
            return format!("{text}\nand {more} more, which `pexd check-config` lists");
        }
        text += &line;
    }
    text
}

/// The file of tokens, as far as the process's configuration can be read.
pub(super) fn access_file(home: &Home, sources: &Sources) -> PathBuf {
    let process = config::load_process_alone(home, sources.variables.clone());
    process.map_or_else(|_| home.path().join(ACCESS), |process| process.admin.access_file)
}

/// Whether a file is a book or belongs to it: its log, its lock, an older copy, its log of answers.
fn belongs_to(path: &Path, book: &Path) -> bool {
    let (Some(folder), Some(name)) = (book.parent(), book.file_name().and_then(|name| name.to_str())) else {
        return false;
    };
    let same_folder = path.parent().is_some_and(|mine| mine == folder || same_place(mine, folder));
    let rest = path.file_name().and_then(|mine| mine.to_str()).and_then(|mine| mine.strip_prefix(name));
    same_folder && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
}

fn same_place(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// The regular files below a folder, but what passes by itself: logs and locks of databases, what was moved aside, and what is
/// being written or removed. What cannot be looked at is `unread`.
fn regular_files(folder: &Path, unread: &mut Vec<(PathBuf, io::Error)>) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        let entries = entries.unwrap_or_else(|error| {
            unread.push((folder.clone(), error));
            Vec::new()
        });
        for path in entries.iter().map(fs::DirEntry::path) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // A link to a folder is followed where a start would follow it: a network's. Another could lead in a circle.
            let meta = if is_network(&path) { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
            let meta = match meta {
                Ok(meta) => meta,
                Err(error) => {
                    // What is gone by now is missing nowhere.
                    if error.kind() != io::ErrorKind::NotFound {
                        unread.push((path, error));
                    }
                    continue;
                }
            };
            if meta.is_dir() {
                if !(name.starts_with('.') && name.ends_with(".removed") || name.ends_with(".new")) {
                    open.push(path);
                }
            } else if fs::metadata(&path).is_ok_and(|meta| meta.is_file()) && !passes(&name) {
                files.push(path);
            }
        }
    }
    files
}

fn is_network(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|parent| parent == "networks")
}

fn passes(name: &str) -> bool {
    let unfinished = name.starts_with('.') && name.ends_with(".new");
    unfinished
        || ["-wal", "-shm", "-journal", ".lock"].iter().any(|end| name.ends_with(end))
        || name.contains(".before-")
}

/// Whether a file begins as a database of SQLite does.
fn is_database(path: &Path) -> bool {
    let mut head = [0; 16];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *b"SQLite format 3\0"
}
