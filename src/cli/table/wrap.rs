//! Lines of text that are no wider than the terminal.

use comfy_table::Table;

/// Columns of the terminal that is standard output; none when it is something else.
pub(super) fn terminal() -> Option<usize> {
    Table::new().width().map(usize::from).filter(|width| *width > 0)
}

/// How wide a text is. Signs of double width are rare here.
pub(super) fn width_of(text: &str) -> usize {
    text.chars().count()
}

/// Whether a line is not wider than this.
pub(super) fn fits(line: &str, width: usize) -> bool {
    width_of(line) <= width
}

/// Lines that are no wider than this, broken at spaces and behind commas alone: an address or a path stays whole, in a line
/// that is too wide if need be.
pub(in crate::cli) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in text.split_inclusive([' ', ',']) {
        if !line.is_empty() && width_of(&line) + width_of(piece.trim_end()) > width {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        line.push_str(piece);
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// A text behind its beginning, in lines of the terminal that are indented so far after the first.
pub(in crate::cli) fn paragraph(text: &str, indent: usize) -> String {
    let room = terminal().unwrap_or(usize::MAX).saturating_sub(indent);
    wrap(text, room).join(&format!("\n{:indent$}", "")) + "\n"
}
