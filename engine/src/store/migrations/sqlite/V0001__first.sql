-- Ids are the 16 bytes of their UUID: version 7, so that new rows go to the end of a tree. `app` is the number of an
-- application, -1 for none. Moments are milliseconds since 1970. Words are those of the API.

CREATE TABLE events (
    id BLOB NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    app INTEGER NOT NULL,
    dedupe_key TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    keys TEXT NOT NULL,                 -- JSON: [[name, value], …]; event_keys finds events by them
    envelope TEXT NOT NULL,
    verdicts TEXT NOT NULL,
    duplicates INTEGER NOT NULL DEFAULT 0,
    needed_by INTEGER NOT NULL          -- live runs that it started or was handed to; it stays until this is 0
) STRICT, WITHOUT ROWID;
CREATE INDEX events_unneeded ON events (received_at) WHERE needed_by = 0;

CREATE TABLE bodies (
    event BLOB NOT NULL PRIMARY KEY,
    unpacked INTEGER,                   -- its size before zstd; null when it is stored as it is
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE event_keys (
    value TEXT NOT NULL,
    name TEXT NOT NULL,
    app INTEGER NOT NULL,
    kind TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    event BLOB NOT NULL,
    PRIMARY KEY (value, name, app, kind, received_at, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE dedupe (
    key BLOB NOT NULL PRIMARY KEY,      -- the first 16 bytes of the SHA-256 of the scoped key
    event BLOB NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dedupe_until ON dedupe (until);

CREATE TABLE runs (
    id BLOB NOT NULL PRIMARY KEY,
    event BLOB NOT NULL,
    rule TEXT NOT NULL,
    closure TEXT NOT NULL,
    app INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fence INTEGER NOT NULL,             -- how often it was leased
    node TEXT,                          -- who holds the lease
    free_at INTEGER,                    -- from when on anyone may claim it: the end of the lease, or when it got something to do
    inputs INTEGER NOT NULL DEFAULT 0,  -- how many inputs it ever had; numbers the next one
    error TEXT,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_event ON runs (event);
CREATE INDEX runs_free ON runs (app, free_at) WHERE free_at IS NOT NULL;
CREATE INDEX runs_by_status ON runs (status) WHERE status <> 'succeeded';

CREATE TABLE steps (
    run BLOB NOT NULL,
    path TEXT NOT NULL,
    outcome TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    key TEXT,
    error TEXT,
    output TEXT,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX steps_by_key ON steps (key) WHERE key IS NOT NULL;

CREATE TABLE failed_attempts (
    run BLOB NOT NULL,
    at INTEGER NOT NULL,
    path TEXT NOT NULL,
    number INTEGER NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (run, at, path, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE timers (
    run BLOB NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (run, path, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_due ON timers (due_at);

CREATE TABLE waits (
    value TEXT NOT NULL,
    name TEXT NOT NULL,
    app INTEGER NOT NULL,
    kind TEXT NOT NULL,
    run BLOB NOT NULL,
    path TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (value, name, app, kind, run, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX waits_by_run ON waits (run, path);

CREATE TABLE inbox (
    run BLOB NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    input TEXT NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

-- Which events a live run was handed: none is handed to the same step twice, and none goes while the run lives.
CREATE TABLE handed (
    run BLOB NOT NULL,
    path TEXT NOT NULL,
    event BLOB NOT NULL,
    PRIMARY KEY (run, path, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE contents (
    hash TEXT NOT NULL PRIMARY KEY,
    unpacked INTEGER,
    body BLOB NOT NULL
) STRICT;

-- How many stored runs pin a content. A row may come before its content, and stay behind with 0.
CREATE TABLE pins (
    hash TEXT NOT NULL PRIMARY KEY,
    runs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at INTEGER NOT NULL,
    app INTEGER NOT NULL,
    reason TEXT NOT NULL,
    unpacked INTEGER,
    body BLOB NOT NULL
) STRICT;

-- Counts of what is stored, so that telling them reads a dozen rows.
CREATE TABLE tallies (
    what TEXT NOT NULL PRIMARY KEY,
    n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
