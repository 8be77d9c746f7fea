//! Messages to bytes, without an intermediate form.

use std::io::Write as _;
use std::net::IpAddr;

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
    let mut ip = Vec::new();
    for address in addresses {
        put_address(address, &mut ip, &mut body);
    }
    let mut out = Vec::with_capacity(bytes_field_len(body.len()));
    put_bytes_header(ADDRESSES, body.len(), &mut out);
    out.extend_from_slice(&body);
    out
}

/// Appends an address; `ip` is scratch.
fn put_address(address: &NetAddress, ip: &mut Vec<u8>, out: &mut Vec<u8>) {
    ip.clear();
    put_ip(address.ip(), ip);
    let port = u64::from(address.port());
    let length = bytes_field_len(ID_TEXT) + bytes_field_len(ip.len()) + 1 + varint_len(port);
    put_bytes_header(ADDRESS, length, out);
    put_bytes_header(ID, ID_TEXT, out);
    out.extend_from_slice(&hex(address.id()));
    put_bytes_header(IP, ip.len(), out);
    out.extend_from_slice(ip);
    put_varint_field(PORT, port, out);
}

/// The formatting machinery takes longer for 250 addresses than sealing the whole answer: the usual kind goes without.
fn put_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            let [first, rest @ ..] = ip.octets();
            put_decimal(first, out);
            for octet in rest {
                out.push(b'.');
                put_decimal(octet, out);
            }
        }
        IpAddr::V6(ip) => write!(out, "{ip}").expect("writing to memory does not fail"),
    }
}

fn put_decimal(number: u8, out: &mut Vec<u8>) {
    let digit = |of: u8| b'0' + of % 10;
    match number {
        100.. => out.extend_from_slice(&[digit(number / 100), digit(number / 10), digit(number)]),
        10.. => out.extend_from_slice(&[digit(number / 10), digit(number)]),
        _ => out.push(digit(number)),
    }
}

fn hex(id: NodeId) -> [u8; ID_TEXT] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; ID_TEXT];
    for (pair, &byte) in text.chunks_exact_mut(2).zip(id.as_bytes()) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    text
}
