//! From the opened stream to whole messages.

use super::PacketError;
use super::packet::{Packet, max_packet_len};
use crate::wire::delimited::{Extent, extent};

/// Bytes of a message on the PEX channel: 256 for each of 250 addresses (wire document, section 5).
pub const MAX_MESSAGE: usize = 64_000;

/// Packets in a row that neither carry data nor end a message. Upstream sends none; without a bound a peer could keep us
/// reading for nothing.
const MAX_EMPTY_PACKETS: u8 = 16;

/// What a peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// It wants a pong.
    Ping,
    /// It answers our ping.
    Pong,
    /// A whole message on channel 00, at most [`MAX_MESSAGE`] bytes; an empty one is the reactor's to judge.
    Message(Vec<u8>),
}

/// Puts packets and messages together again. Between packets it holds no memory.
#[derive(Debug)]
pub struct Reader {
    max_packet: usize,
    /// The beginning of a packet that is not whole yet.
    packet: Vec<u8>,
    /// The pieces of a message that is not whole yet.
    message: Vec<u8>,
    empty: u8,
}

impl Reader {
    /// A reader that takes packets of up to `payload` bytes of data (`max_packet_msg_payload_size`).
    pub const fn new(payload: usize) -> Self {
        Reader { max_packet: max_packet_len(payload), packet: Vec::new(), message: Vec::new(), empty: 0 }
    }

    /// Whether nothing is half read, and no memory held.
    pub const fn is_idle(&self) -> bool {
        self.packet.capacity() == 0 && self.message.capacity() == 0
    }

    /// Takes bytes off the front of `chunk` until something is whole. Call it until it gives `None`; then `chunk` is
    /// used up.
    ///
    /// # Errors
    /// What the peer did wrong; the connection is over.
    pub fn read(&mut self, chunk: &mut &[u8]) -> Result<Option<Item>, PacketError> {
        while !chunk.is_empty() {
            let item = if self.packet.is_empty() { self.read_fresh(chunk)? } else { self.read_on(chunk)? };
            if item.is_some() {
                return Ok(item);
            }
        }
        Ok(None)
    }

    /// At the beginning of a packet: one that is whole in the chunk is read where it is.
    fn read_fresh(&mut self, chunk: &mut &[u8]) -> Result<Option<Item>, PacketError> {
        match extent(chunk, self.max_packet)? {
            Some(Extent { start, end }) if end <= chunk.len() => {
                let packet = &chunk[start..end];
                *chunk = &chunk[end..];
                self.handle(packet)
            }
            _ => {
                self.packet.extend_from_slice(chunk);
                *chunk = &[];
                Ok(None)
            }
        }
    }

    /// Within a packet: what it lacks is copied behind what is there.
    fn read_on(&mut self, chunk: &mut &[u8]) -> Result<Option<Item>, PacketError> {
        let wanted = match extent(&self.packet, self.max_packet)? {
            Some(Extent { end, .. }) => end - self.packet.len(),
            None => 1,
        };
        let (taken, rest) = chunk.split_at(wanted.min(chunk.len()));
        self.packet.extend_from_slice(taken);
        *chunk = rest;
        match extent(&self.packet, self.max_packet)? {
            Some(Extent { start, end }) if end == self.packet.len() => {
                let packet = std::mem::take(&mut self.packet);
                self.handle(&packet[start..])
            }
            _ => Ok(None),
        }
    }

    fn handle(&mut self, packet: &[u8]) -> Result<Option<Item>, PacketError> {
        match Packet::decode(packet)? {
            Packet::Ping => Ok(Some(Item::Ping)),
            Packet::Pong => Ok(Some(Item::Pong)),
            Packet::Msg { eof, data } => {
                self.append(eof, data)?;
                Ok(eof.then(|| Item::Message(std::mem::take(&mut self.message))))
            }
        }
    }

    fn append(&mut self, eof: bool, data: &[u8]) -> Result<(), PacketError> {
        if self.message.len() + data.len() > MAX_MESSAGE {
            return Err(PacketError::MessageTooLong);
        }
        self.empty = if data.is_empty() && !eof { self.empty + 1 } else { 0 };
        if self.empty > MAX_EMPTY_PACKETS {
            return Err(PacketError::EmptyPackets);
        }
        self.message.extend_from_slice(data);
        Ok(())
    }
}
