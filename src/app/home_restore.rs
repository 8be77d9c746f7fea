//! A home from its backup: looked at whole before anything is changed, and nothing that is there is lost.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::home_backup::HomeCopy;
use super::home_files::{self, ACCESS, BOOK, HomeFile, KEY, Kind};
use crate::config::{self, Home, NetworkFolder, Sources};
use crate::file_owner::FileOwner;
use crate::store;

/// Files that an error names at most.
const MAX_NAMED: usize = 10;

/// A file of the backup and where it belongs.
struct Restored {
    file: HomeFile,
    to: PathBuf,
    /// Its folder in the backup, whose mode a new folder gets.
    folder: PathBuf,
}

/// Puts a backup of a home in place. Files of the home that differ are replaced only with `overwrite`, and moved aside under a
/// name with `stamp`, and so is the mark of a network's removal that the backup does not know of; other files that the backup has not
/// stay. What root restores belongs to the home's owner, or to that of the folder that a new home is made in.
///
/// # Errors
/// When pexd runs in the home, the backup is damaged, or files are in the way; nothing was changed then. An error from the system
/// later names the file; the restore can be repeated.
pub fn restore_home(sources: &Sources, from: &Path, overwrite: bool, stamp: u64) -> anyhow::Result<HomeCopy> {
    let (restored, notes) = plan(sources, from)?;
    refuse_running(sources, &restored)?;
    for Restored { file, .. } in &restored {
        if let Kind::Book(chain_id) = &file.kind {
            store::check_copy(&file.path, chain_id)?;
        }
    }
    let marks = marks_in_the_way(sources, from)?;
    let files = restored.iter().filter(|restored| is_in_the_way(restored)).map(|restored| restored.to.as_path());
    let in_the_way: Vec<&Path> = files.chain(marks.iter().map(|(_, mark)| mark.as_path())).collect();
    if !overwrite && !in_the_way.is_empty() {
        let names: Vec<_> = in_the_way.iter().take(MAX_NAMED).map(|file| format!("\n{}", file.display())).collect();
        let more = in_the_way.len().checked_sub(MAX_NAMED).filter(|more| *more > 0);
        let more = more.map_or(String::new(), |more| format!("\nand {more} more"));
        anyhow::bail!(
            "these files are there and differ from the backup's, and nothing was changed; with --overwrite they are moved \
             aside:{}{more}",
            names.concat()
        );
    }
    let owner = FileOwner::of(sources.home.path()).with_context(|| sources.home.path().display().to_string())?;
    let mut copy = HomeCopy { notes, ..HomeCopy::default() };
    for restored in restored {
        put(&restored, &owner, stamp).with_context(|| restored.to.display().to_string())?;
        copy.files += 1;
        copy.books += usize::from(matches!(restored.file.kind, Kind::Book(_)));
    }
    // Last, so that no half of a network is served.
    for (name, mark) in marks {
        let aside = move_aside(&mark, stamp).with_context(|| mark.display().to_string())?;
        let folder = mark.parent().unwrap_or(Path::new("/"));
        File::open(folder)?.sync_all().with_context(|| folder.display().to_string())?;
        copy.brought_back.push((name, aside));
    }
    Ok(copy)
}

/// The marks of removal in the home of networks that the backup has without one: a start would not serve what was put back.
fn marks_in_the_way(sources: &Sources, from: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let folders = Home::new(from).networks().with_context(|| from.display().to_string())?;
    let whole = folders.into_iter().filter(|folder| folder.config_file().exists() && !folder.is_removed());
    let here = whole.map(|folder| sources.home.network(&folder.name)).filter(NetworkFolder::is_removed);
    Ok(here.map(|folder| (folder.name.clone(), folder.removal_mark())).collect())
}

/// Where each file of the backup belongs.
fn plan(sources: &Sources, from: &Path) -> anyhow::Result<(Vec<Restored>, Vec<String>)> {
    anyhow::ensure!(from.is_dir(), "{} is no folder: name one that `pexd backup --all` has made", from.display());
    // Its files have their usual names, whatever the configuration in it says.
    let backup = Home::new(from);
    let (mut restored, mut notes) = (Vec::new(), Vec::new());
    for (name, path) in files(from, Path::new(""))? {
        let (to, kind) = match network_of(&name) {
            Some((network, file)) => {
                let folder = sources.home.network(network);
                let config_file = backup.network(network).config_file();
                let found = home_files::network_files(sources, &folder, &config_file, &mut notes);
                match file {
                    KEY => (found.key, Kind::Plain),
                    BOOK => (found.book, Kind::Book(found.chain_id)),
                    _ => (sources.home.path().join(&name), Kind::Plain),
                }
            }
            None if name == Path::new(ACCESS) => (access_file(sources, &backup), Kind::Plain),
            None => (sources.home.path().join(&name), Kind::Plain),
        };
        let folder = path.parent().unwrap_or(from).to_owned();
        restored.push(Restored { file: HomeFile { path, kind }, to, folder });
    }
    anyhow::ensure!(
        restored.iter().any(|restored| restored.file.path.ends_with("config.toml")),
        "{} has no networks/CHAIN_ID/config.toml: name a folder that `pexd backup --all` has made",
        from.display()
    );
    notes.sort();
    notes.dedup();
    Ok((restored, notes))
}

