//! From the configuration's words on callers to the admin API's.

use std::path::Path;

use crate::admin::{
    AccessSource, AdminSettings, AllowedNetworks, ApiLimits, Grant, Grants, Role, SocketSettings, TlsFiles,
};
use crate::config::access_file::{self, AccessRole, Permissions};
use crate::config::keys::Admin;
use crate::rate_limit::RateLimit;

/// The admin API's parameters.
pub(super) fn settings(admin: &Admin) -> AdminSettings {
    let socket = admin.socket.clone().map(|path| SocketSettings {
        path,
        mode: admin.socket_mode.0,
        owner: admin.socket_owner.0.clone(),
        group: admin.socket_group.0.clone(),
    });
    let pair = admin.tls_cert_file.clone().zip(admin.tls_key_file.clone());
    AdminSettings {
        laddr: admin.laddr,
        socket,
        anonymous: (!admin.require_auth).then_some(Role::Read),
        tls: pair.map(|(cert, key)| TlsFiles { cert, key, client_ca: admin.client_ca_file.clone() }),
        access: Some(AccessSource { file: admin.access_file.clone(), read }),
        limits: ApiLimits {
            connections: admin.max_connections as usize,
            connections_per_source: admin.max_connections_per_source as usize,
            requests: admin.max_requests as usize,
            rate: RateLimit { per_second: admin.requests_per_second, burst: admin.requests_burst },
            failures_per_minute: admin.failures_per_minute,
        },
    }
}

/// What the access file grants, and its warnings.
fn read(path: &Path) -> Result<(Grants, Vec<String>), String> {
    let (file, warnings) = access_file::read(path).map_err(|errors| errors.to_string())?;
    let mut grants = Grants::default();
    for token in file.tokens {
        grants.add_token(token.sha256, grant(&token.name, token.may));
    }
    for certificate in file.certificates {
        grants.add_certificate(grant(&certificate.subject, certificate.may));
    }
    Ok((grants, warnings.iter().map(ToString::to_string).collect()))
}

fn grant(name: &str, may: Permissions) -> Grant {
    let role = match may.role {
        AccessRole::Read => Role::Read,
        AccessRole::Control => Role::Control,
    };
    let these = |names: Vec<String>| AllowedNetworks::These(names.iter().map(|name| name.as_str().into()).collect());
    Grant { name: name.into(), role, networks: may.networks.map_or(AllowedNetworks::All, these), expires: may.expires }
}
