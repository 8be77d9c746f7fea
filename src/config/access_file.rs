//! The access file: tokens, as hashes, and certificates, each with what it may do.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use toml_edit::{Item, Table, Value};

use super::errors::{ConfigErrors, Diagnostic, Diagnostics, Origin};
use super::nearest_key::nearest;
use super::value_source::ValueSource;
use super::{chain_id, files, node_key};
use crate::types::Wall;

/// Entries at most, of both kinds together.
const MAX_ENTRIES: usize = 10_000;
/// Bytes of a name at most.
const MAX_NAME: usize = 128;
/// Bytes of a SHA-256.
pub const HASH: usize = 32;

/// All that may stand in the file: the kinds of entries, and what each has.
const KINDS: [(&str, &[&str]); 2] = [
    ("token", &["name", "sha256", "role", "networks", "expires"]),
    ("certificate", &["subject", "role", "networks", "expires"]),
];

/// Who may ask, and what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFile {
    /// The tokens, no two of one name or hash.
    pub tokens: Vec<Token>,
    /// The certificates, no two of one subject.
    pub certificates: Vec<Certificate>,
}

impl AccessFile {
    /// Whether nobody stands in it.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.certificates.is_empty()
    }
}

/// A token's entry. The token itself is known to its holder alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose it is, as the audit shows it.
    pub name: String,
    /// SHA-256 of its text. A token has 256 random bits, so there is nothing to slow a guesser down for.
    pub sha256: [u8; HASH],
    /// What its holder may do.
    pub may: Permissions,
}

/// A client certificate's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its common name, or its first DNS name when it has none.
    pub subject: String,
    /// What its holder may do.
    pub may: Permissions,
}

/// What a holder may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Whether it may change anything.
    pub role: AccessRole,
    /// The chain IDs that it may know of; `None` = all.
    pub networks: Option<Vec<String>>,
    /// When the entry ends; `None` = never.
    pub expires: Option<Wall>,
}

/// A role in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessRole {
    /// Ask.
    Read,
    /// Ask and change.
    Control,
}

impl AccessRole {
    /// As the file has it.
    pub const fn name(self) -> &'static str {
        match self {
            AccessRole::Read => "read",
            AccessRole::Control => "control",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [AccessRole::Read, AccessRole::Control].into_iter().find(|role| role.name() == name)
    }
}

/// Reads the file. One that does not exist has no entries.
///
/// # Errors
/// All its errors at once.
pub fn read(path: &Path) -> Result<(AccessFile, Vec<Diagnostic>), ConfigErrors> {
    let mut notes = Diagnostics::default();
    let text = match files::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            notes.error(Origin::path(path), format!("cannot be read: {error}"));
            String::new()
        }
    };
    if node_key::is_open_to_others(path) {
        let fix = format!("others can read who may do what: chmod 600 {}", path.display());
        notes.warning(Origin::path(path), fix);
    }
    let file = parse(path, &text, &mut notes);
    notes.finish(|| Some(file))
}

/// Reads the text of the file at `path`.
pub(super) fn parse(path: &Path, text: &str, notes: &mut Diagnostics) -> AccessFile {
    let path: Arc<Path> = path.into();
    let mut source = ValueSource::new(&path, text);
    let Some(document) = source.parse(notes) else { return AccessFile::default() };
    let mut reader = Reader { source, notes, file: AccessFile::default(), seen: BTreeMap::new() };
    for (name, item) in document.as_table().iter() {
        let origin = reader.source.origin_of(document.as_table(), name, item);
        match (KINDS.iter().find(|(kind, _)| *kind == name), item) {
            (Some((kind, keys)), Item::ArrayOfTables(tables)) => {
                tables.iter().for_each(|table| reader.entry(kind, keys, table));
            }
            (Some((kind, _)), _) => {
                reader
                    .notes
                    .error(origin, format!("{kind} is not a list of tables: write [[{kind}]] above each entry"));
            }
            (None, _) => {
                let shown: String = name.chars().take(64).collect();
                reader.notes.error(origin, format!("{shown} is not known here: write [[token]] or [[certificate]]"));
            }
        }
    }
    reader.file
}

struct Reader<'a> {
    source: ValueSource<'a>,
    notes: &'a mut Diagnostics,
    file: AccessFile,
    /// Names, hashes and subjects, each with where it stands.
    seen: BTreeMap<(&'static str, String), Origin>,
}

/// An entry on its way: its table and where it begins.
struct Entry<'t> {
    kind: &'static str,
    table: &'t Table,
    at: Origin,
}

