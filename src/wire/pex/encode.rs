//! Encoding messages, without an intermediate form.

use std::io::Write as _;
use std::net::IpAddr;

use super::Outgoing;
use crate::types::{NetAddress, NodeId};
use crate::wire::protobuf::{bytes_field_len, put_bytes_header, put_varint_field, varint_len};

/// Field numbers of `Message` (proto/tendermint/p2p/pex.proto).
pub(super) const REQUEST: u8 = 1;
pub(super) const ADDRESSES: u8 = 2;
/// The field number of `PexAddrs`.
pub(super) const ADDRESS: u8 = 1;
/// Field numbers of `NetAddress`.
pub(super) const ID: u8 = 1;
pub(super) const IP: u8 = 2;
pub(super) const PORT: u8 = 3;

/// Bytes of an ID as text.
const ID_TEXT: usize = 2 * NodeId::LEN;
/// Bytes of the longest IP as text (45 of an IPv6 address), and a few more: octets are copied four bytes at a time.
const IP_TEXT: usize = 48;
/// Bytes of the longest entry with an IPv4 address, to size the buffer by.
const TYPICAL_ADDRESS: usize = 65;

/// Encodes a message, to be split into packets. An address takes at most 95 bytes, so that 250 are far below the
/// channel's [`MAX_MESSAGE`](crate::wire::mconn::MAX_MESSAGE).
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
    for address in addresses {
        put_address(address, &mut body);
    }
    let mut out = Vec::with_capacity(bytes_field_len(body.len()));
    put_bytes_header(ADDRESSES, body.len(), &mut out);
    out.extend_from_slice(&body);
    out
}

fn put_address(address: &NetAddress, out: &mut Vec<u8>) {
    let ip = IpText::new(address.ip());
    let port = u64::from(address.port());
    let length = bytes_field_len(ID_TEXT) + bytes_field_len(ip.len) + 1 + varint_len(port);
    put_bytes_header(ADDRESS, length, out);
    put_bytes_header(ID, ID_TEXT, out);
    out.extend_from_slice(&hex(address.id()));
    put_bytes_header(IP, ip.len, out);
    out.extend_from_slice(&ip.text[..ip.len]);
    put_varint_field(PORT, port, out);
}

/// An IP as text.
struct IpText {
    text: [u8; IP_TEXT],
    len: usize,
}

impl IpText {
    /// IPv4 is written without `std::fmt`, which takes longer for 250 addresses than encrypting the whole answer.
    fn new(ip: IpAddr) -> Self {
        let (mut text, mut len) = ([0; IP_TEXT], 0);
        match ip {
            IpAddr::V4(ip) => {
                for octet in ip.octets() {
                    let (decimal, digits) = DECIMALS[usize::from(octet)];
                    text[len..len + decimal.len()].copy_from_slice(&decimal);
                    len += digits + 1;
                }
                // The last dot.
                len -= 1;
            }
            IpAddr::V6(ip) => {
                let mut room = &mut text[..];
                write!(room, "{ip}").expect("an IPv6 address has at most 45 characters");
                len = IP_TEXT - room.len();
            }
        }
        IpText { text, len }
    }
}

/// Each octet in decimal with a dot after it, and its number of digits: four bytes are always copied.
static DECIMALS: [([u8; 4], usize); 256] = {
    let mut decimals = [([b'.'; 4], 1); 256];
    let mut octet = 0;
    while octet < decimals.len() {
        let [hundreds, tens, ones] = [octet / 100, octet / 10 % 10, octet % 10];
        let [hundreds, tens, ones] = [b'0' + hundreds as u8, b'0' + tens as u8, b'0' + ones as u8];
        decimals[octet] = match octet {
            100.. => ([hundreds, tens, ones, b'.'], 3),
            10.. => ([tens, ones, b'.', 0], 2),
            _ => ([ones, b'.', 0, 0], 1),
        };
        octet += 1;
    }
    decimals
};

/// Computes the digits instead of looking them up, so that the compiler can vectorize the loop.
fn hex(id: NodeId) -> [u8; ID_TEXT] {
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let mut text = [0; ID_TEXT];
    for (pair, &byte) in text.chunks_exact_mut(2).zip(id.as_bytes()) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    text
}
