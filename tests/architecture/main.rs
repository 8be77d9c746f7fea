//! Holds the sources against the crate's own rules (docs/architecture.md, "Imports"): what is pure names no I/O, clock or
//! randomness; modules import one way; no circle between files or folders; every paper that a comment cites is there.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod circles;
mod citations;
mod house;
mod plurals;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use house::House;

/// Each module of the crate's root, and the others that it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("proto", &[]),
    ("version", &[]),
    ("types", &[]),
    ("wire", &["types", "proto"]),
    ("book", &["types"]),
    ("switch", &["types", "wire"]),
    ("pex", &["types", "wire", "book", "switch"]),
    ("node", &["types", "wire", "book", "switch", "pex"]),
    ("clock", &["types"]),
    ("port_holder", &[]),
    ("file_owner", &[]),
    ("rate_limit", &["types"]),
    ("regular_file", &[]),
    ("store", &["types", "book", "node", "clock", "file_owner"]),
    ("transport", &["types", "wire", "rate_limit", "clock"]),
    ("probe", &["types", "wire", "switch", "transport", "clock", "proto"]),
    ("network", &["types", "wire", "book", "switch", "pex", "node", "store", "transport", "clock", "port_holder"]),
    (
        "config",
        &[
            "types",
            "wire",
            "book",
            "switch",
            "pex",
            "node",
            "store",
            "transport",
            "clock",
            "file_owner",
            "regular_file",
        ],
    ),
    ("exchange", &["types", "book"]),
    (
        "admin",
        &[
            "types",
            "book",
            "switch",
            "node",
            "network",
            "probe",
            "rate_limit",
            "proto",
            "clock",
            "exchange",
            "port_holder",
            "regular_file",
        ],
    ),
    ("http", &["types", "node", "network", "admin", "clock", "version", "port_holder"]),
    ("testkit", &["types", "proto", "wire", "book", "switch", "pex", "node", "transport", "clock", "network", "admin"]),
    (
        "app",
        &[
            "admin",
            "book",
            "clock",
            "config",
            "file_owner",
            "http",
            "network",
            "node",
            "pex",
            "port_holder",
            "rate_limit",
            "regular_file",
            "store",
            "switch",
            "transport",
            "types",
            "wire",
        ],
    ),
    (
        "localnet",
        &[
            "admin",
            "app",
            "book",
            "clock",
            "config",
            "network",
            "node",
            "pex",
            "probe",
            "store",
            "switch",
            "testkit",
            "transport",
            "types",
            "wire",
        ],
    ),
    (
        "cli",
        &[
            "admin",
            "app",
            "book",
            "clock",
            "config",
            "exchange",
            "file_owner",
            "http",
            "localnet",
            "network",
            "node",
            "probe",
            "proto",
            "store",
            "switch",
            "transport",
            "types",
            "version",
            "wire",
        ],
    ),
];

/// The modules that are pure.
const PURE: &[&str] = &["types", "version", "wire", "book", "switch", "pex", "node"];

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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn crate_house() -> House {
    House::read(&root().join("src/lib.rs"))
}

/// A line for each thing that pure code names and must not.
fn impurities(house: &House) -> Vec<String> {
    let mut breaches = Vec::new();
    let pure = |path: &Vec<String>| path.first().is_some_and(|first| PURE.contains(&first.as_str()));
    for (_, module) in house.modules().filter(|(path, _)| pure(path)) {
        for named in &module.source.named {
            for word in IMPURE {
                let parts: Vec<&str> = word.split("::").collect();
                if named.path.windows(parts.len()).any(|window| window == parts) {
                    breaches.push(format!("{}:{} names {word}", module.name(), named.line));
                }
            }
        }
    }
    breaches
}

/// A line for each import that the table does not allow.
fn forbidden(house: &House, table: &[(&str, &[&str])]) -> Vec<String> {
    let mut breaches = Vec::new();
    for import in house.imports() {
        let (Some(from), to) = (import.from.first(), &import.through) else { continue };
        let allowed = table.iter().find(|(name, _)| name == from).map(|(_, allowed)| *allowed).unwrap_or_default();
        if from != to && !allowed.contains(&to.as_str()) {
            breaches.push(format!("{}: {from} may not import {to} ({})", import.place, import.path));
        }
    }
    breaches
}

#[test]
fn pure_code_names_no_io_clock_or_randomness() {
    let breaches = impurities(&crate_house());
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn imports_run_one_way() {
    let breaches = forbidden(&crate_house(), MAY_IMPORT);
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn every_module_of_the_root_has_its_row() {
    let rows: BTreeSet<String> = MAY_IMPORT.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(rows, crate_house().children(&[]));
    for (name, allowed) in MAY_IMPORT {
        assert!(allowed.iter().all(|other| rows.contains(*other) && other != name), "{name}: {allowed:?}");
    }
}

#[test]
fn no_file_and_no_folder_is_in_a_circle() {
    let circles = circles::circles(&crate_house());
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn the_toolchain_is_the_oldest_that_is_promised() {
    let toolchain = std::fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let channel = format!("channel = \"{}.0\"", env!("CARGO_PKG_RUST_VERSION"));
    assert!(toolchain.contains(&channel), "rust-toolchain.toml needs {channel}, as Cargo.toml has it");
}

#[test]
fn the_rules_catch_a_breach() {
    let house = House::of(&[
        ("", ""),
        ("book", "use std::{collections::{BTreeMap, HashMap}, fs};\nfn f() { let x = tokio::spawn(y); }"),
        ("types", "use crate::{admin::Role, proto};"),
        ("wire", "fn f() { use crate::{book, types}; }"),
        ("admin", ""),
        ("proto", ""),
    ]);
    let impure = impurities(&house).join("\n");
    for word in ["names HashMap", "names std::fs", "names tokio"] {
        assert!(impure.contains(word), "{word}: {impure}");
    }
    assert!(!impure.contains("BTreeMap"));
    let forbidden = forbidden(&house, MAY_IMPORT).join("\n");
    for rule in ["types may not import admin", "types may not import proto", "wire may not import book"] {
        assert!(forbidden.contains(rule), "{rule}: {forbidden}");
    }
    assert!(!forbidden.contains("wire may not import types"));
}
