-- How many runs a rule has started for a key since its window began. A row past its window means nothing.
CREATE TABLE limits (
    rule TEXT NOT NULL,
    key TEXT NOT NULL,
    until INTEGER NOT NULL,             -- when the window ends; said when it began
    runs INTEGER NOT NULL,
    PRIMARY KEY (rule, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX limits_until ON limits (until);
