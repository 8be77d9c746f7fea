//! One entry of a node's `addrbook.json`: an address and who told of it.

use serde_json::{Map, Value};

use super::{Item, cut};
use crate::book::Source;
use crate::types::{NetAddress, NodeId, canonical};

/// Bytes of an entry at most; a node writes some 600.
const MAX_ENTRY: usize = 16 * 1024;

/// Reads an entry, of which it is known that it is JSON. `number` counts entries from 1, `line` is where it begins.
pub(super) fn read_entry(text: &str, number: usize, line: usize) -> Item {
    let rejected = |shown: String, reason: String| Item::Rejected {
        text: cut(&shown),
        reason: format!("entry {number}, line {line}: {reason}"),
    };
    if text.len() > MAX_ENTRY {
        return rejected(
            text[..text.floor_char_boundary(64)].to_owned(),
            format!("it has more than {MAX_ENTRY} bytes"),
        );
    }
    let entry: Value = match serde_json::from_str(text) {
        Ok(entry) => entry,
        Err(error) => return rejected(text.to_owned(), text_of(&error)),
    };
    match address(&entry) {
        Ok(address) => Item::Address(address, source(&entry)),
        Err(reason) => rejected(shown(&entry), reason),
    }
}

/// What is wrong, without the place, which is reported beside it.
pub(super) fn text_of(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "the JSON ends in the middle".to_owned();
    }
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

fn address(entry: &Value) -> Result<NetAddress, String> {
    let entry = object(entry, "it")?;
    let addr = object(member(entry, "addr", "it")?, "addr")?;
    let text = |name: &str| {
        let value = member(addr, name, "addr")?;
        value.as_str().ok_or_else(|| format!("addr.{name} is {}, where a string belongs", kind(value)))
    };
    let id: NodeId = text("id")?.parse().map_err(|_| "its ID is not 40 hex digits".to_owned())?;
    let ip = text("ip")?.parse().map_err(|_| "its ip is no IP address".to_owned())?;
    let port = member(addr, "port", "addr")?;
    let port = match port {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        other => return Err(format!("addr.port is {}, where a number belongs", kind(other))),
    };
    let port = port.ok_or("addr.port is not a whole number from 1 to 65535")?;
    NetAddress::new(id, ip, port).map_err(|error| error.to_string())
}

/// Nobody dials a source: any ID and any IP will do, and one that does not read costs the address nothing.
fn source(entry: &Value) -> Option<Source> {
    let (id, ip) = (entry.pointer("/src/id")?.as_str()?, entry.pointer("/src/ip")?.as_str()?);
    Some(Source { id: id.parse().ok()?, ip: canonical(ip.parse().ok()?) })
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{what} is {}, where an object belongs", kind(value)))
}

fn member<'a>(object: &'a Map<String, Value>, name: &str, what: &str) -> Result<&'a Value, String> {
    object.get(name).ok_or_else(|| format!("{what} has no member {name}"))
}

/// What a value is, in JSON's words.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// How it is shown: as an address where it has the parts of one, else as it stands in the file, on one line.
fn shown(entry: &Value) -> String {
    let part = |name| match entry.pointer(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match (part("/addr/id"), part("/addr/ip"), part("/addr/port")) {
        (Some(id), Some(ip), Some(port)) => format!("{id}@{ip}:{port}"),
        _ => entry.to_string(),
    }
}
