//! Bytes to messages. Addresses are looked at one by one where they are, so that ten thousand tiny ones build no list.

use std::net::IpAddr;

use rand::RngExt as _;

use super::encode::{ADDRESS, ADDRESSES, ID, IP, PORT, REQUEST};
use super::{PexError, Received};
use crate::types::{NetAddress, NodeId, SeededRng};
use crate::wire::protobuf::{Fields, Malformed};

/// Addresses of one message that are looked at: what an honest answer has at most (behaviour document, "Address book").
pub const MAX_ADDRESSES: usize = 250;

/// Reads a message. Of more than [`MAX_ADDRESSES`] addresses that could be dialled, so many are drawn at random, each
/// with the same chance.
///
/// # Errors
/// When it does not decode, says nothing, or has an address that cannot be one (see [`PexError`]).
pub fn decode(message: &[u8], rng: &mut SeededRng) -> Result<Received, PexError> {
    let mut fields = Fields::new(message);
    let mut last = None;
    // Of several kinds in one message the last counts, as upstream; all of them have to decode.
    while let Some((number, value)) = fields.next()? {
        match u8::try_from(number) {
            Ok(REQUEST) => {
                check_request(value.bytes()?)?;
                last = Some(Ok(Received::Request));
            }
            Ok(ADDRESSES) => last = Some(decode_addresses(value.bytes()?, rng)?),
            _ => {}
        }
    }
    last.ok_or(PexError::Empty)?
}

/// A request has no fields of ours; others are skipped.
fn check_request(message: &[u8]) -> Result<(), Malformed> {
    let mut fields = Fields::new(message);
    while fields.next()?.is_some() {}
    Ok(())
}

/// The outer error: not protobuf. The inner one: protobuf with an impossible address, which the rest of the message may
/// still turn into the former.
fn decode_addresses(message: &[u8], rng: &mut SeededRng) -> Result<Result<Received, PexError>, Malformed> {
    let mut fields = Fields::new(message);
    let mut sample = Sample { addresses: Vec::new(), seen: 0, rng };
    let (mut total, mut void) = (0_u32, false);
    while let Some((number, value)) = fields.next()? {
        if number != i32::from(ADDRESS) {
            continue;
        }
        total += 1;
        let raw = RawAddress::decode(value.bytes()?)?;
        match raw.place() {
            None => void = true,
            Some((ip, port)) => sample.offer(raw.id, ip, port),
        }
    }
    let addresses = sample.addresses;
    Ok(if void { Err(PexError::BadAddress) } else { Ok(Received::Addresses { addresses, total }) })
}

/// An address as it is on the wire.
#[derive(Default)]
struct RawAddress<'a> {
    id: &'a [u8],
    ip: &'a [u8],
    port: u32,
}

impl<'a> RawAddress<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(message);
        let mut raw = RawAddress::default();
        while let Some((number, value)) = fields.next()? {
            match u8::try_from(number) {
                Ok(ID) => raw.id = value.bytes()?,
                Ok(IP) => raw.ip = value.bytes()?,
                // A uint32 is what its varint's low half says.
                Ok(PORT) => raw.port = value.varint()? as u32,
                _ => {}
            }
        }
        Ok(raw)
    }

    /// IP and port; `None` when they cannot be any, a missing IP included.
    fn place(&self) -> Option<(IpAddr, u16)> {
        let ip = std::str::from_utf8(self.ip).ok()?.parse().ok()?;
        Some((ip, u16::try_from(self.port).ok()?))
    }
}

/// A uniform sample of a stream of addresses whose length is not known (reservoir sampling).
struct Sample<'a> {
    addresses: Vec<NetAddress>,
    seen: usize,
    rng: &'a mut SeededRng,
}

impl Sample<'_> {
    /// Takes an address into account unless it can never be dialled.
    fn offer(&mut self, id: &[u8], ip: IpAddr, port: u16) {
        let id = std::str::from_utf8(id).ok().and_then(|id| id.parse::<NodeId>().ok());
        let Some(address) = id.and_then(|id| NetAddress::new(id, ip, port).ok()) else { return };
        self.seen += 1;
        if self.addresses.len() < MAX_ADDRESSES {
            self.addresses.push(address);
        } else {
            let place = self.rng.random_range(0..self.seen);
            if let Some(kept) = self.addresses.get_mut(place) {
                *kept = address;
            }
        }
    }
}
