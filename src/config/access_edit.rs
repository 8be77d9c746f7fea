//! Changes of the access file: every other entry and every comment stays, and a reader sees the old file or the new one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::access_file::{self, AccessFile, Token, check_name, to_hex};
use super::errors::{ConfigErrors, Diagnostics};
use super::files::{self, Mode};
use crate::file_owner::FileOwner;

/// Why the access file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessEditError {
    /// The name cannot be one.
    #[error("the name {0}")]
    Name(String),
    /// A token has the name.
    #[error("there is a token {0:?} already; remove it first, or choose another name")]
    Taken(String),
    /// No token has the name.
    #[error("there is no token {0:?}; `pexd token list` shows them")]
    Unknown(String),
    /// The file has errors, and a change could hide them.
    #[error("{0}")]
    ConfigErrors(#[from] ConfigErrors),
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Adds a token behind the others. The file is made, for the home's owner alone, when there is none.
///
/// # Errors
/// When the name is taken or is none, or the file has errors or cannot be written; it is as it was then.
pub fn add_token(path: &Path, token: &Token, owner: &FileOwner) -> Result<(), AccessEditError> {
    check_name(&token.name).map_err(AccessEditError::Name)?;
    edit(path, owner, |document, file| {
        if file.tokens.iter().any(|other| other.name == token.name) {
            return Err(AccessEditError::Taken(token.name.clone()));
        }
        let tokens = document.entry("token").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        if let Some(tokens) = tokens.as_array_of_tables_mut() {
            tokens.push(entry(token));
        }
        Ok(())
    })
}

/// Removes the token of this name.
///
/// # Errors
/// When there is none, or the file has errors or cannot be written; it is as it was then.
pub fn remove_token(path: &Path, name: &str, owner: &FileOwner) -> Result<(), AccessEditError> {
    edit(path, owner, |document, _| {
        let tokens = document.get_mut("token").and_then(Item::as_array_of_tables_mut);
        let index = |tokens: &ArrayOfTables| {
            tokens.iter().position(|table| table.get("name").and_then(Item::as_str) == Some(name))
        };
        match tokens.and_then(|tokens| index(tokens).map(|index| (tokens, index))) {
            Some((tokens, index)) => tokens.remove(index),
            None => return Err(AccessEditError::Unknown(name.to_owned())),
        };
        Ok(())
    })
}

fn entry(token: &Token) -> Table {
    let mut table = Table::new();
    table.insert("name", value(&token.name));
    table.insert("sha256", value(to_hex(&token.sha256)));
    table.insert("role", value(token.may.role.name()));
    if let Some(networks) = &token.may.networks {
        table.insert("networks", value(networks.iter().map(String::as_str).collect::<Array>()));
    }
    if let Some(expires) = token.may.expires {
        let seconds = expires.as_millis().div_euclid(1000);
        let text = prost_types::Timestamp { seconds, nanos: 0 }.to_string();
        // A time that TOML cannot write is one as text.
        table.insert("expires", text.parse::<toml_edit::Datetime>().map_or_else(|_| value(&text), value));
    }
    table
}

/// Changes the file's text while nobody else does.
fn edit(
    path: &Path,
    owner: &FileOwner,
    change: impl FnOnce(&mut DocumentMut, &AccessFile) -> Result<(), AccessEditError>,
) -> Result<(), AccessEditError> {
    let io_error = |source| AccessEditError::Io { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The folder, because the file itself is another one after each change.
    let lock = File::open(folder).map_err(io_error)?;
    lock.lock().map_err(io_error)?;
    let text = match files::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read.map_err(io_error)?,
    };
    let mut notes = Diagnostics::default();
    let file = access_file::parse(path, &text, &mut notes);
    let (file, _) = notes.finish(|| Some(file))?;
    let mut document: DocumentMut = text.parse().map_err(|error| io_error(io::Error::other(error)))?;
    change(&mut document, &file)?;
    replace(path, &document.to_string(), owner).map_err(io_error)
}

/// Puts a new text in the place of the file, for its owner alone.
fn replace(path: &Path, text: &str, owner: &FileOwner) -> io::Result<()> {
    // Through a link, so that the file it leads to is replaced and not the link.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let unfinished = files::unfinished(path);
    let done = files::write(&unfinished, text, Mode::Private).and_then(|made| keep_owner(path, &made, owner));
    let done = done.and_then(|()| fs::rename(&unfinished, path));
    if done.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&unfinished);
    }
    done?;
    files::sync_parent(path)
}

/// Gives a new file the owner and mode of the one that it replaces, or to the home's owner when there was none: pexd may run as
/// another user than its operator.
fn keep_owner(old: &Path, new: &File, owner: &FileOwner) -> io::Result<()> {
    let Ok(replaced) = fs::metadata(old) else { return owner.give_open(new) };
    FileOwner::of(old)?.give_open(new)?;
    new.set_permissions(replaced.permissions())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::access_file::{AccessRole, Permissions, read};
    use crate::types::Wall;

    fn token(name: &str, n: u8) -> Token {
        let may = Permissions {
            role: AccessRole::Read,
            networks: Some(vec!["a".into(), "b".into()]),
            expires: Some(Wall::from_secs(1_800_000_000)),
        };
        Token { name: name.into(), sha256: [n; 32], may }
    }

    /// The temporary folders are of the user of the tests.
    fn owner() -> FileOwner {
        FileOwner::of(&std::env::temp_dir()).unwrap()
    }

    #[test]
    fn what_is_added_is_read_back_and_the_rest_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.toml");
        add_token(&path, &token("one", 1), &owner()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        let before = format!("# ours\n[[certificate]] # first\nsubject = 'x'\nrole = \"read\"\n\n# the board\n{text}");
        fs::write(&path, &before).unwrap();
        add_token(&path, &token("two", 2), &owner()).unwrap();
        assert_eq!(read(&path).unwrap().0.tokens, [token("one", 1), token("two", 2)]);
        assert!(fs::read_to_string(&path).unwrap().starts_with(before.trim_end()));
        assert!(matches!(add_token(&path, &token("two", 3), &owner()), Err(AccessEditError::Taken(_))));

        remove_token(&path, "two", &owner()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        assert!(matches!(remove_token(&path, "two", &owner()), Err(AccessEditError::Unknown(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_with_errors_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.toml");
        fs::write(&path, "[[token]]\nname = 3\n").unwrap();
        assert!(matches!(add_token(&path, &token("one", 1), &owner()), Err(AccessEditError::ConfigErrors(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "[[token]]\nname = 3\n");
    }

    #[test]
    fn nothing_is_lost_when_many_add_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.toml");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let path = &path;
                scope.spawn(move || add_token(path, &token(&format!("t{n}"), n), &owner()).unwrap());
            }
        });
        assert_eq!(read(&path).unwrap().0.tokens.len(), 8);
    }
}
