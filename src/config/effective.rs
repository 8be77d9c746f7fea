//! The value of every key with where it comes from, for those who ask what is in effect and why.

use super::document::GivenValue;
use super::errors::Origin;
use super::keys::{NETWORK_TABLES, all_keys, is_network_key};
use super::layers::Tables as _;
use super::nearest_key::nearest;
use super::network_tables::NetworkTables;
use super::section::Key;

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: &'static Key,
    /// Its value as it is written in a file, without quotes.
    pub value: String,
    /// Where it was given; `None` for a default.
    pub origin: Option<Origin>,
    /// What it would be by the file alone, without variables and flags.
    pub in_file: String,
}

/// A key whose value differs between two readings of a network's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key.
    pub key: &'static Key,
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// The value of each key of these tables, of what was given the last that counts. What was given is valid.
pub(super) fn entries(tables: &[&'static [Key]], given: &[GivenValue], seed_mode: bool) -> Vec<Entry> {
    let entry = |key: &'static Key| {
        let default = || key.default_in(seed_mode).to_owned();
        let mut of_key = given.iter().rev().filter(|given| given.key == key);
        let last = of_key.clone().next();
        let in_file = of_key.find(|given| matches!(given.origin, Origin::Line(..) | Origin::Path(_)));
        Entry {
            key,
            value: last.map_or_else(default, |given| given.text.clone()),
            origin: last.map(|given| given.origin.clone()),
            in_file: in_file.map_or_else(default, |given| given.text.clone()),
        }
    };
    tables.iter().copied().flatten().map(entry).collect()
}

/// The key of a network's file with this path.
///
/// # Errors
/// That there is none, with the one that was probably meant.
pub fn network_key(path: &str) -> Result<&'static Key, String> {
    if let Some(key) = NETWORK_TABLES.into_iter().flatten().find(|key| key.path() == path) {
        return Ok(key);
    }
    if path == "log.level" {
        return Err(
            "it is a key of the process: ReactorService.SetLogLevel changes it at once, until the next restart; for \
                    good, change pexd.toml"
                .into(),
        );
    }
    if all_keys().any(|key| !is_network_key(key) && key.path() == path) {
        return Err("it is a key of the process: change pexd.toml and start pexd again".into());
    }
    let paths: Vec<String> = NETWORK_TABLES.into_iter().flatten().map(Key::path).collect();
    let by_name = NETWORK_TABLES.into_iter().flatten().find(|key| key.name == path).map(Key::path);
    let near = by_name.or_else(|| nearest(path, paths.iter().map(String::as_str)).map(str::to_owned));
    let fix = near.map_or("GetEffectiveConfig names all".to_owned(), |near| format!("did you mean {near}?"));
    Err(format!("there is no such key: {fix}"))
}

/// The tables of a network's file with this value of a key, and defaults else.
///
/// # Errors
/// What is wrong with the value, to be put behind the key's name, with the fix.
fn tables_with(key: &Key, text: &str) -> Result<NetworkTables, String> {
    let mut tables = NetworkTables::defaults(false);
    tables.set(key, text)?;
    Ok(tables)
}

/// Whether two texts are one value of this key.
pub fn is_same(key: &Key, a: &str, b: &str) -> bool {
    a == b || matches!((tables_with(key, a), tables_with(key, b)), (Ok(a), Ok(b)) if a == b)
}

/// Reads a value of a key of a network's `[p2p]` or `[pex]`, with the same checks as in a file.
///
/// # Errors
/// What is wrong with the value, to be put behind the key's name, with the fix.
pub fn read_value(key: &Key, text: &str) -> Result<(super::keys::P2p, super::keys::Pex), String> {
    tables_with(key, text).map(NetworkTables::into_p2p_and_pex)
}

/// What differs between two readings of one network's file, in the order of the reference.
pub fn differences(before: &[Entry], after: &[Entry]) -> Vec<Difference> {
    let pairs = before.iter().zip(after);
    let differing = pairs.filter(|(a, b)| !is_same(a.key, &a.value, &b.value));
    differing.map(|(a, b)| Difference { key: a.key, before: a.value.clone(), after: b.value.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(path: &str) -> &'static Key {
        network_key(path).unwrap()
    }

    #[test]
    fn an_unknown_key_is_told_the_one_that_was_meant() {
        for (path, fix) in [
            ("p2p.max_num_inbound_peer", "did you mean p2p.max_num_inbound_peers?"),
            ("max_dials", "did you mean pex.max_dials?"),
            ("admin.laddr", "pexd.toml"),
            ("log.level", "ReactorService.SetLogLevel"),
            ("log.format", "pexd.toml"),
            ("xyzzy", "GetEffectiveConfig"),
            (&"x".repeat(60_000), "GetEffectiveConfig"),
        ] {
            let reported = network_key(path).unwrap_err();
            assert!(reported.contains(fix), "{reported}");
        }
    }

    #[test]
    fn two_spellings_of_a_value_are_the_same() {
        assert!(is_same(key("pex.ensure_peers_period"), "30s", "30000ms"));
        assert!(is_same(key("p2p.laddr"), "tcp://0.0.0.0:1", "0.0.0.0:1"));
        assert!(!is_same(key("p2p.laddr"), "tcp://0.0.0.0:1", "tcp://0.0.0.0:2"));
        assert!(!is_same(key("moniker"), "a", "b"));
    }

    #[test]
    fn a_value_is_held_against_the_keys_bounds() {
        let (p2p, _) = read_value(key("p2p.max_num_inbound_peers"), "7").unwrap();
        assert_eq!(p2p.max_num_inbound_peers, 7);
        for text in ["", "-1", "1000001", "seven"] {
            let reported = read_value(key("p2p.max_num_inbound_peers"), text).unwrap_err();
            assert!(reported.contains("from 0 to 1000000"), "{reported}");
        }
        assert!(read_value(key("pex.block_version"), "x").unwrap_err().contains(&u64::MAX.to_string()));
        assert!(read_value(key("p2p.dial_timeout"), "x").unwrap_err().contains("such as"));
    }

    #[test]
    fn the_last_that_was_given_counts() {
        let given = |text: &str, origin| GivenValue { key: key("p2p.laddr"), text: text.to_owned(), origin };
        let both = [given("a", Origin::Variable("A".into())), given("b", Origin::Flag("--p2p.laddr".into()))];
        let entries = entries(&NETWORK_TABLES, &both, true);
        let find = |path| entries.iter().find(|entry| entry.key.path() == path).unwrap();
        assert_eq!(find("p2p.laddr").origin, Some(Origin::Flag("--p2p.laddr".into())));
        assert_eq!(find("p2p.laddr").value, "b");
        assert_eq!((&*find("p2p.max_num_inbound_peers").value, &find("p2p.seeds").origin), ("2000", &None));
    }
}
