//! Texts of a bounded length.

use std::borrow::Cow;

/// What stands where the rest was.
const MARK: &str = "...";

/// A text of `max` bytes at most, which are at least 3. One that is longer is cut, and ends in `...`.
///
/// ```
/// # use pexd::types::shortened;
/// assert_eq!(shortened("removed a", 9), "removed a");
/// assert_eq!(shortened("removed a, b", 9), "remove...");
/// // No character is cut in its middle.
/// assert_eq!(shortened("\u{e9}\u{e9}\u{e9}\u{e9}", 6), "\u{e9}...");
/// ```
pub fn shortened(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let kept = &text[..text.floor_char_boundary(max.saturating_sub(MARK.len()))];
    Cow::Owned(format!("{kept}{MARK}"))
}