impl Reader<'_> {
    fn entry(&mut self, kind: &'static str, keys: &[&'static str], table: &Table) {
        let entry = Entry { kind, table, at: self.source.origin_of_table(table) };
        if self.file.tokens.len() + self.file.certificates.len() >= MAX_ENTRIES {
            return self.notes.error(entry.at, format!("there are more than {MAX_ENTRIES} entries: remove some"));
        }
        self.refuse_unknown(&entry, keys);
        let may = self.may(&entry);
        match kind {
            "token" => {
                let (name, hash) = (self.name(&entry, "name"), self.hash(&entry));
                if let (Some(name), Some(sha256), Some(may)) = (name, hash, may) {
                    self.file.tokens.push(Token { name, sha256, may });
                }
            }
            _ => {
                if let (Some(subject), Some(may)) = (self.name(&entry, "subject"), may) {
                    self.file.certificates.push(Certificate { subject, may });
                }
            }
        }
    }

    fn refuse_unknown(&mut self, entry: &Entry<'_>, keys: &[&'static str]) {
        for (name, item) in entry.table.iter().filter(|(name, _)| !keys.contains(name)) {
            let origin = self.source.origin_of(entry.table, name, item);
            let fix = nearest(name, keys.iter().copied()).map(|near| format!("did you mean {near}?"));
            let fix = fix.unwrap_or_else(|| format!("remove it; known here: {}", keys.join(", ")));
            let shown: String = name.chars().take(64).collect();
            self.notes.error(origin, format!("{shown} is not known in [[{}]]: {fix}", entry.kind));
        }
    }

    /// An error of one key of an entry, or of its absence.
    fn error(&mut self, entry: &Entry<'_>, name: &str, text: impl AsRef<str>) {
        let item = entry.table.get(name);
        let origin = item.map_or(entry.at.clone(), |item| self.source.origin_of(entry.table, name, item));
        self.notes.error(origin, format!("{}.{name} {}", entry.kind, text.as_ref()));
    }

    /// A text that has to be there.
    fn text<'t>(&mut self, entry: &Entry<'t>, name: &str, fix: &str) -> Option<&'t str> {
        let text = entry.table.get(name).and_then(Item::as_str);
        if text.is_none() {
            let found = if entry.table.contains_key(name) { "is not a text" } else { "is missing" };
            self.error(entry, name, format!("{found}: {fix}"));
        }
        text
    }

    /// Notes what was there before.
    fn is_new(&mut self, entry: &Entry<'_>, name: &'static str, text: &str) -> bool {
        let origin = entry.table.get(name).map(|item| self.source.origin_of(entry.table, name, item));
        let key = if entry.kind == "certificate" { "subject" } else { name };
        match self.seen.insert((key, text.to_owned()), origin.unwrap_or_else(|| entry.at.clone())) {
            Some(before) => {
                self.error(entry, name, format!("stands at {before} already: remove one of the entries"));
                false
            }
            None => true,
        }
    }

    fn name(&mut self, entry: &Entry<'_>, key: &'static str) -> Option<String> {
        let text = self.text(entry, key, "write whose it is, in quotes")?;
        if let Err(what) = check_name(text) {
            self.error(entry, key, what);
            return None;
        }
        self.is_new(entry, key, text).then(|| text.to_owned())
    }

    fn hash(&mut self, entry: &Entry<'_>) -> Option<[u8; HASH]> {
        let fix = "write the 64 hex digits of the token's SHA-256 (pexd token add makes both)";
        let text = self.text(entry, "sha256", fix)?;
        let Some(hash) = from_hex(text) else {
            // Not shown: somebody may have put the token itself there.
            self.error(entry, "sha256", format!("is not a SHA-256: {fix}"));
            return None;
        };
        self.is_new(entry, "sha256", &to_hex(&hash)).then_some(hash)
    }

    fn may(&mut self, entry: &Entry<'_>) -> Option<Permissions> {
        let fix = "write \"read\" or \"control\"";
        let role = self.text(entry, "role", fix).map(AccessRole::from_name);
        if role == Some(None) {
            self.error(entry, "role", format!("is no role: {fix}"));
        }
        let (networks, expires) = (self.networks(entry), self.expires(entry));
        Some(Permissions { role: role??, networks: networks.ok()?, expires: expires.ok()? })
    }

    fn networks(&mut self, entry: &Entry<'_>) -> Result<Option<Vec<String>>, ()> {
        let Some(item) = entry.table.get("networks") else { return Ok(None) };
        let texts = item.as_array().and_then(|array| array.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let Some(texts) = texts else {
            self.error(entry, "networks", "is not a list: write chain IDs as [\"a\", \"b\"]; leave it out for all");
            return Err(());
        };
        if texts.is_empty() {
            self.error(entry, "networks", "is empty: name at least one chain ID, or leave the line out for all");
            return Err(());
        }
        for text in &texts {
            if let Err(error) = chain_id::check(text) {
                self.error(entry, "networks", format!("has {text:?}: {error}"));
                return Err(());
            }
        }
        Ok(Some(texts.into_iter().map(str::to_owned).collect()))
    }

    fn expires(&mut self, entry: &Entry<'_>) -> Result<Option<Wall>, ()> {
        let Some(item) = entry.table.get("expires") else { return Ok(None) };
        let time = match item.as_value() {
            Some(Value::Datetime(time)) => instant(&time.value().to_string()),
            Some(Value::String(text)) => instant(text.value()),
            _ => None,
        };
        if time.is_none() {
            self.error(entry, "expires", "is not a time with a zone: write one as 2027-01-31T00:00:00Z");
        }
        time.map(Some).ok_or(())
    }
}

