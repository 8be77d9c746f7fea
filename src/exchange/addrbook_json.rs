//! Reading a node's `addrbook.json`, entry by entry.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::addrbook_entry::{read_entry, text_of};
use super::{ReadError, Take};

/// Reads all entries. One that is no address, or none that can ever be dialled, is rejected, and the others stand; what is
/// no address book is an error.
pub(super) fn read(file: impl BufRead, take: Take<'_>) -> Result<(), ReadError> {
    let (mut stopped, line) = (None, Cell::new(1));
    let mut json = serde_json::Deserializer::from_reader(LineCounter { file, line: &line });
    let reading = Reading { take, stopped: &mut stopped, line: &line };
    let read = json.deserialize_any(File(reading)).and_then(|()| json.end());
    if let Some(stopped) = stopped {
        return Err(stopped);
    }
    read.map_err(|error| match error.classify() {
        serde_json::error::Category::Io => ReadError::Io(error.into()),
        _ => ReadError::Corrupt { line: error.line(), column: error.column(), reason: text_of(&error) },
    })
}

/// A file whose line is known while it is read: the parser takes it byte by byte.
struct LineCounter<'a, R> {
    file: R,
    line: &'a Cell<usize>,
}

impl<R: BufRead> Read for LineCounter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.line.set(self.line.get() + line_ends(&buffer[..count]));
        Ok(count)
    }
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// What the parser hands on to.
struct Reading<'a, 'b> {
    take: Take<'a>,
    stopped: &'b mut Option<ReadError>,
    line: &'b Cell<usize>,
}

/// What is said of a value of another kind than the one that belongs there, in JSON's words.
macro_rules! refuse_kinds {
    ($($visit:ident($($type:ty)?) $kind:literal),+) => {$(
        fn $visit<E: serde::de::Error>(self $(, _: $type)?) -> Result<(), E> {
            Err(E::custom(format_args!("it is {}, and no {}", $kind, Self::WANTED)))
        }
    )+};
}

/// The whole: an object with a member `addrs`.
struct File<'a, 'b>(Reading<'a, 'b>);

impl File<'_, '_> {
    const WANTED: &'static str = "object with the member addrs: this is not a node's addrbook.json";
}

impl<'de> Visitor<'de> for File<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::WANTED)
    }

    refuse_kinds!(visit_bool(bool) "true or false", visit_i64(i64) "a number", visit_u64(u64) "a number",
        visit_f64(f64) "a number", visit_str(&str) "a string", visit_unit() "null");

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(format_args!("it is a JSON array, and no {}", Self::WANTED)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut found, Reading { take, stopped, line }) = (false, self.0);
        while let Some(name) = map.next_key::<String>()? {
            if name == "addrs" {
                found = true;
                map.next_value_seed(Entries(Reading { take: &mut *take, stopped: &mut *stopped, line }))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::custom("it has no member addrs: this is not a node's addrbook.json")) }
    }
}

/// The list of entries; a node writes `null` for none.
struct Entries<'a, 'b>(Reading<'a, 'b>);

impl Entries<'_, '_> {
    const WANTED: &'static str = "array of entries, which addrs is to be";
}

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::WANTED)
    }

    refuse_kinds!(visit_bool(bool) "true or false", visit_i64(i64) "a number", visit_u64(u64) "a number",
        visit_f64(f64) "a number", visit_str(&str) "a string");

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(format_args!("it is an object, and no {}", Self::WANTED)))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Reading { take, stopped, line } = self.0;
        for number in 1_usize.. {
            // Only its text is parsed here, so that one that is wrong in itself is wrong alone.
            let Some(entry) = entries.next_element::<Box<RawValue>>()? else { break };
            let text = entry.get();
            let first_line = line.get() - line_ends(text.as_bytes());
            if let Err(error) = take(read_entry(text, number, first_line)) {
                let text = error.to_string();
                *stopped = Some(error);
                return Err(A::Error::custom(text));
            }
        }
        Ok(())
    }
}
