//! What is wrong in the configuration, and where.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a value or an error stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file, counted from 1.
    Line(Arc<Path>, usize),
    /// A file or folder as a whole.
    Path(Arc<Path>),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl Origin {
    pub(super) fn path(path: &Path) -> Self {
        Origin::Path(path.into())
    }

    /// The line, 0 for what is not in a line.
    fn line(&self) -> usize {
        match self {
            Origin::Line(_, line) => *line,
            _ => 0,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Line(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Path(path) => write!(f, "{}", path.display()),
            Origin::Variable(name) => write!(f, "variable {name}"),
            Origin::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One error or warning, on one line: where, what, and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it stands.
    pub origin: Origin,
    /// What it is, and what to do about it.
    pub text: String,
}

impl Diagnostic {
    pub(super) fn new(origin: Origin, text: impl Into<String>) -> Self {
        Diagnostic { origin, text: text.into() }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a file holds may stand in the text; one note stays on one line whatever it is.
        let text = self.text.replace(|c: char| c.is_control(), " ");
        write!(f, "{}: {text}", self.origin)
    }
}

/// All errors of a configuration, those of one file in the order of its lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<Diagnostic>);

impl ConfigErrors {
    /// These errors, in the order of their lines. There is at least one.
    pub(super) fn of(mut errors: Vec<Diagnostic>) -> Self {
        sort_lines(&mut errors);
        ConfigErrors(errors)
    }

    /// The errors, one each.
    pub fn notes(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, note) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{note}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects what is found while the sources are read.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(super) fn error(&mut self, origin: Origin, text: impl Into<String>) {
        self.errors.push(Diagnostic::new(origin, text));
    }

    pub(super) fn warning(&mut self, origin: Origin, text: impl Into<String>) {
        self.warnings.push(Diagnostic::new(origin, text));
    }

    /// The result: `value` with the warnings, or the errors when there are any.
    pub(super) fn finish<T>(self, value: impl FnOnce() -> Option<T>) -> Result<(T, Vec<Diagnostic>), ConfigErrors> {
        match value() {
            Some(value) if self.errors.is_empty() => Ok((value, self.warnings)),
            _ => Err(ConfigErrors::of(self.errors)),
        }
    }
}

/// Puts the notes of one file in the order of its lines; files stay in the order in which they were read.
fn sort_lines(notes: &mut [Diagnostic]) {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut rank = |origin: &Origin| match origin {
        Origin::Line(path, _) | Origin::Path(path) => {
            files.iter().position(|file| **file == **path).unwrap_or_else(|| {
                files.push(path.to_path_buf());
                files.len() - 1
            })
        }
        _ => usize::MAX,
    };
    notes.sort_by_cached_key(|note| (rank(&note.origin), note.origin.line()));
}
