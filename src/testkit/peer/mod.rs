//! A peer that follows a script over a real socket: it does the handshake right as far as the script says, and then whatever
//! the script says.

mod identity;
mod secret;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

pub use identity::Identity;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::secret::{Agreed, CHUNK, Cipher, Ephemeral, FRAME, broken};
use crate::clock::seeded_rng;
use crate::proto::tendermint::crypto::PublicKey;
use crate::proto::tendermint::crypto::public_key::Sum;
use crate::proto::tendermint::p2p::AuthSigMessage;
use crate::types::{NetAddress, NodeId, NodeInfo};
use crate::wire::mconn::{DEFAULT_PAYLOAD, Incoming, PacketReader, encode_message, encode_ping, encode_pong};
use crate::wire::pex::{self, Outgoing, Received};
use crate::wire::{delimited, node_info};

/// How long a scripted peer waits for anything; then it gives up with [`ErrorKind::TimedOut`].
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A scripted peer. [`Peer::agree`], [`Peer::prove`] and [`Peer::introduce`] are the stages of the handshake;
/// [`Peer::dial`] and [`Peer::meet`] go through all of them. Between two stages, and afterwards, anything can be sent.
pub struct Peer {
    stream: TcpStream,
    identity: Identity,
    send: Cipher,
    receive: Cipher,
    challenge: [u8; 32],
    /// Opened and not read.
    plain: bytes::BytesMut,
    reader: PacketReader,
    items: VecDeque<Incoming>,
}

impl Peer {
    /// Connects and shakes hands; gives what the other side says of itself.
    ///
    /// # Errors
    /// What went wrong on the way, as of every method here.
    pub async fn dial(remote: SocketAddr, identity: Identity) -> io::Result<(Peer, NodeInfo)> {
        Peer::meet(connect(remote).await?, identity).await
    }

