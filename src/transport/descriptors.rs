//! How many of the process's file descriptors peers may use. The rest is kept for those without whom nobody could see what
//! goes on: the admin API, metrics and health, and the books.
//!
//! Nothing is counted: POSIX gives a new descriptor the lowest number that is free, so that one with the number `n` says by
//! itself that `n` others are open (`open(2)`, `accept(2)`).

use std::io::Error;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rlimit::Resource;

use super::os_error::is_exhausted;
use crate::clock::Clock;
use crate::types::Mono;

/// Lines in the log about a shortage.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Whose descriptor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptorUse {
    /// A peer that came to us.
    Inbound,
    /// A peer that we dial.
    Dial,
    /// A client of the admin API on TCP, or of metrics and health.
    Client,
    /// A client of the admin API's Unix socket: of this host's users, whom nobody else may lock out.
    Socket,
}

impl DescriptorUse {
    /// All of them.
    pub const ALL: [DescriptorUse; 4] =
        [DescriptorUse::Inbound, DescriptorUse::Dial, DescriptorUse::Client, DescriptorUse::Socket];

    /// A name for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            DescriptorUse::Inbound => "inbound",
            DescriptorUse::Dial => "dial",
            DescriptorUse::Client => "client",
            DescriptorUse::Socket => "socket",
        }
    }

    /// Descriptors out of `limit` that have to be left when one is opened for this.
    const fn reserve(self, limit: u64) -> u64 {
        match self {
            DescriptorUse::Inbound | DescriptorUse::Dial => peer_reserve(limit),
            DescriptorUse::Client => clamp(limit / 8, 20, 64),
            DescriptorUse::Socket => clamp(limit / 16, 8, 32),
        }
    }
}

/// Descriptors out of `limit` that peers leave to others: a quarter, at least 40, at most 256.
pub const fn peer_reserve(limit: u64) -> u64 {
    clamp(limit / 4, 40, 256)
}

const fn clamp(value: u64, min: u64, max: u64) -> u64 {
    if value < min {
        min
    } else if value > max {
        max
    } else {
        value
    }
}

/// The most descriptors that the process may have open, as it was when it was first asked for (`RLIMIT_NOFILE`'s soft
/// limit); [`u64::MAX`] when it is not known.
pub fn descriptor_limit() -> u64 {
    static LIMIT: OnceLock<u64> = OnceLock::new();
    *LIMIT.get_or_init(|| Resource::NOFILE.get_soft().unwrap_or(u64::MAX))
}

/// Whether a descriptor that was just opened may be kept for this. When not it is counted, and has to be closed; a line in the
/// log says so once a minute.
pub fn may_keep(opened: &impl AsRawFd, purpose: DescriptorUse) -> bool {
    let number = u64::try_from(opened.as_raw_fd()).unwrap_or_default();
    let kept = fits(number, descriptor_limit(), purpose);
    if !kept {
        note_shortage(purpose);
    }
    kept
}

const fn fits(number: u64, limit: u64, purpose: DescriptorUse) -> bool {
    number < limit.saturating_sub(purpose.reserve(limit))
}

static SHORTAGES: [AtomicU64; DescriptorUse::ALL.len()] = [const { AtomicU64::new(0) }; DescriptorUse::ALL.len()];

/// Counts a descriptor that was closed, or not to be had at all, for want of others.
pub(super) fn note_shortage(purpose: DescriptorUse) {
    SHORTAGES[purpose as usize].fetch_add(1, Ordering::Relaxed);
    if may_log(Clock.mono().since(Mono::ZERO).as_secs()) {
        let [inbound, dials, clients, socket] = shortages();
        tracing::warn!(
            limit = descriptor_limit(),
            inbound,
            dials,
            clients,
            socket,
            "file descriptors are short: connections are refused (counts since the start); raise the limit of open files \
             (LimitNOFILE), or lower p2p.max_num_inbound_peers"
        );
    }
}

/// Counts why a socket could not be opened, when it is for want of descriptors.
pub(super) fn note_open_error(error: &Error, purpose: DescriptorUse) {
    if is_exhausted(error) {
        note_shortage(purpose);
    }
}

/// Notes why a connection could not be accepted: a shortage is counted, everything else has a line in the log.
pub fn note_accept_error(error: &Error, purpose: DescriptorUse) {
    if is_exhausted(error) {
        note_shortage(purpose);
    } else {
        tracing::warn!(%error, purpose = purpose.name(), "cannot accept a connection");
    }
}

/// How often there was none since the process started, as [`DescriptorUse::ALL`] has them.
pub fn shortages() -> [u64; DescriptorUse::ALL.len()] {
    SHORTAGES.each_ref().map(|count| count.load(Ordering::Relaxed))
}

fn may_log(now: u64) -> bool {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.load(Ordering::Relaxed);
    let after = now + LOG_INTERVAL.as_secs();
    now >= next && NEXT.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_leave_a_reserve_clients_a_smaller_one_and_the_socket_the_smallest() {
        for (limit, peers, clients, socket) in
            [(128, 88, 108, 120), (1_024, 768, 960, 992), (65_536, 65_280, 65_472, 65_504)]
        {
            for (purpose, first) in DescriptorUse::ALL.into_iter().zip([peers, peers, clients, socket]) {
                assert!(fits(first - 1, limit, purpose) && !fits(first, limit, purpose), "{limit} {purpose:?}");
            }
        }
        assert!(!fits(3, 30, DescriptorUse::Inbound), "a limit that leaves nothing leaves nothing to peers");
        assert!(fits(3, 30, DescriptorUse::Client));
        assert!(fits(1 << 40, u64::MAX, DescriptorUse::Inbound), "an unknown limit is none");
    }
}
