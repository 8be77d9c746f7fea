//! Reading a node's `addrbook.json`, entry by entry.

use std::fmt;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Item, ReadError, Take, cut};
use crate::book::Source;
use crate::types::{NetAddress, NodeId, canonical};

/// Reads all entries. One whose address can never be dialled is rejected; what is no address book is an error.
pub(super) fn read(file: impl BufRead, take: Take<'_>) -> Result<(), ReadError> {
    let mut stopped = None;
    let mut json = serde_json::Deserializer::from_reader(file);
    let read = json.deserialize_map(File { take, stopped: &mut stopped }).and_then(|()| json.end());
    if let Some(stopped) = stopped {
        return Err(stopped);
    }
    read.map_err(|error| match error.classify() {
        serde_json::error::Category::Io => ReadError::Io(error.into()),
        _ => ReadError::Corrupt { line: error.line(), column: error.column(), reason: text_of(&error) },
    })
}

/// What is wrong, without the place, which is reported beside it.
fn text_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

#[derive(Deserialize)]
struct Entry {
    addr: JsonAddress,
    #[serde(default)]
    src: Option<JsonAddress>,
}

#[derive(Deserialize)]
struct JsonAddress {
    id: String,
    ip: String,
    port: u16,
}

impl Entry {
    fn item(self) -> Item {
        match self.addr.address() {
            Ok(address) => Item::Address(address, self.src.and_then(|place| place.source())),
            Err(reason) => {
                let JsonAddress { id, ip, port } = self.addr;
                Item::Rejected { text: cut(&format!("{id}@{ip}:{port}")), reason }
            }
        }
    }
}

impl JsonAddress {
    fn address(&self) -> Result<NetAddress, String> {
        let id: NodeId = self.id.parse().map_err(|_| "its ID is not 40 hex digits".to_owned())?;
        let ip = self.ip.parse().map_err(|_| "its ip is no IP address".to_owned())?;
        NetAddress::new(id, ip, self.port).map_err(|error| error.to_string())
    }

    /// Nobody dials a source: any ID and any IP will do.
    fn source(&self) -> Option<Source> {
        Some(Source { id: self.id.parse().ok()?, ip: canonical(self.ip.parse().ok()?) })
    }
}

/// The whole: an object with a member `addrs`.
struct File<'a, 'b> {
    take: Take<'a>,
    stopped: &'b mut Option<ReadError>,
}

impl<'de> Visitor<'de> for File<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address book: an object with the member addrs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == "addrs" {
                found = true;
                map.next_value_seed(Entries { take: &mut *self.take, stopped: &mut *self.stopped })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::custom("it has no member addrs: this is no node's addrbook.json")) }
    }
}

/// The list of entries; a node writes `null` for none.
struct Entries<'a, 'b> {
    take: Take<'a>,
    stopped: &'b mut Option<ReadError>,
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
        f.write_str("a list of entries, each with addr (id, ip, port) and perhaps src")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element::<Entry>()? {
            if let Err(error) = (self.take)(entry.item()) {
                let text = error.to_string();
                *self.stopped = Some(error);
                return Err(A::Error::custom(text));
            }
        }
        Ok(())
    }
}
