//! The tables of a network's `config.toml`, with their values parsed.

use super::keys::{BookFile, NetworkTop, P2p, Pex};
use super::layers::Tables;
use super::section::Key;

/// The tables as the file has them.
#[derive(PartialEq)]
pub(super) struct NetworkTables {
    pub(super) top: NetworkTop,
    pub(super) p2p: P2p,
    pub(super) pex: Pex,
    pub(super) book: BookFile,
}

impl NetworkTables {
    pub(super) fn into_p2p_and_pex(self) -> (P2p, Pex) {
        (self.p2p, self.pex)
    }
}

impl Tables for NetworkTables {
    fn defaults(seed_mode: bool) -> Self {
        NetworkTables {
            top: NetworkTop::defaults(seed_mode),
            p2p: P2p::defaults(seed_mode),
            pex: Pex::defaults(seed_mode),
            book: BookFile::defaults(seed_mode),
        }
    }

    fn set(&mut self, key: &Key, text: &str) -> Result<(), String> {
        match key.table {
            "p2p" => self.p2p.set(key, text),
            "pex" => self.pex.set(key, text),
            "book" => self.book.set(key, text),
            _ => self.top.set(key, text),
        }
    }
}
