//! Which known name was meant by an unknown one.

/// Names longer than this are not compared: no key is.
const MAX_NAME: usize = 64;

/// The known name nearest to `name`, if one is near enough to be what was meant: at most a third of it differs.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let name = name.to_ascii_lowercase().replace('-', "_");
    let limit = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["seeds", "seed_mode", "laddr", "persistent_peers"];

    #[test]
    fn finds_what_was_meant() {
        for (name, meant) in [
            ("seed", "seeds"),
            ("sedes", "seeds"),
            ("SEED_MODE", "seed_mode"),
            ("seed-mode", "seed_mode"),
            ("persistant_peers", "persistent_peers"),
            ("addr", "laddr"),
        ] {
            assert_eq!(nearest(name, KNOWN), Some(meant), "{name}");
        }
    }

    #[test]
    fn does_not_guess_wildly() {
        for name in ["", "x", "moniker", "rpc", &"a".repeat(10_000)] {
            assert_eq!(nearest(name, KNOWN), None, "{name}");
        }
    }
}
