//! A new network: its folder, its file and its key, all at once or not at all.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use toml_edit::DocumentMut;

use super::chain_id::{self, ChainIdError};
use super::conflicts::overlap;
use super::files::{self, Mode};
use super::home::{Home, NetworkFolder};
use super::load::load_process_alone;
use super::network::default_moniker;
use super::sample_files::NewNetwork;
use super::value::{Printable, Setting as _};
use super::{node_key, sample_files};
use crate::file_owner::FileOwner;
use crate::types::NodeId;
use crate::wire::secret::NodeKey;

/// The node key's file in a new network's folder.
const KEY_FILE: &str = "node_key.json";

/// CometBFT's usual port.
const FIRST_PORT: u16 = 26656;

/// Ports that no network is given: those that a CometBFT node has by default for RPC, ABCI and metrics, and a node may be started
/// here later; and those of pexd's own admin and HTTP listeners.
const RESERVED_PORTS: [u16; 5] = [26657, 26658, 26660, 26670, 26671];

/// A network that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its folder.
    pub folder: NetworkFolder,
    /// Its node's ID.
    pub id: NodeId,
    /// The file of the node key that was there before, and is its key now.
    pub kept_key: Option<PathBuf>,
    /// Where it will listen.
    pub laddr: SocketAddr,
}

impl Created {
    /// Removes what was made; a key that was there before stays.
    ///
    /// # Errors
    /// What the system says.
    pub fn discard(self) -> io::Result<()> {
        match self.kept_key {
            Some(_) => fs::remove_file(self.folder.config_file()),
            None => fs::remove_dir_all(self.folder.path),
        }
    }
}

/// Why no network was made. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The chain ID cannot be a folder.
    #[error("{0:?} cannot name a network: {1}")]
    ChainId(String, ChainIdError),
    /// The moniker is one that peers would refuse.
    #[error("the moniker {0}")]
    Moniker(String),
    /// It exists.
    #[error("{} exists already ({found}){fix}; nothing was changed", folder.display())]
    Exists {
        /// The network's folder.
        folder: PathBuf,
        /// What is in it.
        found: String,
        /// What to do when it is no whole network; begins with a comma then.
        fix: &'static str,
    },
    /// The address that was chosen is another's.
    #[error(
        "it cannot listen on {laddr}: {owner} has that address; choose another port, or share the listener of a network"
    )]
    Taken {
        /// The address.
        laddr: SocketAddr,
        /// Whose it is.
        owner: String,
    },
    /// No port is left.
    #[error("no port from {FIRST_PORT} on is free")]
    NoPort,
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What the folder of a network that is no whole one needs.
const NO_CONFIG: &str = ", but it has no config.toml: copy that back from a backup, or, to make a new network, move away all but \
    node_key.json, which it keeps, or the whole folder";

/// Makes a network in a home, and the home's `pexd.toml` if there is none. The network listens on port 26656, or on the
/// next one that no network of this home and no process has, unless an address is chosen for it or it shares the listener of
/// another one.
///
/// # Errors
/// When it exists or cannot be made; nothing of it is left behind then.
pub fn create_network(home: &Home, chain_id: &str, new: &NewNetwork) -> Result<Created, CreateError> {
    let moniker = check(chain_id, new)?;
    let folder = home.network(chain_id);
    refuse_existing(&folder.path)?;
    make(home, folder, &moniker, new, None)
}

/// As [`create_network`], and a folder that has a node key and nothing else becomes a network with that key: one that was kept
/// when the network was deleted, or that a tool or a mounted secret has put there. The key is never written.
///
/// # Errors
/// As [`create_network`]; when the key cannot be used, or is another one than that of the listener to share.
pub fn create_or_complete_network(home: &Home, chain_id: &str, new: &NewNetwork) -> Result<Created, CreateError> {
    let moniker = check(chain_id, new)?;
    let folder = home.network(chain_id);
    let key = lone_key(&folder.path)?;
    if key.is_none() {
        refuse_existing(&folder.path)?;
    }
    make(home, folder, &moniker, new, key)
}

