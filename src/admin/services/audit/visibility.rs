//! What the audit of every network says of one that is added or removed. It names that network, and a caller who is for
//! some networks only learns nothing of the others, so such an entry is shown to callers for all networks; a caller for one
//! network sees the entries of that network's own audit log.

use crate::admin::auth::caller::Caller;

/// The methods whose entries name a network that may be another one's than the audit's.
const METHODS: [&str; 2] = ["NetworkService.AddNetwork", "NetworkService.RemoveNetwork"];

/// That a network was added.
pub(crate) fn added(chain_id: &str) -> String {
    format!("added the network {chain_id}")
}

/// That a network was removed, in its own audit.
pub(crate) fn removed(chain_id: &str) -> String {
    format!("removed the network {chain_id}")
}

/// Whether a caller may read this entry of a network that it may see.
pub(in crate::admin) fn may_read(caller: &Caller, network: &str, method: &str, summary: &str) -> bool {
    let own = || summary == added(network) || summary == removed(network);
    !METHODS.contains(&method) || caller.require_all_networks().is_ok() || own()
}
