//! Looks at the files while the process runs: one that broke on disk is to be known before a restart needs it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::registry::Registry;
use super::{network_folders, start_checks};
use crate::config;
use crate::network::{ConfigFaults, Handle};
use crate::regular_file::FileStamp;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(60);

/// Looks at the files every minute. What is wrong with the process's own goes to `process`, what is wrong with a network's to
/// its handle. Never ends.
pub(super) async fn watch(registry: Registry, process: ConfigFaults) {
    // They were all read a moment ago.
    let mut ticks = interval_at(Instant::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = BTreeMap::new();
    loop {
        ticks.tick().await;
        look(&registry, &process, &mut seen).await;
    }
}

/// What each network's files looked like when they were last read.
type Seen = BTreeMap<Arc<str>, Stamps>;

/// Those of its files, there or not.
type Stamps = Vec<Option<FileStamp>>;

/// Reads what has changed since it was last seen.
pub(super) async fn look(registry: &Registry, process: &ConfigFaults, seen: &mut Seen) {
    let Ok(files) = registry.files().cloned() else { return };
    let sources = files.sources.clone();
    let read = tokio::task::spawn_blocking(move || match config::load_process_again(&sources) {
        // What is in the files that it names shows when they are used.
        Ok(process) => start_checks::check_admin(&process.admin).err().into_iter().collect(),
        Err(errors) => texts(&errors),
    });
    if let Ok(found) = read.await {
        tell(process, found, "pexd.toml, or a file that it names, has errors: pexd would not start again");
    }
    let all = registry.directory().all(|_| true);
    seen.retain(|chain_id, _| all.iter().any(|handle| handle.chain_id() == chain_id));
    for handle in all {
        // A network that is not served is looked at each time: nothing says which files it wants.
        let stamp = match registry.get_file(handle.chain_id()) {
            Ok((_, file)) => Some(stamp(config_paths(&file)).await),
            Err(_) => None,
        };
        if stamp.is_some() && stamp.as_ref() == seen.get(handle.chain_id()) {
            continue;
        }
        let Some(folder) = registry.network_folder(handle.chain_id()) else { continue };
        let beside = registry.beside(handle.chain_id());
        let faults = match network_folders::read(files.clone(), folder, beside).await {
            Ok(Ok((file, _))) => other_chain(&file, &handle),
            Ok(Err(broken)) => texts(&broken.errors),
            Err(_) => continue,
        };
        // What is wrong may lie in other files than those that the running configuration has, or in another network's.
        let stamp = stamp.filter(|_| faults.is_empty());
        match handle.misconfiguration() {
            Some(_) if faults.is_empty() => {
                let text = "they were mended: call NetworkService.ReloadNetwork (pexd network reload) to serve it";
                handle.config_faults().set(vec![text.into()]);
            }
            _ => {
                let network = handle.chain_id().to_string();
                let _span = tracing::info_span!("network", chain = %network).entered();
                tell(
                    handle.config_faults(),
                    faults,
                    "the files have errors: the network would be FAILED after a restart",
                );
            }
        }
        match stamp {
            Some(stamp) => drop(seen.insert(handle.chain_id().clone(), stamp)),
            None => drop(seen.remove(handle.chain_id())),
        }
    }
}

/// What is wrong with a file in order that is another network's by now: its book is of the chain that it had.
fn other_chain(file: &config::Network, handle: &Handle) -> Vec<String> {
    if handle.misconfiguration().is_some() || file.chain_id == **handle.chain_id() {
        return Vec::new();
    }
    let (place, now) = (file.home.join("config.toml"), &file.chain_id);
    vec![format!(
        "{}: the chain ID is {now} now: write the former one, or remove the network and add {now}",
        place.display()
    )]
}

/// Sets what is wrong now, and logs it when that has changed.
fn tell(faults: &ConfigFaults, found: Vec<String>, consequence: &str) {
    let before = faults.found();
    faults.set(found);
    let now = faults.found();
    if now == before {
        return;
    }
    for error in now.iter() {
        tracing::error!("{error}");
    }
    if now.is_empty() { tracing::info!("the files are in order again") } else { tracing::error!("{consequence}") }
}

fn texts(errors: &config::ConfigErrors) -> Vec<String> {
    errors.notes().iter().map(ToString::to_string).collect()
}

fn config_paths(file: &config::Network) -> Vec<PathBuf> {
    let asn = file.asn.as_ref().map(|asn| asn.path.clone());
    [file.home.join("config.toml"), file.key_file.clone()].into_iter().chain(asn).collect()
}

async fn stamp(paths: Vec<PathBuf>) -> Stamps {
    let look = move || paths.iter().map(|path| FileStamp::of(path)).collect();
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}
