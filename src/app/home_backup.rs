//! A whole home in a folder: its configuration, keys and tokens as they are, and a consistent copy of each book.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::home_files::{self, HomeFile, HomeFiles, Kind};
use crate::config::Sources;
use crate::store;
use crate::types::error_text;

/// What a backup or a restore did.
#[derive(Clone, Debug, Default)]
pub struct HomeCopy {
    /// Files that were written.
    pub files: usize,
    /// Books among them.
    pub books: usize,
    /// Networks that were removed and were not at the time of the backup, each with where the mark of its removal is now.
    pub brought_back: Vec<(String, PathBuf)>,
    /// What could not be copied, and what else there is to say; one line or several each.
    pub notes: Vec<String>,
    /// Files that could not be copied, and folders that could not be read.
    pub failed: usize,
}

impl HomeCopy {
    /// Names what could not be copied.
    fn lacks(&mut self, path: &Path, error: &(dyn Error + 'static)) {
        self.failed += 1;
        self.notes.push(format!("{} is not in the backup: {}", path.display(), error_text(error)));
    }
}

/// Writes a backup of a home to a new folder that only its owner may enter. pexd may run. What cannot be copied is in the notes,
/// and the rest is there.
///
/// # Errors
/// When the folder exists or cannot be made; nothing is left of it then.
pub fn back_up_home(sources: &Sources, to: &Path) -> anyhow::Result<HomeCopy> {
    let home = sources.home.path();
    anyhow::ensure!(home.is_dir(), "{} does not exist", home.display());
    refuse_existing(to)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let inside = parent.canonicalize()?.starts_with(home.canonicalize()?);
    anyhow::ensure!(!inside, "{} is in the home itself: name a folder elsewhere", to.display());
    let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let unfinished = parent.join(format!(".{name}.{}.new", std::process::id()));
    let copied = fill(sources, &unfinished).and_then(|copy| {
        fs::rename(&unfinished, to).with_context(|| to.display().to_string())?;
        File::open(parent)?.sync_all()?;
        Ok(copy)
    });
    if copied.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&unfinished);
    }
    copied
}

fn refuse_existing(to: &Path) -> anyhow::Result<()> {
    match fs::read_dir(to) {
        Ok(mut entries) => {
            anyhow::ensure!(entries.next().is_none(), "{} exists already: name another folder", to.display())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| to.display().to_string()),
    }
    Ok(())
}

fn fill(sources: &Sources, folder: &Path) -> anyhow::Result<HomeCopy> {
    fs::DirBuilder::new().mode(0o700).create(folder).with_context(|| folder.display().to_string())?;
    let home = sources.home.path();
    let HomeFiles { files, notes, unread } = home_files::of_home(sources);
    let mut copy = HomeCopy { notes, ..HomeCopy::default() };
    for (path, error) in unread {
        copy.lacks(&path, &error);
    }
    for (name, file) in files {
        let to = folder.join(&name);
        make_folders(home, folder, &name)?;
        match copy_file(&file, &to) {
            Ok(()) => {
                copy.files += 1;
                copy.books += usize::from(matches!(file.kind, Kind::Book(_)));
            }
            Err(error) => copy.lacks(&file.path, error.as_ref()),
        }
    }
    Ok(copy)
}

/// Makes the folders of a file below `to`, with the modes that they have below `from`.
fn make_folders(from: &Path, to: &Path, name: &Path) -> anyhow::Result<()> {
    let above: Vec<PathBuf> = name.ancestors().skip(1).map(Path::to_owned).collect();
    for part in above.iter().rev().filter(|part| !part.as_os_str().is_empty()) {
        let made = to.join(part);
        if made.is_dir() {
            continue;
        }
        let mode = fs::metadata(from.join(part)).map_or(0o700, |meta| meta.permissions().mode() & 0o777);
        fs::DirBuilder::new().mode(mode).create(&made).with_context(|| made.display().to_string())?;
    }
    Ok(())
}

fn copy_file(file: &HomeFile, to: &Path) -> anyhow::Result<()> {
    match file.kind {
        Kind::Plain => {
            fs::copy(&file.path, to)?;
            File::open(to)?.sync_all()?;
        }
        Kind::Database => store::copy_database(&file.path, to)?,
        Kind::Book(_) => store::back_up(&file.path, to)?,
    }
    Ok(())
}
