//! The one table of keys. Files, variables, flags, the file that `init` writes and docs/configuration.md are made of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::section::{Key, section};
use super::value::{
    ChainIdText, ExternalAddress, FileMode, LogFormat, LogLevel, MetricNamespace, Printable, ReadyRule,
};
use crate::types::{NodeId, PeerAddress};

section! {
    /// The top of `pexd.toml`.
    ProcessTop = "" {
        /// The network (its chain ID) that the admin API and the commands mean when none is named.
        /// Empty: the only one, if there is one alone.
        default_network: ChainIdText = "";
    }
}

section! {
    /// `[admin]` of `pexd.toml`.
    Admin = "admin" {
        /// Where the gRPC admin API listens on TCP. Empty: nowhere. On loopback callers may read without a credential until there
        /// is one; any other address demands callers that authenticate: see docs/access.md.
        laddr: Option<SocketAddr> = "127.0.0.1:26670", flag;
        /// The Unix socket of the admin API; relative to the home. Empty: none. Who may open it commands the process.
        socket: Option<PathBuf> = "pexd.sock", flag;
        /// Who may open the socket, as chmod has it: 0600 is its owner alone, 0660 its group too.
        socket_mode: FileMode = "0600";
        /// The socket's owner, a user's name or number. Empty: the user that pexd runs as.
        socket_owner: Printable = "";
        /// The socket's group, a name or number. Empty: the group that pexd runs as.
        socket_group: Printable = "";
        /// Whether callers on a loopback address have to authenticate even to read. If not, they may read, and no more, as long as
        /// there is no token, no certificate and no client CA; from then on they have to as well. Needed when something on
        /// this host passes requests of others on, such as a reverse proxy.
        require_auth: bool = "false";
        /// The file of tokens and certificates and what each may do; relative to the home. `pexd token add` writes it.
        /// It is read again when it changes, and need not exist.
        access_file: PathBuf = "access.toml";
        /// Whether tokens may come in plain text from other hosts. Only for a proxy in front that does TLS, or a
        /// private network.
        plaintext_tokens: bool = "false";
        /// The server's certificate chain (PEM), with which TCP speaks TLS; relative to the home. It is read again when
        /// it changes, as are the key and the client CA.
        tls_cert_file: Option<PathBuf> = "";
        /// The private key (PEM) of the certificate; relative to the home.
        tls_key_file: Option<PathBuf> = "";
        /// The CA (PEM) whose client certificates are believed; relative to the home. What each certificate may do
        /// stands in access_file; one that does not stand there is refused.
        client_ca_file: Option<PathBuf> = "";
        /// Connections at once on TCP, and as many on the socket; more are closed.
        max_connections: u32 = "64" in 1..=65536;
        /// Connections at once from one IP (IPv6: one /64), or of one user on the socket; more are closed.
        max_connections_per_source: u32 = "16" in 1..=65536;
        /// Requests that are being answered at once, in all; more are refused.
        max_requests: u32 = "256" in 1..=65536;
        /// Requests a second of one caller: a token, a certificate, or an IP or user without either. 0: no limit.
        requests_per_second: u32 = "50" in 0..=1000000;
        /// Requests that one caller may send at once before the rate holds.
        requests_burst: u32 = "200" in 1..=1000000;
        /// Wrong tokens and certificates a minute from one source; then all that it shows is refused unread.
        failures_per_minute: u32 = "10" in 1..=60000;
    }
}

section! {
    /// `[http]` of `pexd.toml`: metrics and health for machines. Neither shows an address or a peer's ID.
    Http = "http" {
        /// Where /metrics, /healthz and /readyz are served over HTTP. Empty: nowhere. It may be opened to others: it only
        /// shows the networks' names and numbers.
        laddr: Option<SocketAddr> = "127.0.0.1:26671", flag;
        /// What the names of the metrics begin with that CometBFT has too, as its instrumentation.namespace. Those of
        /// pexd's own begin with pexd.
        namespace: MetricNamespace = "cometbft";
        /// What /readyz says when some networks are ready and others are not: any, it is ready while one of them is; all,
        /// it is not. /readyz/CHAIN_ID answers for one.
        ready: ReadyRule = "any";
        /// Addresses that a network has to be able to serve to be ready. 0: one that serves nobody may be; a probe says
        /// the same of its own with ?servable=0.
        ready_servable: u32 = "1" in 0..=1000000;
    }
}

