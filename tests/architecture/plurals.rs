//! Counts in texts: "1 networks" is written where a number that may be one stands before a noun in the plural.

use std::fs;
use std::path::Path;

/// What is counted in texts.
const NOUNS: &[&str] = &[
    "addresses",
    "answers",
    "bans",
    "books",
    "changes",
    "dials",
    "entries",
    "errors",
    "events",
    "files",
    "IDs",
    "keys",
    "lines",
    "networks",
    "nodes",
    "peers",
    "questions",
    "requests",
    "rows",
    "seeds",
    "sources",
    "tokens",
];

/// What ends a text that is only said of numbers above a limit.
const ABOVE_A_LIMIT: &str = " is the most";

/// A line for each text with a number and a plural, of which the number may be one. `types::counted` writes both.
pub(crate) fn breaches(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" && name != "testkit" {
                found.extend(breaches(&path));
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let wrong = code.lines().filter(|line| is_breach(line));
            found.extend(wrong.map(|line| format!("{}: {}", path.display(), line.trim())));
        }
    }
    found
}

fn is_breach(line: &str) -> bool {
    let comment = line.trim_start().starts_with("//");
    !comment
        && !line.contains(ABOVE_A_LIMIT)
        && line.match_indices("} ").any(|(at, _)| {
            let placeholder = line[..at].rsplit('{').next().unwrap_or_default();
            let is_constant =
                !placeholder.is_empty() && !placeholder.chars().any(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            // "The node answers there."
            let verb = line[at + 2..].starts_with("answers there");
            let noun: String = line[at + 2..].chars().take_while(char::is_ascii_alphabetic).collect();
            !is_constant && !verb && NOUNS.contains(&noun.as_str())
        })
}

#[test]
fn no_text_counts_one_in_the_plural() {
    let found = breaches(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(found.is_empty(), "write them with types::counted:\n{}", found.join("\n"));
}

#[test]
fn a_number_before_a_plural_is_found() {
    assert!(is_breach(r#"format!("{} networks", n)"#) && is_breach(r#"format!("{sick} of {all} networks", n)"#));
    assert!(!is_breach(r#"format!("{MAX_KEYS} entries")"#) && !is_breach(r#"format!("{} uses files in it", n)"#));
    assert!(!is_breach(r#"format!("{}", counted(n, "network"))"#));
}
