//! Holds the sources against the crate's own rules: what is pure names no I/O, clock or chance, and imports run one way.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each folder of `src/` that has rules, and the folders that it may import. Those without an entry (the shell's outer
/// parts) may import anything below them.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("wire", &["types", "proto"]),
    ("book", &["types"]),
    ("switch", &["types", "wire"]),
    ("pex", &["types", "wire", "book", "switch"]),
    ("node", &["types", "wire", "book", "switch", "pex"]),
    ("store", &["types", "book", "node", "clock"]),
    ("rate", &["types"]),
    ("transport", &["types", "wire", "rate", "clock"]),
    ("probe", &["types", "wire", "switch", "transport", "clock", "proto"]),
    ("network", &["types", "wire", "book", "switch", "pex", "node", "store", "transport", "clock"]),
    ("config", &["types", "wire", "book", "switch", "pex", "node", "store", "transport", "clock"]),
    ("exchange", &["types", "book"]),
    ("http", &["types", "node", "network", "admin", "clock"]),
    ("admin", &["types", "book", "switch", "node", "network", "probe", "rate", "proto", "clock", "exchange"]),
];

/// The folders that are pure.
const PURE: &[&str] = &["types", "wire", "book", "switch", "pex", "node"];

/// What pure code never names.
const IMPURE: &[&str] = &[
    "tokio",
    "tonic",
    "rusqlite",
    "serde",
    "tracing",
    "std::fs",
    "std::env",
    "std::thread",
    "std::process",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
    "RandomState",
    "rand::rng",
    "thread_rng",
    "OsRng",
    "SystemRandom",
    "from_os_rng",
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The lines of a file that are code of the program: no comments, and nothing from its tests on.
fn code(path: &Path) -> Vec<(usize, String)> {
    let is_test = path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
    if is_test {
        return Vec::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let mut lines = Vec::new();
    let mut pending_cfg_test = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if pending_cfg_test && line.starts_with("mod ") && line.ends_with('{') {
            break;
        }
        pending_cfg_test = line == "#[cfg(test)]";
        if !line.starts_with("//") {
            lines.push((number + 1, line.split(" // ").next().unwrap_or(line).to_owned()));
        }
    }
    lines
}

fn files_of(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder), &mut files);
    assert!(!files.is_empty(), "src/{folder} is gone: this test has to follow");
    files
}

/// Whether `word` stands in `line` as a word of its own.
fn names(line: &str, word: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(word)
        .any(|(at, _)| edge(line[..at].chars().next_back()) && edge(line[at + word.len()..].chars().next()))
}

#[test]
fn pure_code_names_no_io_clock_or_chance() {
    let mut breaches = Vec::new();
    for file in PURE.iter().flat_map(|folder| files_of(folder)) {
        for (number, line) in code(&file) {
            for word in IMPURE.iter().filter(|word| names(&line, word)) {
                breaches.push(format!("{}:{number} names {word}: {line}", file.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn imports_run_one_way() {
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        folders.insert(name.trim_end_matches(".rs").to_owned());
    }
    let mut breaches = Vec::new();
    for (folder, allowed) in MAY_IMPORT {
        for file in files_of(folder) {
            for (number, line) in code(&file) {
                for other in folders.iter().filter(|other| other != folder && !allowed.contains(&other.as_str())) {
                    if line.contains(&format!("crate::{other}::")) || line.contains(&format!("crate::{other};")) {
                        breaches.push(format!("{}:{number}: {folder} may not import {other}", file.display()));
                    }
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_rules_catch_a_breach() {
    assert!(names("use std::collections::HashMap;", "HashMap"));
    assert!(names("tokio::spawn(x)", "tokio"));
    assert!(!names("let instantiated = 1;", "Instant"));
    assert!(!names("struct HashMapLike;", "HashMap"));
}
