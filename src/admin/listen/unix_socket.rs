//! The Unix socket: created with its owner and mode, removed with the process.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Group, User};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::time::{sleep, timeout};

use crate::admin::settings::SocketSettings;

/// Connections that the kernel keeps until we accept them.
const BACKLOG: u32 = 128;
/// How long another process at the socket has to be found; one that is too busy to accept is alive.
const PROBE_TIME: Duration = Duration::from_secs(2);
/// How often it is tried to be alone in the folder, and the pause between.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Why there is no socket. The texts name the fix.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody answers there.
    #[error(
        "the admin API cannot listen on {}: another process serves this socket, perhaps another pexd of this home; stop \
         that one, or set admin.socket to another path",
        .0.display()
    )]
    Live(PathBuf),
    /// A file that is no socket is there, and is not ours to remove.
    #[error(
        "the admin API cannot listen on {}: something that is no socket stands there; remove it, or set admin.socket to \
         another path",
        .0.display()
    )]
    NotASocket(PathBuf),
    /// There is no such user or group here.
    #[error("admin.socket_{key} is {name:?}, which this host does not know: write a name or number that exists")]
    Unknown {
        /// `owner` or `group`.
        key: &'static str,
        /// As configured.
        name: String,
    },
    /// The system refused.
    #[error(
        "the admin API cannot listen on {}: cannot {what}: {source}; set admin.socket to a path where it can, or to \"\" for \
         no socket",
        path.display()
    )]
    Io {
        /// The socket.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// The socket's file; removed when this is dropped, unless another has taken its place.
#[derive(Debug)]
pub(in crate::admin) struct SocketFile {
    pub(in crate::admin) path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|now| identity(&now) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the admin API's socket");
        }
    }
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Listens on the socket. One that a dead process left behind is replaced.
///
/// # Errors
/// When a process serves it, or it cannot be made as it is wanted; nothing is left behind then.
pub(in crate::admin) async fn bind(settings: &SocketSettings) -> Result<(UnixListener, SocketFile), SocketError> {
    let path = &settings.path;
    let failed = |what| move |source| SocketError::Io { path: path.clone(), what, source };
    let (uid, gid) = (user(&settings.owner)?, group(&settings.group)?);
    // Two that start at once would both find the stale one, and the second would remove the first's own.
    let _alone = alone_in(path.parent().unwrap_or(Path::new("/"))).await.map_err(failed("lock its folder"))?;
    remove_stale(path).await?;
    let socket = UnixSocket::new_stream().map_err(failed("make a socket"))?;
    socket.bind(path).map_err(failed("bind it"))?;
    let metadata = fs::symlink_metadata(path).map_err(failed("look at it"))?;
    let file = SocketFile { path: path.clone(), identity: identity(&metadata) };
    // Nobody can connect before `listen`, so that nobody finds it with the mode that it was born with.
    if uid.is_some() || gid.is_some() {
        chown(path, uid, gid)
            .map_err(failed("give it its owner and group (admin.socket_owner, admin.socket_group)"))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(settings.mode)).map_err(failed("give it its mode"))?;
    let listener = socket.listen(BACKLOG).map_err(failed("listen"))?;
    Ok((listener, file))
}

/// The folder, locked until it is dropped.
async fn alone_in(folder: &Path) -> io::Result<File> {
    let file = File::open(folder)?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => sleep(PAUSE).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other("another process keeps it locked"))
}

async fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let failed = |what| move |source| SocketError::Io { path: path.to_owned(), what, source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SocketError::NotASocket(path.to_owned())),
        looked => looked.map_err(failed("look at it"))?,
    };
    match timeout(PROBE_TIME, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed("remove what a dead process left there"))
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Err(failed("see whether it is in use")(error)),
        _ => Err(SocketError::Live(path.to_owned())),
    }
}

fn user(name: &str) -> Result<Option<u32>, SocketError> {
    resolve("owner", name, |name| User::from_name(name).ok().flatten().map(|user| user.uid.as_raw()))
}

fn group(name: &str) -> Result<Option<u32>, SocketError> {
    resolve("group", name, |name| Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw()))
}

fn resolve(
    key: &'static str,
    name: &str,
    look_up: impl FnOnce(&str) -> Option<u32>,
) -> Result<Option<u32>, SocketError> {
    if name.is_empty() {
        return Ok(None);
    }
    let number = look_up(name).or_else(|| name.parse().ok());
    number.map(Some).ok_or_else(|| SocketError::Unknown { key, name: name.to_owned() })
}
