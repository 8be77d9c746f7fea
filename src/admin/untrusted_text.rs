//! Untrusted text (of a peer, a client or the file system): escaped and cut, so that it harms no terminal and no reader.

use std::fmt::Write as _;

/// Bytes of a text that a peer said, at most.
const MAX_TEXT: usize = 256;
/// Bytes of a text of our own at most, which may quote a peer or a request.
const MAX_REASON: usize = 1_024;

/// What a peer or a client said, escaped.
pub(in crate::admin) fn printable(text: &str) -> String {
    harmless(text, MAX_TEXT)
}

/// A text of our own that may quote a peer, a client or the file system, escaped.
pub(in crate::admin) fn reason(text: &str) -> String {
    harmless(text, MAX_REASON)
}

/// Bytes of a value at most: a list of all seeds that are kept fits.
const MAX_WHOLE: usize = 64 * 1_024;

/// A value of the configuration, escaped and not shortened.
pub(in crate::admin) fn whole(text: &str) -> String {
    harmless(text, MAX_WHOLE)
}

/// A text that harms no terminal and no reader: letters, digits and printable ASCII stay, all else is escaped, and what
/// is too long is cut.
fn harmless(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for char in text.chars() {
        if out.len() >= max {
            out.push_str("...");
            break;
        }
        if char == ' ' || char.is_ascii_graphic() || (!char.is_ascii() && char.is_alphanumeric()) {
            out.push(char);
        } else {
            let _ = write!(out, "{}", char.escape_unicode());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_ascii_stays_as_it_is() {
        let text: String = (0x20..=0x7e_u8).map(char::from).collect();
        assert_eq!(printable(&text), text);
        assert_eq!(printable("größer"), "größer");
    }

    #[test]
    fn what_moves_a_cursor_or_turns_text_around_is_escaped() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\u{a}");
        assert_eq!(printable("\u{202e}x\u{9b}"), "\\u{202e}x\\u{9b}");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for text in ["x", "ß", "\u{1b}", "\u{10ffff}"] {
            let cut = printable(&text.repeat(60_000));
            assert!(cut.len() <= MAX_TEXT + 16 && cut.ends_with("..."), "{}", cut.len());
        }
    }
}