section! {
    /// `[log]` of `pexd.toml`.
    Log = "log" {
        /// What is logged: off, error, warn, info, debug or trace, or levels by module (info,pexd::switch=debug).
        level: LogLevel = "info", flag;
        /// How log lines look: text for people, json for machines.
        format: LogFormat = "text", flag;
    }
}

section! {
    /// `[limits]` of `pexd.toml`: what all networks of the process share.
    Limits = "limits" {
        /// Dials under way at once, in all networks together.
        max_dials: u32 = "256" in 1..=65536;
        /// New dials a second, in all networks together.
        dials_per_second: u32 = "200" in 1..=65536;
    }
}

section! {
    /// The top of a network's `config.toml`.
    NetworkTop = "" {
        /// The node's name, as peers see it. Empty: the host's name.
        moniker: Printable = "", flag;
    }
}

section! {
    /// `[p2p]` of a network's `config.toml`: CometBFT's keys in its own formats, so that a node's section can be pasted in.
    P2p = "p2p" {
        /// Where peers are listened for. Several networks may share one when they share their node key
        /// (node_key_file in [pex]) too.
        laddr: SocketAddr = "tcp://0.0.0.0:26656", flag;
        /// The host:port that is advertised to peers. Empty: the address of laddr, which others can only reach when
        /// it is not 0.0.0.0.
        external_address: Option<ExternalAddress> = "", flag;
        /// Nodes to ask for addresses when the book has too few: id@host:port, comma-separated.
        seeds: Vec<PeerAddress> = "", flag;
        /// Nodes to stay connected to: id@host:port, comma-separated.
        persistent_peers: Vec<PeerAddress> = "", flag;
        /// Whether only addresses that can be reached over the Internet are taken. Set it to false for private and
        /// local networks.
        addr_book_strict: bool = "true", flag;
        /// Peers that may have dialled us at once.
        max_num_inbound_peers: u32 = "40" seed "2000" in 0..=1000000, flag;
        /// Peers that we dial and keep; seeds, persistent peers and a seed's crawl are not held to it.
        max_num_outbound_peers: u32 = "10" in 0..=65536, flag;
        /// IDs of nodes that the two limits do not hold for, comma-separated.
        unconditional_peer_ids: Vec<NodeId> = "", flag;
        /// The longest pause between two dials of a persistent peer. 0s: the pauses grow without this bound.
        persistent_peers_max_dial_period: Duration = "0s" in 0..=31536000000;
        /// How long what is sent to a peer may be gathered before it is written out.
        flush_throttle_timeout: Duration = "10ms" in 0..=10000;
        /// Bytes of payload in a packet that peers may send, the same in the whole of a chain.
        max_packet_msg_payload_size: u32 = "1024" in 1..=16777216;
        /// Bytes a second sent to one peer at most. 0: no limit.
        send_rate: u64 = "5120000" in 0..=9223372036854775807;
        /// Bytes a second taken from one peer at most. 0: no limit.
        recv_rate: u64 = "5120000" in 0..=9223372036854775807;
        /// Peer exchange; without it pexd has nothing to do, so that only true is accepted.
        pex: bool = "true";
        /// Seed mode: crawl the network, answer requests for addresses, and hang up.
        seed_mode: bool = "false", flag;
        /// IDs of nodes that are never advertised, comma-separated.
        private_peer_ids: Vec<NodeId> = "", flag;
        /// Whether several peers may be connected from one IP.
        allow_duplicate_ip: bool = "false" seed "true", flag;
        /// How long an inbound connection may take for its whole handshake.
        handshake_timeout: Duration = "20s" in 1..=600000;
        /// How long a dial may take to connect.
        dial_timeout: Duration = "3s" in 1..=600000;
    }
}

