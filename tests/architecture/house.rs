//! All modules of the crate, and which file a path leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{self, Source};

/// The modules by their paths; the crate's root is the empty one.
#[derive(Debug, Default)]
pub(crate) struct House {
    modules: BTreeMap<Vec<String>, Module>,
}

/// A module with a file of its own.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its file.
    file: PathBuf,
    /// What is in it.
    pub(crate) source: Source,
}

impl Module {
    /// Its file, as it is called in the repository.
    pub(crate) fn name(&self) -> String {
        self.file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&self.file).display().to_string()
    }
}

/// One file needs another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The module that names the other.
    pub(crate) from: Vec<String>,
    /// The module whose file defines what is named.
    pub(crate) to: Vec<String>,
    /// The module of the crate's root that is named, which may hand on what another one defines.
    pub(crate) through: String,
    /// Where: file and line.
    pub(crate) place: String,
    /// What is named, as it is written.
    pub(crate) path: String,
}

impl House {
    /// Reads the crate whose root file this is, down every `mod` that is not for tests only.
    pub(crate) fn read(root: &Path) -> House {
        let mut house = House::default();
        house.add(Vec::new(), root.to_owned(), root.parent().unwrap());
        house
    }

    fn add(&mut self, path: Vec<String>, file: PathBuf, folder: &Path) {
        let source = source::read(&fs::read_to_string(&file).unwrap());
        for child in &source.children {
            let (flat, nested) = (folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs"));
            let file = if flat.exists() { flat } else { nested };
            self.add([path.as_slice(), std::slice::from_ref(child)].concat(), file, &folder.join(child));
        }
        self.modules.insert(path, Module { file, source });
    }

    /// A house of files that are not on disk, for tests of the rules.
    pub(crate) fn of(files: &[(&str, &str)]) -> House {
        let mut house = House::default();
        for (path, text) in files {
            let path: Vec<String> = path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
            let file = PathBuf::from(format!("{}.rs", path.join("/")));
            house.modules.insert(path, Module { file, source: source::read(text) });
        }
        house
    }

    /// The modules with their paths.
    pub(crate) fn modules(&self) -> impl Iterator<Item = (&Vec<String>, &Module)> {
        self.modules.iter()
    }

    /// The modules directly below one.
    pub(crate) fn children(&self, of: &[String]) -> BTreeSet<String> {
        let below = self.modules.keys().filter(|path| path.len() > of.len() && path.starts_with(of));
        below.map(|path| path[of.len()].clone()).collect()
    }

    /// Who needs whom. A name that one file hands on (`pub use`) is that of the file that defines it.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut all = Vec::new();
        for (from, module) in &self.modules {
            for named in &module.source.named {
                let Some(absolute) = self.absolute(from, &named.path) else { continue };
                let to = self.defining(&absolute, 0);
                let Some(through) = absolute.first().cloned() else { continue };
                if to != *from {
                    let place = format!("{}:{}", module.name(), named.line);
                    all.push(Import { from: from.clone(), to, through, place, path: named.path.join("::") });
                }
            }
        }
        all
    }

    /// The path from the crate's root, if it leads into the crate.
    fn absolute(&self, from: &[String], path: &[String]) -> Option<Vec<String>> {
        let mut base = from.to_vec();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (base, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while let Some(("super", more)) = rest.split_first().map(|(first, more)| (first.as_str(), more)) {
                    base.pop();
                    rest = more;
                }
            }
            child => {
                let is_child = self.modules.contains_key(&[from, &[child.to_owned()]].concat());
                // A single word is any identifier; a path that begins with a child's name leads into it.
                if !is_child || path.len() < 2 {
                    return None;
                }
            }
        }
        Some([base.as_slice(), rest].concat())
    }

    /// The module whose file defines what this path leads to.
    fn defining(&self, path: &[String], depth: usize) -> Vec<String> {
        let known = (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length])).unwrap_or(0);
        let (module, rest) = path.split_at(known);
        let (Some(name), true) = (rest.first(), depth < 8) else { return module.to_vec() };
        let re_exports = self.modules.get(module).map(|module| module.source.re_exports.as_slice()).unwrap_or_default();
        for re_export in re_exports.iter().filter(|re_export| re_export.name == *name) {
            if let Some(target) = self.absolute(module, &re_export.path) {
                return self.defining(&target, depth + 1);
            }
        }
        module.to_vec()
    }
}
