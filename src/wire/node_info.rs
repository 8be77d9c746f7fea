//! The exchange of node information, and whom we may talk to (wire document, section 3).

use bytes::BytesMut;
use prost::Message as _;

use super::delimited::{self, DelimitedError};
use super::protobuf::{Fields, Malformed};
use crate::proto::tendermint::p2p as proto;
use crate::types::{Fault, NodeId, NodeInfo, NodeInfoError, ProtocolVersion};

/// Bytes that node information may have, without the length in front.
pub const MAX_NODE_INFO: usize = 10_240;

/// Bytes of a foreign network's name that a fault keeps: CometBFT's own bound for chain IDs.
const MAX_FOREIGN_NETWORK: usize = 50;

/// Why a peer's node information cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeInfoDecodeError {
    /// It announces more than 10,240 bytes.
    #[error("the node info announces too many bytes")]
    TooLong,
    /// It is not protobuf.
    #[error("the node info does not decode")]
    Undecodable,
    /// Its ID is not one.
    #[error(transparent)]
    Invalid(#[from] NodeInfoError),
}

impl From<Malformed> for NodeInfoDecodeError {
    fn from(_: Malformed) -> Self {
        NodeInfoDecodeError::Undecodable
    }
}

impl From<DelimitedError> for NodeInfoDecodeError {
    fn from(error: DelimitedError) -> Self {
        match error {
            DelimitedError::Length => NodeInfoDecodeError::Undecodable,
            DelimitedError::TooLong { .. } => NodeInfoDecodeError::TooLong,
        }
    }
}

impl From<NodeInfoDecodeError> for Fault {
    fn from(error: NodeInfoDecodeError) -> Fault {
        match error {
            NodeInfoDecodeError::TooLong => Fault::HandshakeTooLong,
            NodeInfoDecodeError::Undecodable => Fault::MalformedHandshake,
            NodeInfoDecodeError::Invalid(error) => Fault::BadNodeInfo(error),
        }
    }
}

/// Node information as it is sent, with its length in front.
pub fn encode(info: &NodeInfo) -> Vec<u8> {
    proto::DefaultNodeInfo {
        // Upstream writes both inner messages even when they are empty.
        protocol_version: Some(proto::ProtocolVersion {
            p2p: info.protocol.p2p,
            block: info.protocol.block,
            app: info.protocol.app,
        }),
        default_node_id: info.id.to_string(),
        listen_addr: info.listen_addr.clone(),
        network: info.network.clone(),
        version: info.version.clone(),
        channels: info.channels.clone(),
        moniker: info.moniker.clone(),
        other: Some(proto::DefaultNodeInfoOther {
            tx_index: info.tx_index.clone(),
            rpc_address: info.rpc_address.clone(),
        }),
    }
    .encode_length_delimited_to_vec()
}

/// Takes node information off the front of the opened stream; `None` when it is not whole yet. What is behind it
/// belongs to the next stage.
///
/// # Errors
/// As [`decode`], and when it announces more than [`MAX_NODE_INFO`] bytes, which is known before they are there.
pub fn take(stream: &mut BytesMut) -> Result<Option<NodeInfo>, NodeInfoDecodeError> {
    delimited::take(stream, MAX_NODE_INFO)?.map(|message| decode(&message)).transpose()
}

/// Reads node information without a length in front. What it says is not checked yet: see [`check_compatible`].
///
/// # Errors
/// When it is longer than [`MAX_NODE_INFO`], does not decode, or has no valid ID.
pub fn decode(message: &[u8]) -> Result<NodeInfo, NodeInfoDecodeError> {
    if message.len() > MAX_NODE_INFO {
        return Err(NodeInfoDecodeError::TooLong);
    }
    let mut raw = Raw::default();
    raw.read(message)?;
    raw.into_info()
}

/// The fields as they are on the wire. Text that is not UTF-8 is no error for a Go reader: it fails a later check.
#[derive(Default)]
struct Raw<'a> {
    protocol: ProtocolVersion,
    id: &'a [u8],
    listen_addr: &'a [u8],
    network: &'a [u8],
    version: &'a [u8],
    channels: &'a [u8],
    moniker: &'a [u8],
    tx_index: &'a [u8],
    rpc_address: &'a [u8],
}

impl<'a> Raw<'a> {
    fn read(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => self.read_protocol(value.bytes()?)?,
                2 => self.id = value.bytes()?,
                3 => self.listen_addr = value.bytes()?,
                4 => self.network = value.bytes()?,
                5 => self.version = value.bytes()?,
                6 => self.channels = value.bytes()?,
                7 => self.moniker = value.bytes()?,
                8 => self.read_other(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_protocol(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => self.protocol.p2p = value.varint()?,
                2 => self.protocol.block = value.varint()?,
                3 => self.protocol.app = value.varint()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_other(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => self.tx_index = value.bytes()?,
                2 => self.rpc_address = value.bytes()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn into_info(self) -> Result<NodeInfo, NodeInfoDecodeError> {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let id = std::str::from_utf8(self.id).ok().and_then(|id| id.parse().ok()).ok_or(NodeInfoError::Id)?;
        Ok(NodeInfo {
            protocol: self.protocol,
            id,
            listen_addr: text(self.listen_addr),
            network: text(self.network),
            version: text(self.version),
            channels: self.channels.to_vec(),
            moniker: text(self.moniker),
            tx_index: text(self.tx_index),
            rpc_address: text(self.rpc_address),
        })
    }
}

/// Whether the key that authenticated is the one that was dialled. Known before any node information is sent, and to be
/// asked then: a stranger need not learn ours.
///
/// # Errors
/// [`Fault::WrongId`].
pub fn check_dialled(authenticated: NodeId, dialled: Option<NodeId>) -> Result<(), Fault> {
    match dialled {
        Some(dialled) if dialled != authenticated => Err(Fault::WrongId { actual: authenticated }),
        _ => Ok(()),
    }
}

/// Whether a peer with this key and node information may be our peer, in upstream's order of checks.
///
/// # Errors
/// The first rule that is broken, each as its own kind: [`Fault::WrongId`], [`Fault::BadNodeInfo`],
/// [`Fault::Ourselves`], [`Fault::WrongBlockVersion`], [`Fault::WrongNetwork`], [`Fault::NoCommonChannel`].
pub fn check_compatible(
    ours: &NodeInfo,
    theirs: &NodeInfo,
    authenticated: NodeId,
    dialled: Option<NodeId>,
) -> Result<(), Fault> {
    check_dialled(authenticated, dialled)?;
    theirs.validate().map_err(Fault::BadNodeInfo)?;
    if theirs.id != authenticated {
        return Err(Fault::WrongId { actual: authenticated });
    }
    if ours.id == theirs.id {
        return Err(Fault::Ourselves);
    }
    if ours.protocol.block != theirs.protocol.block {
        return Err(Fault::WrongBlockVersion { actual: theirs.protocol.block });
    }
    if ours.network != theirs.network {
        return Err(Fault::WrongNetwork { actual: printable(&theirs.network) });
    }
    if !ours.shares_channel(theirs) {
        return Err(Fault::NoCommonChannel);
    }
    Ok(())
}

/// A foreign network's name, fit for logs and tables: printable ASCII, at most 50 bytes.
fn printable(name: &str) -> Box<str> {
    let shown = |letter: char| if matches!(letter, ' '..='~') { letter } else { '?' };
    name.chars().take(MAX_FOREIGN_NETWORK).map(shown).collect()
}
