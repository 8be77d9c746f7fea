//! Papers that comments cite: `docs/FILE.md`, or (docs/FILE.md, "Heading"). Each file is there, and has that heading.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::root;

/// Words by which comments once cited papers that are not in the repository.
const ABSENT: &[&str] = &["behaviour document", "seed document", "wire document", "design document", "design.md"];

/// A citation: the file, and the heading if one is named.
#[derive(Debug, PartialEq, Eq)]
struct Citation {
    file: String,
    heading: Option<String>,
}

/// The citations in a text. Line breaks and the marks of comments are spaces.
fn citations(text: &str) -> Vec<Citation> {
    let mut plain = String::new();
    for line in text.lines() {
        let line = line.trim_start().trim_start_matches('/').trim_start_matches('!');
        plain.push_str(line.trim());
        plain.push(' ');
    }
    let mut found = Vec::new();
    for (at, _) in plain.match_indices("docs/") {
        let rest = &plain[at..];
        let Some(end) = rest.find(".md") else { continue };
        let file = &rest[..end + 3];
        if file.contains(|c: char| c.is_whitespace() || "`\"()*{}".contains(c)) {
            continue;
        }
        let heading =
            rest[end + 3..].trim_start_matches('`').strip_prefix(", \"").and_then(|rest| rest.split_once('"'));
        found.push(Citation { file: file.to_owned(), heading: heading.map(|(heading, _)| heading.to_owned()) });
    }
    found
}

/// The headings of a page.
fn headings(text: &str) -> BTreeSet<String> {
    let heading = |line: &str| line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim().replace('`', ""));
    text.lines().filter_map(heading).collect()
}

fn texts(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            texts(&path, into);
        } else if matches!(extension, Some("rs" | "proto" | "sql" | "md" | "toml")) {
            into.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// What is wrong with the citations of a text, given what each page has.
fn wrong(name: &str, text: &str, page: impl Fn(&str) -> Option<BTreeSet<String>>) -> Vec<String> {
    let mut lines = Vec::new();
    for Citation { file, heading } in citations(text) {
        match (page(&file), heading) {
            (None, _) => lines.push(format!("{name} cites {file}, which is not there")),
            (Some(headings), Some(heading)) if !headings.contains(&heading) => {
                lines.push(format!("{name} cites \"{heading}\" of {file}, which has no such heading"));
            }
            (Some(_), _) => {}
        }
    }
    let lower = text.to_lowercase();
    lines.extend(ABSENT.iter().filter(|word| lower.contains(*word)).map(|word| format!("{name} cites the {word}")));
    lines
}

#[test]
fn every_paper_that_is_cited_is_there_and_has_the_heading() {
    let mut all = Vec::new();
    for folder in ["src", "proto", "migrations", "benches", "docs"] {
        texts(&root().join(folder), &mut all);
    }
    let page = |file: &str| fs::read_to_string(root().join(file)).ok().map(|text| headings(&text));
    let lines: Vec<String> = all.iter().flat_map(|(name, text)| wrong(name, text, page)).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn a_citation_is_read_over_the_end_of_a_line() {
    let text = "/// As there (docs/protocol/wire.md, \"PEX\n    /// messages\"), and in `docs/access.md`; docs/*.md are pages.";
    let read = citations(text);
    let expected = [("docs/protocol/wire.md", Some("PEX messages")), ("docs/access.md", None)];
    let expected = expected.map(|(file, heading)| Citation { file: file.into(), heading: heading.map(str::to_owned) });
    assert_eq!(read, expected);
    let page = |file: &str| (file == "docs/access.md").then(|| headings("# Access\n## By `token`\n"));
    assert_eq!(wrong("a", "(docs/access.md, \"By token\")", page).len(), 0);
    assert_eq!(wrong("a", "(docs/access.md, \"By key\") (docs/none.md)", page).len(), 2);
    assert_eq!(wrong("a", "// see the Behaviour document", page).len(), 1);
}
