//! The codec of one packet: its three kinds, its size, its bytes.

use super::PacketError;
use crate::types::PEX_CHANNEL;
use crate::wire::protobuf::{Fields, bytes_field_len, put_bytes_header, put_varint, put_varint_field, varint_len};

/// CometBFT's default for `max_packet_msg_payload_size` (`p2p/conn/connection.go: defaultMaxPacketMsgPayloadSize`), and
/// the most that we ever send: every network accepts it.
pub const DEFAULT_PAYLOAD: usize = 1024;

/// Field numbers of `Packet` (proto/tendermint/p2p/conn.proto).
const PING: u8 = 1;
const PONG: u8 = 2;
const MSG: u8 = 3;

/// A received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Ping,
    Pong,
    /// A piece of a message on the one channel there is.
    Msg {
        eof: bool,
        data: &'a [u8],
    },
}

impl<'a> Packet<'a> {
    /// Decodes a packet without its length. Of several kinds in one packet the last counts, as in CometBFT.
    pub(super) fn decode(packet: &'a [u8]) -> Result<Self, PacketError> {
        let mut fields = Fields::new(packet);
        let mut last = None;
        while let Some((number, value)) = fields.next()? {
            match u8::try_from(number) {
                Ok(kind @ (PING | PONG)) => {
                    check_empty(value.bytes()?)?;
                    last = Some(Found::Other(if kind == PING { Packet::Ping } else { Packet::Pong }));
                }
                Ok(MSG) => last = Some(Found::Msg(Msg::decode(value.bytes()?)?)),
                _ => {}
            }
        }
        match last.ok_or(PacketError::Unknown)? {
            Found::Other(packet) => Ok(packet),
            Found::Msg(msg) if msg.channel == i32::from(PEX_CHANNEL) => {
                Ok(Packet::Msg { eof: msg.eof, data: msg.data })
            }
            Found::Msg(msg) => Err(PacketError::UnknownChannel(msg.channel)),
        }
    }
}

enum Found<'a> {
    Other(Packet<'a>),
    Msg(Msg<'a>),
}

/// Messages without known fields may have unknown ones, which are skipped.
fn check_empty(message: &[u8]) -> Result<(), PacketError> {
    let mut fields = Fields::new(message);
    while fields.next()?.is_some() {}
    Ok(())
}

#[derive(Default)]
struct Msg<'a> {
    channel: i32,
    eof: bool,
    data: &'a [u8],
}

impl<'a> Msg<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, PacketError> {
        let mut fields = Fields::new(message);
        let mut msg = Msg::default();
        while let Some((number, value)) = fields.next()? {
            match number {
                // An int32 is the lower half of its varint.
                1 => msg.channel = value.varint()? as i32,
                2 => msg.eof = value.varint()? != 0,
                3 => msg.data = value.bytes()?,
                _ => {}
            }
        }
        Ok(msg)
    }
}

/// Bytes of the longest packet, without its length, when `max_packet_msg_payload_size` is `payload`: a full one on
/// channel 1 that ends a message (CometBFT `p2p/conn/connection.go: maxPacketMsgSize`). 1034 for 1024.
pub const fn max_packet_len(payload: usize) -> usize {
    bytes_field_len(msg_len(true, true, payload))
}

const fn msg_len(channel: bool, eof: bool, data: usize) -> usize {
    let data = if data == 0 { 0 } else { bytes_field_len(data) };
    2 * channel as usize + 2 * eof as usize + data
}

/// Appends a delimited ping.
pub fn encode_ping(out: &mut Vec<u8>) {
    encode_signal(PING, out);
}

/// Appends a delimited pong.
pub fn encode_pong(out: &mut Vec<u8>) {
    encode_signal(PONG, out);
}

fn encode_signal(kind: u8, out: &mut Vec<u8>) {
    put_varint(bytes_field_len(0) as u64, out);
    put_bytes_header(kind, 0, out);
}

/// Appends a message as delimited packets of at most `payload` bytes of data (at most [`DEFAULT_PAYLOAD`] and at least
/// one), the last one marked as such; all of it can be encrypted and written at once.
pub fn encode_message(message: &[u8], payload: usize, out: &mut Vec<u8>) {
    let payload = payload.clamp(1, DEFAULT_PAYLOAD);
    let mut rest = message;
    while rest.len() > payload {
        let (data, behind) = rest.split_at(payload);
        encode_msg(data, false, out);
        rest = behind;
    }
    encode_msg(rest, true, out);
}

