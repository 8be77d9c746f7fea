//! A file's text as values of known keys, each with its line, and notes of all that is not right.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml_edit::{Item, TableLike, Value};

use super::errors::{Diagnostics, Origin};
use super::keys::Ignored;
use super::nearest_key::nearest;
use super::section::Key;
use super::value::Shape;
use super::value_source::ValueSource;

/// A value that was given for a key.
#[derive(Clone, Debug)]
pub(super) struct GivenValue {
    pub(super) key: &'static Key,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Which keys a file may hold.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) tables: &'static [&'static [Key]],
    pub(super) ignored: &'static [Ignored],
    /// The other kind of file and its keys, for what stands in the wrong one.
    pub(super) other: (&'static str, &'static [&'static [Key]]),
}

impl Layout {
    fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.tables.iter().copied().flatten()
    }

    fn key(&self, table: &str, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.table == table && key.name == name)
    }

    fn has_table(&self, table: &str) -> bool {
        !table.is_empty() && self.keys().any(|key| key.table == table)
    }

    fn ignored(&self, table: &str, name: &str) -> Option<&'static Ignored> {
        self.ignored.iter().find(|ignored| ignored.table == table && ignored.name == name)
    }

    /// All that may stand in this table (the top of the file when it is empty).
    fn names(&self, table: &str) -> Vec<&'static str> {
        let mut names: Vec<_> = self.keys().filter(|key| key.table == table).map(|key| key.name).collect();
        if table.is_empty() {
            names.extend(self.keys().map(|key| key.table).filter(|table| !table.is_empty()));
        }
        names.extend(self.ignored.iter().filter(|ignored| ignored.table == table).map(|ignored| ignored.name));
        names
    }
}

/// Reads the text of the file at `path`.
pub(super) fn read(path: &Arc<Path>, text: &str, layout: Layout, notes: &mut Diagnostics) -> Vec<GivenValue> {
    let mut source = ValueSource::new(path, text);
    let document = source.parse(notes);
    let mut reader = Reader { source, layout, notes, given: Vec::new(), ignored: Vec::new() };
    if let Some(document) = document {
        reader.top(document.as_table());
    }
    reader.tell_ignored();
    reader.given
}

struct Reader<'a> {
    source: ValueSource<'a>,
    layout: Layout,
    notes: &'a mut Diagnostics,
    given: Vec<GivenValue>,
    ignored: Vec<&'static Ignored>,
}

impl Reader<'_> {
    fn top(&mut self, top: &dyn TableLike) {
        for (name, item) in top.iter() {
            match item.as_table_like() {
                Some(inner) if self.layout.has_table(name) => self.table(name, inner),
                None if self.layout.has_table(name) => {
                    let origin = self.source.origin_of(top, name, item);
                    self.notes
                        .error(origin, format!("{name} is not a table: write [{name}] on a line of its own, once"));
                }
                _ => self.entry("", top, name, item),
            }
        }
    }

    fn table(&mut self, table: &str, inner: &dyn TableLike) {
        for (name, item) in inner.iter() {
            self.entry(table, inner, name, item);
        }
    }

    fn entry(&mut self, table: &str, inner: &dyn TableLike, name: &str, item: &Item) {
        let origin = self.source.origin_of(inner, name, item);
        if let Some(key) = self.layout.key(table, name) {
            match text_of(key, item) {
                Ok(text) => self.given.push(GivenValue { key, text, origin }),
                Err(what) => self.notes.error(origin, format!("{} {what}", key.path())),
            }
        } else if let Some(ignored) = self.layout.ignored(table, name) {
            self.ignored.push(ignored);
        } else {
            self.notes.error(origin, unknown(self.layout, table, name));
        }
    }

    /// Says once what has no effect, the names with one reason together.
    fn tell_ignored(&mut self) {
        let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ignored in &self.ignored {
            let path = [ignored.table, ignored.name].into_iter().filter(|part| !part.is_empty());
            names.entry(ignored.why).or_default().push(path.collect::<Vec<_>>().join("."));
        }
        if !names.is_empty() {
            let groups: Vec<_> = names.iter().map(|(why, names)| format!("{} ({why})", names.join(", "))).collect();
            let text = format!("accepted, without effect here: {}", groups.join("; "));
            self.notes.warning(Origin::Path(self.source.path.clone()), text);
        }
    }
}

/// A value's text. Numbers and truth values may stand in quotes, as CometBFT takes them too.
fn text_of(key: &Key, item: &Item) -> Result<String, String> {
    let value = item.as_value();
    let text = match (key.kind.shape, value) {
        (_, Some(Value::String(text))) => Some(text.value().clone()),
        (Shape::Bool, Some(Value::Boolean(value))) => Some(value.value().to_string()),
        (Shape::Integer, Some(Value::Integer(value))) => Some(value.value().to_string()),
        _ => None,
    };
    text.ok_or_else(|| mend_type(key, item))
}

fn mend_type(key: &Key, item: &Item) -> String {
    let found = item.type_name();
    let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
    let fix = match (key.kind.shape, item) {
        (Shape::Text, Item::Value(Value::Array(_))) => "write one text with commas, \"A,B\"".to_owned(),
        (Shape::Text, _) => format!("write a {} in quotes, such as {}", key.kind.name, key.written(key.default)),
        (Shape::Bool, _) => "write true or false".to_owned(),
        (Shape::Integer, _) => format!("write a whole number, such as {}", key.default),
    };
    format!("is {article} {found}: {fix}")
}

