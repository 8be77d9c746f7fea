//! A seed that answers by a script, whoever comes and however often.

use std::future::pending;
use std::io;
use std::net::Ipv4Addr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::{Identity, Peer};
use crate::types::NetAddress;
use crate::wire::pex::{Outgoing, Received};

/// What a scripted seed does with those who come.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Answers a request with these addresses and hangs up, as a seed does.
    Answers(Vec<NetAddress>),
    /// Shakes hands, and no more.
    StaysSilent,
    /// Shakes hands and hangs up, as a full node does.
    HangsUp,
    /// Accepts the connection, and no more.
    Deaf,
    /// Says what no node says.
    Babbles,
}

/// A scripted seed on loopback, there until it is dropped.
#[derive(Debug)]
pub struct ScriptedSeed {
    address: NetAddress,
    task: JoinHandle<()>,
}

impl ScriptedSeed {
    /// Opens a seed on a port of the system's choice; to be called within a runtime.
    ///
    /// # Errors
    /// When loopback has no port left.
    pub async fn open(identity: Identity, manner: Manner) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let at = listener.local_addr()?;
        let address = NetAddress::new(identity.key.id(), at.ip(), at.port()).map_err(io::Error::other)?;
        let task = tokio::spawn(serve(listener, identity, manner));
        Ok(ScriptedSeed { address, task })
    }

    /// Its `id@ip:port`.
    pub const fn address(&self) -> NetAddress {
        self.address
    }
}

impl Drop for ScriptedSeed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, identity: Identity, manner: Manner) {
    // Ends with the seed.
    let mut guests = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        guests.spawn(entertain(stream, identity.clone(), manner.clone()));
        while guests.try_join_next().is_some() {}
    }
}

async fn entertain(mut stream: TcpStream, identity: Identity, manner: Manner) -> io::Result<()> {
    match manner {
        Manner::Deaf => pending().await,
        Manner::Babbles => {
            // The first byte announces a hello that is shorter than this.
            stream.write_all(&[b'H'; 200]).await?;
            pending().await
        }
        Manner::HangsUp => Peer::meet(stream, identity).await.map(|_| ()),
        Manner::StaysSilent => {
            let _peer = Peer::meet(stream, identity).await?;
            pending().await
        }
        Manner::Answers(addresses) => {
            let (mut peer, _) = Peer::meet(stream, identity).await?;
            while peer.next_message().await? != Received::Request {}
            peer.send_message(&Outgoing::Addresses(addresses.into())).await?;
            peer.shut_down().await?;
            peer.end().await.map(|_| ())
        }
    }
}
