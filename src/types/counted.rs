//! Counts in texts.

use std::fmt::Display;

/// A count with what is counted, in the number that goes with it: `1 network`, `2 addresses`, `0 entries`. `one` is the noun in
/// the singular; what stands before it in a phrase may be part of it.
///
/// ```
/// # use pexd::types::counted;
/// assert_eq!(counted(1, "network"), "1 network");
/// assert_eq!(counted(0, "reachable node"), "0 reachable nodes");
/// assert_eq!(counted(2, "address"), "2 addresses");
/// assert_eq!(counted(12, "entry"), "12 entries");
/// ```
pub fn counted(count: impl Display, one: &str) -> String {
    let count = count.to_string();
    if count == "1" { format!("1 {one}") } else { format!("{count} {}", plural(one)) }
}

fn plural(one: &str) -> String {
    match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if one.ends_with(['s', 'x']) || one.ends_with("ch") => format!("{one}es"),
        _ => format!("{one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_all_others_are_not() {
        assert_eq!(counted(1_u64, "key"), "1 key");
        assert_eq!(counted(-1, "day"), "-1 days");
        assert_eq!(counted(21, "ID"), "21 IDs");
        assert_eq!(counted(2, "match"), "2 matches");
    }
}