/// The error of an unknown name, with what was probably meant.
fn unknown(layout: Layout, table: &str, name: &str) -> String {
    let shown: String = name.chars().take(64).collect();
    let path = if table.is_empty() { shown } else { format!("{table}.{shown}") };
    let fix = fix_unknown(layout, table, name);
    format!("{path} is not a known key: {fix}")
}

fn fix_unknown(layout: Layout, table: &str, name: &str) -> String {
    let place = |key: &Key| match key.table {
        "" => "at the top of the file, before the first table".to_owned(),
        table => format!("in [{table}]"),
    };
    if let Some(key) = layout.keys().find(|key| key.name == name) {
        return format!("it belongs {}", place(key));
    }
    if let Some(near) = nearest(name, layout.names(table)) {
        return format!("did you mean {near}?");
    }
    let (file, tables) = layout.other;
    if tables.iter().copied().flatten().any(|key| key.name == name || key.table == name) {
        return format!("it belongs in {file}");
    }
    if let Some(near) = nearest(name, layout.keys().map(|key| key.name))
        && let Some(key) = layout.keys().find(|key| key.name == near)
    {
        return format!("did you mean {near}, {}?", place(key));
    }
    let known: Vec<_> = layout.keys().filter(|key| key.table == table).map(|key| key.name).collect();
    format!("remove it; known here: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{network, process};

    fn network_notes(text: &str) -> (Vec<GivenValue>, Diagnostics) {
        let mut notes = Diagnostics::default();
        let path: Arc<Path> = Path::new("config.toml").into();
        (read(&path, text, network::LAYOUT, &mut notes), notes)
    }

    fn errors(text: &str) -> Vec<String> {
        network_notes(text).1.errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_way_to_write_a_table_gives_the_same() {
        for text in ["[p2p]\nladdr = \"x\"", "p2p.laddr = \"x\"", "p2p = { laddr = \"x\" }", "p2p.\"laddr\" = '''x'''"]
        {
            let (given, notes) = network_notes(text);
            assert_eq!(notes.errors, [], "{text}");
            assert_eq!(
                given.iter().map(|g| (g.key.path(), g.text.as_str())).collect::<Vec<_>>(),
                [("p2p.laddr".into(), "x")]
            );
        }
    }

    #[test]
    fn a_misplaced_name_is_told_its_place() {
        let one = |text: &str, fix: &str| {
            let reported = errors(text);
            assert_eq!(reported.len(), 1, "{reported:?}");
            assert!(reported[0].contains(fix), "{reported:?}");
        };
        one("[p2p]\nbootstrap = true", "it belongs in [pex]");
        one("laddr = \"tcp://0.0.0.0:1\"", "it belongs in [p2p]");
        one("[p2p]\nmoniker = \"a\"", "at the top of the file");
        one("[p2q]\nladdr = 1", "did you mean p2p?");
        one("[admin]\nladdr = 1", "it belongs in pexd.toml");
        one("[[p2p]]\nladdr = 1", "write [p2p]");
        one("p2p = 3", "write [p2p]");
        one("[p2p]\nxyzzyx = 1", "remove it; known here: laddr, ");
    }

    #[test]
    fn a_wrong_type_is_told_with_its_mend() {
        let reported =
            errors("[p2p]\nseeds = [\"a\"]\npex = 1\nmax_num_inbound_peers = 1.5\ndial_timeout = 3\nladdr = {}\n");
        let fixes = [
            "with commas",
            "true or false",
            "whole number, such as 40",
            "duration in quotes, such as \"3s\"",
            "such as \"tcp://0.0.0.0:26656\"",
        ];
        assert_eq!(reported.len(), fixes.len(), "{reported:?}");
        for (line, (reported, fix)) in reported.iter().zip(fixes).enumerate() {
            assert!(
                reported.starts_with(&format!("config.toml:{}: ", line + 2)) && reported.contains(fix),
                "{reported}"
            );
        }
    }

    #[test]
    fn errors_of_syntax_do_not_hide_the_others() {
        let reported = errors("[p2p]\nladdr = tcp\nladder = \"x\"\nseeds = \"a\npex = tru\n= 3\n");
        let lines: Vec<&str> = reported.iter().filter_map(|reported| reported.split(':').nth(1)).collect();
        assert_eq!(lines, ["2", "4", "5", "6", "3"], "{reported:?}");
    }

    #[test]
    fn numbers_and_truth_values_may_be_quoted() {
        let (given, notes) = network_notes("[p2p]\nmax_num_inbound_peers = \"7\"\npex = \"true\"\n");
        assert_eq!(notes.errors, []);
        assert_eq!(given.iter().map(|given| given.text.as_str()).collect::<Vec<_>>(), ["7", "true"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            network_notes(&text);
        }

        #[test]
        fn any_near_miss_is_read_or_refused(
            lines in prop::collection::vec("(\\[p2p\\]|\\[\\[?(pex|rpc|é)\\]|(p2p\\.)?(laddr|seeds|pex|x{70}|\"\\\\n\") ?= ?(\"[a-zé,@]*\"?|[0-9.-]{1,25}|true|\\[|\\{\\}|'''|\"\"\")|#é|[ -~]{0,8})", 0..12),
        ) {
            let text = lines.join("\n");
            let mut notes = Diagnostics::default();
            let path: Arc<Path> = Path::new("a").into();
            let last = text.lines().count().max(1) + 1;
            read(&path, &text, network::LAYOUT, &mut notes);
            read(&path, &text, process::LAYOUT, &mut notes);
            for note in notes.errors {
                let Origin::Line(_, line) = note.origin.clone() else { continue };
                prop_assert!((1..=last).contains(&line), "{note}");
                prop_assert_eq!(note.to_string().lines().count(), 1);
            }
        }
    }
}
