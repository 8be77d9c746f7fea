//! The networks of the process: each can come and go while the others serve.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::params;
use crate::admin::OperationError;
use crate::clock::Clock;
use crate::config::{self, BrokenNetwork, NetworkFolder, ProcessConfig, Sources};
use crate::network::{self, Directory, Handle, LookupError, ProcessAudit, Running, SharedListener};
use crate::transport::Dialler;
use crate::types::NodeId;

/// Owns the networks. Cheap to clone.
#[derive(Clone)]
pub(super) struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    directory: Directory,
    dialler: Dialler,
    files: Option<Arc<Files>>,
    /// `None` without a home.
    audit: Option<ProcessAudit>,
    /// Ends all networks.
    shutdown: CancellationToken,
    served: Mutex<BTreeMap<Arc<str>, Served>>,
    /// The folders of those that are not, because their files have errors.
    misconfigured: Mutex<BTreeMap<Arc<str>, NetworkFolder>>,
    /// One network comes, goes or changes at a time.
    changing: tokio::sync::Mutex<()>,
}

/// What the process was started from.
pub(super) struct Files {
    pub(super) sources: Sources,
    pub(super) process: ProcessConfig,
}

/// The other networks of the process.
pub(super) struct Beside {
    /// Those that are served.
    pub(super) served: Vec<Arc<config::Network>>,
    /// The names of all of them, served or listed with their errors.
    pub(super) names: BTreeSet<String>,
}

/// A network that is served.
struct Served {
    handle: Handle,
    task: JoinHandle<()>,
    /// Ends this network alone.
    stop: CancellationToken,
    shared_listener: SharedListener,
    id: NodeId,
    /// What its files say; `None` when no file describes it.
    file: Option<Arc<config::Network>>,
}

impl Registry {
    /// A registry without networks. `files` is `None` when no file describes them.
    pub(super) fn new(default: Option<Arc<str>>, dialler: Dialler, files: Option<Files>) -> Self {
        let shared = Shared {
            directory: Directory::new([], default),
            dialler,
            audit: files.as_ref().map(|files| ProcessAudit::at(files.sources.home.audit_file())),
            files: files.map(Arc::new),
            shutdown: CancellationToken::new(),
            served: Mutex::default(),
            misconfigured: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        };
        Registry { shared: Arc::new(shared) }
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.shared.directory
    }

    /// What all networks dial with.
    pub(super) fn dialler(&self) -> &Dialler {
        &self.shared.dialler
    }

    /// The audit log of the process; `None` without a home.
    pub(super) fn audit(&self) -> Option<&ProcessAudit> {
        self.shared.audit.as_ref()
    }

    pub(super) fn shutdown(&self) -> &CancellationToken {
        &self.shared.shutdown
    }

    /// The files that the process was started from.
    pub(super) fn files(&self) -> Result<&Arc<Files>, OperationError> {
        let none =
            || OperationError::NoFolder("this pexd was started without a home: it has no networks in files".into());
        self.shared.files.as_ref().ok_or_else(none)
    }

    /// Opens a network's book and lists it; why the book cannot be opened, when it cannot. Its reactor is not started.
    pub(super) async fn serve(&self, config: network::Config, file: Option<Arc<config::Network>>) -> Option<String> {
        let stop = self.shared.shutdown.child_token();
        let (shared_listener, id) = (config.shared_listener.clone(), config.local.key().id());
        let Running { handle, broken, task } = network::spawn(config, self.shared.dialler.clone(), stop.clone()).await;
        self.shared.directory.insert(&handle);
        let served = Served { handle, task, stop, shared_listener, id, file };
        self.served().insert(served.handle.chain_id().clone(), served);
        broken
    }

    /// As [`Registry::serve`], for a network that files describe. It joins the entrance of those that have its address and
    /// identity.
    pub(super) async fn serve_file(&self, file: Arc<config::Network>) -> Option<String> {
        let shared = self.entrance_at(file.p2p.laddr, file.id());
        if let Some(asn) = &file.asn {
            let (chain, path, edition) = (&file.chain_id, asn.path.display(), asn.edition());
            tracing::info!(chain, %path, edition, "autonomous systems are the groups of addresses");
        }
        self.serve(params::network(&file, shared.as_ref()), Some(file)).await
    }

    /// Lists a network whose files have errors. It is failed, and takes part in nothing.
    pub(super) fn list_misconfigured(&self, broken: BrokenNetwork) {
        let BrokenNetwork { name, folder, errors } = broken;
        let errors = errors.notes().iter().map(ToString::to_string).collect();
        let handle = Handle::misconfigured(name.as_str().into(), Clock.now().wall, errors);
        self.misconfigured().insert(handle.chain_id().clone(), folder);
        self.shared.directory.insert(&handle);
    }

    /// The folder of a network that is listed as misconfigured.
    pub(super) fn misconfigured_folder(&self, chain_id: &str) -> Option<NetworkFolder> {
        self.misconfigured().get(chain_id).cloned()
    }

    /// The folder of a network, be it served or misconfigured.
    pub(super) fn network_folder(&self, chain_id: &str) -> Option<NetworkFolder> {
        let folder = |file: &config::Network| Some(self.files().ok()?.sources.home.network(file.folder_name()));
        let served = self.served().get(chain_id).and_then(|served| served.file.clone());
        served.and_then(|file| folder(&file)).or_else(|| self.misconfigured_folder(chain_id))
    }

