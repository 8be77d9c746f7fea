//! The entries of a list, and what is wrong with them before anybody is dialled.

use super::Verdict;
use crate::types::{Host, PeerAddress, PeerAddressError, is_routable};

/// An entry as far as it can be judged by itself.
pub(super) enum Entry {
    /// To be dialled.
    Seed(PeerAddress),
    /// Not worth a dial.
    Faulty(EntryFault),
}

/// What is wrong with an entry. The texts name the fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryFault {
    #[error("{}", .0.in_list())]
    Address(PeerAddressError),
    /// A node compares IDs as texts, and its own are in lower case.
    #[error("the ID has upper-case digits: a node that is given it refuses the seed, write it in lower case")]
    UpperCase,
    #[error("the same seed as entry {0}")]
    Duplicate(usize),
    #[error("a private or reserved address, which nobody reaches over the Internet")]
    Unroutable,
}

impl EntryFault {
    /// The verdict and the fault's unchanging name.
    pub(super) const fn verdict(&self) -> (Verdict, &'static str) {
        match self {
            EntryFault::Address(_) => (Verdict::Malformed, "malformed_address"),
            EntryFault::UpperCase => (Verdict::Malformed, "upper_case_id"),
            EntryFault::Duplicate(_) => (Verdict::DuplicateEntry, "duplicate_entry"),
            EntryFault::Unroutable => (Verdict::Unroutable, "unroutable"),
        }
    }
}

/// The entries of a `seeds` line: between commas or line ends, without the spaces around them. Empty ones are skipped, as
/// CometBFT does.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty())
}

/// Judges each entry by itself and against those before it.
pub(super) fn read(seeds: &[String], strict: bool) -> Vec<Entry> {
    let mut known: Vec<Option<PeerAddress>> = Vec::with_capacity(seeds.len());
    let mut entries = Vec::with_capacity(seeds.len());
    for text in seeds {
        let parsed = parse(text);
        let before = known.iter().position(|other| other.is_some() && other.as_ref() == parsed.as_ref().ok());
        known.push(parsed.as_ref().ok().cloned());
        entries.push(match (parsed, before) {
            (Err(fault), _) => Entry::Faulty(fault),
            (Ok(_), Some(index)) => Entry::Faulty(EntryFault::Duplicate(index + 1)),
            (Ok(seed), None) if strict && is_private(&seed) => Entry::Faulty(EntryFault::Unroutable),
            (Ok(seed), None) => Entry::Seed(seed),
        });
    }
    entries
}

fn parse(text: &str) -> Result<PeerAddress, EntryFault> {
    let seed = text.parse().map_err(EntryFault::Address)?;
    let id = text.split_once('@').map_or("", |(before, _)| before).rsplit('/').next().unwrap_or_default();
    if id.bytes().any(|byte| byte.is_ascii_uppercase()) { Err(EntryFault::UpperCase) } else { Ok(seed) }
}

fn is_private(seed: &PeerAddress) -> bool {
    matches!(seed.host(), Host::Ip(ip) if !is_routable(*ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn faults(places: &[&str], strict: bool) -> Vec<Option<&'static str>> {
        let seeds: Vec<String> = places.iter().map(|place| place.replace("ID", ID)).collect();
        let fault = |entry| match entry {
            Entry::Seed(_) => None,
            Entry::Faulty(fault) => Some(EntryFault::verdict(&fault).1),
        };
        read(&seeds, strict).into_iter().map(fault).collect()
    }

    #[test]
    fn a_line_is_split_as_a_node_splits_it() {
        assert_eq!(split(" a@b:1 ,, c@d:2,\n").collect::<Vec<_>>(), ["a@b:1", "c@d:2"]);
        assert_eq!(split("a\r\nb").collect::<Vec<_>>(), ["a", "b"], "one a line is read, too");
        assert_eq!(split(" , ").count(), 0);
    }

    #[test]
    fn an_entry_is_held_against_those_before_it() {
        let list = ["ID@h.org:1", "nonsense", "tcp://ID@H.org:1", "nonsense", "ID@h.org:2"];
        let malformed = Some("malformed_address");
        assert_eq!(faults(&list, true), [None, malformed, Some("duplicate_entry"), malformed, None]);
    }

    #[test]
    fn private_addresses_are_faults_where_the_internet_is_meant() {
        let list = ["ID@10.0.0.1:1", "ID@[::1]:1", "ID@8.8.8.8:1"];
        assert_eq!(faults(&list, true), [Some("unroutable"), Some("unroutable"), None]);
        assert_eq!(faults(&list, false), [None, None, None]);
    }

    #[test]
    fn an_id_in_upper_case_is_a_fault() {
        let upper = ID.to_uppercase();
        for text in [format!("{upper}@h.org:1"), format!("tcp://{upper}@h.org:1")] {
            assert_eq!(faults(&[&text], true), [Some("upper_case_id")], "{text}");
        }
        assert_eq!(faults(&["TCP://ID@H.ORG:1"], true), [None]);
    }
}
