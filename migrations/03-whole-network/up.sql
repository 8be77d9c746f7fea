-- The book holds a whole network: addresses have no buckets any more, and keep how reliably they answered.
ALTER TABLE address DROP COLUMN buckets;
-- How reliably it answered: for each of five windows (2 h, 8 h, 1 day, 1 week, 30 days) the share that it was watched for
-- and the share that it answered for, in 1/65535, as two big-endian numbers of two bytes. Empty = as far as the times say.
ALTER TABLE address ADD COLUMN reliability BLOB NOT NULL DEFAULT x'';

-- What was dialled and has left the book, by a keyed hash of its ip:port or of its id@ip:port: when it is advertised again
-- it waits as long as it would have.
CREATE TABLE trace (
    hash            INTEGER NOT NULL PRIMARY KEY,
    last_attempt_ms INTEGER NOT NULL,
    attempts        INTEGER NOT NULL, -- failed ones in a row, by then
    outcome         TEXT    NOT NULL  -- as that of an address
) STRICT;

-- The outbound peers of a node that lasted, which it dials first after a start.
CREATE TABLE anchor (
    slot INTEGER NOT NULL PRIMARY KEY,
    id   TEXT    NOT NULL,
    ip   TEXT    NOT NULL,
    port INTEGER NOT NULL
) STRICT;

-- What a ban keeps from happening: all, or dials alone (the do-not-dial list).
ALTER TABLE ban ADD COLUMN scope TEXT NOT NULL DEFAULT 'all';
