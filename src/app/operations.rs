//! What the admin API asks of the process: networks that are added, removed and reloaded, and their configuration.

use std::path::PathBuf;
use std::sync::Arc;

use super::registry::Registry;
use super::{effective_config, network_folders, reload, runtime_changes, tunables};
use crate::admin::{
    Added, ConfigEntry, EffectiveConfig, NewNetwork, OperationError, Operations, Reloaded, Removed, SetResult,
    audit_visibility, note_process_change,
};
use crate::config::{self, Key};
use crate::network::{ChangeAuthor, Handle, Saved};

#[tonic::async_trait]
impl Operations for Registry {
    fn folder(&self, chain_id: &str) -> Option<PathBuf> {
        self.network_folder(chain_id).map(|folder| folder.path)
    }

    async fn add(
        &self,
        by: ChangeAuthor,
        name: String,
        new: Option<NewNetwork>,
        stopped: bool,
    ) -> Result<Added, OperationError> {
        let registry = self.clone();
        self.change(async move { registry.add_now(by, &name, new, stopped).await }).await
    }

    async fn remove(&self, by: ChangeAuthor, chain_id: String, delete: bool) -> Result<Removed, OperationError> {
        let registry = self.clone();
        self.change(async move { registry.remove_now(by, &chain_id, delete).await }).await
    }

    fn has_new_folder(&self, name: &str) -> bool {
        self.new_folders().iter().any(|folder| folder.name == name)
    }

    async fn reload(&self, by: ChangeAuthor, chain_id: String) -> Result<Reloaded, OperationError> {
        let registry = self.clone();
        self.change(async move { reload::reload(&registry, by, &chain_id).await }).await
    }

    async fn effective(&self, chain_id: &str) -> Result<EffectiveConfig, OperationError> {
        let (handle, file) = self.get_file(chain_id)?;
        let view = runtime_changes::view(&handle, &file).await?;
        let entries = effective_config::of_network(&file, &view.changes);
        Ok(EffectiveConfig { entries, immutable: view.forbidden.is_some() })
    }

    fn process(&self) -> Vec<ConfigEntry> {
        self.files().map(|files| effective_config::of_process(&files.process)).unwrap_or_default()
    }

    async fn set(
        &self,
        by: ChangeAuthor,
        chain_id: &str,
        path: &str,
        value: &str,
    ) -> Result<SetResult, OperationError> {
        let (handle, file) = self.get_file(chain_id)?;
        let key = changeable(path, &file)?;
        let wrong = |what| OperationError::Field { field: "value", text: format!("{path} {what}") };
        config::read_value(key, value).map_err(wrong)?;
        let applied = handle.set(by, path, value).await?;
        Ok(SetResult { applied, entry: entry(&handle, &file, key).await? })
    }

    async fn reset(&self, by: ChangeAuthor, chain_id: &str, path: &str) -> Result<SetResult, OperationError> {
        let (handle, file) = self.get_file(chain_id)?;
        let key = changeable(path, &file)?;
        let applied = handle.reset(by, path).await?;
        Ok(SetResult { applied, entry: entry(&handle, &file, key).await? })
    }
}

impl Registry {
    pub(super) async fn add_now(
        &self,
        by: ChangeAuthor,
        name: &str,
        new: Option<NewNetwork>,
        stopped: bool,
    ) -> Result<Added, OperationError> {
        let files = self.files()?.clone();
        config::chain_id::check(name)
            .map_err(|error| OperationError::Field { field: "network", text: error.to_string() })?;
        let serves = |file: &Arc<config::Network>| file.folder_name() == name || file.chain_id == name;
        let folder = files.sources.home.network(name);
        if self.misconfigured_folder(name).is_some() || self.is_misconfigured(&folder) {
            let text = format!("the network {name} is there, and its files have errors: mend them and reload it");
            return Err(OperationError::Exists(text));
        }
        if self.get(name).is_ok() || self.others("").iter().any(serves) {
            return Err(OperationError::Exists(format!("the network {name} is served already")));
        }
        let made = match new {
            Some(new) => Some(network_folders::create(&files, name, self.new_network(new)?).await?),
            None => None,
        };
        let loaded = network_folders::load(files, folder.clone(), self.beside(name)).await;
        if let (Err(_), Some(made)) = (&loaded, made) {
            network_folders::discard(made).await;
        }
        let (file, warnings) = loaded?;
        warnings.iter().for_each(|warning| tracing::warn!(chain = file.chain_id, "{warning}"));
        let file = Arc::new(file);
        network_folders::unmark_removed(folder).await?;
        self.serve_file(file.clone()).await;
        let (handle, _) = self.get(&file.chain_id)?;
        // What goes wrong from here on is a served network's own trouble: its status says it.
        let noted = self.note_of(&by, &file.chain_id, &audit_visibility::added(&file.chain_id)).await;
        if !stopped {
            let _ = handle.start(None).await;
        }
        Ok(Added { chain_id: file.chain_id.clone(), node_address: file.node_address(), noted })
    }

