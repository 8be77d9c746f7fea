-- One network's address book, bans and seeds. pexd keeps all of it in memory and writes here what changed; change
-- it only while pexd is stopped. To read it at any time:
--
--   sqlite3 -readonly book.db "SELECT id, ip, port, state, datetime(last_success_ms / 1000, 'unixepoch') FROM address"
--
-- IDs are 40 lower-case hex digits, IPs and ranges the usual text. A column whose name ends in _ms is a time in
-- milliseconds since the Unix epoch, 0 = never. A row that does not read is left out and counted at start, not deleted,
-- and so there are no CHECK constraints: SQLite would call the whole file damaged for one word that it does not know.

-- What the file is.
--   chain_id  the network that it belongs to
--   hash_key  32 secret bytes that place the addresses in the book's buckets
--   format    1: raised when values that are stored come to mean something else
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value ANY  NOT NULL
) STRICT, WITHOUT ROWID;

-- The address book. Several addresses may be known for an ID; they then have the same state.
CREATE TABLE address (
    id               TEXT    NOT NULL,
    ip               TEXT    NOT NULL,
    port             INTEGER NOT NULL,
    state            TEXT    NOT NULL, -- new, old, banned
    buckets          TEXT    NOT NULL, -- numbers with commas between: one to four when new, one when old, none when banned
    source_id        TEXT    NOT NULL, -- who told us first
    source_ip        TEXT    NOT NULL, -- the IP of its connection
    added_ms         INTEGER NOT NULL,
    attempts         INTEGER NOT NULL, -- failed ones since the last success
    outcome          TEXT    NOT NULL, -- of the latest attempt: untried, reached, refused, timed_out, wrong_identity,
                                       -- wrong_network, hung_up, misbehaved, no_pex
    last_attempt_ms  INTEGER NOT NULL,
    last_success_ms  INTEGER NOT NULL,
    reached_since_ms INTEGER NOT NULL, -- the first success since the last failure
    verified         INTEGER NOT NULL, -- 1 = a seed serves it
    PRIMARY KEY (id, ip, port)
) STRICT, WITHOUT ROWID;

-- Bans, those that are over included.
CREATE TABLE ban (
    target      TEXT    NOT NULL PRIMARY KEY, -- an ID, or a range such as 192.0.2.0/24; one IP is a range of /32 or /128
    reason      TEXT    NOT NULL,
    since_ms    INTEGER NOT NULL,
    until_ms    INTEGER NOT NULL, -- 0 = for good
    by_operator INTEGER NOT NULL  -- 0 = laid by pexd itself
) STRICT, WITHOUT ROWID;

-- Seeds that an operator added or removed at run time, over those of the configuration.
CREATE TABLE seed_delta (
    seed  TEXT    NOT NULL PRIMARY KEY, -- id@host:port
    added INTEGER NOT NULL,             -- 1 = added, 0 = removed
    at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What our dials to the seeds found.
CREATE TABLE seed_health (
    seed            TEXT    NOT NULL PRIMARY KEY, -- id@host:port
    last_dialled_ms INTEGER NOT NULL,
    last_success_ms INTEGER NOT NULL, -- it answered the handshake
    last_fault      TEXT    NOT NULL, -- of the last dial; empty when it went well
    latency_ms      INTEGER NOT NULL, -- a duration: that of the last handshake that succeeded
    actual_id       TEXT,             -- who answered, when it was another ID
    actual_network  TEXT,             -- the chain that answered, when it was another
    addresses       INTEGER NOT NULL, -- in its last answer
    last_answer_ms  INTEGER NOT NULL  -- it answered a request
) STRICT, WITHOUT ROWID;
