//! What the API asks of the process beyond its networks' handles: which networks there are, and their configuration. The
//! composition root answers.

use std::path::PathBuf;

use crate::network::{Applied, ChangeAuthor, Error, LookupError, Saved};
use crate::types::{PeerAddress, Wall, counted};

/// Adds, removes and reloads networks while the process runs, and shows and changes their configuration. A call whose
/// caller goes away is carried out all the same.
#[tonic::async_trait]
pub trait Operations: Send + Sync + 'static {
    /// The folder of a network; `None` when no file describes it.
    fn folder(&self, chain_id: &str) -> Option<PathBuf>;

    /// Serves one more network, in the folder of that name.
    ///
    /// # Errors
    /// When it is served already, its files have errors, or it cannot be made. Nothing was changed then.
    async fn add(
        &self,
        by: ChangeAuthor,
        name: String,
        new: Option<NewNetwork>,
        stopped: bool,
    ) -> Result<Added, OperationError>;

    /// Ends a network in order, for good: a restart does not serve it again. Deletes its folder when `delete` says so, and keeps
    /// its key elsewhere then; what was kept.
    ///
    /// # Errors
    /// When it is not served, or its folder cannot be deleted: the text says whether it is served still.
    async fn remove(&self, by: ChangeAuthor, chain_id: String, delete: bool) -> Result<Removed, OperationError>;

    /// Whether the home has a network's folder of this name that is not served and was not removed: `pexd init` has made it
    /// since the start.
    fn has_new_folder(&self, _name: &str) -> bool {
        false
    }

    /// Reads a network's files again and applies them. One that has come since the start is served.
    ///
    /// # Errors
    /// When the files have errors; nothing was changed then.
    async fn reload(&self, by: ChangeAuthor, chain_id: String) -> Result<Reloaded, OperationError>;

    /// The value of every key of a network.
    ///
    /// # Errors
    /// When the network is gone, or no file describes it.
    async fn effective(&self, chain_id: &str) -> Result<EffectiveConfig, OperationError>;

    /// The value of every key of the process.
    fn process(&self) -> Vec<ConfigEntry>;

    /// Changes a key of a network at run time.
    ///
    /// # Errors
    /// When there is no such key, it cannot be changed while the network runs, or the value does not fit.
    async fn set(&self, by: ChangeAuthor, chain_id: &str, key: &str, value: &str) -> Result<SetResult, OperationError>;

    /// Takes a run-time change of a key back.
    ///
    /// # Errors
    /// When there is no such key.
    async fn reset(&self, by: ChangeAuthor, chain_id: &str, key: &str) -> Result<SetResult, OperationError>;
}

/// What a new network is to be.
#[derive(Clone, Debug)]
pub struct NewNetwork {
    /// Nodes to ask for addresses.
    pub seeds: Vec<PeerAddress>,
    /// Whether it is a seed.
    pub seed_mode: bool,
    /// Its name for peers; the host's when `None`.
    pub moniker: Option<String>,
    /// The chain ID of the network whose identity and listener it shares.
    pub share_listener_with: Option<String>,
}

/// A network that was added.
#[derive(Clone, Debug)]
pub struct Added {
    /// Its chain ID.
    pub chain_id: String,
    /// What to give to others: id@host:port.
    pub node_address: String,
    /// Whether the audit has it on disk.
    pub noted: Saved,
}

/// A network that was removed.
#[derive(Clone, Debug)]
pub struct Removed {
    /// Its folder, when it was kept.
    pub folder: Option<PathBuf>,
    /// Where its key is now, when its folder was deleted.
    pub key: Option<PathBuf>,
    /// Whether the audit has it on disk.
    pub noted: Saved,
}

/// What a reload brought.
#[derive(Clone, Debug, Default)]
pub struct Reloaded {
    /// The keys whose value in effect changed: key, old value, new value.
    pub changes: Vec<(String, String, String)>,
    /// Whether the network was ended and started again.
    pub restarted: bool,
    /// What the files say now and what stays in force over them.
    pub hidden: Vec<HiddenChange>,
    /// What works and is probably not meant.
    pub warnings: Vec<String>,
}

/// A change of a file that has no effect, because something else is over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenChange {
    /// The key.
    pub key: String,
    /// What the file says now.
    pub file_value: String,
    /// The value in effect.
    pub value: String,
    /// Where that comes from.
    pub source: ConfigSource,
    /// All of it in words, with what makes the file's value take effect.
    pub text: String,
}

/// The configuration of a network.
#[derive(Clone, Debug)]
pub struct EffectiveConfig {
    /// Its keys, in the order of the reference.
    pub entries: Vec<ConfigEntry>,
    /// Whether the file forbids changes at run time.
    pub immutable: bool,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its path.
    pub key: String,
    /// The value in effect.
    pub value: String,
    /// Where that comes from.
    pub source: ConfigSource,
    /// The value without the change at run time, when there is one.
    pub configured: Option<String>,
    /// Whether it can be changed at run time.
    pub can_change: bool,
}

/// Where a value comes from, with the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// Nobody set it.
    Default,
    /// This file and line.
    File(String),
    /// This variable.
    Environment(String),
    /// This flag.
    Flag(String),
    /// An operator, at that time.
    Runtime {
        /// As in the audit log.
        author: String,
        /// When.
        at: Wall,
    },
}

/// The result of a change of a key.
#[derive(Clone, Debug)]
pub struct SetResult {
    /// The result.
    pub applied: Applied,
    /// The key now.
    pub entry: ConfigEntry,
}

/// Why an operation was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// No file describes the network, or the process has no home.
    #[error("{0}")]
    NoFolder(String),
    /// The network is served already.
    #[error("{0}")]
    Exists(String),
    /// A field of the request does not fit.
    #[error("{field}: {text}")]
    Field {
        /// Its name in the proto file.
        field: &'static str,
        /// What is wrong, with the fix.
        text: String,
    },
    /// The files have errors: where, and what with the fix.
    #[error("the files have {}", counted(.0.len(), "error"))]
    InvalidConfig(Vec<(String, String)>),
    /// The data of a network are not to be deleted by us, or could not be.
    #[error("{0}")]
    NotDeleted(String),
    /// The system refused what was to be done with files.
    #[error("{0}")]
    Files(String),
    /// The process is ending.
    #[error("pexd is shutting down")]
    Ending,
    /// A fault of our own.
    #[error("{0}")]
    Internal(String),
    /// There is no such network.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// What the network answered.
    #[error(transparent)]
    Network(#[from] Error),
}
