-- Up to when the ticks of a rule with a schedule are dealt with.
CREATE TABLE schedules (
    rule TEXT NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