section! {
    /// `[pex]` of a network's `config.toml`: what pexd has and a node has not.
    Pex = "pex" {
        /// The chain's ID. Empty: the folder's name.
        chain_id: ChainIdText = "";
        /// Whether this is a chain's first node: start although there is no seed, no persistent peer and no known address.
        bootstrap: bool = "false", flag;
        /// The file of the node key, as a node writes it; relative to the network's folder.
        node_key_file: PathBuf = "node_key.json";
        /// Whether operators may change nothing of this network's configuration at run time: the files alone count. Bans,
        /// start and stop stay possible; changes that were made earlier have no effect while it is set.
        immutable: bool = "false";
        /// How often the number of peers is looked after (a node) or the network is crawled (a seed).
        ensure_peers_period: Duration = "30s" in 100..=3600000;
        /// Dials of this network under way at once.
        max_dials: u32 = "128" seed "192" in 1..=65536;
        /// Unfinished handshakes from one IP; more are closed. 0: no limit.
        max_handshakes_per_ip: u32 = "64" in 0..=1000000;
        /// Unfinished handshakes in all; more are closed. 0: no limit.
        max_handshakes: u32 = "1024" in 0..=1000000;
        /// New connections a second from one IP. 0: no limit.
        new_connections_per_ip: u32 = "20" in 0..=1000000;
        /// New connections from one IP that may come at once before the rate holds.
        new_connections_per_ip_burst: u32 = "200" in 1..=1000000;
        /// New connections a second from one /16 (IPv6: one /32). 0: no limit.
        new_connections_per_range: u32 = "200" in 0..=1000000;
        /// New connections from one /16 (IPv6: one /32) that may come at once before the rate holds.
        new_connections_per_range_burst: u32 = "2000" in 1..=1000000;
        /// The block protocol's version that is announced; peers with another are refused.
        block_version: u64 = "11";
        /// The p2p protocol's version that is announced; nobody compares it.
        p2p_version: u64 = "8";
        /// The application's version that is announced; nobody compares it.
        app_version: u64 = "0";
        /// The software's version that is announced. Empty: pexd's own.
        version: Printable = "";
    }
}

section! {
    /// `[book]` of a network's `config.toml`.
    BookFile = "book" {
        /// The database of the address book; relative to the network's folder. No two networks share one.
        file: PathBuf = "book.db";
        /// Addresses that it holds, some 240 bytes of memory each as far as it is filled. A full one evicts what nobody
        /// reached, and refuses what failed lately.
        max_addresses: u32 = "16384" seed "131072" in 1024..=1048576;
        /// A MaxMind DB of autonomous systems, such as GeoLite2-ASN.mmdb; relative to the network's folder. An address's group,
        /// which decides its share of answers and of outbound peers, is its autonomous system then. Empty, and for what
        /// the file does not have: its /16 (IPv6: /32). It is read at the start, into memory once for all networks that
        /// name it. A reload that finds another value or other contents starts the network again.
        asn_file: Option<PathBuf> = "";
        /// Own dials that are kept in it, the latest, some 200 bytes each. 0: none.
        dial_log: u32 = "100000" in 0..=10000000;
        /// MiB of disk for the log of answers: which addresses were sent to whom, for a day, or less when that does not fit.
        /// It lies beside the database, with `.answers` behind its name. 0: none; one that is there is removed.
        answer_log_mib: u32 = "64" in 0..=65536;
    }
}

/// The tables of `pexd.toml`.
pub const PROCESS_TABLES: [&[Key]; 5] = [ProcessTop::KEYS, Admin::KEYS, Http::KEYS, Log::KEYS, Limits::KEYS];

/// The tables of a network's `config.toml`.
pub const NETWORK_TABLES: [&[Key]; 4] = [NetworkTop::KEYS, P2p::KEYS, Pex::KEYS, BookFile::KEYS];

/// All keys of both files.
pub fn all_keys() -> impl Iterator<Item = &'static Key> {
    PROCESS_TABLES.into_iter().chain(NETWORK_TABLES).flatten()
}

/// Whether this key belongs to a network's file (else to the process's).
pub fn is_network_key(key: &Key) -> bool {
    NETWORK_TABLES.into_iter().flatten().any(|known| known == key)
}

/// What a node's `config.toml` may hold and has no effect here: accepted, and said once.
pub struct Ignored {
    /// The table it stands in, empty for the top of the file.
    pub table: &'static str,
    /// Its name; a table's name stands for all that it holds.
    pub name: &'static str,
    /// Why it has no effect.
    pub why: &'static str,
}

const fn ignored(table: &'static str, name: &'static str, why: &'static str) -> Ignored {
    Ignored { table, name, why }
}

const NODE: &str = "of a full node";
const TESTS: &str = "for CometBFT's own tests";
const SLOTS: &str = "max_num_inbound_peers and max_num_outbound_peers say it here";
const ROUTER: &str = "of the p2p router of Tendermint 0.35 and Sei";
const BUFFERS: &str = "of Ostracon's receive buffers";

