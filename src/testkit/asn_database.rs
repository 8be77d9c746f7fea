//! A writer of small MaxMind DBs, as `maxmind.github.io/MaxMind-DB` specifies them.

use std::net::IpAddr;

use ipnet::IpNet;

/// When the databases say that they were built, in seconds since the Unix epoch.
const BUILT: u64 = 1_750_000_000;
/// What stands between the tree and the data.
const SEPARATOR: [u8; 16] = [0; 16];

/// How a database has the number of an autonomous system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsnField {
    /// `autonomous_system_number`, a number, as MaxMind and DB-IP have it.
    MaxMind,
    /// `asn`, a text as `AS64500`, as IPinfo has it.
    IpInfo,
    /// Not at all: the number is something else.
    Other,
}

#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    /// An offset in the data.
    Data(usize),
}

/// A MaxMind DB of IPv6 with these ranges, each with the number of an autonomous system; a wide one stands before those
/// within it.
///
/// # Panics
/// When a range is none.
pub fn asn_database(database_type: &str, field: AsnField, ranges: &[(&str, u32)]) -> Vec<u8> {
    let (mut nodes, mut data) = (vec![[Branch::Nothing; 2]], Vec::new());
    for (range, number) in ranges {
        insert(&mut nodes, range.parse().expect("a range"), Branch::Data(data.len()));
        record(&mut data, field, *number);
    }
    let mut file = Vec::new();
    for branch in nodes.iter().flatten() {
        let pointer = match *branch {
            Branch::Nothing => nodes.len(),
            Branch::Node(at) => at,
            Branch::Data(offset) => nodes.len() + SEPARATOR.len() + offset,
        };
        file.extend((pointer as u32).to_be_bytes());
    }
    file.extend(SEPARATOR);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    metadata(&mut file, database_type, nodes.len());
    file
}

fn insert(nodes: &mut Vec<[Branch; 2]>, range: IpNet, data: Branch) {
    // IPv4 lies in ::/96.
    let (bits, length) = match range.network() {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 96 + u32::from(range.prefix_len())),
        IpAddr::V6(ip) => (ip.to_bits(), u32::from(range.prefix_len())),
    };
    let side = |depth: u32| (bits >> (127 - depth) & 1) as usize;
    let mut at = 0;
    for depth in 0..length - 1 {
        at = match nodes[at][side(depth)] {
            Branch::Node(next) => next,
            wide => {
                nodes.push([wide; 2]);
                nodes[at][side(depth)] = Branch::Node(nodes.len() - 1);
                nodes.len() - 1
            }
        };
    }
    nodes[at][side(length - 1)] = data;
}

fn record(to: &mut Vec<u8>, field: AsnField, number: u32) {
    to.push(0xe0 | 1);
    match field {
        AsnField::MaxMind => {
            text(to, "autonomous_system_number");
            unsigned(to, 6, &number.to_be_bytes());
        }
        AsnField::IpInfo => {
            text(to, "asn");
            text(to, &format!("AS{number}"));
        }
        AsnField::Other => {
            text(to, "geoname_id");
            unsigned(to, 6, &number.to_be_bytes());
        }
    }
}

fn metadata(to: &mut Vec<u8>, database_type: &str, nodes: usize) {
    to.push(0xe0 | 9);
    for (name, number) in [("ip_version", 6_u16), ("record_size", 32)] {
        text(to, name);
        unsigned(to, 5, &number.to_be_bytes());
    }
    for (name, number) in [("binary_format_major_version", 2_u16), ("binary_format_minor_version", 0)] {
        text(to, name);
        unsigned(to, 5, &number.to_be_bytes());
    }
    text(to, "node_count");
    unsigned(to, 6, &(nodes as u32).to_be_bytes());
    text(to, "build_epoch");
    unsigned(to, 9, &BUILT.to_be_bytes());
    text(to, "database_type");
    text(to, database_type);
    text(to, "description");
    to.push(0xe0);
    text(to, "languages");
    to.extend([0, 11 - 7]);
}

/// A text of less than 29 bytes.
fn text(to: &mut Vec<u8>, text: &str) {
    to.push(0x40 | text.len() as u8);
    to.extend(text.as_bytes());
}

/// A number of this type; types beyond 7 have a byte of their own.
fn unsigned(to: &mut Vec<u8>, kind: u8, number: &[u8]) {
    let size = number.len() as u8;
    if kind > 7 {
        to.extend([size, kind - 7])
    } else {
        to.push(kind << 5 | size)
    }
    to.extend(number);
}
