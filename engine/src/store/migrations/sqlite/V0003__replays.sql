-- Runs that a person had started again, with what they repeat. A request starts one run of a rule for an event, however
-- often it comes.
CREATE TABLE replays (
    run BLOB NOT NULL PRIMARY KEY,
    request BLOB NOT NULL,
    event BLOB NOT NULL,
    rule TEXT NOT NULL,
    of BLOB                             -- the run that it repeats; null when all that the event starts was to be repeated
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX replays_by_request ON replays (request, event, rule);
