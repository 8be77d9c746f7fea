//! What those are told who speak HTTP to the API but not gRPC, such as a browser, curl or a probe: what is here, and where
//! metrics and probes are.

use std::net::SocketAddr;
use std::sync::Arc;

/// The text. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Signpost(Arc<str>);

impl Signpost {
    /// `http` is where metrics and probes are served, if they are; `tls` whether the API's port speaks TLS.
    pub(super) fn new(http: Option<SocketAddr>, tls: bool) -> Self {
        let flag = if tls { "" } else { "-plaintext " };
        let elsewhere = match http {
            Some(laddr) => {
                // Every address of the host is none that can be asked.
                let host = if laddr.ip().is_unspecified() { "HOST".to_owned() } else { host_of(laddr) };
                let base = format!("http://{host}:{}", laddr.port());
                format!("Metrics and probes are elsewhere: {base}/metrics, {base}/healthz, {base}/readyz")
            }
            None => "Metrics and probes are not served: set laddr in [http] of pexd.toml".to_owned(),
        };
        let text = format!(
            "This is pexd's API: gRPC, and so HTTP/2 with the content type application/grpc.\n\
             Use `pexd status`, grpcurl, or a client made from proto/pexd/v1; `grpcurl {flag}ADDRESS list` shows the services.\n\
             {elsewhere}\n"
        );
        Signpost(text.into())
    }

    /// What it says.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

fn host_of(laddr: SocketAddr) -> String {
    match laddr {
        SocketAddr::V4(laddr) => laddr.ip().to_string(),
        SocketAddr::V6(laddr) => format!("[{}]", laddr.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_by_an_address_that_can_be_asked() {
        for (laddr, url) in [
            ("127.0.0.1:26671", "http://127.0.0.1:26671/metrics"),
            ("[::1]:80", "http://[::1]:80/healthz"),
            ("0.0.0.0:26671", "http://HOST:26671/readyz"),
        ] {
            let signpost = Signpost::new(Some(laddr.parse().unwrap()), false);
            assert!(signpost.text().contains(url), "{}", signpost.text());
        }
        assert!(Signpost::new(None, false).text().contains("[http] of pexd.toml"));
    }

    #[test]
    fn the_command_fits_the_port() {
        assert!(Signpost::new(None, false).text().contains("`grpcurl -plaintext ADDRESS list`"));
        assert!(Signpost::new(None, true).text().contains("`grpcurl ADDRESS list`"));
    }
}
