//! A TOML text: all its errors of syntax at once, and the line of everything in it.

use std::path::Path;
use std::sync::Arc;

use toml_edit::{Document, Item, TableLike};

use super::errors::{Diagnostics, Origin};

/// Syntax errors reported of one file at most.
const MAX_SYNTAX_MISTAKES: usize = 20;

/// A file's text on its way to a document.
pub(super) struct ValueSource<'a> {
    pub(super) path: &'a Arc<Path>,
    text: String,
}

impl<'a> ValueSource<'a> {
    pub(super) fn new(path: &'a Arc<Path>, text: &str) -> Self {
        ValueSource { path, text: text.to_owned() }
    }

    /// Parses the text. The parser stops at its first error, so a line that it refuses is blanked and the rest tried
    /// again, until nothing is refused or a refused line means more than itself.
    pub(super) fn parse(&mut self, notes: &mut Diagnostics) -> Option<Document<String>> {
        for _ in 0..MAX_SYNTAX_MISTAKES {
            let error = match Document::parse(self.text.clone()) {
                Ok(document) => return Some(document),
                Err(error) => error,
            };
            let at = error.span().map_or(self.text.len(), |span| span.start);
            let what = error.message().lines().next().unwrap_or("it does not parse").to_owned();
            notes.error(self.origin(at), format!("is not TOML: {what}: write name = value, texts in \"quotes\""));
            if !self.blank_line(at) {
                return None;
            }
        }
        None
    }

    /// Blanks the line at this offset; false when that would change the meaning of other lines, or nothing.
    fn blank_line(&mut self, at: usize) -> bool {
        let at = at.min(self.text.len());
        let start = self.text.as_bytes()[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
        let end = self.text.as_bytes()[start..].iter().position(|byte| *byte == b'\n');
        let end = end.map_or(self.text.len(), |length| start + length);
        let line = self.text[start..end].trim();
        if line.is_empty() || line.starts_with('[') {
            return false;
        }
        let blanks = " ".repeat(end - start);
        self.text.replace_range(start..end, &blanks);
        true
    }

    fn origin(&self, at: usize) -> Origin {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        Origin::Line(self.path.clone(), 1 + before.iter().filter(|byte| **byte == b'\n').count())
    }

    /// Where an item stands in its table.
    pub(super) fn origin_of(&self, table: &dyn TableLike, name: &str, item: &Item) -> Origin {
        let span = table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
        span.map_or(Origin::Path(self.path.clone()), |span| self.origin(span.start))
    }

    /// Where a table begins.
    pub(super) fn origin_of_table(&self, table: &toml_edit::Table) -> Origin {
        table.span().map_or(Origin::Path(self.path.clone()), |span| self.origin(span.start))
    }
}
