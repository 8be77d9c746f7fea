//! Where the files of a home are.

use std::io;
use std::path::{Path, PathBuf};

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
