//! A plain list: one `id@ip:port` a line.

use std::io::{BufRead, Read as _};

use super::{Item, ReadError, Take, cut};
use crate::types::PeerAddressError;

/// Bytes of a line at most; the rest of a longer one is passed over.
const MAX_LINE: u64 = 1_024;

/// Reads all lines. One that does not read is rejected, and the others stand.
pub(super) fn read(mut file: impl BufRead, take: Take<'_>) -> Result<(), ReadError> {
    let mut line = Vec::new();
    for number in 1_usize.. {
        line.clear();
        if file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let whole = line.len() < MAX_LINE as usize || line.ends_with(b"\n") || skip_line(&mut file)? == 0;
        let text = String::from_utf8_lossy(&line);
        let text = text.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        let address = if whole {
            text.parse().map_err(|error: PeerAddressError| error.to_string())
        } else {
            Err("the line is too long for an address".to_owned())
        };
        take(match address {
            Ok(address) => Item::Address(address, None),
            Err(reason) => Item::Rejected { text: cut(text), reason: format!("line {number}: {reason}") },
        })?;
    }
    Ok(())
}

/// Passes over the rest of a line; how much there was, its end left out.
fn skip_line(file: &mut impl BufRead) -> std::io::Result<usize> {
    let mut skipped = 0;
    loop {
        let bytes = file.fill_buf()?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        skipped += end.unwrap_or(bytes.len());
        let (ended, used) = (end.is_some() || bytes.is_empty(), end.map_or(bytes.len(), |end| end + 1));
        file.consume(used);
        if ended {
            return Ok(skipped);
        }
    }
}
