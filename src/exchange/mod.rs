//! Files with addresses: a node's `addrbook.json`, and a plain list. Read and written piece by piece, whatever their size.
//!
//! A file is not trusted. Of what it says only the addresses are taken, and their sources where they read; what it claims
//! of attempts, successes and buckets is not, be it a node's or another pexd's: an address is good once our own dial has
//! found it so.

mod addrbook_entry;
mod addrbook_json;
mod address_list;
#[cfg(test)]
mod tests;
mod writer;

use std::io::{self, BufRead};
use std::net::Ipv6Addr;

pub use writer::Writer;

use crate::book::Source;
use crate::types::NetAddress;

/// Addresses that are read from one file at most; a full book has about 20,000.
pub const MAX_ADDRESSES: usize = 131_072;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A node's `addrbook.json` (docs/protocol/wire.md, "Files of a node").
    AddrBook,
    /// `id@ip:port` between commas or line ends; what follows a `#` is a comment.
    List,
}

/// Something that a file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An address, and its source, if that reads.
    Address(NetAddress, Option<Source>),
    /// What is no address.
    Rejected {
        /// How it is written, cut at 512 bytes.
        text: String,
        /// Why it is none, and where it stands: in which line, and as which entry of an `addrbook.json`.
        reason: String,
    },
}

/// Why a file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not of its form.
    #[error("line {line}, column {column}: {reason}")]
    Corrupt {
        /// From 1.
        line: usize,
        /// From 1; 0 = the line has ended.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It has more than [`MAX_ADDRESSES`].
    #[error("it has more than {MAX_ADDRESSES} addresses, and no book holds a fifth of them: split it")]
    TooMany,
    /// It broke off.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads a file and hands over what it has, in its order. Without a `format` the first byte that is not white decides: a
/// `{` begins an `addrbook.json`, and a `[` is read as one, so that it is said that an array is none. Only around an IPv6
/// address a bracket may stand in a list.
///
/// # Errors
/// When it is not of its form; what was handed over before is then worth nothing.
pub fn read(mut file: impl BufRead, format: Option<Format>, mut take: impl FnMut(Item)) -> Result<(), ReadError> {
    skip_mark(&mut file)?;
    let format = match format {
        Some(format) => format,
        None => detect(&mut file)?,
    };
    let mut left = MAX_ADDRESSES;
    let mut take = |item| {
        left = left.checked_sub(1).ok_or(ReadError::TooMany)?;
        take(item);
        Ok(())
    };
    match format {
        Format::AddrBook => addrbook_json::read(file, &mut take),
        Format::List => address_list::read(file, &mut take),
    }
}

/// Where items go; it ends the reading when there are too many.
type Take<'a> = &'a mut dyn FnMut(Item) -> Result<(), ReadError>;

/// Some editors begin a file with a mark of its encoding.
fn skip_mark(file: &mut impl BufRead) -> io::Result<()> {
    if file.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        file.consume(3);
    }
    Ok(())
}

/// Looks at the first byte that is not white, among those that come at once.
fn detect(file: &mut impl BufRead) -> io::Result<Format> {
    let bytes = file.fill_buf()?.trim_ascii_start();
    Ok(match bytes.first() {
        Some(b'{') => Format::AddrBook,
        Some(b'[') if !begins_with_ipv6(bytes) => Format::AddrBook,
        _ => Format::List,
    })
}

fn begins_with_ipv6(bytes: &[u8]) -> bool {
    let end = bytes.iter().position(|byte| *byte == b']');
    let inner = end.and_then(|end| std::str::from_utf8(&bytes[1..end]).ok());
    inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
}

/// The beginning of a text, to be shown.
fn cut(text: &str) -> String {
    const MAX: usize = 512;
    text[..text.floor_char_boundary(MAX)].to_owned()
}