/// The network's folder and the file, of a name like `networks/NAME/FILE`.
fn network_of(name: &Path) -> Option<(&str, &str)> {
    let parts: Vec<&str> = name.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
    match parts.as_slice() {
        ["networks", network, file] => Some((network, file)),
        _ => None,
    }
}

/// Where the backup's configuration of the process has the tokens: relative to the home, or somewhere else altogether.
fn access_file(sources: &Sources, backup: &Home) -> PathBuf {
    let path = home_files::access_file(backup, sources);
    path.strip_prefix(backup.path()).map_or(path.clone(), |rest| sources.home.path().join(rest))
}

/// The regular files below a folder by their names; configuration first, since nothing can be started without it.
fn files(root: &Path, below: &Path) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let folder = root.join(below);
    let mut entries: Vec<_> = fs::read_dir(&folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>())
        .with_context(|| folder.display().to_string())?;
    entries.sort();
    let mut found = Vec::new();
    for path in entries {
        let Some(name) = path.file_name().map(|name| below.join(name)) else { continue };
        // Nothing in a backup is a link.
        let meta = fs::symlink_metadata(&path).with_context(|| path.display().to_string())?;
        if meta.is_dir() {
            found.extend(files(root, &name)?);
        } else if meta.is_file() {
            found.push((name, path));
        }
    }
    Ok(found)
}

fn refuse_running(sources: &Sources, restored: &[Restored]) -> anyhow::Result<()> {
    let home = &sources.home;
    let here = home.networks().with_context(|| home.networks_path().display().to_string())?;
    let book = |folder: &NetworkFolder| {
        home_files::network_files(sources, folder, &folder.config_file(), &mut Vec::new()).book
    };
    let books = here.iter().map(book);
    let coming = restored.iter().filter(|restored| matches!(restored.file.kind, Kind::Book(_)));
    for book in books.chain(coming.map(|restored| restored.to.clone())) {
        store::check_unused(&book)?;
    }
    // One whose networks are all failed has no book open.
    let socket =
        config::load_process_alone(home, sources.variables.clone()).ok().and_then(|process| process.admin.socket);
    if let Some(socket) = socket.filter(|socket| UnixStream::connect(socket).is_ok()) {
        anyhow::bail!("a pexd serves {}: stop it first", socket.display());
    }
    Ok(())
}

fn is_in_the_way(restored: &Restored) -> bool {
    match restored.file.kind {
        Kind::Plain | Kind::Database => restored.to.exists() && !is_equal(&restored.file.path, &restored.to),
        Kind::Book(_) => restored.to.exists(),
    }
}

fn is_equal(a: &Path, b: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).map(|meta| meta.len()).ok();
    length(a) == length(b) && fs::read(a).is_ok_and(|a| fs::read(b).is_ok_and(|b| a == b))
}

fn put(restored: &Restored, owner: &FileOwner, stamp: u64) -> anyhow::Result<()> {
    let Restored { file, to, folder } = restored;
    make_folders(to.parent().unwrap_or(Path::new("/")), folder, owner)?;
    if let Kind::Book(chain_id) = &file.kind {
        // It moves the old one aside by itself, with its log.
        store::restore(&file.path, to, chain_id, stamp)?;
        return Ok(());
    }
    if to.exists() && is_equal(&file.path, to) {
        return Ok(());
    }
    let parent = to.parent().unwrap_or(Path::new("/"));
    // The home's owner can put links there: the file is a new one that nobody can name beforehand, and is given away while open.
    let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut fresh = tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".new").tempfile_in(parent)?;
    let mut copy = File::open(&file.path)?;
    io::copy(&mut copy, &mut fresh)?;
    owner.give_open(fresh.as_file())?;
    let mode = copy.metadata()?.permissions().mode() & 0o777;
    fresh.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    fresh.as_file().sync_all()?;
    if to.exists() {
        move_aside(to, stamp)?;
    }
    fresh.persist(to)?;
    File::open(parent)?.sync_all()?;
    Ok(())
}

/// Makes a folder and those above it, with the mode of its like in the backup.
fn make_folders(folder: &Path, like: &Path, owner: &FileOwner) -> anyhow::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folders(parent, like.parent().unwrap_or(like), owner)?;
    }
    let mode = fs::metadata(like)?.permissions().mode() & 0o777;
    fs::DirBuilder::new().mode(mode).create(folder).with_context(|| folder.display().to_string())?;
    owner.give(folder).with_context(|| folder.display().to_string())
}

/// A key that is replaced is not lost, and a database takes its log along. Where it is then.
fn move_aside(path: &Path, stamp: u64) -> io::Result<PathBuf> {
    let name = |stamp: u64| with_end(path, &format!(".before-{stamp}"));
    let aside = (stamp..).map(name).find(|aside| !aside.exists()).unwrap_or_else(|| name(stamp));
    for end in ["-wal", "-shm", "-journal"] {
        match fs::rename(with_end(path, end), with_end(&aside, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}
