//! Which networks there are, by chain ID.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Handle;

/// The networks of the process, which come and go. Only the composition root changes it; everyone else looks up. Cheap to
/// clone.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    entries: Arc<ArcSwap<Entries>>,
}

#[derive(Clone, Debug, Default)]
struct Entries {
    networks: BTreeMap<Arc<str>, Handle>,
    default: Option<Arc<str>>,
}

/// Why a look-up did not find one network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No network of that name.
    #[error("no network {asked:?} here; {}", others(.known))]
    Unknown {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// None was named and there are several.
    #[error("several networks are served, name one: {}", .known.join(", "))]
    Ambiguous {
        /// What there is.
        known: Vec<String>,
    },
    /// There is none at all.
    #[error("no network is served")]
    None,
}

fn others(known: &[String]) -> String {
    if known.is_empty() { "and no other".to_owned() } else { format!("there are: {}", known.join(", ")) }
}

impl Directory {
    /// A directory of these networks. `default` is what an empty name stands for when there are several.
    pub fn new(networks: impl IntoIterator<Item = Handle>, default: Option<Arc<str>>) -> Self {
        let networks = networks.into_iter().map(|handle| (handle.chain_id().clone(), handle)).collect();
        Directory { entries: Arc::new(ArcSwap::from_pointee(Entries { networks, default })) }
    }

    /// Other networks from now on.
    #[cfg(test)]
    pub(crate) fn replace(&self, networks: impl IntoIterator<Item = Handle>) {
        let networks = networks.into_iter().map(|handle| (handle.chain_id().clone(), handle)).collect();
        self.entries.store(Arc::new(Entries { networks, default: None }));
    }

    /// The network of that chain ID among the `visible` ones; an empty name stands for the only one of them, or the
    /// configured default.
    ///
    /// # Errors
    /// When there is no such network, or an empty name could mean several. The error names those that are visible.
    pub fn get(&self, chain_id: &str, visible: impl Fn(&str) -> bool) -> Result<Handle, LookupError> {
        let entries = self.entries.load();
        let visible = |name: &&Arc<str>| visible(name);
        let known = || entries.networks.keys().filter(visible).map(ToString::to_string).collect();
        if !chain_id.is_empty() {
            let found = entries.networks.get_key_value(chain_id).filter(|(name, _)| visible(name));
            let found = found.map(|(_, handle)| handle.clone());
            return found.ok_or_else(|| LookupError::Unknown { asked: chain_id.to_owned(), known: known() });
        }
        let default = entries.default.as_ref().filter(visible).and_then(|name| entries.networks.get(name));
        let mut all = entries.networks.iter().filter(|(name, _)| visible(name)).map(|(_, handle)| handle);
        match (default, all.next(), all.next()) {
            (Some(handle), ..) | (None, Some(handle), None) => Ok(handle.clone()),
            (None, None, _) => Err(LookupError::None),
            (None, Some(_), Some(_)) => Err(LookupError::Ambiguous { known: known() }),
        }
    }

    /// Adds a network, in the place of the one that had its chain ID.
    pub(crate) fn insert(&self, handle: &Handle) {
        self.entries.rcu(|entries| {
            let mut entries = Entries::clone(entries);
            entries.networks.insert(handle.chain_id().clone(), handle.clone());
            entries
        });
    }

    /// Removes a network.
    pub(crate) fn remove(&self, chain_id: &str) {
        self.entries.rcu(|entries| {
            let mut entries = Entries::clone(entries);
            entries.networks.remove(chain_id);
            entries
        });
    }

    /// All `visible` networks, by chain ID.
    pub fn all(&self, visible: impl Fn(&str) -> bool) -> Vec<Handle> {
        let entries = self.entries.load();
        entries.networks.iter().filter(|(name, _)| visible(name)).map(|(_, handle)| handle.clone()).collect()
    }
}
