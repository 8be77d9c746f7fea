//! Messages to bytes, without an intermediate form.

use std::fmt::Write as _;

use super::Outgoing;
use crate::types::{NetAddress, NodeId};
use crate::wire::protobuf::{bytes_field_len, put_bytes_header, put_varint_field, varint_len};

/// Fields of `Message`.
pub(super) const REQUEST: u8 = 1;
pub(super) const ADDRESSES: u8 = 2;
/// The field of `PexAddrs`.
pub(super) const ADDRESS: u8 = 1;
/// Fields of `NetAddress`.
pub(super) const ID: u8 = 1;
pub(super) const IP: u8 = 2;
pub(super) const PORT: u8 = 3;

/// Bytes of an ID's text.
const ID_TEXT: usize = 2 * NodeId::LEN;
/// Bytes of an address with an IPv4 at the most, to size the buffer by.
const TYPICAL_ADDRESS: usize = 65;

/// A message as it goes into packets. An address never takes more than 95 bytes, so that 250 stay far below the
/// channel's capacity.
pub fn encode(message: &Outgoing) -> Vec<u8> {
    match message {
        Outgoing::Request => {
            let mut out = Vec::new();
            put_bytes_header(REQUEST, 0, &mut out);
            out
        }
        Outgoing::Addresses(addresses) => encode_addresses(addresses),
    }
}

fn encode_addresses(addresses: &[NetAddress]) -> Vec<u8> {
    let mut body = Vec::with_capacity(addresses.len() * TYPICAL_ADDRESS);
    let mut ip = String::new();
    for address in addresses {
        put_address(address, &mut ip, &mut body);
    }
    let mut out = Vec::with_capacity(bytes_field_len(body.len()));
    put_bytes_header(ADDRESSES, body.len(), &mut out);
    out.extend_from_slice(&body);
    out
}

/// Appends an address; `ip` is scratch.
fn put_address(address: &NetAddress, ip: &mut String, out: &mut Vec<u8>) {
    ip.clear();
    write!(ip, "{}", address.ip()).expect("writing to a string does not fail");
    let port = u64::from(address.port());
    let length = bytes_field_len(ID_TEXT) + bytes_field_len(ip.len()) + 1 + varint_len(port);
    put_bytes_header(ADDRESS, length, out);
    put_bytes_header(ID, ID_TEXT, out);
    put_hex(address.id(), out);
    put_bytes_header(IP, ip.len(), out);
    out.extend_from_slice(ip.as_bytes());
    put_varint_field(PORT, port, out);
}

/// The formatting machinery takes longer for 250 IDs than sealing the whole answer.
fn put_hex(id: NodeId, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for &byte in id.as_bytes() {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}
