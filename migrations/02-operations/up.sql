-- What operators do at run time, and what happened.

-- Who laid a ban, as the audit names him; empty when pexd did, or before authors were kept.
ALTER TABLE ban ADD COLUMN author TEXT NOT NULL DEFAULT '';

-- Entries of the configuration's lists that an operator added or removed at run time, over those of the file.
CREATE TABLE list_delta (
    list   TEXT    NOT NULL, -- seeds, persistent_peers, unconditional_peer_ids, private_peer_ids
    item   TEXT    NOT NULL, -- id@host:port for the first two, an ID for the others
    added  INTEGER NOT NULL, -- 1 = added, 0 = removed
    author TEXT    NOT NULL,
    at_ms  INTEGER NOT NULL,
    PRIMARY KEY (list, item)
) STRICT, WITHOUT ROWID;

INSERT INTO list_delta SELECT 'seeds', seed, added, '', at_ms FROM seed_delta;
DROP TABLE seed_delta;

-- Keys of the configuration that an operator changed at run time.
CREATE TABLE setting_delta (
    key    TEXT    NOT NULL PRIMARY KEY, -- such as p2p.max_num_inbound_peers
    value  TEXT    NOT NULL,             -- as it is written in a file, without quotes
    author TEXT    NOT NULL,
    at_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What operators changed. A ring: the newest entry takes the slot of the oldest.
CREATE TABLE audit (
    slot    INTEGER NOT NULL PRIMARY KEY,
    number  INTEGER NOT NULL, -- grows with each entry, from 1
    at_ms   INTEGER NOT NULL,
    author  TEXT    NOT NULL,
    method  TEXT    NOT NULL,
    summary TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX audit_number ON audit (number);

-- Our own dials. A ring, as above.
CREATE TABLE dial (
    slot    INTEGER NOT NULL PRIMARY KEY,
    number  INTEGER NOT NULL, -- grows with each dial, from 1
    at_ms   INTEGER NOT NULL, -- when it ended
    id      TEXT    NOT NULL, -- whom we expected
    target  TEXT    NOT NULL, -- host:port, as it was asked for
    ip      TEXT,             -- where we really went; NULL when a name did not resolve
    port    INTEGER,
    purpose TEXT    NOT NULL, -- keep, visit, verify, seed, persistent, manual
    outcome TEXT    NOT NULL, -- as in address; inconclusive when it says nothing about the address
    fault   TEXT    NOT NULL, -- the name of what went wrong; empty when nothing did
    detail  TEXT    NOT NULL  -- in words
) STRICT;
CREATE UNIQUE INDEX dial_number ON dial (number);
CREATE INDEX dial_ip ON dial (ip, number);
CREATE INDEX dial_id ON dial (id, number);

-- How far the numbers of events are used up, so that they go on over a restart; one row.
CREATE TABLE event_mark (
    one       INTEGER NOT NULL PRIMARY KEY, -- always 1
    epoch     TEXT    NOT NULL,             -- names this count of events
    reserved  INTEGER NOT NULL,             -- no event has a higher number yet
    clean     INTEGER NOT NULL,             -- 1 = the last life ended in order, and `reserved` was its last event
    uncertain INTEGER NOT NULL              -- up to this number some may never have been given to an event: pexd crashed
) STRICT;
