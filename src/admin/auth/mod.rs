//! Authentication and authorization: who calls (bearer token, client certificate, Unix socket), what its role lets it do,
//! and how often.

pub(super) mod bearer_token;
pub(super) mod caller;
pub(super) mod certificate_files;
mod client_verifier;
pub(super) mod expiry;
pub(super) mod grants;
pub(super) mod layer;
pub(super) mod peer_credentials;
pub(super) mod rate_limit;
pub(super) mod refusals;
pub(super) mod reload;
pub(super) mod revocable_body;
pub(super) mod roles;
pub(super) mod security_audit;
pub(super) mod tls;
pub(super) mod ways_in;
