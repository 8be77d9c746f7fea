//! Which pexd this is: its version, and the commit that it was built from.

/// The version of the crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit's first digits, with `-dirty` when the sources had other changes; empty when it was not known at build time.
pub const COMMIT: &str = env!("PEXD_BUILD_COMMIT");

/// Both, as it is shown: `0.1.0 (0123456789ab)`.
pub fn with_commit() -> String {
    if COMMIT.is_empty() { VERSION.to_owned() } else { format!("{VERSION} ({COMMIT})") }
}
