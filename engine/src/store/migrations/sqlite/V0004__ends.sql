-- The word of the `end` that a run ended with.
ALTER TABLE runs ADD COLUMN ended TEXT;
