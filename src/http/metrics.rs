//! The one table of metrics: names, types, labels and meanings. What is exported and docs/metrics.md are made of it.

use std::fmt::Write as _;

use prometheus::proto::MetricType;

/// What a metric's name begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// One that CometBFT has too, with its name: the configured namespace.
    Comet,
    /// One of pexd's own.
    Pexd,
    /// One that every exporter has.
    Plain,
}

/// A metric.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) space: Space,
    pub(super) name: &'static str,
    pub(super) kind: MetricType,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

impl Metric {
    /// The name as it is exported.
    pub(super) fn full_name(&self, namespace: &str) -> String {
        match self.space {
            Space::Comet => format!("{namespace}_{}", self.name),
            Space::Pexd => format!("pexd_{}", self.name),
            Space::Plain => self.name.to_owned(),
        }
    }
}

macro_rules! metrics {
    ($( $name:ident = $space:ident $text:literal $kind:ident [$($label:literal),*] $help:literal; )*) => {
        $( pub(super) const $name: Metric = Metric {
            space: Space::$space,
            name: $text,
            kind: MetricType::$kind,
            labels: &[$($label),*],
            help: $help,
        }; )*

        /// All of them, in the order of the reference.
        pub(super) const ALL: &[&Metric] = &[$(&$name),*];
    };
}

