//! Chain IDs as folder names.

/// Bytes of a chain ID at most (CometBFT's `MaxChainIDLen`).
pub const MAX_LEN: usize = 50;

/// Why a chain ID cannot name a network's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainIdError {
    /// Empty or too long.
    #[error("a chain ID has 1 to {MAX_LEN} characters")]
    Length,
    /// Something other than letters, digits and `-_.+`.
    #[error(
        "a network's folder is named by letters, digits, '-', '_', '.' and '+' only (set chain_id in [pex] when the chain's ID has others)"
    )]
    Character,
    /// It would be a hidden folder, the parent folder, or look like a flag.
    #[error("a chain ID does not start with '.' or '-'")]
    Start,
}

/// Checks that a chain ID can be a folder's name, on its own line of a shell as well.
///
/// # Errors
/// The first rule that is broken.
pub fn check(chain_id: &str) -> Result<(), ChainIdError> {
    if chain_id.is_empty() || chain_id.len() > MAX_LEN {
        return Err(ChainIdError::Length);
    }
    if chain_id.starts_with(['.', '-']) {
        return Err(ChainIdError::Start);
    }
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    chain_id.chars().all(known).then_some(()).ok_or(ChainIdError::Character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_ones_pass() {
        for id in ["cosmoshub-4", "osmosis-1", "evmos_9001-2", "a", "1.0+x", &"a".repeat(50)] {
            assert_eq!(check(id), Ok(()), "{id}");
        }
    }

    #[test]
    fn nothing_leaves_the_folder() {
        for id in ["", ".", "..", "-", "../a", "a/b", "a\\b", "a\0", "a b", "a\n", "é", ".a", "-a", &"a".repeat(51)] {
            assert!(check(id).is_err(), "{id:?}");
        }
    }
}
