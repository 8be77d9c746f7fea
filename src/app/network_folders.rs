//! The networks' folders: made, read and deleted while the process runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::registry::{Beside, Files};
use crate::admin::OperationError;
use crate::config::{self, BrokenNetwork, ConfigErrors, CreateError, Created, Diagnostic, NetworkFolder, NewNetwork};

/// Makes a network's folder as `pexd init` does.
pub(super) async fn create(files: &Files, name: &str, new: NewNetwork) -> Result<Created, OperationError> {
    let (home, name) = (files.sources.home.clone(), name.to_owned());
    blocking(move || config::create_or_complete_network(&home, &name, &new)).await?.map_err(|error| match error {
        CreateError::ChainId(_, error) => OperationError::Field { field: "network", text: error.to_string() },
        CreateError::Moniker(text) => OperationError::Field { field: "new_network.moniker", text },
        CreateError::Exists { fix: "", .. } => {
            OperationError::Exists(format!("{error}; leave new_network unset to serve what is there"))
        }
        CreateError::Exists { .. } => OperationError::Exists(error.to_string()),
        CreateError::NoPort | CreateError::Taken { .. } | CreateError::Io { .. } => {
            OperationError::Files(error.to_string())
        }
    })
}

/// Removes what was just made and is of no use.
pub(super) async fn discard(made: Created) {
    if let Ok(Err(error)) = blocking(move || made.discard()).await {
        tracing::warn!(%error, "a new network's folder is of no use and could not be removed");
    }
}

/// Reads a network's folder, beside the networks that are served.
pub(super) async fn load(
    files: Arc<Files>,
    folder: NetworkFolder,
    beside: Beside,
) -> Result<(config::Network, Vec<Diagnostic>), OperationError> {
    if !folder.config_file().exists() {
        let text = format!("there is no {}: set new_network to make it", folder.config_file().display());
        return Err(OperationError::Field { field: "network", text });
    }
    read(files, folder, beside).await?.map_err(|broken| OperationError::InvalidConfig(each(&broken.errors)))
}

/// What [`load`] reads, or all that is wrong with it.
pub(super) async fn read(
    files: Arc<Files>,
    folder: NetworkFolder,
    Beside { served, names }: Beside,
) -> Result<Result<(config::Network, Vec<Diagnostic>), BrokenNetwork>, OperationError> {
    let read = move || {
        let served = served.iter().map(AsRef::as_ref);
        config::load_beside(&files.sources, &files.process, served, &names, &folder)
    };
    blocking(read).await
}

/// The errors, each with its place.
pub(super) fn each(errors: &ConfigErrors) -> Vec<(String, String)> {
    errors.notes().iter().map(|note| (note.origin.to_string(), note.text.clone())).collect()
}

/// Has no start serve the network any more. Nothing else was changed when that fails.
pub(super) async fn mark_removed(folder: NetworkFolder, text: String) -> Result<(), OperationError> {
    let mark = folder.removal_mark();
    blocking(move || folder.mark_removed(&text)).await?.map_err(|error| {
        OperationError::Files(format!(
            "the network is served still: {} could not be written, and a restart would serve it again: {error}",
            mark.display()
        ))
    })
}

/// Has the next start serve the network again.
pub(super) async fn unmark_removed(folder: NetworkFolder) -> Result<(), OperationError> {
    let mark = folder.removal_mark();
    blocking(move || folder.unmark_removed()).await?.map_err(|error| {
        let text = format!("the network is not served: {} could not be removed: {error}", mark.display());
        OperationError::Files(text)
    })
}

/// Keeps a network's key out of the folder that is about to be deleted; `None` when it is not in it. A key that was put there
/// and is not in use yet is kept as well.
pub(super) async fn keep_key(
    files: Arc<Files>,
    file: Arc<config::Network>,
    doomed: &FolderToDelete,
) -> Result<Option<PathBuf>, OperationError> {
    if !file.key_file.starts_with(&doomed.path) {
        return Ok(None);
    }
    let keep = move || {
        let home = &files.sources.home;
        let kept = home.keep_key(file.folder_name(), &file.node_key)?;
        match config::node_key::read(&file.key_file) {
            Ok(other) if other.id() != file.id() => home.keep_key(file.folder_name(), &other).map(drop)?,
            _ => {}
        }
        Ok(kept)
    };
    let kept = blocking(keep).await?.map_err(|error: io::Error| {
        OperationError::NotDeleted(format!(
            "the network is served still: its key could not be kept in the home: {error}"
        ))
    })?;
    Ok(Some(kept))
}

/// Why the folder of a network whose files have errors is not deleted.
pub(super) fn not_known(folder: &NetworkFolder) -> OperationError {
    let path = folder.path.display();
    OperationError::NotDeleted(format!(
        "the network's files have errors, so that it is not known whose files are in {path}: remove the network without \
         delete_data, then delete that folder"
    ))
}

/// A folder that may be deleted once its network has ended.
pub(super) struct FolderToDelete {
    path: PathBuf,
}

/// The folder of a network, when it is the network's own and nobody else's: a folder of the home itself, not a link to
/// another place, with nothing in it that another network uses.
pub(super) fn doomed(
    files: &Files,
    file: &config::Network,
    others: &[Arc<config::Network>],
) -> Result<FolderToDelete, OperationError> {
    let path = files.sources.home.network(file.folder_name()).path;
    let refuse = |why: String| {
        let text = format!("the network is served still, and {} was not deleted: {why}", path.display());
        OperationError::NotDeleted(text)
    };
    let named = config::chain_id::check(file.folder_name()).is_ok() && path == file.home;
    let meta = fs::symlink_metadata(&path).map_err(|error| refuse(error.to_string()))?;
    if !named || !meta.is_dir() {
        return Err(refuse(
            "it is a link to another place: remove the network without delete_data, then delete it".into(),
        ));
    }
    let inside = |used: &Path| used.starts_with(&path) || path.canonicalize().is_ok_and(|path| used.starts_with(path));
    let uses = |other: &config::Network| {
        inside(&other.key_file) || inside(&other.book) || other.asn.as_ref().is_some_and(|asn| inside(&asn.path))
    };
    if let Some(other) = others.iter().find(|other| uses(other)) {
        return Err(refuse(format!("{} uses files in it", other.chain_id)));
    }
    Ok(FolderToDelete { path })
}

/// Deletes the folder, and no other place that links in it lead to. It gets a name first that no start looks at, so that a
/// crash in between leaves no half of a network.
pub(super) async fn delete(doomed: FolderToDelete) -> Result<(), OperationError> {
    let FolderToDelete { path } = doomed;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let hidden = path.with_file_name(format!(".{name}.{}.removed", std::process::id()));
    let failed = |left: &Path, error: io::Error| {
        let text =
            format!("the network is removed, and its folder could not be deleted; {} is left: {error}", left.display());
        OperationError::NotDeleted(text)
    };
    let (from, to) = (path.clone(), hidden.clone());
    blocking(move || fs::rename(from, to)).await?.map_err(|error| failed(&path, error))?;
    let gone = hidden.clone();
    blocking(move || fs::remove_dir_all(gone)).await?.map_err(|error| failed(&hidden, error))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, OperationError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| OperationError::Internal(error.to_string()))
}
