//! From the decrypted stream to whole messages.

use super::PacketError;
use super::packet::{Packet, max_packet_len};
use crate::wire::delimited::{Extent, extent};

/// Bytes of a message on the PEX channel at most: 256 for each of 250 addresses (CometBFT
/// `p2p/pex/pex_reactor.go: maxMsgSize`, `maxAddressSize`).
pub const MAX_MESSAGE: usize = 64_000;

/// Packets in a row that neither carry data nor end a message. CometBFT sends none; 16 tolerate a sloppy
/// implementation, and without a limit a peer could flood us with them for ever.
const MAX_EMPTY_PACKETS: u8 = 16;

/// What a peer sent: a signal or a whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// It expects a pong.
    Ping,
    /// It answers our ping.
    Pong,
    /// A whole message on channel 00, at most [`MAX_MESSAGE`] bytes; it may be empty, which the PEX codec refuses.
    Message(Vec<u8>),
}

/// Reassembles packets and messages. Between messages it holds no memory.
#[derive(Debug)]
pub struct PacketReader {
    max_packet: usize,
    /// The beginning of an incomplete packet.
    packet: Vec<u8>,
    /// The beginning of an incomplete message.
    message: Vec<u8>,
    empty: u8,
}

impl PacketReader {
    /// A reader that accepts packets of up to `payload` bytes of data (`max_packet_msg_payload_size`).
    pub const fn new(payload: usize) -> Self {
        PacketReader { max_packet: max_packet_len(payload), packet: Vec::new(), message: Vec::new(), empty: 0 }
    }

    /// Whether nothing is incomplete, and no memory held.
    pub const fn is_idle(&self) -> bool {
        self.packet.capacity() == 0 && self.message.capacity() == 0
    }

    /// Takes bytes off the front of `chunk` until a signal or message is complete. Call it until it returns `None`;
    /// then `chunk` is used up.
    ///
    /// # Errors
    /// What the peer did wrong; the connection has to be closed.
    pub fn read(&mut self, chunk: &mut &[u8]) -> Result<Option<Incoming>, PacketError> {
        while !chunk.is_empty() {
            let item = if self.packet.is_empty() { self.read_fresh(chunk)? } else { self.read_on(chunk)? };
            if item.is_some() {
                return Ok(item);
            }
        }
        Ok(None)
    }

