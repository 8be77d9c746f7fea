//! The handshake over a socket: secret connection, then node information (docs/protocol/wire.md, "Order of a connection").

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use bytes::{BufMut as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::LocalNode;
use super::limits::ban_gate::Presence;
use super::os_error::handshake_fault;
use crate::clock::entropy;
use crate::types::{Fault, NodeId, NodeInfo, Stage};
use crate::wire::node_info;
use crate::wire::secret::{Authenticated, Handshake, NodeKey, Opener, SEALED_FRAME, Sealer, Step};

/// Bytes taken from the socket at once within the handshake: no honest message needs more than two frames.
const READ: usize = 2 * SEALED_FRAME;

/// A peer that proved its key and sent node information that goes with ours. Dropping it closes the connection.
pub struct Upgraded {
    /// Its end of the TCP connection, the IP in canonical form.
    pub remote: SocketAddr,
    /// What it says of itself; `info.id` is authenticated.
    pub info: NodeInfo,
    /// From accepting, or from the first attempt to connect, to the end of the handshake.
    pub took: Duration,
    pub(super) link: Link,
}

/// What a connection consists of once it is upgraded.
pub(super) struct Link {
    pub(super) local: Arc<LocalNode>,
    pub(super) stream: TcpStream,
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
    /// Received and not opened.
    pub(super) raw: Vec<u8>,
    /// Opened and not read.
    pub(super) plain: Vec<u8>,
    pub(super) presence: Option<Presence>,
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").field("remote", &self.remote).field("id", &self.info.id).finish_non_exhaustive()
    }
}

/// Bounds a stage of the handshake.
pub(super) async fn within<T>(
    deadline: Instant,
    stage: Stage,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    timeout_at(deadline, work).await.unwrap_or(Err(Fault::TimedOut(stage)))
}

/// A connection whose other end proved its key.
pub(super) struct SecuredConnection {
    pub(super) id: NodeId,
    stream: TcpStream,
    sealer: Sealer,
    opener: Opener,
    input: BytesMut,
    plain: BytesMut,
    /// Ours, and not sent yet: it goes out with what follows.
    out: Vec<u8>,
}

impl SecuredConnection {
    /// The secret connection. The caller bounds the time.
    pub(super) async fn new(mut stream: TcpStream, key: Arc<NodeKey>) -> Result<Self, Fault> {
        let mut out = Vec::with_capacity(SEALED_FRAME);
        let mut input = BytesMut::with_capacity(READ);
        let mut handshake = Handshake::new(key, entropy(), &mut out);
        loop {
            write(&mut stream, &mut out, Stage::Secret).await?;
            read(&mut stream, &mut input, Stage::Secret).await?;
            match handshake.advance(&mut input, &mut out)? {
                Step::More(next) => handshake = next,
                Step::Done(Authenticated { id, sealer, opener, plain, .. }) => {
                    return Ok(SecuredConnection { id, stream, sealer, opener, input, plain, out });
                }
            }
        }
    }

    /// Sends our node information, `info` being its encoding.
    pub(super) async fn send_info(&mut self, info: &[u8]) -> Result<(), Fault> {
        self.sealer.seal(info, &mut self.out)?;
        write(&mut self.stream, &mut self.out, Stage::NodeInfo).await
    }

    /// Waits for the peer's node information. What is behind it is kept for the next stage.
    pub(super) async fn receive_info(&mut self) -> Result<NodeInfo, Fault> {
        // Our proof may be what the peer waits for.
        write(&mut self.stream, &mut self.out, Stage::NodeInfo).await?;
        loop {
            if let Some(info) = node_info::take(&mut self.plain)? {
                return Ok(info);
            }
            if !self.opener.open_next(&mut self.input, &mut self.plain)? {
                read(&mut self.stream, &mut self.input, Stage::NodeInfo).await?;
            }
        }
    }

    /// The link that is left when both sides know each other. What is left over is copied: the buffers of the handshake
    /// are large, and the peer keeps what it is given.
    pub(super) fn into_link(self, local: Arc<LocalNode>, presence: Option<Presence>) -> Link {
        let SecuredConnection { stream, sealer, opener, input, plain, .. } = self;
        Link { local, stream, sealer, opener, raw: input.to_vec(), plain: plain.to_vec(), presence }
    }
}

async fn write(stream: &mut TcpStream, out: &mut Vec<u8>, stage: Stage) -> Result<(), Fault> {
    if out.is_empty() {
        return Ok(());
    }
    stream.write_all(out).await.map_err(|error| handshake_fault(&error, stage))?;
    out.clear();
    Ok(())
}

/// Appends what has come, at most [`READ`] bytes.
async fn read(stream: &mut TcpStream, input: &mut BytesMut, stage: Stage) -> Result<(), Fault> {
    input.reserve(READ);
    let read = stream.read_buf(&mut input.limit(READ)).await;
    match read {
        Ok(0) => Err(handshake_fault(&io::ErrorKind::UnexpectedEof.into(), stage)),
        Ok(_) => Ok(()),
        Err(error) => Err(handshake_fault(&error, stage)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::testkit::{Identity, Peer};
    use crate::transport::{ConnectionSettings, HandshakeLimits, Listener};

    #[tokio::test]
    async fn no_buffer_of_the_handshake_outlives_it() {
        let ours = Identity::random("test-1");
        let local = LocalNode::new(ours.key.clone(), ours.info, ConnectionSettings::default());
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), ours.key, HandshakeLimits::default()).unwrap();
        let (sender, mut upgraded) = mpsc::channel(1);
        listener.add_route(local, sender).unwrap();
        let _peer = Peer::dial(listener.local_addr(), Identity::random("test-1")).await.unwrap();
        let link = upgraded.recv().await.unwrap().link;
        assert_eq!((link.raw.capacity(), link.plain.capacity()), (0, 0));
    }
}