fn encode_msg(data: &[u8], eof: bool, out: &mut Vec<u8>) {
    let len = msg_len(false, eof, data.len());
    out.reserve(varint_len(max_packet_len(DEFAULT_PAYLOAD) as u64) + bytes_field_len(len));
    put_varint(bytes_field_len(len) as u64, out);
    put_bytes_header(MSG, len, out);
    // Channel 0 is the default value, which is not written.
    if eof {
        put_varint_field(2, 1, out);
    }
    if !data.is_empty() {
        put_bytes_header(3, data.len(), out);
        out.extend_from_slice(data);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use tendermint_proto::v0_38::p2p::{self as oracle, packet::Sum};

    use super::*;

    fn oracle_of(sum: Sum) -> Vec<u8> {
        oracle::Packet { sum: Some(sum) }.encode_length_delimited_to_vec()
    }

    fn oracle_msg(channel_id: i32, eof: bool, data: &[u8]) -> Vec<u8> {
        oracle_of(Sum::PacketMsg(oracle::PacketMsg { channel_id, eof, data: data.to_vec() }))
    }

    /// CometBFT's test vectors (`p2p/conn/connection_test.go: TestConnVectors`).
    #[test]
    fn the_vectors_hold() {
        let mut out = Vec::new();
        encode_ping(&mut out);
        encode_pong(&mut out);
        assert_eq!(out, [0x02, 0x0a, 0x00, 0x02, 0x12, 0x00]);
        assert_eq!(Packet::decode(&[0x0a, 0x00]), Ok(Packet::Ping));
        assert_eq!(Packet::decode(&[0x12, 0x00]), Ok(Packet::Pong));
        let mut msg = vec![0x1a, 0x22, 0x08, 0x01, 0x1a, 0x1e];
        msg.extend(b"data transmitted over the wire");
        assert_eq!(oracle_msg(1, false, b"data transmitted over the wire")[1..], msg);
        assert_eq!(Packet::decode(&msg), Err(PacketError::UnknownChannel(1)));
        msg[3] = 0;
        let data = b"data transmitted over the wire";
        assert_eq!(Packet::decode(&msg), Ok(Packet::Msg { eof: false, data }));
    }

    #[test]
    fn the_longest_packet_is_that_of_cometbft() {
        assert_eq!(max_packet_len(1024), 1034);
        for payload in [0, 1, 121, 127, 128, 1024, 1400, 16_384, 65_536] {
            let full = oracle::PacketMsg { channel_id: 1, eof: true, data: vec![0; payload] };
            let packet = oracle::Packet { sum: Some(Sum::PacketMsg(full)) };
            assert_eq!(max_packet_len(payload), packet.encoded_len(), "{payload}");
        }
    }

    #[test]
    fn what_is_not_a_packet_is_told_apart() {
        for unknown in [&[][..], &[0x22, 0x00], &[0x78, 0x01], &[0x0a], &[0x08, 0x00], &[0x1a, 0x02, 0x1a, 0x05]] {
            assert_eq!(Packet::decode(unknown), Err(PacketError::Unknown), "{unknown:x?}");
        }
        for channel in [1, 0x20, 256, -1, i32::MIN] {
            assert_eq!(
                Packet::decode(
                    &oracle::Packet {
                        sum: Some(Sum::PacketMsg(oracle::PacketMsg { channel_id: channel, eof: true, data: vec![] }))
                    }
                    .encode_to_vec()
                ),
                Err(PacketError::UnknownChannel(channel))
            );
        }
    }

    /// Default values that are written out, fields of later versions, and the last of several kinds.
    #[test]
    fn what_a_go_reader_tolerates_is_tolerated() {
        let explicit = [0x1a, 0x0a, 0x08, 0x00, 0x10, 0x02, 0x1a, 0x01, 7, 0x7a, 0x01, 9];
        assert_eq!(Packet::decode(&explicit), Ok(Packet::Msg { eof: true, data: &[7] }));
        assert_eq!(Packet::decode(&[0x0a, 0x02, 0x08, 0x01]), Ok(Packet::Ping));
        assert_eq!(Packet::decode(&[0x1a, 0x02, 0x08, 0x05, 0x12, 0x00]), Ok(Packet::Pong));
    }

    proptest! {
        #[test]
        fn a_message_is_split_as_another_implementation_would(
            message in proptest::collection::vec(any::<u8>(), 0..4000), payload in 1_usize..3000,
        ) {
            let mut expected = Vec::new();
            let mut pieces = message.chunks(payload.min(DEFAULT_PAYLOAD)).peekable();
            if pieces.peek().is_none() {
                expected = oracle_msg(0, true, &[]);
            }
            while let Some(piece) = pieces.next() {
                expected.extend(oracle_msg(0, pieces.peek().is_none(), piece));
            }
            let mut out = Vec::new();
            encode_message(&message, payload, &mut out);
            prop_assert_eq!(out, expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Packet::decode(&bytes);
        }
    }
}
