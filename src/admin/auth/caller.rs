//! The caller of a request: its name for the audit log, its role, and its networks.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use tonic::{Request, Status};

use super::roles::Role;
use crate::admin::reply::status_codes;
use crate::network::ChangeAuthor;

/// The networks that a caller may ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedNetworks {
    /// All there are and will be.
    All,
    /// These chain IDs; the caller does not learn of others.
    These(BTreeSet<Arc<str>>),
}

/// Who sent a request. The access layer puts it into the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its name in the audit, such as `token ops from 10.0.0.7:40112`.
    pub(in crate::admin) who: Arc<str>,
    /// What it may do.
    pub(in crate::admin) role: Role,
    /// Where.
    pub(in crate::admin) networks: AllowedNetworks,
}

impl Caller {
    /// Who sent this request. One that did not pass the access layer may do nothing.
    pub(in crate::admin) fn of<T>(request: &Request<T>) -> Caller {
        request.extensions().get().cloned().unwrap_or_else(Caller::nobody)
    }

    /// For methods that act on the process as a whole.
    ///
    /// # Errors
    /// PERMISSION_DENIED when the caller is for some networks only.
    pub(in crate::admin) fn require_all_networks(&self) -> Result<(), Status> {
        match self.networks {
            AllowedNetworks::All => Ok(()),
            AllowedNetworks::These(_) => Err(status_codes::all_networks_needed(&self.who)),
        }
    }

    fn nobody() -> Caller {
        Caller { who: "nobody".into(), role: Role::Read, networks: AllowedNetworks::These(BTreeSet::new()) }
    }

    /// Who changes something by this method, for the audit.
    pub(in crate::admin) fn by(&self, method: &'static str) -> ChangeAuthor {
        ChangeAuthor { author: self.who.clone(), method }
    }

    /// Its name over all its connections: `who` without the port, or the place that a named one calls from.
    pub(in crate::admin) fn principal(&self) -> String {
        match (self.who.split_once(" from "), self.who.parse::<SocketAddr>()) {
            (Some((name, _)), _) => name.to_owned(),
            (None, Ok(place)) => place.ip().to_string(),
            (None, Err(_)) => self.who.to_string(),
        }
    }

    /// Whether it may ask about this network.
    pub(in crate::admin) fn may_see(&self, chain_id: &str) -> bool {
        match &self.networks {
            AllowedNetworks::All => true,
            AllowedNetworks::These(names) => names.contains(chain_id),
        }
    }
}