/// Whether this can be the name of a token or the subject of a certificate.
///
/// # Errors
/// What is wrong with it, to be put behind the key's name.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let fits = (1..=MAX_NAME).contains(&name.len()) && name.trim() == name;
    if fits && !name.contains(char::is_control) {
        return Ok(());
    }
    Err(format!("is not a name: write 1 to {MAX_NAME} bytes without control characters or spaces around it"))
}

/// A point in time as RFC 3339 has it, with a zone.
fn instant(text: &str) -> Option<Wall> {
    let parsed: toml_edit::Datetime = text.parse().ok()?;
    parsed.date.and(parsed.time).and(parsed.offset)?;
    let stamp: prost_types::Timestamp = parsed.to_string().parse().ok()?;
    Some(Wall::from_millis(stamp.seconds.checked_mul(1000)?.checked_add(i64::from(stamp.nanos / 1_000_000))?))
}

fn from_hex(text: &str) -> Option<[u8; HASH]> {
    let mut bytes = [0; HASH];
    let digits = text.as_bytes();
    if digits.len() != 2 * HASH || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> (AccessFile, Vec<String>) {
        let mut notes = Diagnostics::default();
        let file = parse(Path::new("access.toml"), text, &mut notes);
        let reported =
            notes.finish(|| Some(())).err().map(|errors| errors.notes().iter().map(Diagnostic::to_string).collect());
        (file, reported.unwrap_or_default())
    }

    #[test]
    fn entries_are_read() {
        let hash = "0A".repeat(32);
        let (file, reported) = parsed(&format!(
            "[[token]]\nname = \"ops\"\nsha256 = \"{hash}\"\nrole = \"control\"\n\n\
             [[token]]\nname = \"board\"\nsha256 = \"{}\"\nrole = \"read\"\nnetworks = [\"a\", \"b\"]\n\
             expires = 1970-01-01T01:00:00.5+00:30\n\n[[certificate]]\nsubject = \"ops\"\nrole = \"read\"\n",
            "00".repeat(32)
        ));
        assert_eq!(reported, Vec::<String>::new());
        let all = Permissions { role: AccessRole::Control, networks: None, expires: None };
        assert_eq!(file.tokens[0], Token { name: "ops".into(), sha256: [10; 32], may: all });
        let may = &file.tokens[1].may;
        assert_eq!((may.role, may.expires), (AccessRole::Read, Some(Wall::from_millis(1_800_500))));
        assert_eq!(may.networks, Some(vec!["a".into(), "b".into()]));
        assert_eq!(file.certificates[0].subject, "ops");
    }

    #[test]
    fn all_errors_are_reported_with_their_lines_and_never_a_secret() {
        let secret = "pexd_AAAAAAAA";
        let (_, reported) = parsed(&format!(
            "[[token]]\nname = \"a\"\nsha256 = \"{secret}\"\nrole = \"admin\"\n[[token]]\nname = \"a\"\nrol = \"read\"\n\
             networks = []\nexpires = 2027-01-01\n[certificate]\nx = 1\n[[tokens]]\nname = = 3\n"
        ));
        let expected = [
            (3, "64 hex digits"),
            (4, "\"read\" or \"control\""),
            (5, "token.role is missing"),
            (5, "token.sha256 is missing"),
            (6, "access.toml:2 already"),
            (7, "did you mean role?"),
            (8, "leave the line out for all"),
            (9, "2027-01-31T00:00:00Z"),
            (10, "write [[certificate]]"),
            (12, "write [[token]] or"),
            (13, "is not TOML"),
        ];
        assert_eq!(reported.len(), expected.len(), "{reported:#?}");
        for (reported, (line, part)) in reported.iter().zip(expected) {
            assert!(reported.starts_with(&format!("access.toml:{line}: ")) && reported.contains(part), "{reported}");
            assert!(!reported.contains(secret), "{reported}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let (file, warnings) = read(&folder.path().join("access.toml")).unwrap();
        assert!(file.is_empty() && warnings.is_empty());
        assert!(read(folder.path()).is_err(), "one that cannot be read is an error");
    }

    #[test]
    fn a_certificate_may_be_called_as_a_token() {
        let hash = "00".repeat(32);
        let text = format!(
            "[[token]]\nname = \"a\"\nsha256 = \"{hash}\"\nrole = \"read\"\n[[token]]\nname = \"b\"\nsha256 = \"{hash}\"\n\
             role = \"read\"\n[[certificate]]\nsubject = \"a\"\nrole = \"read\"\n"
        );
        let reported = parsed(&text).1;
        assert!(
            reported.len() == 1 && reported[0].starts_with("access.toml:7: token.sha256 stands at access.toml:3"),
            "{reported:?}"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(
            lines in prop::collection::vec("(\\[\\[(token|certificate|é)\\]\\]|(name|sha256|role|networks|expires|subject) ?= ?(\"[a-zé,@]*\"?|[0-9.-]{1,25}|\\[\"a\", ?1?\\]|true|\\[|\\{\\}|1979-05-27T0[0-9]:32:00(Z|\\+99:99)?)|[ -~]{0,8})", 0..12),
        ) {
            parsed(&lines.join("\n"));
        }
    }
}
