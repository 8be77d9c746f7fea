//! Who gets in over plain connections: the Unix socket, trusted loopback, and tokens.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::admin::{
    AccessSource, BindError, Caller, Grant, Grants, Limits, Networks, Role, SocketError, SocketSettings,
};
use crate::clock::Clock;
use crate::proto::pexd::v1::ban_service_client::BanServiceClient;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{BanRequest, GetStatusRequest, StopRequest};
use crate::rate::RateLimit;

/// Longer than the files are looked at apart, and than any machine needs for the rest.
const PATIENCE: Duration = Duration::from_secs(30);

/// The access file of these tests: `token|certificate NAME ROLE NETWORKS SECONDS` a line, `-` for all and never.
pub(super) fn read(path: &Path) -> Result<(Grants, Vec<String>), String> {
    let mut grants = Grants::default();
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    for line in text.lines() {
        let &[kind, name, role, networks, seconds] = line.split(' ').collect::<Vec<_>>().as_slice() else {
            return Err(format!("{line:?} is broken"));
        };
        let these = || networks.split(',').map(Into::into).collect::<BTreeSet<_>>();
        let grant = Grant {
            name: name.into(),
            role: if role == "read" { Role::Read } else { Role::Control },
            networks: if networks == "-" { Networks::All } else { Networks::These(these()) },
            expires: seconds.parse().ok().map(Wall::from_secs),
        };
        match kind {
            "token" => grants.add_token(Sha256::digest(secret(name)).into(), grant),
            _ => grants.add_certificate(grant),
        }
    }
    Ok((grants, Vec::new()))
}

/// The token of that name.
fn secret(name: &str) -> String {
    format!("pexd_secret_of_{name}")
}

/// A folder with an access file.
pub(super) struct Files(pub(super) TempDir);

impl Files {
    pub(super) fn with(lines: &[&str]) -> Self {
        let files = Files(tempfile::tempdir().unwrap());
        files.write(lines);
        files
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces the file whole, as an editor or `pexd token` does.
    pub(super) fn write(&self, lines: &[&str]) {
        fs::write(self.path("new"), lines.join("\n")).unwrap();
        fs::rename(self.path("new"), self.path("access")).unwrap();
    }

    pub(super) fn access(&self) -> Option<AccessSource> {
        Some(AccessSource { file: self.path("access"), read })
    }

    fn demanding(&self) -> Settings {
        Settings { require_auth: true, access: self.access(), ..Settings::loopback(0) }
    }

    fn socket(&self) -> SocketSettings {
        let (owner, group) = (String::new(), String::new());
        SocketSettings { path: self.path("sock"), mode: 0o600, owner, group }
    }
}

fn with_header<T>(message: T, header: &str) -> Request<T> {
    let mut request = Request::new(message);
    if !header.is_empty() {
        request.metadata_mut().insert("authorization", header.parse::<MetadataValue<_>>().unwrap());
    }
    request
}

fn with_token<T>(message: T, name: &str) -> Request<T> {
    with_header(message, &format!("Bearer {}", secret(name)))
}

async fn status_of(channel: &Channel, header: &str) -> Result<Vec<String>, Status> {
    let request = with_header(GetStatusRequest { network: "-".into() }, header);
    let answer = ReactorServiceClient::new(channel.clone()).get_status(request).await?.into_inner();
    Ok(answer.statuses.into_iter().map(|status| status.network).collect())
}

async fn status_by(channel: &Channel, name: &str) -> Result<Vec<String>, Status> {
    status_of(channel, &format!("Bearer {}", secret(name))).await
}

async fn over_socket(path: &Path) -> Channel {
    let path = path.to_owned();
    let connect = tower::service_fn(move |_| {
        let path = path.clone();
        async move { tokio::net::UnixStream::connect(path).await.map(Io) }
    });
    Channel::from_static("http://localhost").connect_with_connector(connect).await.unwrap()
}

/// Tokio's stream for hyper's connector.
struct Io(tokio::net::UnixStream);

impl hyper::rt::Read for Io {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        unimplemented!()
    }
}