/// The moniker, when that and the chain ID can be used.
fn check(chain_id: &str, new: &NewNetwork) -> Result<String, CreateError> {
    chain_id::check(chain_id).map_err(|error| CreateError::ChainId(chain_id.to_owned(), error))?;
    let moniker = new.moniker.clone().unwrap_or_else(default_moniker);
    if moniker.is_empty() {
        return Err(CreateError::Moniker("is empty: give it a name".into()));
    }
    Printable::from_text(&moniker).map_err(CreateError::Moniker)?;
    Ok(moniker)
}

fn make(
    home: &Home,
    folder: NetworkFolder,
    moniker: &str,
    new: &NewNetwork,
    there: Option<Arc<NodeKey>>,
) -> Result<Created, CreateError> {
    let key_file = folder.path.join(KEY_FILE);
    if let (Some(key), Some(shared)) = (&there, &new.shared)
        && key.id() != shared.key.id()
    {
        let text = format!(
            "this is the key of {}, and the listener to share is that of {}: networks that share a listener share the key; \
             move this one away, or do not share",
            key.id(),
            shared.key.id()
        );
        return Err(io_error(&key_file)(io::Error::other(text)));
    }
    let laddr = match &new.shared {
        Some(shared) => shared.laddr,
        None => address(home, new.laddr)?,
    };
    let text = sample_files::network_file(moniker, laddr, new);
    let owner = FileOwner::of(home.path()).map_err(io_error(home.path()))?;
    let created = |key: &NodeKey, kept_key| Created { id: key.id(), laddr, kept_key, folder: folder.clone() };
    let created = match there {
        Some(key) => {
            complete(&folder.path, &text, &owner)?;
            created(&key, Some(key_file))
        }
        None => {
            let key = new.shared.as_ref().map_or_else(|| Arc::new(node_key::generate()), |shared| shared.key.clone());
            owner.make_folders(&home.networks_path()).map_err(io_error(&home.networks_path()))?;
            let unfinished = files::unfinished(&folder.path);
            let made = fill(&unfinished, &text, &key, &owner).and_then(|()| put_in_place(&unfinished, &folder.path));
            if made.is_err() {
                // The first error is the one to report; a folder that was never made cannot be removed.
                let _ = fs::remove_dir_all(&unfinished);
            }
            made?;
            created(&key, None)
        }
    };
    create_process_file(home, &owner)?;
    Ok(created)
}

/// What is in a folder, by name; nothing when there is none.
fn names(folder: &Path) -> Result<Vec<String>, CreateError> {
    let mut names: Vec<String> = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error(folder)(error)),
    };
    names.sort();
    Ok(names)
}

fn refuse_existing(folder: &Path) -> Result<(), CreateError> {
    let names = names(folder)?;
    if names.is_empty() {
        return Ok(());
    }
    let fix = if names.iter().any(|name| name == "config.toml") { "" } else { NO_CONFIG };
    Err(CreateError::Exists { folder: folder.into(), found: names.join(", "), fix })
}

/// The node key of a folder that has nothing else.
fn lone_key(folder: &Path) -> Result<Option<Arc<NodeKey>>, CreateError> {
    if names(folder)? != [KEY_FILE] {
        return Ok(None);
    }
    let path = folder.join(KEY_FILE);
    // A secret that is mounted may be a link to its file, which a start follows, too. Reading anything else might wait for ever.
    if fs::metadata(&path).is_ok_and(|meta| !meta.is_file()) {
        return Err(io_error(&path)(io::Error::other("it is no regular file: put a node's node_key.json there")));
    }
    let key = node_key::read(&path).map_err(|error| io_error(&path)(io::Error::other(error)))?;
    Ok(Some(Arc::new(key)))
}

/// Makes the file that a folder with a key lacks.
fn complete(folder: &Path, text: &str, owner: &FileOwner) -> Result<(), CreateError> {
    let (config, key_file) = (folder.join("config.toml"), folder.join(KEY_FILE));
    owner.give(folder).map_err(io_error(folder))?;
    // One that is mounted cannot be given away and may be readable all the same: a start says so when it is not.
    let _ = owner.give(&key_file);
    match files::create(&config, text, Mode::Public) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return refuse_existing(folder),
        Err(error) => return Err(io_error(&config)(error)),
    }
    owner.give(&config).map_err(|error| {
        // The first error is the one to report.
        let _ = fs::remove_file(&config);
        io_error(&config)(error)
    })
}

