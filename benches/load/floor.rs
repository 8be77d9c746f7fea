//! The least that a seed session costs on this host: its bytes and its cryptography, done by a bare loop with the same
//! runtime and libraries. It believes what it reads, remembers nothing, and has prepared its answer.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::anyhow;
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::error::Unspecified;
use bytes::BytesMut;
use ed25519_zebra::{Signature, VerificationKey};
use hkdf::Hkdf;
use merlin::Transcript;
use pexd::clock::entropy;
use pexd::testkit::sim;
use pexd::types::NetAddress;
use pexd::wire::secret::{FRAME_DATA, HELLO_LEN, NodeKey, SEALED_FRAME};
use pexd::wire::{mconn, node_info, pex};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ANSWER, CHAIN, address};

/// Bytes that announce a frame's content.
const LENGTH: usize = 4;

/// What all sessions share.
struct Floor {
    key: NodeKey,
    info: Vec<u8>,
    answer: Vec<u8>,
}

/// Serves sessions until the process is ended; prints on standard output where.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let key = NodeKey::from_seed(entropy());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let at = listener.local_addr()?;
    println!("{}", NetAddress::new(key.id(), at.ip(), at.port())?);
    let info = node_info::encode(&sim::node_info(key.id(), CHAIN, at));
    let addresses = (0..ANSWER as u16).map(address).collect::<anyhow::Result<_>>()?;
    let mut answer = Vec::new();
    mconn::encode_message(&pex::encode(&pex::Outgoing::Addresses(addresses)), mconn::DEFAULT_PAYLOAD, &mut answer);
    // A task, as the listener is one: to accept in the thread that waits here would cost a switch of threads a session.
    tokio::spawn(accept(listener, Arc::new(Floor { key, info, answer }))).await?
}

async fn accept(listener: TcpListener, floor: Arc<Floor>) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(session(stream, floor.clone()));
    }
}

async fn session(mut stream: TcpStream, floor: Arc<Floor>) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let ours = PrivateKey::from_private_key(&X25519, &entropy())?;
    let our_public: [u8; 32] = ours.compute_public_key()?.as_ref().try_into()?;
    stream.write_all(&[&[34, 0x0a, 32][..], &our_public].concat()).await?;
    let mut input = BytesMut::with_capacity(4 * SEALED_FRAME);
    let hello = take(&mut stream, &mut input, HELLO_LEN).await?;
    let their_public: [u8; 32] = hello[3..].try_into()?;
    let dh: [u8; 32] = agree(&ours, UnparsedPublicKey::new(&X25519, their_public), Unspecified, |secret| {
        secret.try_into().map_err(|_| Unspecified)
    })?;
    let (mut sealer, mut opener, challenge) = derive(&our_public, &their_public, &dh)?;

    let proof =
        [&[102, 0x0a, 34, 0x0a, 32][..], floor.key.public_key(), &[0x12, 64], &floor.key.sign(&challenge)].concat();
    stream.write_all(&sealer.seal(&proof)?).await?;
    let mut proof = take(&mut stream, &mut input, SEALED_FRAME).await?;
    let proof = opener.open(&mut proof)?;
    let signature = Signature::from_slice(&proof[39..103])?;
    let their_key = VerificationKey::try_from(&proof[5..37]).map_err(|error| anyhow!("{error}"))?;
    their_key.verify(&signature, &challenge).map_err(|error| anyhow!("{error}"))?;

    stream.write_all(&sealer.seal(&floor.info)?).await?;
    let mut info = take(&mut stream, &mut input, SEALED_FRAME).await?;
    node_info::take(&mut BytesMut::from(opener.open(&mut info)?))?;
    let mut request = take(&mut stream, &mut input, SEALED_FRAME).await?;
    opener.open(&mut request)?;
    stream.write_all(&sealer.seal(&floor.answer)?).await?;
    stream.shutdown().await?;
    while stream.read_buf(&mut input).await? > 0 {}
    Ok(())
}

/// The next so many bytes.
async fn take(stream: &mut TcpStream, input: &mut BytesMut, length: usize) -> anyhow::Result<BytesMut> {
    while input.len() < length {
        anyhow::ensure!(stream.read_buf(input).await? > 0, "closed");
    }
    Ok(input.split_to(length))
}

/// What we seal with, what we open with, and the challenge.
fn derive(ours: &[u8; 32], theirs: &[u8; 32], dh: &[u8; 32]) -> anyhow::Result<(Direction, Direction, [u8; 32])> {
    let mut transcript = Transcript::new(b"TENDERMINT_SECRET_CONNECTION_TRANSCRIPT_HASH");
    transcript.append_message(b"EPHEMERAL_LOWER_PUBLIC_KEY", ours.min(theirs));
    transcript.append_message(b"EPHEMERAL_UPPER_PUBLIC_KEY", ours.max(theirs));
    transcript.append_message(b"DH_SECRET", dh);
    let mut challenge = [0; 32];
    transcript.challenge_bytes(b"SECRET_CONNECTION_MAC", &mut challenge);
    let mut keys = [[0; 32]; 2];
    Hkdf::<Sha256>::new(None, dh)
        .expand(b"TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN", keys.as_flattened_mut())
        .map_err(|error| anyhow!("{error}"))?;
    let [low, high] = [Direction::new(&keys[0])?, Direction::new(&keys[1])?];
    Ok(if ours < theirs { (high, low, challenge) } else { (low, high, challenge) })
}

/// One direction's cipher and counter.
struct Direction {
    key: LessSafeKey,
    counter: u64,
}

impl Direction {
    fn new(key: &[u8; 32]) -> anyhow::Result<Self> {
        Ok(Direction { key: LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key)?), counter: 0 })
    }

    fn nonce(&mut self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.counter.to_le_bytes());
        self.counter += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&mut self, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(plain.len().div_ceil(FRAME_DATA) * SEALED_FRAME);
        for chunk in plain.chunks(FRAME_DATA) {
            let start = out.len();
            out.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
            out.extend_from_slice(chunk);
            out.resize(start + LENGTH + FRAME_DATA, 0);
            let nonce = self.nonce();
            let tag = self.key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut out[start..])?;
            out.extend_from_slice(tag.as_ref());
        }
        Ok(out)
    }

    fn open<'a>(&mut self, frame: &'a mut [u8]) -> anyhow::Result<&'a [u8]> {
        let nonce = self.nonce();
        let plain = self.key.open_in_place(nonce, Aad::empty(), frame)?;
        let length = u32::from_le_bytes(plain[..LENGTH].try_into()?) as usize;
        Ok(&plain[LENGTH..][..length])
    }
}
