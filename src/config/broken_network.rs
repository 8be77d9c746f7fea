//! A network that is listed and not served, because its own files have errors.

use std::collections::BTreeSet;

use super::chain_id;
use super::errors::ConfigErrors;
use super::home::NetworkFolder;

/// A network whose files have errors.
#[derive(Clone, Debug)]
pub struct BrokenNetwork {
    /// What it is known by until they are mended: the chain ID, as far as the file says it and no other network has it, else
    /// the folder's name. No other network has it.
    pub name: String,
    /// Its folder.
    pub folder: NetworkFolder,
    /// All errors of its files, and what it cannot share with the process and the other networks.
    pub errors: ConfigErrors,
}

impl BrokenNetwork {
    /// `chain_id` is what its file says, `names` are those of all other networks.
    pub(super) fn new(
        folder: NetworkFolder,
        chain_id: Option<String>,
        errors: ConfigErrors,
        names: &BTreeSet<String>,
    ) -> Self {
        let chain_id = chain_id.filter(|id| chain_id::check(id).is_ok());
        let mut choices = chain_id.into_iter().chain([folder.name.clone()]);
        // No chain ID has a slash.
        let name = choices.find(|name| !names.contains(name)).unwrap_or_else(|| format!("networks/{}", folder.name));
        BrokenNetwork { name, folder, errors }
    }
}
