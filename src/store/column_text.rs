//! Words of the store's columns: text and back, one form for each value.
//!
//! A text in another form than the one written here does not read: a key with two spellings would be two rows.

use std::fmt::Display;
use std::str::FromStr;

use ipnet::IpNet;

use crate::book::State;
use crate::node::row::{BanScope, BanTarget, ListItem};
use crate::types::{DialOutcome, NodeId, Purpose};

/// An ID in hex, as [`NodeId`]'s `Display` writes it; a first save of a full book writes 40,000 of them.
pub(super) fn hex(id: NodeId) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = id.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

pub(super) fn id(text: &str) -> Option<NodeId> {
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    lower.then(|| text.parse().ok()).flatten()
}

/// What `text` stands for, when it is written as we write it.
pub(super) fn exact<T: FromStr + Display>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

pub(super) fn state(word: &str) -> Option<State> {
    State::ALL.into_iter().find(|state| state.name() == word)
}

pub(super) fn outcome(word: &str) -> Option<DialOutcome> {
    DialOutcome::ALL.into_iter().find(|outcome| outcome.name() == word)
}

/// The outcome of a dial that says nothing about the address.
pub(super) const INCONCLUSIVE: &str = "inconclusive";

pub(super) fn purpose(word: &str) -> Option<Purpose> {
    Purpose::ALL.into_iter().find(|purpose| purpose.name() == word)
}

pub(super) fn scope(word: &str) -> Option<BanScope> {
    BanScope::ALL.into_iter().find(|scope| scope.name() == word)
}

/// The list's name and the item's text.
pub(super) fn list_item(item: &ListItem) -> (&'static str, String) {
    match item {
        ListItem::Seed(peer) => ("seeds", peer.to_string()),
        ListItem::Persistent(peer) => ("persistent_peers", peer.to_string()),
        ListItem::Unconditional(id) => ("unconditional_peer_ids", hex(*id)),
        ListItem::Private(id) => ("private_peer_ids", hex(*id)),
    }
}

/// What [`list_item`] wrote.
pub(super) fn read_list_item(list: &str, item: &str) -> Option<ListItem> {
    match list {
        "seeds" => exact(item).map(ListItem::Seed),
        "persistent_peers" => exact(item).map(ListItem::Persistent),
        "unconditional_peer_ids" => id(item).map(ListItem::Unconditional),
        "private_peer_ids" => id(item).map(ListItem::Private),
        _ => None,
    }
}

pub(super) fn target_text(target: BanTarget) -> String {
    match target {
        BanTarget::Id(id) => hex(id),
        BanTarget::Range(range) => range.to_string(),
    }
}

pub(super) fn target(text: &str) -> Option<BanTarget> {
    let Some((ip, prefix)) = text.split_once('/') else { return id(text).map(BanTarget::Id) };
    // Not ipnet's own parser: it refuses an IPv4 address within an IPv6 one, which its `Display` writes.
    let range = IpNet::new(exact(ip)?, exact(prefix)?).ok()?;
    Some(BanTarget::Range(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for value in DialOutcome::ALL {
            assert_eq!(outcome(value.name()), Some(value));
            assert_eq!(DialOutcome::from_u8(value as u8), Some(value));
        }
        assert_eq!(DialOutcome::from_u8(10), None);
        for value in Purpose::ALL {
            assert_eq!(purpose(value.name()), Some(value));
        }
        for value in State::ALL {
            assert_eq!(state(value.name()), Some(value));
        }
        let id_of = NodeId::from_bytes(std::array::from_fn(|index| (index * 13) as u8));
        assert_eq!(hex(id_of), id_of.to_string());
        assert_eq!(id(&hex(id_of)), Some(id_of));
    }

    #[test]
    fn other_spellings_do_not_read() {
        assert_eq!(id(&"A".repeat(40)), None);
        assert_eq!(exact::<std::net::IpAddr>("2001:0db8::1"), None);
        assert_eq!(target("10.0.0.0/08"), None);
        assert_eq!(target("10.0.0.1"), None);
    }
}
