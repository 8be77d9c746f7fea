//! Decoding messages. Addresses are read one by one in place, so that a message of ten thousand tiny ones allocates no
//! list.

use std::net::IpAddr;

use rand::RngExt as _;

use super::encode::{ADDRESS, ADDRESSES, ID, IP, PORT, REQUEST};
use super::{PexError, Received};
use crate::types::{NetAddress, NodeId, SeededRng};
use crate::wire::protobuf::{Fields, Malformed};

/// Addresses of one message that are used: as many as an honest answer has at most (CometBFT
/// `p2p/pex/params.go: maxGetSelection`).
pub const MAX_ADDRESSES: usize = 250;

/// Decodes a message. Of more than [`MAX_ADDRESSES`] addresses that could be dialled, so many are chosen at random,
/// each with the same probability.
///
/// # Errors
/// When it does not decode, is empty, or has an invalid address (see [`PexError`]).
pub fn decode(message: &[u8], rng: &mut SeededRng) -> Result<Received, PexError> {
    let mut fields = Fields::new(message);
    let mut last = None;
    // Of several kinds in one message the last counts, as in CometBFT; all of them have to decode.
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

/// A request has no known fields; unknown ones are skipped.
fn check_request(message: &[u8]) -> Result<(), Malformed> {
    let mut fields = Fields::new(message);
    while fields.next()?.is_some() {}
    Ok(())
}

/// The outer error: not protobuf. The inner one: protobuf with an invalid address; the rest of the message may still
/// turn out to be the outer error.
fn decode_addresses(message: &[u8], rng: &mut SeededRng) -> Result<Result<Received, PexError>, Malformed> {
    let mut fields = Fields::new(message);
    let mut sample = Sample { addresses: Vec::new(), seen: 0, rng };
    let (mut total, mut invalid) = (0_u32, false);
    while let Some((number, value)) = fields.next()? {
        if number != i32::from(ADDRESS) {
            continue;
        }
        total += 1;
        let raw = RawAddress::decode(value.bytes()?)?;
        match raw.endpoint() {
            None => invalid = true,
            Some((ip, port)) => sample.offer(raw.id, ip, port),
        }
    }
    let addresses = sample.addresses;
    Ok(if invalid { Err(PexError::BadAddress) } else { Ok(Received::Addresses { addresses, total }) })
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
                // A uint32 is the lower half of its varint.
                Ok(PORT) => raw.port = value.varint()? as u32,
                _ => {}
            }
        }
        Ok(raw)
    }

    /// IP and port; `None` when they are invalid, or the IP is missing.
    fn endpoint(&self) -> Option<(IpAddr, u16)> {
        let ip = std::str::from_utf8(self.ip).ok()?.parse().ok()?;
        Some((ip, u16::try_from(self.port).ok()?))
    }
}

/// Reservoir sampling: a uniform sample of a stream of addresses whose length is not known.
struct Sample<'a> {
    addresses: Vec<NetAddress>,
    seen: usize,
    rng: &'a mut SeededRng,
}

impl Sample<'_> {
    /// Adds an address to the stream, unless it can never be dialled.
    fn offer(&mut self, id: &[u8], ip: IpAddr, port: u16) {
        let id = std::str::from_utf8(id).ok().and_then(|id| id.parse::<NodeId>().ok());
        let Some(address) = id.and_then(|id| NetAddress::new(id, ip, port).ok()) else { return };
        self.seen += 1;
        if self.addresses.len() < MAX_ADDRESSES {
            self.addresses.push(address);
        } else {
            let at = self.rng.random_range(0..self.seen);
            if let Some(kept) = self.addresses.get_mut(at) {
                *kept = address;
            }
        }
    }
}
