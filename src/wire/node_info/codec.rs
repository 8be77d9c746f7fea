//! The codec of node information (docs/protocol/wire.md, "NodeInfo handshake").

use bytes::BytesMut;
use prost::Message as _;

use crate::proto::tendermint::p2p as proto;
use crate::types::{Fault, NodeInfo, NodeInfoError, ProtocolVersion};
use crate::wire::delimited::{self, DelimitedError};
use crate::wire::protobuf::{Fields, Malformed};

/// Bytes that node information may have, without the length in front (CometBFT `p2p/node_info.go: maxNodeInfoSize`).
pub const MAX_NODE_INFO: usize = 10_240;

/// Why a peer's node information cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeInfoDecodeError {
    /// It announces more than 10,240 bytes.
    #[error("the node info announces too many bytes")]
    TooLong,
    /// It is not protobuf.
    #[error("the node info does not decode")]
    Undecodable,
    /// Its ID is not a node ID.
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

/// Encodes node information, with its length in front.
pub fn encode(info: &NodeInfo) -> Vec<u8> {
    proto::DefaultNodeInfo {
        // CometBFT writes both inner messages even when they are empty (`p2p/node_info.go: ToProto`).
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

/// Takes node information off the front of the decrypted stream; `None` when it is incomplete. What follows it belongs
/// to the next stage.
///
/// # Errors
/// As [`decode`], and when it announces more than [`MAX_NODE_INFO`] bytes, which is known before they arrive.
pub fn take(stream: &mut BytesMut) -> Result<Option<NodeInfo>, NodeInfoDecodeError> {
    delimited::take(stream, MAX_NODE_INFO)?.map(|message| decode(&message)).transpose()
}

/// Decodes node information without a length in front. Its content is not checked yet: see
/// [`check_compatible`](super::check_compatible).
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

/// The fields as they are on the wire. Text that is not UTF-8 is not an error for Go's decoder: it fails a later check.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tendermint_proto::v0_38::p2p as oracle;

    use super::*;
    use crate::types::{NodeId, PEX_CHANNEL};

    fn info(id: u8) -> NodeInfo {
        NodeInfo {
            protocol: ProtocolVersion { p2p: 8, block: 11, app: 0 },
            id: NodeId::from_bytes([id; 20]),
            listen_addr: "tcp://0.0.0.0:26656".into(),
            network: "chain-1".into(),
            version: "0.38.0".into(),
            channels: vec![PEX_CHANNEL],
            moniker: "m".into(),
            tx_index: "on".into(),
            rpc_address: String::new(),
        }
    }

    /// The same information as another implementation holds it.
    fn oracle_of(info: &NodeInfo) -> oracle::DefaultNodeInfo {
        let NodeInfo { protocol, .. } = info;
        let other =
            oracle::DefaultNodeInfoOther { tx_index: info.tx_index.clone(), rpc_address: info.rpc_address.clone() };
        oracle::DefaultNodeInfo {
            protocol_version: Some(oracle::ProtocolVersion {
                p2p: protocol.p2p,
                block: protocol.block,
                app: protocol.app,
            }),
            default_node_id: info.id.to_string(),
            listen_addr: info.listen_addr.clone(),
            network: info.network.clone(),
            version: info.version.clone(),
            channels: info.channels.clone(),
            moniker: info.moniker.clone(),
            other: Some(other),
        }
    }

    prop_compose! {
        fn any_info()(
            versions: (u64, u64, u64), id: [u8; 20], texts: [String; 6], channels: Vec<u8>,
        ) -> NodeInfo {
            let [listen_addr, network, version, moniker, tx_index, rpc_address] = texts;
            let protocol = ProtocolVersion { p2p: versions.0, block: versions.1, app: versions.2 };
            let id = NodeId::from_bytes(id);
            NodeInfo { protocol, id, listen_addr, network, version, channels, moniker, tx_index, rpc_address }
        }
    }

    proptest! {
        #[test]
        fn the_bytes_are_another_implementations(info in any_info()) {
            let mut encoded = BytesMut::from(&encode(&info)[..]);
            prop_assert_eq!(&encoded[..], &oracle_of(&info).encode_length_delimited_to_vec()[..]);
            prop_assert_eq!(take(&mut encoded), Ok(Some(info)));
            prop_assert!(encoded.is_empty());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
            let _ = take(&mut BytesMut::from(&bytes[..]));
        }
    }

    #[test]
    fn it_may_come_in_pieces_and_leaves_what_follows() {
        let mut stream = BytesMut::new();
        for byte in encode(&info(1)) {
            assert_eq!(take(&mut stream), Ok(None));
            stream.extend_from_slice(&[byte]);
        }
        stream.extend_from_slice(b"next");
        assert_eq!(take(&mut stream), Ok(Some(info(1))));
        assert_eq!(stream, &b"next"[..]);
    }

    /// CometBFT's decoder treats missing inner messages as empty, and does not check the encoding of text.
    #[test]
    fn what_a_go_reader_tolerates_is_tolerated() {
        let mut message = vec![0x12, 40];
        message.extend([b'A'; 40]);
        message.extend([0x3a, 2, 0xff, b'm', 0x7a, 1, 0, 0x0a, 2, 0x10, 11]);
        let read = decode(&message).unwrap();
        assert_eq!(read.id.to_string(), "a".repeat(40));
        assert_eq!(read.protocol, ProtocolVersion { p2p: 0, block: 11, app: 0 });
        assert_eq!(read.moniker, "\u{fffd}m", "the check of the moniker says what is wrong");
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        let fault = |message: &[u8]| Fault::from(decode(message).unwrap_err());
        assert_eq!(fault(&[]), Fault::BadNodeInfo(NodeInfoError::Id));
        assert_eq!(fault(&[0x12, 2, b'a', b'b']), Fault::BadNodeInfo(NodeInfoError::Id));
        assert_eq!(fault(&[0x12, 0x29]), Fault::MalformedHandshake);
        assert_eq!(fault(&[0x10, 0x01]), Fault::MalformedHandshake, "a number where the ID belongs");
        assert_eq!(fault(&[0; MAX_NODE_INFO + 1]), Fault::HandshakeTooLong);
        let announced = take(&mut BytesMut::from(&[0x81, 0x50][..])).unwrap_err();
        assert_eq!(Fault::from(announced), Fault::HandshakeTooLong, "10241 bytes, none of which came yet");
        assert_eq!(take(&mut BytesMut::from(&[0x80, 0x50][..])), Ok(None));
    }
}
