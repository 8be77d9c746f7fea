//! What a key is, and the macro that makes a table of a file from its keys.

use super::value::{Kind, Setting, Shape};

/// One key: everything that files, variables, flags and the reference need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The table that it stands in, empty for the top of the file.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Its default as text, without quotes.
    pub default: &'static str,
    /// Its default in seed mode, where that is another.
    pub seed_default: Option<&'static str>,
    /// The least and the most that it may be: the number itself, milliseconds of a duration.
    pub bounds: Option<(u64, u64)>,
    /// Whether there is a flag for it.
    pub flag: bool,
    /// What it does; lines end with `\n` and begin with a space.
    pub doc: &'static str,
}

impl Key {
    /// `p2p.laddr`: the key's name with its table's.
    pub fn path(&self) -> String {
        if self.table.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.table, self.name) }
    }

    /// `PEXD_P2P_LADDR`: the environment variable that overrides the file.
    pub fn variable(&self) -> String {
        format!("PEXD_{}", self.path().to_ascii_uppercase().replace('.', "_"))
    }

    /// The default in this mode, as text without quotes.
    pub fn default_in(&self, seed_mode: bool) -> &'static str {
        self.seed_default.filter(|_| seed_mode).unwrap_or(self.default)
    }

    /// A value's text as it is written in a file.
    pub fn written(&self, text: &str) -> String {
        match self.kind.shape {
            Shape::Text | Shape::Duration => toml_edit::Value::from(text).to_string(),
            Shape::Bool | Shape::Integer => text.to_owned(),
        }
    }

    /// The lines of what it does.
    pub fn doc_lines(&self) -> impl Iterator<Item = &'static str> {
        self.doc.lines().map(str::trim)
    }
}

/// Reads a value of a key and holds it against the key's bounds.
pub(super) fn read<T: Setting>(key: &Key, text: &str) -> Result<T, String> {
    let value = T::from_text(text).map_err(|what| match (key.kind.shape, key.bounds) {
        // The type's own bounds are wider.
        (Shape::Integer, Some((low, high))) => format!("is {text:?}: write {}", bounds_text(key, low, high)),
        _ => what,
    })?;
    if let (Some((low, high)), Some(magnitude)) = (key.bounds, value.magnitude())
        && !(low..=high).contains(&magnitude)
    {
        return Err(format!("is {text}: write {}", bounds_text(key, low, high)));
    }
    Ok(value)
}

/// The bounds in words, in the key's own unit.
pub(super) fn bounds_text(key: &Key, low: u64, high: u64) -> String {
    let show = |n: u64| match key.kind.shape {
        Shape::Duration => super::duration::format(std::time::Duration::from_millis(n)),
        Shape::Bool | Shape::Integer | Shape::Text => n.to_string(),
    };
    match key.kind.shape {
        Shape::Integer => format!("a whole number from {} to {}", show(low), show(high)),
        _ => format!("a duration from {} to {}", show(low), show(high)),
    }
}

/// Makes the structure of one table of a file, and the list of its keys, from one text.
///
/// A key is `/// doc`, `name: Type = "default"`, then, if need be, `seed "default"` (another default in seed mode),
/// `in low..=high` (bounds) and `, flag` (there is a flag for it).
macro_rules! section {
    (
        $(#[$meta:meta])*
        $name:ident = $table:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident : $type:ty = $default:literal
                    $(seed $seed:literal)? $(in $low:literal ..= $high:literal)? $(, $flag:ident)? ;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )*
        }

        impl $name {
            /// The table's keys, in the order of the reference.
            pub const KEYS: &'static [$crate::config::Key] = &[$(
                $crate::config::Key {
                    table: $table,
                    name: stringify!($field),
                    kind: <$type as $crate::config::value::Setting>::KIND,
                    default: $default,
                    seed_default: [$(Some($seed),)? None][0],
                    bounds: [$(Some(($low, $high)),)? None][0],
                    flag: [$(stringify!($flag).len() > 0,)? false][0],
                    doc: concat!($($doc, "\n"),+),
                },
            )*];

            /// The defaults of this mode.
            pub(in $crate::config) fn defaults(seed_mode: bool) -> Self {
                let mut keys = Self::KEYS.iter();
                $name { $(
                    $field: keys
                        .next()
                        .and_then(|key| $crate::config::section::read(key, key.default_in(seed_mode)).ok())
                        .expect("every default is valid: a test reads them all"),
                )* }
            }

            /// Sets the key of this name; the error goes behind the key's name.
            pub(in $crate::config) fn set(
                &mut self,
                key: &$crate::config::Key,
                text: &str,
            ) -> Result<(), String> {
                match key.name {
                    $( stringify!($field) => self.$field = $crate::config::section::read(key, text)?, )*
                    _ => return Err("is not a key of this table".into()),
                }
                Ok(())
            }
        }
    };
}

pub(super) use section;
