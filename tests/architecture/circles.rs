//! Circles: in every folder, what stands side by side (files, and folders as wholes) imports one way. A folder's `mod.rs`
//! is its front and takes no part.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{House, Import};

type Neighbours<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Import>>;

/// A line for each circle: who is in it, with an import for each step.
pub(crate) fn circles(house: &House) -> Vec<String> {
    let imports = house.imports();
    let folders: BTreeSet<&[String]> =
        house.modules().flat_map(|(path, _)| (0..path.len()).map(|length| &path[..length])).collect();
    folders.into_iter().flat_map(|folder| circles_in(folder, &imports)).collect()
}

fn circles_in(folder: &[String], imports: &[Import]) -> Vec<String> {
    let mut neighbours: Neighbours<'_> = BTreeMap::new();
    let depth = folder.len();
    let within = |path: &[String]| path.len() > depth && path.starts_with(folder);
    for import in imports.iter().filter(|import| within(&import.from) && within(&import.to)) {
        let (from, to) = (import.from[depth].as_str(), import.to[depth].as_str());
        if from != to {
            neighbours.entry(from).or_default().entry(to).or_insert(import);
        }
    }
    let mut reported = BTreeSet::new();
    let mut lines = Vec::new();
    for start in neighbours.keys() {
        if let Some(steps) = way_back(start, &neighbours) {
            let members: BTreeSet<&str> = steps.iter().map(|import| import.from[depth].as_str()).collect();
            if reported.insert(members.clone()) {
                let members: Vec<&str> = members.into_iter().collect();
                let steps: Vec<String> =
                    steps.iter().map(|step| format!("  {} names {}", step.place, step.path)).collect();
                let folder = if folder.is_empty() { "the crate".to_owned() } else { folder.join("::") };
                lines.push(format!("in {folder}, {} import each other:\n{}", members.join(", "), steps.join("\n")));
            }
        }
    }
    lines
}

/// The shortest way from `start` back to itself.
fn way_back<'a>(start: &'a str, neighbours: &Neighbours<'a>) -> Option<Vec<&'a Import>> {
    let mut came: BTreeMap<&str, (&str, &Import)> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for (next, import) in neighbours.get(at).into_iter().flatten() {
            if came.contains_key(next) {
                continue;
            }
            came.insert(next, (at, import));
            if *next == start {
                let (mut steps, mut at) = (Vec::new(), start);
                loop {
                    let (before, import) = came[at];
                    steps.push(import);
                    at = before;
                    if at == start {
                        steps.reverse();
                        return Some(steps);
                    }
                }
            }
            queue.push_back(next);
        }
    }
    None
}

#[test]
fn a_circle_is_found_through_groups_folders_and_names_that_are_handed_on() {
    let found = |files: &[(&str, &str)]| circles(&House::of(files)).join("\n");
    let plain = [("", ""), ("a", "use crate::{b::B, c};"), ("b", "use super::a::A;"), ("c", "")];
    assert!(found(&plain).contains("a, b import each other"), "{}", found(&plain));
    let one_way = [("", ""), ("a", "use crate::{b::B, c};"), ("b", "use super::c::C;"), ("c", "")];
    assert_eq!(found(&one_way), "");
    // Two folders, neither of whose files is in a circle of files.
    let folders = [
        ("", ""),
        ("a", ""),
        ("a::x", "use crate::b::y::Y;"),
        ("a::z", ""),
        ("b", ""),
        ("b::y", ""),
        ("b::w", "use crate::a::z::Z;"),
    ];
    assert!(found(&folders).contains("in the crate, a, b import each other"), "{}", found(&folders));
    // What mod.rs hands on is its definer's.
    let handed =
        [("", ""), ("m", "pub use x::X; pub use y::Y;"), ("m::x", "use super::Y;"), ("m::y", "use crate::m::X;")];
    assert!(found(&handed).contains("in m, x, y import each other"), "{}", found(&handed));
    let front = [("", ""), ("m", "use x::X; pub struct M;"), ("m::x", "use super::M;")];
    assert_eq!(found(&front), "", "a folder's front takes no part");
}
