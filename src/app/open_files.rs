//! The limit of open files: raised as far as it may be, and held against what the networks may need.

use std::collections::BTreeSet;

use crate::config::{Config, Network};
use crate::network::{descriptor_limit, peer_reserve};
use crate::types::counted;

/// Open files of a process that serves nothing: its log, its runtime, its listeners.
const PROCESS: u64 = 24;
/// Open files of a network that nobody is connected to. Six for its book: the file and the index of its log, each of them twice (for
/// SQLite, and to look whether they are still in their place), its log, and its lock. Three for the log of answers: the file, its
/// log, and the index of that.
const NETWORK: u64 = 9;

/// Each peer is an open file. The soft limit is often 1,024 and may be raised up to the hard one without rights.
pub fn raise_open_files() {
    const WANTED: u64 = 65_536;
    match rlimit::increase_nofile_limit(WANTED) {
        Ok(limit) if limit < WANTED => tracing::debug!(limit, "limit of open files"),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

/// Why the networks' limits do not fit the process's limit of open files, with the fix; `None` when they do.
pub fn does_not_fit(config: &Config) -> Option<String> {
    let needed = needed(&config.networks, u64::from(config.process.limits.max_dials));
    let limit = descriptor_limit();
    let (peers, reserve) = (needed.peers, peer_reserve(limit));
    (needed.base.saturating_add(peers).saturating_add(reserve) > limit).then(|| {
        format!(
            "the limit of open files is {limit}, of which {} are needed for the networks' files and {reserve} are kept for the \
             admin API, metrics and the books; beside them the networks' limits let {} and dials come, and those that do not fit \
             will be refused: raise the limit (LimitNOFILE of the unit, `ulimit -n`), or lower \
             p2p.max_num_inbound_peers",
            needed.base,
            counted(peers, "peer")
        )
    })
}

/// Open files at most.
struct Needed {
    /// Of the process and the networks' files.
    base: u64,
    /// Of peers and dials.
    peers: u64,
}

fn needed(networks: &[Network], max_dials: u64) -> Needed {
    let listeners: BTreeSet<_> = networks.iter().map(|network| (network.p2p.laddr, network.id())).collect();
    let files = networks.len() as u64 * NETWORK + listeners.len() as u64;
    let peers = |network: &Network| {
        let p2p = &network.p2p;
        let listed = p2p.unconditional_peer_ids.len() + p2p.persistent_peers.len();
        u64::from(p2p.max_num_inbound_peers) + u64::from(p2p.max_num_outbound_peers) + listed as u64
    };
    Needed { base: PROCESS + files, peers: networks.iter().map(peers).sum::<u64>() + max_dials }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::Path;

    use super::*;
    use crate::store::Store;
    use crate::store::answer_log::{AnswerLog, Answered, answer_log_path};
    use crate::types::{NodeId, Wall};

    /// How many files of a folder this process has open.
    fn open_in(folder: &Path) -> u64 {
        let open = fs::read_dir("/proc/self/fd").unwrap();
        let names = open.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
        names.filter(|name| name.starts_with(folder)).count() as u64
    }

    #[test]
    fn a_network_has_as_many_files_open_as_are_reckoned_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let book = folder.join("book.db");
        let (_store, _) = Store::open(&book, "test-1", [7; 32]).unwrap();
        let write = || {
            let log = AnswerLog::open(answer_log_path(&book), 1 << 20).unwrap();
            let (id, ip) = (NodeId::from_bytes([1; NodeId::LEN]), IpAddr::from(Ipv4Addr::LOCALHOST));
            log.note(Answered { at: Wall::from_secs(1), id, ip, addresses: [].into() });
            log
        };
        write().close();
        // One that is there is opened at once.
        let log = write();
        while log.stats().written + log.stats().dropped == 0 {
            std::thread::yield_now();
        }
        assert_eq!(open_in(&folder), NETWORK);
        log.close();
    }
}