    /// With what it takes from the network whose listener it shares.
    fn new_network(&self, new: NewNetwork) -> Result<config::NewNetwork, OperationError> {
        let shared = match new.share_listener_with {
            None => None,
            Some(other) => {
                let wrong = |error: OperationError| OperationError::Field {
                    field: "new_network.share_listener_with",
                    text: error.to_string(),
                };
                Some(config::SharedListener::of(&self.get_file(&other).map_err(wrong)?.1))
            }
        };
        let (moniker, seeds, seed_mode) = (new.moniker, new.seeds, new.seed_mode);
        Ok(config::NewNetwork { moniker, seeds, seed_mode, shared, ..config::NewNetwork::default() })
    }

    async fn remove_now(&self, by: ChangeAuthor, chain_id: &str, delete: bool) -> Result<Removed, OperationError> {
        let (_, file) = self.get(chain_id)?;
        if let (true, Some(folder)) = (delete, self.misconfigured_folder(chain_id)) {
            return Err(network_folders::not_known(&folder));
        }
        let doomed = match delete {
            true => Some(network_folders::doomed(self.files()?, &self.get_file(chain_id)?.1, &self.others(chain_id))?),
            false => None,
        };
        // A key that is kept twice harms nobody, and one that cannot be kept leaves the network as it is.
        let key = match (&doomed, &file) {
            (Some(doomed), Some(file)) => {
                network_folders::keep_key(self.files()?.clone(), file.clone(), doomed).await?
            }
            _ => None,
        };
        // Before all that follows, so that no crash in it has the network served again.
        if let Some(folder) = self.network_folder(chain_id) {
            match network_folders::mark_removed(folder, mark(&by)).await {
                // Whoever deletes makes room.
                Err(error) if doomed.is_some() => tracing::warn!(%error, "going on: its folder is to be deleted"),
                marked => marked?,
            }
        }
        let removed = audit_visibility::removed(chain_id);
        let done = match (&doomed, &key) {
            (None, _) => "kept its folder".to_owned(),
            (Some(_), None) => "deleted its folder".to_owned(),
            (Some(_), Some(key)) => format!("deleted its folder; its key is {}", key.display()),
        };
        let folder = self.network_folder(chain_id).map(|folder| folder.path);
        let mut noted = self.note_of(&by, chain_id, &format!("{removed} and {done}")).await;
        self.retire(chain_id).await;
        tracing::info!(chain = chain_id, author = %by.author, "removed the network and {done}");
        if let Some(doomed) = doomed {
            if let Err(error) = network_folders::delete(doomed).await {
                self.note_of(&by, chain_id, &format!("{removed} and could not delete all of its folder: {error}"))
                    .await;
                return Err(error);
            }
            if noted != Saved::Yes {
                // On the disk that was full there may be room now.
                noted = self.note_of(&by, chain_id, &format!("{removed} and {done}")).await;
            }
            return Ok(Removed { folder: None, key, noted });
        }
        Ok(Removed { folder, key: None, noted })
    }

    /// Notes what became of a network in the audit of the process, and tells those who watch the others.
    async fn note_of(&self, by: &ChangeAuthor, chain_id: &str, summary: &str) -> Saved {
        note_process_change(self.audit(), self.directory(), by, chain_id, summary).await
    }
}

/// What a removed network's folder says of it.
fn mark(by: &ChangeAuthor) -> String {
    format!(
        "Removed from pexd by {} ({}). While this file is here, a start of pexd does not serve this network: \
         `pexd network add` serves it again and deletes this file; so does whoever deletes it, at the next start.\n",
        by.author.escape_debug(),
        by.method
    )
}

/// A key of a network that can be changed at run time.
fn changeable(path: &str, file: &config::Network) -> Result<&'static Key, OperationError> {
    let wrong = |text| OperationError::Field { field: "key", text };
    let key = config::network_key(path).map_err(wrong)?;
    if !tunables::can_change(key) {
        let file = file.home.join("config.toml");
        let fix = match path {
            "p2p.seeds" => "SeedService.AddSeed and RemoveSeed change it".to_owned(),
            "p2p.persistent_peers" | "p2p.unconditional_peer_ids" | "p2p.private_peer_ids" => {
                format!("PeerService has methods for it; or change {} and call ReloadNetwork", file.display())
            }
            _ => format!("change {} and call ReloadNetwork", file.display()),
        };
        return Err(wrong(format!("{path} cannot be changed by this method: {fix}")));
    }
    Ok(key)
}

async fn entry(handle: &Handle, file: &config::Network, key: &Key) -> Result<ConfigEntry, OperationError> {
    let entries = effective_config::of_network(file, &handle.settings().await?.changes);
    let found = entries.into_iter().find(|entry| entry.key == key.path());
    found.ok_or_else(|| OperationError::Internal(format!("{} has no value", key.path())))
}