    fn entrance_at(&self, laddr: SocketAddr, id: NodeId) -> Option<SharedListener> {
        let served = self.served();
        let at = |served: &&Served| served.id == id && served.shared_listener.laddr() == laddr;
        served.values().find(at).map(|served| served.shared_listener.clone())
    }

    /// Ends a network in order: its peers have taken what was sent to them, its changes are committed, its book is closed
    /// and its port free when this returns. The directory still lists its handle.
    pub(super) async fn end(&self, chain_id: &str) {
        let served = self.served().remove(chain_id);
        if let Some(served) = served {
            served.end().await;
        }
    }

    /// Takes a network out of the directory and ends it.
    pub(super) async fn retire(&self, chain_id: &str) {
        self.unlist_misconfigured(chain_id);
        self.shared.directory.remove(chain_id);
        self.end(chain_id).await;
    }

    /// Ends all networks in order, once a change that is under way is through. None comes any more.
    pub(super) async fn close(&self) {
        self.shared.shutdown.cancel();
        let _changing = self.shared.changing.lock().await;
        let all = std::mem::take(&mut *self.served());
        for served in all.into_values() {
            served.end().await;
        }
    }

    /// Carries out a change, when those before it are through. It goes on when its caller goes away.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, OperationError>> + Send + 'static,
    ) -> Result<T, OperationError> {
        let registry = self.clone();
        let change = async move {
            let _changing = registry.shared.changing.lock().await;
            if registry.shared.shutdown.is_cancelled() { Err(OperationError::Ending) } else { work.await }
        };
        match tokio::spawn(change).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "a change of the networks broke down");
                Err(OperationError::Internal(error.to_string()))
            }
        }
    }

    /// A network's handle and what its files say.
    pub(super) fn get(&self, chain_id: &str) -> Result<(Handle, Option<Arc<config::Network>>), OperationError> {
        let found = self.served().get(chain_id).map(|served| (served.handle.clone(), served.file.clone()));
        match found {
            Some(found) => Ok(found),
            // One that is misconfigured, or the error with the names of those that there are.
            None if !chain_id.is_empty() => Ok((self.shared.directory.get(chain_id, |_| true)?, None)),
            None => Err(LookupError::None.into()),
        }
    }

    /// As [`Registry::get`], for a network that files describe.
    pub(super) fn get_file(&self, chain_id: &str) -> Result<(Handle, Arc<config::Network>), OperationError> {
        let (handle, file) = self.get(chain_id)?;
        handle.check_configured()?;
        let none = || OperationError::NoFolder(format!("no file describes the network {chain_id}"));
        Ok((handle, file.ok_or_else(none)?))
    }

    /// What the files of all networks but this one say.
    pub(super) fn others(&self, chain_id: &str) -> Vec<Arc<config::Network>> {
        let served = self.served();
        let others = served.iter().filter(|(name, _)| ***name != *chain_id);
        others.filter_map(|(_, served)| served.file.clone()).collect()
    }

    /// Folders of the home that are networks and not served, such as `pexd init` has made since the start. One that was removed
    /// is none: only AddNetwork serves it again.
    pub(super) fn new_folders(&self) -> Vec<NetworkFolder> {
        let Ok(files) = self.files() else { return Vec::new() };
        let mut folders = files.sources.home.networks().unwrap_or_default();
        let served: Vec<String> = self.others("").iter().map(|file| file.folder_name().to_owned()).collect();
        folders.retain(|folder| {
            let is_served = served.contains(&folder.name) || self.shared.directory.get(&folder.name, |_| true).is_ok();
            folder.config_file().exists() && !folder.is_removed() && !is_served && !self.is_misconfigured(folder)
        });
        folders
    }

    /// All networks but this one.
    pub(super) fn beside(&self, chain_id: &str) -> Beside {
        let mut names: BTreeSet<_> =
            self.directory().all(|_| true).iter().map(|handle| handle.chain_id().to_string()).collect();
        names.remove(chain_id);
        Beside { served: self.others(chain_id), names }
    }

    /// Whether this folder is that of a network that is listed with its errors.
    pub(super) fn is_misconfigured(&self, folder: &NetworkFolder) -> bool {
        self.misconfigured().values().any(|listed| listed == folder)
    }

    /// Lists a network no longer whose files had errors.
    pub(super) fn unlist_misconfigured(&self, chain_id: &str) {
        if self.misconfigured().remove(chain_id).is_some() {
            self.shared.directory.remove(chain_id);
        }
    }

    /// Notes what a network's files say now.
    pub(super) fn set_file(&self, chain_id: &str, file: Arc<config::Network>) {
        if let Some(served) = self.served().get_mut(chain_id) {
            served.file = Some(file);
        }
    }

    fn misconfigured(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, NetworkFolder>> {
        self.shared.misconfigured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn served(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Served>> {
        self.shared.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Served {
    async fn end(self) {
        self.stop.cancel();
        if self.task.await.is_err() {
            tracing::error!(chain = %self.handle.chain_id(), "did not end in order");
        }
    }
}
