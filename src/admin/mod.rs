//! The admin API: gRPC over the networks' handles (`proto/pexd/v1`), on a TCP address, a Unix socket, or both.
//!
//! A connection is accepted within the connection limits and shakes hands over TLS ([`listen`]). A request passes the
//! middleware ([`middleware`]: panics, timeouts, counts) and authentication ([`auth`]: bearer token, client certificate,
//! role, rate limit), and reaches one of the [`services`] with its [`Caller`]. The service reads the request's fields and
//! finds the networks that it is for ([`request`], [`page`]), asks their handles, and turns the answers or errors into
//! protobuf ([`reply`], [`diagnosis`]). What concerns the process as a whole is asked of its [`host`].

mod auth;
mod diagnosis;
mod host;
mod limits;
mod listen;
mod middleware;
mod page;
mod reply;
mod request;
mod server;
mod services;
mod settings;
mod signpost;
#[cfg(test)]
mod tests;
mod timestamps;
mod untrusted_text;

pub use auth::caller::{AllowedNetworks, Caller};
pub use auth::certificate_files::{TlsError, TlsIdentity, read_certificates};
pub use auth::expiry::{Expiries, Expiry};
pub use auth::grants::{AccessSource, Grant, Grants, ReadAccess};
pub use auth::roles::{Role, needed_role};
pub use auth::tls::TlsFiles;
pub use host::call_counts::{CallCount, CallCounts};
pub use host::operations::{
    Added, ConfigEntry, ConfigSource, EffectiveConfig, HiddenChange, NewNetwork, OperationError, Operations, Reloaded,
    Removed, SetResult,
};
pub use host::process::{HostProcess, LogControl, LogError, LogLevels};
pub(crate) use host::process_notes::note as note_process_change;
pub use limits::ApiLimits;
pub use listen::unix_socket::SocketError;
pub use server::{Admin, BindError, Drain, ServeError};
pub(crate) use services::audit::visibility as audit_visibility;
pub use settings::{AdminSettings, SocketSettings};
