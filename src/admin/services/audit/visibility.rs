//! What is said of a network that is added or removed, and who sees it: in the events of every network, and in the audits of
//! networks whose process has none of its own, or had none at the time. It names that network, and a caller who is for some
//! networks only learns nothing of the others, so it is shown to callers for all networks, and to who may see that network.

use crate::admin::auth::caller::Caller;
use crate::node::row::AuditEntry;

/// The methods whose entries name a network that may be another one's than the audit's.
const METHODS: [&str; 2] = ["NetworkService.AddNetwork", "NetworkService.RemoveNetwork"];

/// That a network was added.
pub(crate) fn added(chain_id: &str) -> String {
    format!("added the network {chain_id}")
}

/// That a network was removed.
pub(crate) fn removed(chain_id: &str) -> String {
    format!("removed the network {chain_id}")
}

/// Whether a caller may read this entry of a network that it may see.
pub(in crate::admin) fn may_read(caller: &Caller, network: &str, entry: &AuditEntry) -> bool {
    may_see(caller, network, &entry.method, &entry.summary)
}

/// Whether a caller may learn of this change in a network that it may see.
pub(in crate::admin) fn may_see(caller: &Caller, network: &str, method: &str, summary: &str) -> bool {
    let own = || summary == added(network) || summary == removed(network);
    !METHODS.contains(&method) || caller.require_all_networks().is_ok() || own()
}
