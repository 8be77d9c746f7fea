//! What a status says of the listeners: each once, however many networks share it.

use std::collections::BTreeMap;

use crate::admin::reply::conversions::reason_counts;
use crate::network::Status;
use crate::proto::pexd::v1::ListenerStatus;

/// The listeners that several of these networks share, or that refused connections of no network, by address.
pub(super) fn listeners<'a>(networks: impl Iterator<Item = &'a Status>) -> Vec<ListenerStatus> {
    let mut all = BTreeMap::new();
    for status in networks {
        let Some(listener) = &status.listener else { continue };
        let told = all.entry((status.listen, listener.number)).or_insert_with(|| ListenerStatus {
            address: status.listen.to_string(),
            networks: Vec::new(),
            refusals: reason_counts(listener.refused.clone()),
        });
        told.networks.push(status.chain_id.to_string());
    }
    all.values_mut().for_each(|told| told.networks.sort());
    all.into_values().filter(|told| told.networks.len() > 1 || !told.refusals.is_empty()).collect()
}
