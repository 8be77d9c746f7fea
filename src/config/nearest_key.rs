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
        .map(|candidate| (distance(&name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance in characters, two neighbours exchanged counting as one.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = above[j] + usize::from(a[i] != b[j]);
            let mut best = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
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
