//! Who may reach the admin API: what of `[admin]` is wrong or dangerous together.

use std::net::SocketAddr;
use std::path::Path;

use super::access_file::{self, AccessFile};
use super::errors::{Diagnostics, Origin};
use super::keys::Admin;
use super::node_key;
use crate::regular_file::open_regular;

/// Makes the paths of `[admin]` whole.
pub(super) fn whole_paths(mut admin: Admin, home: &Path) -> Admin {
    let Admin { socket, tls_cert_file, tls_key_file, client_ca_file, .. } = &mut admin;
    for path in [socket, tls_cert_file, tls_key_file, client_ca_file].into_iter().flatten() {
        *path = home.join(&*path);
    }
    admin.access_file = home.join(&admin.access_file);
    admin
}

/// Holds `[admin]`, its paths whole, against itself and the files that it names. `origin` says where a key was given.
pub(super) fn check(admin: &Admin, origin: &dyn Fn(&str) -> Origin, notes: &mut Diagnostics) {
    check_socket(admin, origin, notes);
    let before = notes.errors.len();
    check_files(admin, origin, notes);
    let access = read_access(&admin.access_file, notes);
    // Who may enter is only known when all of that is right.
    if let (Some(laddr), Some(access), true) = (admin.laddr, access, before == notes.errors.len()) {
        check_callers(admin, laddr, &access, origin, notes);
    }
}

fn check_socket(admin: &Admin, origin: &dyn Fn(&str) -> Origin, notes: &mut Diagnostics) {
    if let Some(socket) = &admin.socket
        && let Err(error) = std::os::unix::net::SocketAddr::from_pathname(socket)
    {
        let text = format!(
            "admin.socket is {} ({} bytes), which cannot be a socket: {error}; write a short absolute path, such as \
             /run/pexd/pexd.sock, or \"\" for none",
            socket.display(),
            socket.as_os_str().len()
        );
        notes.error(origin("admin.socket"), text);
    }
}

fn check_files(admin: &Admin, origin: &dyn Fn(&str) -> Origin, notes: &mut Diagnostics) {
    let Admin { tls_cert_file: cert, tls_key_file: key, client_ca_file: ca, .. } = admin;
    let alone = match (cert, key, ca) {
        (Some(_), None, _) => Some(("admin.tls_cert_file", "has no key: name it in admin.tls_key_file")),
        (None, Some(_), _) => Some(("admin.tls_key_file", "has no certificate: name it in admin.tls_cert_file")),
        (None, None, Some(_)) => {
            let fix =
                "needs TLS: name the server's own certificate and key in admin.tls_cert_file and admin.tls_key_file";
            Some(("admin.client_ca_file", fix))
        }
        _ => None,
    };
    if let Some((name, text)) = alone {
        notes.error(origin(name), format!("{name} {text}"));
    }
    let files = [("admin.tls_cert_file", cert), ("admin.tls_key_file", key), ("admin.client_ca_file", ca)];
    for (name, path) in files {
        if let Some(path) = path
            && let Err(error) = open_regular(path)
        {
            notes.error(origin(name), format!("{name}: {} cannot be read: {error}", path.display()));
        }
    }
    if let Some(key) = key
        && node_key::is_open_to_others(key)
    {
        notes.warning(Origin::path(key), format!("others can read this secret: chmod 600 {}", key.display()));
    }
}

fn read_access(path: &Path, notes: &mut Diagnostics) -> Option<AccessFile> {
    match access_file::read(path) {
        Ok((access, warnings)) => {
            notes.warnings.extend(warnings);
            Some(access)
        }
        Err(errors) => {
            notes.errors.extend_from_slice(errors.notes());
            None
        }
    }
}

fn check_callers(
    admin: &Admin,
    laddr: SocketAddr,
    access: &AccessFile,
    origin: &dyn Fn(&str) -> Origin,
    notes: &mut Diagnostics,
) {
    let remote = !laddr.ip().to_canonical().is_loopback();
    if !remote && !admin.require_auth {
        if admin.socket.is_none() && access.is_empty() && admin.client_ca_file.is_none() {
            let text = "admin.socket is \"\", and there is neither a token nor a client CA, so that the admin API can only be read: make \
                        a token with `pexd token add NAME --role control`, or name a socket";
            notes.warning(origin("admin.socket"), text.to_owned());
        }
        return;
    }
    let (key, why) = match remote {
        true => ("admin.laddr", format!("admin.laddr is {laddr}, which others can reach")),
        false => ("admin.require_auth", "admin.require_auth is true".to_owned()),
    };
    let (tls, ca) = (admin.tls_cert_file.is_some(), admin.client_ca_file.is_some());
    if access.tokens.is_empty() && !ca {
        let alone = if tls { " (TLS alone does not say who calls)" } else { "" };
        let back = match remote {
            true => format!("write 127.0.0.1:{} and come through an SSH tunnel", laddr.port()),
            false => "write false, or laddr = \"\" to have the Unix socket alone".to_owned(),
        };
        let text = format!(
            "{why}, and nobody could authenticate{alone}: make a token with `pexd token add NAME`, name a client CA in \
             admin.client_ca_file, or {back}"
        );
        notes.error(origin(key), text);
    } else if remote && !tls && !admin.plaintext_tokens {
        let text = format!(
            "{why}, and tokens would cross the network in plain text: name a certificate and its key in \
             admin.tls_cert_file and admin.tls_key_file, or write plaintext_tokens = true if a proxy in front does TLS"
        );
        notes.error(origin(key), text);
    } else if access.is_empty() {
        let text = format!(
            "nobody stands in {}, so that every certificate is refused: add a [[certificate]] with its subject and role",
            admin.access_file.display()
        );
        notes.warning(origin("admin.client_ca_file"), text);
    }
}
