//! Where the files of a home are.

use std::io;
use std::path::{Path, PathBuf};

use super::files::{self, Mode};
use super::node_key;
use crate::wire::secret::NodeKey;

/// A home folder and the names in it (design: "What an operator meets").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

/// One network's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFolder {
    /// The folder's name, the chain ID unless its file says otherwise.
    pub name: String,
    /// The folder.
    pub path: PathBuf,
}

impl NetworkFolder {
    /// The network's `config.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// What a removal of the network leaves in its folder: while it is there no start serves the network.
    pub fn removal_mark(&self) -> PathBuf {
        self.path.join("removed")
    }

    /// Whether there is no `config.toml`, and what is never without one.
    pub fn has_lost_its_file(&self) -> bool {
        let has = |name: &str| self.path.join(name).exists();
        matches!(self.config_file().try_exists(), Ok(false)) && (has("node_key.json") || has("book.db"))
    }

    /// Whether the network was removed, and its folder kept.
    pub fn is_removed(&self) -> bool {
        std::fs::symlink_metadata(self.removal_mark()).is_ok()
    }

    /// Marks the network as removed, on disk when this returns.
    ///
    /// # Errors
    /// What the system says; it is not marked then.
    pub fn mark_removed(&self, text: &str) -> io::Result<()> {
        match files::create(&self.removal_mark(), text, Mode::Public) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.is_removed() => Ok(()),
            // Without a folder no start serves it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.path.exists() => Ok(()),
            marked => marked,
        }
    }

    /// Has the network served again by the next start, on disk when this returns.
    ///
    /// # Errors
    /// What the system says; it is still marked then.
    pub fn unmark_removed(&self) -> io::Result<()> {
        match std::fs::remove_file(self.removal_mark()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => files::sync_parent(&self.removal_mark()),
        }
    }
}

impl Home {
    /// The home at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Home(path.into())
    }

    /// `~/.pexd`, if the environment says where `~` is.
    pub fn default_path() -> Option<PathBuf> {
        std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(".pexd"))
    }

    /// The home's folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The process's `pexd.toml`.
    pub fn process_file(&self) -> PathBuf {
        self.0.join("pexd.toml")
    }

    /// The audit log of the process.
    pub fn audit_file(&self) -> PathBuf {
        self.0.join("audit.db")
    }

    /// The folder that holds one folder for each network.
    pub fn networks_path(&self) -> PathBuf {
        self.0.join("networks")
    }

    /// The folder of one network, whether it exists or not.
    pub fn network(&self, name: &str) -> NetworkFolder {
        NetworkFolder { name: name.to_owned(), path: self.networks_path().join(name) }
    }

    /// Keeps a network's node key in the home itself, for its owner alone, under a name that says whose it is; where. A copy of the
    /// same key that is there already is as good.
    ///
    /// # Errors
    /// What the system says, or that a file of that name holds another key.
    pub fn keep_key(&self, network: &str, key: &NodeKey) -> io::Result<PathBuf> {
        let path = self.0.join(format!("node_key-{network}-{}.json", key.id()));
        match node_key::create(&path, key) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match node_key::read(&path) {
                Ok(kept) if kept.id() == key.id() => Ok(path),
                _ => Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is something else", path.display()))),
            },
            kept => kept.map(|()| path),
        }
    }

    /// The networks' folders, by name. Hidden ones are left out, and so is what is no folder.
    ///
    /// # Errors
    /// When the folder of networks cannot be read; one that does not exist has no networks.
    pub fn networks(&self) -> io::Result<Vec<NetworkFolder>> {
        let entries = match std::fs::read_dir(self.networks_path()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut folders = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() && !name.starts_with('.') {
                folders.push(NetworkFolder { name, path });
            }
        }
        folders.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(folders)
    }
}
