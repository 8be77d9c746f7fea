//! Reading a network's files again while it runs.

use std::sync::Arc;

use super::registry::Registry;
use super::{effective_config, hidden_changes, network_folders, params, runtime_changes, tunables};
use crate::admin::{OperationError, Reloaded};
use crate::config::{self, Diagnostic, Difference, NetworkFolder};
use crate::network::{Applied, ChangeAuthor, Error, Handle, Saved};
use crate::node::RunState;
use crate::node::row::Setting;

/// Reads a network's files again and applies them: while it runs where that is possible, else it alone is ended
/// and started again.
///
/// # Errors
/// When the files have errors; nothing was changed then.
pub(super) async fn reload(registry: &Registry, by: ChangeAuthor, chain_id: &str) -> Result<Reloaded, OperationError> {
    if let Some(folder) = registry.misconfigured_folder(chain_id) {
        if folder.is_removed() {
            registry.unlist_misconfigured(chain_id);
            let text =
                format!("{chain_id} was removed, and is listed no more: AddNetwork (pexd network add) serves it again");
            return Err(OperationError::Field { field: "network", text });
        }
        return serve_mended(registry, by, chain_id, folder).await;
    }
    if let Some(folder) = registry.new_folders().into_iter().find(|folder| folder.name == chain_id) {
        return serve_new(registry, by, folder).await;
    }
    let (handle, before) = registry.get_file(chain_id)?;
    let folder = registry.files()?.sources.home.network(before.folder_name());
    let (after, warnings) = load(registry, &handle, folder).await?;
    if after.chain_id != before.chain_id {
        let place = after.home.join("config.toml").display().to_string();
        let text = format!(
            "the chain ID is {} now and was {chain_id}: a reload keeps the chain; remove the network and add it",
            after.chain_id
        );
        return Err(OperationError::InvalidConfig(vec![(place, text)]));
    }
    let after = Arc::new(after);
    let changed_before = changed(&handle, &before).await;
    let restarted = bring_into_force(registry, &handle, &before, &after).await?;
    let handle = registry.get(chain_id)?.0;
    let changed_after = changed(&handle, &after).await;
    let mut changes = effective_config::changes((&before, &changed_before), (&after, &changed_after));
    if before.id() != after.id() {
        changes.push(("node_key.json".into(), before.id().to_string(), after.id().to_string()));
    }
    if before.asn != after.asn && !changes.iter().any(|(key, ..)| key == "book.asn_file") {
        changes.push(("book.asn_file".into(), edition(&before), edition(&after)));
    }
    let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    if restarted || !changes.is_empty() {
        // It is reloaded, whether that can be noted or not.
        warnings.extend(noted(handle.note(by, summary(&changes, restarted)).await));
    }
    let hidden = hidden_changes::of_network(&before, &after, &changed_after);
    hidden.iter().for_each(|change| tracing::warn!(chain = chain_id, "{}", change.text));
    Ok(Reloaded { changes, restarted, hidden, warnings })
}

/// What there is to say of a note for the audit: nothing when it is on disk.
fn noted(note: Result<Applied, Error>) -> Option<String> {
    match note {
        Ok(Applied { saved: Saved::Yes, .. }) => None,
        Ok(Applied { saved: Saved::No(error), .. }) => Some(format!("in effect, and not in the audit: {error}")),
        Err(error) => Some(format!("in effect, and not in the audit: {error}")),
    }
}

/// Reads a network's files, and has its handle say what is wrong with them.
async fn load(
    registry: &Registry,
    handle: &Handle,
    folder: NetworkFolder,
) -> Result<(config::Network, Vec<Diagnostic>), OperationError> {
    let files = registry.files()?.clone();
    // Not as for a network that is added: what is missing here was there.
    let read = network_folders::read(files, folder, registry.beside(handle.chain_id())).await?;
    let errors = read.as_ref().err().map(|broken| network_folders::each(&broken.errors)).unwrap_or_default();
    if read.is_err() || handle.misconfiguration().is_none() {
        handle.config_faults().set(errors.iter().map(|(place, text)| format!("{place}: {text}")).collect());
    }
    read.map_err(|_| OperationError::InvalidConfig(errors))
}

/// Serves a network whose folder has come since the start. One whose files have errors is listed with them.
async fn serve_new(registry: &Registry, by: ChangeAuthor, folder: NetworkFolder) -> Result<Reloaded, OperationError> {
    let name = folder.name.clone();
    let read = network_folders::read(registry.files()?.clone(), folder, registry.beside("")).await?;
    if let Err(broken) = read {
        let each = network_folders::each(&broken.errors);
        registry.list_misconfigured(broken);
        return Err(OperationError::InvalidConfig(each));
    }
    let served = registry.add_now(by, &name, None, false).await?.chain_id;
    tracing::info!(chain = %served, "is served from now on: its folder has come since pexd was started");
    Ok(Reloaded { restarted: true, ..Reloaded::default() })
}