metrics! {
    PEERS = Comet "p2p_peers" GAUGE ["chain_id"]
        "Connected peers.";
    RECEIVED_BYTES = Comet "p2p_message_receive_bytes_total" COUNTER ["chain_id", "message_type"]
        "Bytes of messages received, by type.";
    SENT_BYTES = Comet "p2p_message_send_bytes_total" COUNTER ["chain_id", "message_type"]
        "Bytes of messages sent, by type.";

    STATE = Pexd "network_state" GAUGE ["chain_id", "state"]
        "1 for the state that the network is in: running, starting, stopped, failed or unresponsive.";
    CONFIG_ERRORS = Pexd "network_config_errors" GAUGE ["chain_id"]
        "Errors in the network's files as they are on disk now; it runs with what they said before, or is failed.";
    OUTAGE = Pexd "outage" GAUGE ["chain_id"]
        "1 while most of what was reachable fails at once, so that nothing is demoted.";
    OPEN_PEERS = Pexd "peers" GAUGE ["chain_id", "direction", "purpose"]
        "Connected peers by who dialled and why; the purpose of inbound peers is none.";
    MAX_PEERS = Pexd "peers_max" GAUGE ["chain_id", "direction"]
        "The most peers of this direction that are kept.";
    RECEIVED = Pexd "messages_received_total" COUNTER ["chain_id", "message_type"]
        "Messages received, by type.";
    SENT = Pexd "messages_sent_total" COUNTER ["chain_id", "message_type"]
        "Messages sent, by type.";

    BOOK_IDS = Pexd "book_ids" GAUGE ["chain_id", "state"]
        "IDs in the address book by state: new, old or banned.";
    BOOK_ADDRESSES = Pexd "book_addresses" GAUGE ["chain_id", "outcome"]
        "Addresses of IDs that are not banned, by the outcome of our latest attempt to reach them.";
    BOOK_MAX = Pexd "book_addresses_max" GAUGE ["chain_id"]
        "The most addresses that the book holds, those of banned IDs left out.";
    BOOK_REFUSED = Pexd "book_refused_total" COUNTER ["chain_id", "reason"]
        "Advertised addresses that the book did not take, by why; source_rate: their source brought too many unknown ones.";
    BOOK_TRACES = Pexd "book_traces" GAUGE ["chain_id"]
        "Addresses and places that have left the book and are remembered with their backoff.";
    SERVABLE = Pexd "book_servable_ids" GAUGE ["chain_id"]
        "IDs that a requester could be sent now.";

    DIALS = Pexd "dials_total" COUNTER ["chain_id", "purpose", "outcome"]
        "Dials that ended, by purpose and outcome.";
    DIALLING = Pexd "dials_in_progress" GAUGE ["chain_id"]
        "Dials under way.";
    MAX_DIALS = Pexd "dials_max" GAUGE ["chain_id"]
        "The most dials at once.";
    PROCESS_DIALS = Pexd "process_dials_in_progress" GAUGE []
        "Dials under way in all networks together that count against limits.max_dials.";
    PROCESS_MAX_DIALS = Pexd "process_dials_max" GAUGE []
        "The most of these at once.";
    PROCESS_DELAYED_DIALS = Pexd "process_dials_delayed_total" COUNTER ["limit"]
        "Dials that had to wait for a limit of the process: max_dials or dials_per_second.";
    LAST_DIAL_ANSWER = Pexd "dial_last_answer_timestamp_seconds" GAUGE ["chain_id"]
        "When somebody last answered a dial of ours; 0 = not since the start.";

    REFUSALS = Pexd "refusals_total" COUNTER ["chain_id", "reason"]
        "Inbound connections that meant this network and were refused.";
    LISTENER_REFUSALS = Pexd "listener_refusals_total" COUNTER ["port", "reason"]
        "Inbound connections that a listener that several networks share refused before it was known which was meant, or because they meant none of them, by its port; no network's pexd_refusals_total has them.";
    DISCONNECTS = Pexd "disconnects_total" COUNTER ["chain_id", "reason"]
        "Connections of peers that ended.";
    BANS = Pexd "bans" GAUGE ["chain_id"]
        "Bans in effect.";

    ANSWERED = Pexd "requests_answered_total" COUNTER ["chain_id"]
        "Requests for addresses that were answered.";
    SESSION_SECONDS = Pexd "session_seconds" HISTOGRAM ["chain_id"]
        "From the connection of an inbound peer to the first answer to it.";
    HANDSHAKE_SECONDS = Pexd "handshake_seconds" HISTOGRAM ["chain_id", "direction"]
        "From the connection to the end of the handshake; outbound, the dial included.";

    BACKLOG = Pexd "crawl_backlog_addresses" GAUGE ["chain_id"]
        "Addresses that wait to be dialled now.";
    LAST_ROUND = Pexd "crawl_last_round_timestamp_seconds" GAUGE ["chain_id"]
        "When the last round of the crawl, or of a node's look after its peers, was; 0 = not yet.";
    ROUND_PERIOD = Pexd "crawl_round_period_seconds" GAUGE ["chain_id"]
        "How often there is a round (pex.ensure_peers_period).";
    LAST_SEED_ROUND = Pexd "crawl_last_seed_round_timestamp_seconds" GAUGE ["chain_id"]
        "When the configured seeds were last asked; 0 = not since the start.";
    SEEDS = Pexd "seeds" GAUGE ["chain_id", "outcome"]
        "Seeds in effect, this node itself left out, by what our latest dial found: untried, reached, failed, wrong_identity or wrong_network.";
    SEED_ADDRESSES = Pexd "seed_addresses" GAUGE ["chain_id", "seed", "result"]
        "What a seed in effect brought since the start, and what became of it: brought, reached, dead or refused (by its rate); seed is its metricsLabel in SeedService.ListSeeds.";

    UNSAVED = Pexd "store_unsaved" GAUGE ["chain_id"]
        "1 while changes are in effect that could not be written to disk.";
    STORE_WRITES = Pexd "store_writes_total" COUNTER ["chain_id", "result"]
        "Transactions, by result: saved or failed.";
    STORE_WRITE_SECONDS = Pexd "store_write_seconds_total" COUNTER ["chain_id"]
        "How long all transactions took together.";
    STORE_ROWS = Pexd "store_rows_written_total" COUNTER ["chain_id"]
        "Rows that were committed.";
    STORE_WAITING = Pexd "store_waiting_rows" GAUGE ["chain_id"]
        "Rows that were handed to the store and are not committed yet.";
    STORE_BYTES = Pexd "store_file_bytes" GAUGE ["chain_id"]
        "Size of the book's file and its log after the last transaction.";

    ANSWER_LOG = Pexd "answer_log_answers_total" COUNTER ["chain_id", "result"]
        "Answers for the log of answers: written, or dropped because the disk failed or did not keep up.";
    ANSWER_LOG_BYTES = Pexd "answer_log_file_bytes" GAUGE ["chain_id"]
        "Size of the log of answers.";

    ADMIN_REQUESTS = Pexd "admin_requests_total" COUNTER ["method", "code"]
        "Requests to the admin API, by method and gRPC code; a stream counts as it begins.";
    ADMIN_SECONDS = Pexd "admin_request_seconds" HISTOGRAM ["method"]
        "From a request to the admin API to the beginning of its answer.";

    DESCRIPTOR_SHORTAGES = Pexd "descriptor_shortages_total" COUNTER ["use"]
        "Connections that were not made because file descriptors were short: of inbound peers, of dials, of clients on TCP (the API, metrics and health), or of the socket.";
    PROCESS_CONFIG_ERRORS = Pexd "process_config_errors" GAUGE []
        "Errors in pexd.toml and the files that it names as they are on disk now; pexd would not start again with them.";
    CERTIFICATE_END = Pexd "admin_certificate_not_after_timestamp_seconds" GAUGE ["certificate"]
        "When the admin API's certificate (server), or the client CA's that ends first (client_ca), is no longer valid; no series where TLS is off.";
    CREDENTIAL_END = Pexd "admin_credential_expiry_timestamp_seconds" GAUGE ["credential"]
        "When the token, or the grant of a client certificate, that ends first does; one that has ended counts until it is removed. No series where none ends.";

    BUILD = Pexd "build_info" GAUGE ["version", "commit"]
        "1, with the version of pexd and the commit that it was built from, if that is known.";
    PROCESS_START = Plain "process_start_time_seconds" GAUGE []
        "When the process started.";
    PROCESS_CPU = Plain "process_cpu_seconds_total" COUNTER []
        "User and system time that the process used.";
    PROCESS_OPEN_FILES = Plain "process_open_fds" GAUGE []
        "Open file descriptors.";
    PROCESS_MAX_FILES = Plain "process_max_fds" GAUGE []
        "The most file descriptors that may be open.";
    PROCESS_RESIDENT = Plain "process_resident_memory_bytes" GAUGE []
        "Resident memory.";
    PROCESS_VIRTUAL = Plain "process_virtual_memory_bytes" GAUGE []
        "Virtual memory.";
    PROCESS_THREADS = Plain "process_threads" GAUGE []
        "Threads.";
}

/// The table of all metrics as Markdown, for docs/metrics.md; CometBFT's names with its usual namespace.
pub fn reference() -> String {
    let mut text = String::from("| Name | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n");
    for metric in ALL {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let _ =
            writeln!(text, "| `{}` | {kind} | {} | {} |", metric.full_name("cometbft"), labels.join(", "), metric.help);
    }
    text
}