    /// At the beginning of a packet: one that is complete in the chunk is read in place.
    fn read_fresh(&mut self, chunk: &mut &[u8]) -> Result<Option<Incoming>, PacketError> {
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

    /// Within a packet: what is missing is appended to what has arrived.
    fn read_on(&mut self, chunk: &mut &[u8]) -> Result<Option<Incoming>, PacketError> {
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

    fn handle(&mut self, packet: &[u8]) -> Result<Option<Incoming>, PacketError> {
        match Packet::decode(packet)? {
            Packet::Ping => Ok(Some(Incoming::Ping)),
            Packet::Pong => Ok(Some(Incoming::Pong)),
            Packet::Msg { eof, data } => {
                self.append(eof, data)?;
                Ok(eof.then(|| Incoming::Message(std::mem::take(&mut self.message))))
            }
        }
    }

    fn append(&mut self, eof: bool, data: &[u8]) -> Result<(), PacketError> {
        if self.message.len() + data.len() > MAX_MESSAGE {
            return Err(PacketError::MessageTooLong);
        }
        self.empty = if data.is_empty() && !eof { self.empty.saturating_add(1) } else { 0 };
        if self.empty > MAX_EMPTY_PACKETS {
            return Err(PacketError::EmptyPackets);
        }
        self.message.extend_from_slice(data);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::Fault;
    use crate::wire::mconn::{DEFAULT_PAYLOAD, encode_message, encode_ping, encode_pong};

    /// Everything that a reader returns for a stream that arrives in pieces.
    fn read_all(reader: &mut PacketReader, stream: &[u8], sizes: &[usize]) -> Result<Vec<Incoming>, PacketError> {
        let (mut items, mut rest) = (Vec::new(), stream);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (mut piece, behind) = rest.split_at((*size).min(rest.len()));
            rest = behind;
            while let Some(item) = reader.read(&mut piece)? {
                items.push(item);
            }
            assert!(piece.is_empty());
        }
        Ok(items)
    }

    fn read(stream: &[u8]) -> Result<Vec<Incoming>, PacketError> {
        read_all(&mut PacketReader::new(DEFAULT_PAYLOAD), stream, &[1024])
    }

    fn encoded(items: &[Incoming]) -> Vec<u8> {
        let mut out = Vec::new();
        for item in items {
            match item {
                Incoming::Ping => encode_ping(&mut out),
                Incoming::Pong => encode_pong(&mut out),
                Incoming::Message(message) => encode_message(message, DEFAULT_PAYLOAD, &mut out),
            }
        }
        out
    }

    fn any_item() -> impl Strategy<Value = Incoming> {
        let message = proptest::collection::vec(any::<u8>(), 0..4000);
        prop_oneof![Just(Incoming::Ping), Just(Incoming::Pong), message.prop_map(Incoming::Message)]
    }

    proptest! {
        #[test]
        fn what_was_sent_is_read_however_it_is_cut(
            items in proptest::collection::vec(any_item(), 0..8),
            sizes in proptest::collection::vec(1_usize..1200, 1..20),
        ) {
            let mut reader = PacketReader::new(DEFAULT_PAYLOAD);
            prop_assert_eq!(read_all(&mut reader, &encoded(&items), &sizes), Ok(items));
            prop_assert!(reader.is_idle());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let _ = read(&bytes);
        }
    }

    /// A delimited packet on channel 00.
    fn packet(eof: bool, data: &[u8]) -> Vec<u8> {
        let mut inner = vec![0x10, u8::from(eof), 0x1a];
        prost::encode_length_delimiter(data.len(), &mut inner).unwrap();
        inner.extend_from_slice(data);
        let mut outer = vec![0x1a];
        prost::encode_length_delimiter(inner.len(), &mut outer).unwrap();
        outer.extend(inner);
        let mut out = Vec::new();
        prost::encode_length_delimiter(outer.len(), &mut out).unwrap();
        out.extend(outer);
        out
    }

    #[test]
    fn a_signal_may_come_within_a_message() {
        let stream = [packet(false, b"ab"), vec![0x02, 0x0a, 0x00], packet(true, b"cd")].concat();
        assert_eq!(read(&stream), Ok(vec![Incoming::Ping, Incoming::Message(b"abcd".to_vec())]));
    }

    #[test]
    fn the_capacity_is_reached_and_not_passed() {
        let pieces = |count: usize| packet(false, &[7; 1000]).repeat(count);
        let full = [pieces(63), packet(true, &[7; 1000])].concat();
        assert_eq!(read(&full), Ok(vec![Incoming::Message(vec![7; MAX_MESSAGE])]));
        let above = [pieces(64), packet(true, &[7])].concat();
        assert_eq!(read(&above), Err(PacketError::MessageTooLong));
    }

    #[test]
    fn a_long_packet_is_refused_by_its_length_alone() {
        let error = read(&[0x8b, 0x08]).unwrap_err();
        assert_eq!(Fault::from(error), Fault::PacketTooLong { actual: 1035 });
        assert_eq!(read(&[0x8a, 0x08]), Ok(vec![]), "1034 may come");
        let mut generous = PacketReader::new(1400);
        assert_eq!(
            read_all(&mut generous, &packet(true, &[1; 1400]), &[1024]),
            Ok(vec![Incoming::Message(vec![1; 1400])])
        );
    }

    #[test]
    fn an_unreadable_length_or_an_empty_packet_is_unknown() {
        assert_eq!(read(&[0x80; 11]), Err(PacketError::Unknown));
        assert_eq!(read(&[0x00]), Err(PacketError::Unknown));
    }

    #[test]
    fn a_few_empty_packets_are_tolerated() {
        let most = packet(false, &[]).repeat(usize::from(MAX_EMPTY_PACKETS));
        let tolerated = [most.clone(), packet(false, &[1]), most.clone(), packet(true, &[])].concat();
        assert_eq!(read(&tolerated), Ok(vec![Incoming::Message(vec![1])]), "data starts a new count");
        let flood = [most, packet(false, &[])].concat();
        assert_eq!(read(&flood).map_err(Fault::from), Err(Fault::EmptyFlood));
    }
}