/// The keys without effect, from the files of CometBFT 0.34 to 1.0, and those of other engines in `[p2p]`. Dashes are
/// written `_` here.
pub const IGNORED: &[Ignored] = &[
    ignored("p2p", "addr_book_file", "the book is kept in book.db ([book] file)"),
    ignored("p2p", "upnp", "pexd opens no ports in routers"),
    ignored("p2p", "home", NODE),
    ignored("p2p", "libp2p", "pexd speaks CometBFT's own p2p protocol, not libp2p"),
    ignored("p2p", "test_dial_fail", TESTS),
    ignored("p2p", "test_fuzz", TESTS),
    ignored("p2p", "test_fuzz_config", TESTS),
    ignored("p2p", "bootstrap_peers", "write these nodes into seeds"),
    ignored("p2p", "max_connections", SLOTS),
    ignored("p2p", "max_outgoing_connections", SLOTS),
    ignored("p2p", "max_outbound_connections", SLOTS),
    ignored("p2p", "max_num_peers", SLOTS),
    ignored("p2p", "max_incoming_connection_attempts", "new_connections_per_ip in [pex] says it here"),
    ignored("p2p", "blocksync_peers", NODE),
    ignored("p2p", "use_legacy", ROUTER),
    ignored("p2p", "queue_type", ROUTER),
    ignored("p2p", "dial_interval", ROUTER),
    ignored("p2p", "accept_interval", ROUTER),
    ignored("p2p", "self_kill_no_peers", ROUTER),
    ignored("p2p", "blacklist_ttl", ROUTER),
    ignored("p2p", "recv_async", BUFFERS),
    ignored("p2p", "pex_recv_buf_size", BUFFERS),
    ignored("p2p", "evidence_recv_buf_size", BUFFERS),
    ignored("p2p", "mempool_recv_buf_size", BUFFERS),
    ignored("p2p", "consensus_recv_buf_size", BUFFERS),
    ignored("p2p", "blockchain_recv_buf_size", BUFFERS),
    ignored("p2p", "statesync_recv_buf_size", BUFFERS),
    ignored("p2p", "skip_upnp", "pexd opens no ports in routers"),
    ignored("p2p", "auth_enc", "connections are always encrypted"),
    ignored("", "node_key_file", "the key's file is named in [pex] node_key_file"),
    ignored("", "log_level", "logging is set in pexd.toml, [log]"),
    ignored("", "log_format", "logging is set in pexd.toml, [log]"),
    ignored("", "version", NODE),
    ignored("", "home", NODE),
    ignored("", "proxy_app", NODE),
    ignored("", "fast_sync", NODE),
    ignored("", "block_sync", NODE),
    ignored("", "db_backend", NODE),
    ignored("", "db_dir", NODE),
    ignored("", "genesis_file", NODE),
    ignored("", "priv_validator_key_file", NODE),
    ignored("", "priv_validator_state_file", NODE),
    ignored("", "priv_validator_laddr", NODE),
    ignored("", "priv_validator", NODE),
    ignored("", "mode", "seed_mode in [p2p] says it here"),
    ignored("", "prof_laddr", NODE),
    ignored("", "abci", NODE),
    ignored("", "filter_peers", NODE),
    ignored("", "event_bus_buffer_capacity", NODE),
    ignored("", "rpc", NODE),
    ignored("", "grpc", NODE),
    ignored("", "mempool", NODE),
    ignored("", "statesync", NODE),
    ignored("", "fastsync", NODE),
    ignored("", "blocksync", NODE),
    ignored("", "consensus", NODE),
    ignored("", "storage", NODE),
    ignored("", "tx_index", NODE),
    ignored("", "instrumentation", NODE),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_default_is_valid_in_both_modes() {
        for seed_mode in [false, true] {
            ProcessTop::defaults(seed_mode);
            Admin::defaults(seed_mode);
            Http::defaults(seed_mode);
            Log::defaults(seed_mode);
            Limits::defaults(seed_mode);
            NetworkTop::defaults(seed_mode);
            P2p::defaults(seed_mode);
            Pex::defaults(seed_mode);
            BookFile::defaults(seed_mode);
        }
    }

    #[test]
    fn no_two_keys_share_a_variable_or_a_flag() {
        let variables: BTreeSet<String> = all_keys().map(Key::variable).collect();
        assert_eq!(variables.len(), all_keys().count());
        let paths: BTreeSet<String> = all_keys().map(Key::path).collect();
        assert_eq!(paths.len(), all_keys().count());
    }

    #[test]
    fn a_seed_has_its_own_defaults() {
        let (node, seed) = (P2p::defaults(false), P2p::defaults(true));
        assert_eq!((node.max_num_inbound_peers, node.allow_duplicate_ip), (40, false));
        assert_eq!((seed.max_num_inbound_peers, seed.allow_duplicate_ip), (2000, true));
    }
}
