//! The lines of docs/operations.md that can be run.

use std::fs;

use super::Path;

/// A line to run.
#[derive(Debug)]
pub(super) struct Line {
    /// With its placeholders.
    pub(super) text: String,
    /// What its output has somewhere.
    pub(super) shows: Vec<String>,
    /// Whether it stands for its method in a table.
    pub(super) of_table: bool,
}

impl Line {
    /// The method that it calls, `package.Service/Method`.
    pub(super) fn method(&self) -> String {
        let is_method = |word: &&str| word.contains("Service/") || word.contains("Health/");
        let word = self.text.split_whitespace().find(is_method);
        word.unwrap_or_else(|| panic!("no method in {}", self.text)).to_owned()
    }
}

/// All lines, in the page's order.
pub(super) fn lines() -> Vec<Line> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = fs::read_to_string(page).unwrap();
    let (mut lines, mut in_block) = (Vec::new(), false);
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = line == "```sh";
        } else if in_block {
            lines.extend(of_block(line));
        } else if line.starts_with("| ") {
            lines.extend(of_row(line));
        }
    }
    assert!(lines.len() > 40, "the page has another form than this test");
    lines
}

fn of_block(line: &str) -> Option<Line> {
    let (text, shows) = line.split_once("    # shows: ").unwrap_or((line, ""));
    let shows = shows.split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    (!text.trim().is_empty()).then(|| Line { text: text.to_owned(), shows, of_table: false })
}

/// A row whose second cell is a command and whose third has what it shows.
fn of_row(row: &str) -> Option<Line> {
    let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
    let (_method, command, shows) = (cells.next()?, cells.next()?, cells.next()?);
    let text = command.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let shows = shows.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some(Line { text, shows, of_table: true })
}
