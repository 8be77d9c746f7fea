//! The ways into the admin API in words: for the log at the start, and for those who are refused.

use std::net::SocketAddr;
use std::path::PathBuf;

use tonic::Status;

use super::caller::Caller;
use super::roles::Role;
use crate::admin::reply::status_codes;

/// What is listened on.
#[derive(Clone, Debug, Default)]
pub(in crate::admin) struct WaysIn {
    /// The Unix socket and its mode.
    pub(in crate::admin) socket: Option<(PathBuf, u32)>,
    /// The TCP address.
    pub(in crate::admin) tcp: Option<SocketAddr>,
    /// Whether the socket may be named to those who show no credential: they are on this host, and nothing passes the
    /// requests of others on.
    pub(in crate::admin) names_socket: bool,
}

impl WaysIn {
    /// Who may do what over which listener, when callers on TCP may do `anonymous` without a credential.
    pub(in crate::admin) fn told(&self, anonymous: Option<Role>) -> String {
        let socket = match &self.socket {
            Some((path, mode)) => {
                format!("everything over unix:{} for whoever may open it (mode {mode:04o})", path.display())
            }
            None => "there is no Unix socket (admin.socket)".to_owned(),
        };
        let tcp = match (self.tcp, anonymous) {
            (None, _) => "nothing on TCP (admin.laddr)".to_owned(),
            (Some(at), None) => format!("over {at} what the role of a token or client certificate allows"),
            (Some(at), Some(Role::Control)) => format!("everything over {at}, without a credential"),
            (Some(at), Some(Role::Read)) => format!(
                "over {at} only reading, without a credential (until there is a token or client certificate; \
                 admin.require_auth = true ends that too)"
            ),
        };
        format!("{socket}; {tcp}")
    }

    /// The one answer to all who do not show who they are, whatever they asked and whatever was wrong.
    pub(in crate::admin) fn unauthenticated(&self) -> Status {
        status_codes::unauthenticated(&self.socket_hint(" needs neither of those who may open it"))
    }

    /// A method that needs a higher role than callers have without a credential.
    pub(in crate::admin) fn credential_needed(&self, caller: &Caller, needed: Role) -> Status {
        let who = format!("{}, which shows no credential,", caller.who);
        let socket = self.socket_hint(" needs none of those who may open it (pexd's own commands use it)");
        status_codes::role_needed(&who, caller.role.name(), needed.name(), &socket)
    }

    fn socket_hint(&self, what: &str) -> String {
        let named = self.socket.as_ref().filter(|_| self.names_socket);
        named.map_or_else(String::new, |(path, _)| format!("; the Unix socket unix:{}{what}", path.display()))
    }
}
