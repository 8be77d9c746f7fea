//! Which keys a file may hold, and what is said of one that it may not.

use std::borrow::Cow;

use toml_edit::{Item, TableLike};

use super::keys::Ignored;
use super::nearest_key::nearest;
use super::section::Key;

/// Which keys a file may hold.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) tables: &'static [&'static [Key]],
    /// The tables that a node's own file has too: values there are taken as CometBFT takes them. A file with such tables may
    /// be a node's, so that names in it are written as nodes write them, and keys of other programs may stand outside of our
    /// tables.
    pub(super) of_a_node: &'static [&'static str],
    pub(super) ignored: &'static [Ignored],
    /// The other kind of file and its keys, for what stands in the wrong one.
    pub(super) other: (&'static str, &'static [&'static [Key]]),
}

impl Layout {
    /// The name by which a key or table is known. In a node's file upper and lower case are one, as for viper, and `-` is
    /// `_`, since Tendermint 0.35 wrote the same names with dashes.
    pub(super) fn known_name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.of_a_node.is_empty() {
            return name.into();
        }
        name.to_ascii_lowercase().replace('-', "_").into()
    }

    fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.tables.iter().copied().flatten()
    }

    /// The key of this known name.
    pub(super) fn key(&self, table: &str, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.table == table && key.name == name)
    }

    pub(super) fn has_table(&self, table: &str) -> bool {
        !table.is_empty() && self.keys().any(|key| key.table == table)
    }

    pub(super) fn ignored(&self, table: &str, name: &str) -> Option<&'static Ignored> {
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

    /// Whether an unknown name at the top of the file may be another program's: not when it is that of a key of ours in the
    /// wrong place, nor that of a table whose keys are ours.
    pub(super) fn may_be_foreign(&self, name: &str, item: &Item) -> bool {
        let (_, other) = self.other;
        let of_the_other_file = |key: &Key| key.table == name || (key.table.is_empty() && key.name == name);
        let misplaced = match item.as_table_like() {
            Some(inner) => self.is_misspelt(name, inner),
            None => self.keys().any(|key| key.name == name),
        };
        !self.of_a_node.is_empty() && !misplaced && !other.iter().copied().flatten().any(of_the_other_file)
    }

    fn is_misspelt(&self, name: &str, inner: &dyn TableLike) -> bool {
        let tables = self.keys().map(|key| key.table).filter(|table| !table.is_empty());
        let ours = |table: &str| inner.iter().all(|(name, _)| self.key(table, &self.known_name(name)).is_some());
        !inner.is_empty() && nearest(name, tables).is_some_and(ours)
    }

    /// The key or table of ours that is near to an unknown name, with its place when that is another one.
    pub(super) fn meant_by(&self, table: &str, name: &str) -> Option<String> {
        let here = self.keys().filter(|key| key.table == table).map(|key| key.name);
        let tables = self.keys().map(|key| key.table).filter(|inner| table.is_empty() && !inner.is_empty());
        if let Some(near) = nearest(name, here.chain(tables)) {
            return Some(near.to_owned());
        }
        let near = nearest(name, self.keys().map(|key| key.name))?;
        self.keys().find(|key| key.name == near).map(|key| format!("{near}, {}", place(key)))
    }

    /// The error of an unknown name, with what was probably meant.
    pub(super) fn unknown(&self, table: &str, name: &str) -> String {
        let shown: String = name.chars().take(64).collect();
        let path = if table.is_empty() { shown } else { format!("{table}.{shown}") };
        format!("{path} is not a known key: {}", self.fix_unknown(table, &self.known_name(name)))
    }

    fn fix_unknown(&self, table: &str, name: &str) -> String {
        if let Some(key) = self.keys().find(|key| key.name == name) {
            return format!("it belongs {}", place(key));
        }
        let (file, tables) = self.other;
        let elsewhere = tables.iter().copied().flatten().any(|key| key.name == name || key.table == name);
        match nearest(name, self.names(table)) {
            Some(near) => format!("did you mean {near}?"),
            None if elsewhere => format!("it belongs in {file}"),
            None => self.meant_by(table, name).map_or_else(
                || {
                    let known: Vec<_> = self.keys().filter(|key| key.table == table).map(|key| key.name).collect();
                    format!("remove it; known here: {}", known.join(", "))
                },
                |near| format!("did you mean {near}?"),
            ),
        }
    }
}

fn place(key: &Key) -> String {
    match key.table {
        "" => "at the top of the file, before the first table".to_owned(),
        table => format!("in [{table}]"),
    }
}
