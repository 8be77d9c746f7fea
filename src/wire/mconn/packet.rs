//! One packet: its three kinds, its size, its bytes.

use super::PacketError;
use crate::types::PEX_CHANNEL;
use crate::wire::protobuf::{Fields, bytes_field_len, put_bytes_header, put_varint, put_varint_field, varint_len};

/// Upstream's default for `max_packet_msg_payload_size`, and the most that we ever send: every network accepts it.
pub const DEFAULT_PAYLOAD: usize = 1024;

/// Field numbers of `Packet`.
const PING: u8 = 1;
const PONG: u8 = 2;
const MSG: u8 = 3;

/// A packet that came in.
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
    /// Reads a packet without its length. Of several kinds in one packet the last counts, as upstream.
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

/// Messages without fields of ours may still hold fields that are to be skipped.
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
                // An int32 is what its varint's low half says.
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
/// channel 1 that ends a message. 1034 for 1024.
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
/// one), the last one marked as such; all of it can be sealed and written at once.
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
    // Channel 0 is the default, which is not written.
    if eof {
        put_varint_field(2, 1, out);
    }
    if !data.is_empty() {
        put_bytes_header(3, data.len(), out);
        out.extend_from_slice(data);
    }
}
