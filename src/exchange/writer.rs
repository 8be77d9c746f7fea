//! Writing a file of addresses from records that come in the order of their addresses.

use serde::Serialize;

use super::Format;
use crate::book::{Record, State};
use crate::types::{NetAddress, NodeId, Wall};

/// Buckets that a node has for new addresses and for old ones (CometBFT `p2p/pex/params.go: newBucketCount`,
/// `oldBucketCount`).
const BUCKETS: [u8; 2] = [255, 63];

/// What a node writes for "never".
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// Writes one file: [`Writer::begin`], [`Writer::records`] for all records in their order, [`Writer::end`].
///
/// A node that reads an `addrbook.json` takes each ID for one entry, and breaks down on buckets that it has not: so each ID
/// is written once, at its best address, and what is banned is not written.
#[derive(Debug)]
pub struct Writer {
    format: Format,
    /// The best entry so far of the ID that came last.
    pending: Option<Record>,
    first: bool,
}

#[derive(Serialize)]
struct WrittenAddress {
    id: String,
    ip: String,
    port: u16,
}

#[derive(Serialize)]
struct Entry {
    addr: WrittenAddress,
    src: WrittenAddress,
    buckets: [u8; 1],
    attempts: u16,
    bucket_type: u8,
    last_attempt: String,
    last_success: String,
    last_ban_time: &'static str,
}

impl Writer {
    /// A file of this form.
    pub const fn new(format: Format) -> Self {
        Writer { format, pending: None, first: true }
    }

    /// The beginning of the file. The key, 12 bytes that the node will hash its buckets with, is to be a fresh one.
    pub fn begin(&self, key: [u8; 12]) -> String {
        match self.format {
            Format::List => String::new(),
            Format::AddrBook => {
                let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{{\n\t\"key\": \"{key}\",\n\t\"addrs\": [")
            }
        }
    }

    /// Appends what is written of these records, which come after all that came before.
    pub fn records(&mut self, records: impl IntoIterator<Item = Record>, out: &mut String) {
        for record in records.into_iter().filter(|record| record.state != State::Banned) {
            match self.format {
                Format::List => {
                    out.push_str(&record.address.to_string());
                    out.push('\n');
                }
                Format::AddrBook => self.join(record, out),
            }
        }
    }

    fn join(&mut self, record: Record, out: &mut String) {
        match &mut self.pending {
            Some(pending) if pending.address.id() == record.address.id() => {
                if worth(&record) > worth(pending) {
                    *pending = record;
                }
            }
            _ => {
                let before = self.pending.replace(record);
                self.entry(before, out);
            }
        }
    }

    fn entry(&mut self, record: Option<Record>, out: &mut String) {
        let Some(record) = record else { return };
        let (address, source) = (&record.address, &record.source);
        let entry = Entry {
            addr: WrittenAddress { id: address.id().to_string(), ip: address.ip().to_string(), port: address.port() },
            // We keep no port of a source, and a node reads none.
            src: WrittenAddress { id: source.id.to_string(), ip: source.ip.to_string(), port: 0 },
            buckets: [bucket(address, record.state)],
            attempts: record.attempts,
            bucket_type: if record.state == State::Old { 2 } else { 1 },
            last_attempt: time(record.last_attempt),
            last_success: time(record.last_success),
            last_ban_time: ZERO_TIME,
        };
        // Plain texts and numbers always have a form.
        if let Ok(entry) = serde_json::to_string(&entry) {
            out.push_str(if std::mem::take(&mut self.first) { "\n\t\t" } else { ",\n\t\t" });
            out.push_str(&entry);
        }
    }

    /// Appends the end of the file.
    pub fn end(mut self, out: &mut String) {
        if self.format == Format::AddrBook {
            let last = self.pending.take();
            self.entry(last, out);
            out.push_str(if self.first { "]\n}\n" } else { "\n\t]\n}\n" });
        }
    }
}

/// The better of two addresses of an ID: verified, reached last, known longest.
fn worth(record: &Record) -> (bool, Wall, std::cmp::Reverse<Wall>) {
    (record.verified, record.last_success, std::cmp::Reverse(record.added))
}

/// A bucket for an address, which we keep in none: any that a node has will do, and IDs are spread evenly.
fn bucket(address: &NetAddress, state: State) -> u8 {
    let [new, old] = BUCKETS;
    let mask = if state == State::Old { old } else { new };
    address.id().as_bytes()[NodeId::LEN - 1] & mask
}

fn time(at: Wall) -> String {
    if at.is_never() {
        return ZERO_TIME.to_owned();
    }
    let seconds = at.as_millis().div_euclid(1000);
    prost_types::Timestamp { seconds, nanos: 0 }.to_string()
}
