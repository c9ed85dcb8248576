-- Runs that gather events before they begin. The row stays with its run; what is said in it is said once.
CREATE TABLE collections (
    run BLOB NOT NULL PRIMARY KEY,
    rule TEXT NOT NULL,
    app INTEGER NOT NULL,
    key TEXT NOT NULL,
    open INTEGER NOT NULL,              -- 1 while events are added
    closes_at INTEGER NOT NULL,         -- when it is closed if nothing more comes
    closes_by INTEGER NOT NULL,         -- when it is closed whatever comes
    quiet INTEGER NOT NULL,             -- milliseconds
    events INTEGER NOT NULL,
    max_events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,             -- of the bodies
    max_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX collections_open ON collections (rule, app, key) WHERE open;

-- The events of a collection besides that of its run. None goes while the run lives.
CREATE TABLE collected (
    run BLOB NOT NULL,
    number INTEGER NOT NULL,            -- the order of reception, from 2
    event BLOB NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX collected_by_event ON collected (event);