fn fill(folder: &Path, text: &str, key: &NodeKey, owner: &FileOwner) -> Result<(), CreateError> {
    files::create_private_folder(folder).map_err(io_error(folder))?;
    let (config, key_file) = (folder.join("config.toml"), folder.join(KEY_FILE));
    let _ = files::write(&config, text, Mode::Public).map_err(io_error(&config))?;
    node_key::create(&key_file, key).map_err(io_error(&key_file))?;
    [folder, &config, &key_file].into_iter().try_for_each(|path| owner.give(path).map_err(io_error(path)))
}

/// Gives the finished folder its name. The system refuses that when a folder with something in it has the name.
fn put_in_place(unfinished: &Path, folder: &Path) -> Result<(), CreateError> {
    if let Err(error) = fs::rename(unfinished, folder) {
        refuse_existing(folder)?;
        return Err(io_error(folder)(error));
    }
    files::sync_parent(folder).map_err(io_error(folder))
}

fn create_process_file(home: &Home, owner: &FileOwner) -> Result<(), CreateError> {
    let path = home.process_file();
    match files::create(&path, &sample_files::process_file(), Mode::Public) {
        Ok(()) => owner.give(&path).map_err(io_error(&path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(io_error(&path)(error)),
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> CreateError {
    let path = path.to_owned();
    move |source| CreateError::Io { path: path.clone(), source }
}

/// The address that was chosen, when nothing of this home has it; without one the first that no process has either.
fn address(home: &Home, chosen: Option<SocketAddr>) -> Result<SocketAddr, CreateError> {
    let taken = taken(home)?;
    let owner = |address: SocketAddr| taken.iter().find(|(other, _)| overlap(*other, address)).map(|(_, owner)| owner);
    if let Some(laddr) = chosen {
        return match owner(laddr) {
            Some(owner) => Err(CreateError::Taken { laddr, owner: owner.clone() }),
            None => Ok(laddr),
        };
    }
    (FIRST_PORT..=u16::MAX)
        .filter(|port| !RESERVED_PORTS.contains(port))
        .map(|port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
        .find(|address| owner(*address).is_none() && TcpListener::bind(address).is_ok())
        .ok_or(CreateError::NoPort)
}

/// The addresses of this home's networks, those whose files have errors too, and of its process, each with whose it is.
fn taken(home: &Home) -> Result<Vec<(SocketAddr, String)>, CreateError> {
    let folders = home.networks().map_err(io_error(&home.networks_path()))?;
    let mut taken: Vec<_> =
        folders.iter().filter_map(|folder| Some((listens_at(&folder.config_file())?, folder.name.clone()))).collect();
    // A process file with errors is told of by start.
    if let Ok(process) = load_process_alone(home, Vec::new()) {
        let (admin, http) = (process.admin.laddr, process.http.laddr);
        taken.extend(admin.map(|laddr| (laddr, "the admin API".to_owned())));
        taken.extend(http.map(|laddr| (laddr, "http.laddr (metrics and health)".to_owned())));
    }
    Ok(taken)
}

/// Where a network's file says that it listens, whatever else is wrong with the file; `None` when there is none.
fn listens_at(config: &Path) -> Option<SocketAddr> {
    let text = files::read(config).ok()?;
    let laddr = match text.parse::<DocumentMut>() {
        Ok(document) => document.get("p2p").and_then(|p2p| p2p.get("laddr")?.as_str()).map(str::to_owned),
        // No TOML: a line that looks like the key is the best that there is.
        Err(_) => text.lines().find_map(|line| {
            let value = line.trim().strip_prefix("laddr")?.trim_start().strip_prefix('=')?;
            Some(value.trim().trim_matches(['"', '\'']).to_owned())
        }),
    };
    let default = SocketAddr::from((Ipv4Addr::UNSPECIFIED, FIRST_PORT));
    Some(laddr.and_then(|laddr| SocketAddr::from_text(&laddr).ok()).unwrap_or(default))
}
