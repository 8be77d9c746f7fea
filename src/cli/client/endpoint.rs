//! Where a pexd is: as the user says, or as its home does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use tonic::transport::Uri;

use crate::cli::{Failure, variables, warn};
use crate::config::{self, Home};

/// Where a pexd is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ApiEndpoint {
    /// A Unix socket.
    Socket(PathBuf),
    /// `http://host:port`, or `https`.
    Address(String),
}

impl ApiEndpoint {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let fix = "write unix:/path, http://host:port or https://host:port";
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(ApiEndpoint::Socket(path.into()));
        }
        let uri = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let known = uri.starts_with("http://") || uri.starts_with("https://");
        match uri.parse::<Uri>() {
            Ok(parsed) if known && parsed.port().is_some() => Ok(ApiEndpoint::Address(uri)),
            _ => Err(Failure::InvalidInput(format!("--server is {text:?}: {fix}"))),
        }
    }

    /// The home's socket if there is one, else where its admin API listens; and where else it does on this host.
    pub(super) fn of_home(home: &Home) -> Result<(Self, Option<Self>), Failure> {
        let admin = match config::load_process_alone(home, variables()) {
            Ok(process) => process.admin,
            Err(errors) => {
                // A pexd that runs read the file when it had none of them.
                let socket = home.path().join("pexd.sock");
                if !socket.try_exists().unwrap_or(true) {
                    return Err(errors.into());
                }
                warn(errors.notes());
                return Ok((ApiEndpoint::Socket(socket), None));
            }
        };
        let scheme = if admin.tls_cert_file.is_some() { "https" } else { "http" };
        let endpoint = |laddr| ApiEndpoint::Address(format!("{scheme}://{}", dialled(laddr)));
        // One that nobody may look at is there all the same.
        if let Some(socket) = admin.socket.filter(|socket| socket.try_exists().unwrap_or(true)) {
            let fallback = admin.laddr.filter(|laddr| laddr.ip().is_loopback()).map(endpoint);
            return Ok((ApiEndpoint::Socket(socket), fallback));
        }
        let laddr = admin.laddr.ok_or_else(|| {
            let home = home.path().display();
            Failure::Unreachable(format!(
                "{home} has no admin API on TCP, and its socket is not there: start it with pexd start"
            ))
        })?;
        Ok((endpoint(laddr), None))
    }
}

impl std::fmt::Display for ApiEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ApiEndpoint::Socket(path) => write!(f, "unix:{}", path.display()),
            ApiEndpoint::Address(uri) => f.write_str(uri),
        }
    }
}

/// Where to dial what listens there: on all addresses means on this host's own as well.
fn dialled(laddr: SocketAddr) -> SocketAddr {
    let ip = match laddr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, laddr.port())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn places() {
        let endpoint = |text: &str| ApiEndpoint::parse(text).ok();
        assert_eq!(endpoint("unix:/a/b.sock"), Some(ApiEndpoint::Socket("/a/b.sock".into())));
        assert_eq!(endpoint("unix:///a/b.sock"), Some(ApiEndpoint::Socket("/a/b.sock".into())));
        assert_eq!(endpoint("127.0.0.1:1"), Some(ApiEndpoint::Address("http://127.0.0.1:1".into())));
        assert_eq!(
            endpoint("https://pexd.example.org:1"),
            Some(ApiEndpoint::Address("https://pexd.example.org:1".into()))
        );
        for text in ["ftp://a:1", "127.0.0.1", "http://a", "a b:1"] {
            assert_eq!(endpoint(text), None, "{text}");
        }
    }

    #[test]
    fn the_home_names_its_socket_and_the_loopback_address_as_another_door() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let configured = |laddr: &str| {
            fs::write(home.process_file(), format!("[admin]\nladdr = \"{laddr}\"\n")).unwrap();
            ApiEndpoint::of_home(&home).unwrap()
        };
        assert_eq!(configured("0.0.0.0:7"), (ApiEndpoint::Address("http://127.0.0.1:7".into()), None));
        let socket = folder.path().join("pexd.sock");
        fs::write(&socket, "").unwrap();
        assert_eq!(
            configured("127.0.0.1:7"),
            (ApiEndpoint::Socket(socket.clone()), Some(ApiEndpoint::Address("http://127.0.0.1:7".into())))
        );
        assert_eq!(
            configured("0.0.0.0:7"),
            (ApiEndpoint::Socket(socket), None),
            "others' address is no way around the socket"
        );
    }

    #[test]
    fn an_error_in_the_file_does_not_keep_anybody_from_the_pexd_that_runs() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        fs::write(home.process_file(), "[admin]\nladr = \"\"\n").unwrap();
        assert!(
            matches!(ApiEndpoint::of_home(&home), Err(Failure::InvalidInput(text)) if text.contains("did you mean laddr?"))
        );
        let socket = folder.path().join("pexd.sock");
        fs::write(&socket, "").unwrap();
        assert_eq!(ApiEndpoint::of_home(&home).unwrap(), (ApiEndpoint::Socket(socket), None));
    }

    #[test]
    fn what_listens_on_all_addresses_is_dialled_on_this_host() {
        for (laddr, at) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("192.0.2.1:1", "192.0.2.1:1"),
            ("[::1]:2", "[::1]:2"),
        ] {
            assert_eq!(dialled(laddr.parse().unwrap()).to_string(), at);
        }
    }
}
