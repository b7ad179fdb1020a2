-- Results of trainings by trial key, for all runs. Lists and objects are JSON, as in a run's record.

CREATE TABLE results (
    key TEXT PRIMARY KEY,
    document TEXT NOT NULL,         -- JSON: all that the result depends on
    state TEXT NOT NULL,            -- measured, failed
    metrics TEXT,                   -- JSON: metrics at the end, by name
    reason TEXT,
    message TEXT,
    machine_detail TEXT,
    curves TEXT NOT NULL,           -- JSON: by metric, a value per epoch
    tensors TEXT,                   -- digest of all tensors, from who trained them
    seconds REAL NOT NULL           -- real seconds that it took
) WITHOUT ROWID;

-- Later measurements on the weights: test part, attacks, latency.
CREATE TABLE measurements (
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    metrics TEXT NOT NULL,          -- JSON
    PRIMARY KEY (key, name)
) WITHOUT ROWID;

-- The files `weights/<key>.safetensors`.
CREATE TABLE weights (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,           -- BLAKE3 of the file
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