/// Serves a network whose files had errors.
async fn serve_mended(
    registry: &Registry,
    by: ChangeAuthor,
    chain_id: &str,
    folder: NetworkFolder,
) -> Result<Reloaded, OperationError> {
    let (file, warnings) = load(registry, &registry.get(chain_id)?.0, folder).await?;
    registry.unlist_misconfigured(chain_id);
    let file = Arc::new(file);
    registry.serve_file(file.clone()).await;
    let (handle, _) = registry.get(&file.chain_id)?;
    let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    warnings.extend(noted(handle.note(by, "served the network again, whose files had errors".into()).await));
    // When it cannot start, its status says why.
    let _ = handle.start(None).await;
    Ok(Reloaded { restarted: true, warnings, ..Reloaded::default() })
}

/// Whether the network was ended and started again for it.
async fn bring_into_force(
    registry: &Registry,
    handle: &Handle,
    before: &config::Network,
    after: &Arc<config::Network>,
) -> Result<bool, OperationError> {
    let differences = config::differences(&before.entries, &after.entries);
    let state = handle.status().await.map(|status| status.node.state);
    let same_files = before.id() == after.id()
        && before.book == after.book
        && before.moniker == after.moniker
        && before.asn == after.asn;
    if same_files && differences.iter().all(|difference| tunables::can_reload(difference.key)) {
        if !differences.is_empty() {
            handle.reconfigure(params::network(after, None).configured()).await?;
        }
        registry.set_file(&after.chain_id, after.clone());
        if !differences.is_empty() && matches!(state, Ok(RunState::Failed(_))) {
            // What it lacked may be in the file now; when it is not, its status says so.
            let _ = handle.start(None).await;
        }
        return Ok(false);
    }
    registry.end(&after.chain_id).await;
    registry.serve_file(after.clone()).await;
    if state != Ok(RunState::Stopped) {
        // When it cannot start, its status says why.
        let _ = registry.get(&after.chain_id)?.0.start(None).await;
    }
    Ok(true)
}

/// What a network's file of autonomous systems says that it is, and when it was built.
fn edition(file: &config::Network) -> String {
    file.asn.as_ref().map(|asn| asn.edition()).unwrap_or_default()
}

async fn changed(handle: &Handle, file: &config::Network) -> Vec<Setting> {
    runtime_changes::view(handle, file).await.map(|view| view.changes).unwrap_or_default()
}

fn summary(changes: &[(String, String, String)], restarted: bool) -> String {
    let changes: Vec<String> = changes.iter().map(|(key, old, new)| format!("{key}: {old:?} -> {new:?}")).collect();
    let how = if restarted { ", for which it was started again" } else { "" };
    format!("reloaded the files{how}; {}", changes.join(", "))
}

/// Says what a restart would change of the process, which reads its own file at the start only.
fn tell_of_process(registry: &Registry) {
    let Ok(files) = registry.files() else { return };
    match config::load_process_again(&files.sources) {
        Ok(now) => {
            for change in hidden_changes::of_process(&files.process.entries, &now.entries) {
                tracing::warn!("{}", change.text);
            }
            for Difference { key, before, after } in config::differences(&files.process.entries, &now.entries) {
                let (key, path) = (key.path(), files.sources.home.process_file());
                tracing::warn!(key, before, after, path = %path.display(), "takes effect after a restart of pexd");
            }
        }
        Err(errors) => {
            for note in errors.notes() {
                tracing::error!("{note}");
            }
            tracing::error!("pexd would not start again with these errors");
        }
    }
}

/// Reads the files of all networks again, as SIGHUP asks for, and serves those whose folders have come since. What changed and
/// what is wrong goes to the log.
pub(super) async fn reload_all(registry: &Registry) {
    tell_of_process(registry);
    let new = registry.new_folders().into_iter().map(|folder| folder.name);
    let served = registry.directory().all(|_| true).into_iter().map(|handle| handle.chain_id().to_string());
    for chain_id in served.chain(new) {
        let by = ChangeAuthor { author: "signal".into(), method: "SIGHUP" };
        let (reloading, name) = (registry.clone(), chain_id.clone());
        let outcome = registry.change(async move { reload(&reloading, by, &name).await }).await;
        match outcome {
            Ok(Reloaded { changes, restarted, warnings, .. }) => {
                warnings.iter().for_each(|warning| tracing::warn!(chain = chain_id, "{warning}"));
                tracing::info!(chain = chain_id, changes = changes.len(), restarted, "files read again");
            }
            Err(OperationError::InvalidConfig(errors)) => {
                for (place, text) in errors {
                    tracing::error!(chain = chain_id, "{place}: {text}");
                }
                tracing::error!(chain = chain_id, "its files have errors: nothing was changed");
            }
            Err(error) => tracing::error!(chain = chain_id, %error, "cannot be reloaded"),
        }
    }
}