    /// Shakes hands over an open connection; both sides do the same, so that it may have been accepted.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn meet(stream: TcpStream, identity: Identity) -> io::Result<(Peer, NodeInfo)> {
        let mut peer = Peer::agree(stream, identity).await?;
        let proven = peer.prove().await?;
        let info = peer.introduce().await?;
        if proven == info.id { Ok((peer, info)) } else { Err(broken("the key is not that of the ID")) }
    }

    /// Exchanges ephemeral keys: from here on the stream is in frames.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn agree(mut stream: TcpStream, identity: Identity) -> io::Result<Peer> {
        let ours = Ephemeral::new()?;
        stream.set_nodelay(true)?;
        stream.write_all(&ours.hello()).await?;
        let mut hello = [0; 35];
        patiently(stream.read_exact(&mut hello)).await?;
        let theirs = hello.last_chunk().ok_or_else(|| broken("a hello ends with a key"))?;
        let Agreed { send, receive, challenge } = ours.agree(theirs)?;
        let (plain, reader) = (bytes::BytesMut::new(), PacketReader::new(DEFAULT_PAYLOAD));
        Ok(Peer { stream, identity, send, receive, challenge, plain, reader, items: VecDeque::new() })
    }

    /// Proves who we are, and takes the other side's proof, which is not checked: gives the ID that it claims.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn prove(&mut self) -> io::Result<NodeId> {
        let signature = self.identity.key.sign(&self.challenge).to_vec();
        let key = Sum::Ed25519(self.identity.key.public_key().to_vec());
        self.send_proof(Some(key), signature).await?;
        let proof = self.receive_delimited().await?;
        let proof = AuthSigMessage::decode(proof).map_err(|_| broken("no proof"))?;
        match proof.pub_key.and_then(|key| key.sum) {
            Some(Sum::Ed25519(key)) => {
                let key = key.as_slice().try_into().map_err(|_| broken("an Ed25519 key has 32 bytes"))?;
                Ok(NodeId::from_public_key(key))
            }
            _ => Err(broken("no Ed25519 key")),
        }
    }

    /// Sends a proof of identity with this key and signature, right or wrong.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn send_proof(&mut self, key: Option<Sum>, signature: Vec<u8>) -> io::Result<()> {
        let proof = AuthSigMessage { pub_key: Some(PublicKey { sum: key }), sig: signature };
        self.send(&proof.encode_length_delimited_to_vec()).await
    }

    /// What both sides have to sign.
    pub const fn challenge(&self) -> &[u8; 32] {
        &self.challenge
    }

    /// Sends our node information and takes the other side's.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn introduce(&mut self) -> io::Result<NodeInfo> {
        self.send(&node_info::encode(&self.identity.info)).await?;
        self.receive_info().await
    }

    /// Takes the other side's node information.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn receive_info(&mut self) -> io::Result<NodeInfo> {
        let info = self.receive_delimited().await?;
        node_info::decode(&info).map_err(|_| broken("bad node info"))
    }

    /// Who we are.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    // --- sending

    /// Sends bytes of the stream, in as many frames as they need.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn send(&mut self, plain: &[u8]) -> io::Result<()> {
        let mut sealed = Vec::new();
        for chunk in plain.chunks(CHUNK) {
            sealed.extend(self.send.seal(chunk.len() as u32, chunk)?);
        }
        self.send_raw(&sealed).await
    }

    /// Seals a frame that claims `length` bytes, without sending it.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub fn seal(&mut self, length: u32, chunk: &[u8]) -> io::Result<Vec<u8>> {
        self.send.seal(length, chunk)
    }

    /// Sends bytes as they are, outside any frame.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        patiently(self.stream.write_all(bytes)).await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn send_message(&mut self, message: &Outgoing) -> io::Result<()> {
        let mut packets = Vec::new();
        encode_message(&pex::encode(message), DEFAULT_PAYLOAD, &mut packets);
        self.send(&packets).await
    }

    /// Sends a ping.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn ping(&mut self) -> io::Result<()> {
        let mut packet = Vec::new();
        encode_ping(&mut packet);
        self.send(&packet).await
    }

    /// Asks for addresses and waits for the answer; pings in between are answered.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn ask(&mut self) -> io::Result<Vec<NetAddress>> {
        self.send_message(&Outgoing::Request).await?;
        loop {
            if let Received::Addresses { addresses, .. } = self.next_message().await? {
                return Ok(addresses);
            }
        }
    }

    // --- receiving

    /// The next message; pings in between are answered.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn next_message(&mut self) -> io::Result<Received> {
        loop {
            match self.next().await? {
                Incoming::Message(message) => {
                    return pex::decode(&message, &mut seeded_rng()).map_err(|_| broken("a bad message"));
                }
                Incoming::Ping => {
                    let mut packet = Vec::new();
                    encode_pong(&mut packet);
                    self.send(&packet).await?;
                }
                Incoming::Pong => {}
            }
        }
    }

    /// The next ping, pong or message.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn next(&mut self) -> io::Result<Incoming> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(item);
            }
            if self.plain.is_empty() {
                self.receive_frame().await?;
            }
            let mut chunk = &self.plain.split()[..];
            while let Some(item) = self.reader.read(&mut chunk).map_err(|_| broken("a bad packet"))? {
                self.items.push_back(item);
            }
        }
    }

    /// Waits for the other side to close, and says how many bytes it still sent.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionReset`] when it threw away what we had sent or it had to send.
    pub async fn end(&mut self) -> io::Result<usize> {
        let mut rest = Vec::new();
        patiently(self.stream.read_to_end(&mut rest)).await
    }

    /// The bare connection, for a peer that does nothing more and shall cost as little as can be.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Tells the other side that nothing follows.
    ///
    /// # Errors
    /// See [`Peer::dial`].
    pub async fn shut_down(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    async fn receive_delimited(&mut self) -> io::Result<bytes::BytesMut> {
        loop {
            match delimited::take(&mut self.plain, node_info::MAX_NODE_INFO) {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => self.receive_frame().await?,
                Err(_) => return Err(broken("a message is too long")),
            }
        }
    }

    async fn receive_frame(&mut self) -> io::Result<()> {
        let mut frame = vec![0; FRAME];
        patiently(self.stream.read_exact(&mut frame)).await?;
        self.plain.extend_from_slice(&self.receive.open(frame)?);
        Ok(())
    }
}

/// Connects, and does nothing more.
async fn connect(remote: SocketAddr) -> io::Result<TcpStream> {
    patiently(TcpStream::connect(remote)).await
}

async fn patiently<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}
