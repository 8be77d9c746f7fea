//! A plain list: `id@ip:port` between commas or line ends, as in a `seeds` line; what follows a `#` is a comment.

use std::io::BufRead;

use super::{Item, ReadError, Take, cut};
use crate::types::PeerAddressError;

/// Bytes of an entry at most; the rest of a longer one is passed over.
const MAX_ENTRY: usize = 1_024;

/// Reads all entries. One that does not read is rejected, and the others stand.
pub(super) fn read(mut file: impl BufRead, take: Take<'_>) -> Result<(), ReadError> {
    let mut entry = Entry::default();
    let mut line = 1_usize;
    loop {
        let bytes = file.fill_buf()?;
        let count = bytes.len();
        if count == 0 {
            return entry.end(line, take);
        }
        for byte in bytes {
            match byte {
                b'\n' => {
                    entry.end(line, take)?;
                    line += 1;
                    entry.in_comment = false;
                }
                _ if entry.in_comment => {}
                b'#' => entry.in_comment = true,
                b',' => entry.end(line, take)?,
                byte => entry.push(*byte),
            }
        }
        file.consume(count);
    }
}

/// The entry that is being read.
#[derive(Default)]
struct Entry {
    bytes: Vec<u8>,
    too_long: bool,
    in_comment: bool,
}

impl Entry {
    fn push(&mut self, byte: u8) {
        // Blanks in front count for nothing.
        if self.bytes.is_empty() && byte.is_ascii_whitespace() {
            return;
        }
        if self.bytes.len() < MAX_ENTRY {
            self.bytes.push(byte);
        } else {
            self.too_long |= !byte.is_ascii_whitespace();
        }
    }

    /// Hands the entry over, unless it is empty, and makes room for the next one.
    fn end(&mut self, line: usize, take: Take<'_>) -> Result<(), ReadError> {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim();
        if !text.is_empty() {
            let address = if self.too_long {
                Err("it is too long for an address".to_owned())
            } else {
                text.parse().map_err(PeerAddressError::in_list)
            };
            take(match address {
                Ok(address) => Item::Address(address, None),
                Err(reason) => Item::Rejected { text: cut(text), reason: format!("line {line}: {reason}") },
            })?;
        }
        self.bytes.clear();
        self.too_long = false;
        Ok(())
    }
}
