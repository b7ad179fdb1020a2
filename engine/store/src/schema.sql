-- A run of pleach. `steps`, `trials`, `events` and `artifacts` are tables; `metrics`, `curves` and `decisions` are views on them.
-- Lists and objects are JSON; numbers that JSON lacks are the strings "NaN", "Infinity" and "-Infinity".

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE steps (
    position INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    strategy TEXT,                  -- none: trainings are numbered by candidate and repeat
    key TEXT NOT NULL,              -- digest of the document
    document TEXT NOT NULL,         -- JSON: all that the step depends on
    decisions TEXT NOT NULL,        -- JSON: the path of each number of a genotype
    state TEXT NOT NULL,            -- pending, running, done, failed
    recommendation TEXT,            -- JSON: genotypes that the strategy recommended, best first
    results TEXT,                   -- JSON
    seconds REAL NOT NULL           -- real seconds
);

CREATE TABLE trials (
    step TEXT NOT NULL,
    id INTEGER NOT NULL,            -- from 0 in each step
    state TEXT NOT NULL,            -- running, measured, failed
    job TEXT NOT NULL,              -- train, proxies, share, score
    genotype TEXT NOT NULL,         -- JSON: a number per decision of the step
    fidelity REAL NOT NULL,
    repeat INTEGER NOT NULL,
    candidate INTEGER,
    parents TEXT NOT NULL,          -- JSON: ids
    detail TEXT,                    -- JSON: what else the request says
    start REAL NOT NULL,            -- virtual time
    end REAL NOT NULL,              -- virtual time
    cost REAL NOT NULL,             -- virtual
    key TEXT,                       -- trial key, where the result can be cached
    metrics TEXT,                   -- JSON: metrics at the end, by name
    reason TEXT,                    -- of a failure
    message TEXT,                   -- of a failure: the same on every machine
    machine_detail TEXT,            -- of a failure: of the machine where it happened
    cached INTEGER NOT NULL,        -- 1: the result came from the cache
    seconds REAL NOT NULL,          -- real seconds
    worker TEXT,
    curves TEXT,                    -- JSON: by metric, a value per epoch
    PRIMARY KEY (step, id)
) WITHOUT ROWID;

CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    event TEXT NOT NULL             -- JSON
);

CREATE TABLE artifacts (
    path TEXT PRIMARY KEY,          -- from the run's folder
    step TEXT NOT NULL,
    candidate INTEGER,
    repeat INTEGER,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL            -- BLAKE3 of the content
) WITHOUT ROWID;

-- A row per metric at a trial's end.
CREATE VIEW metrics AS
    SELECT trials.step, trials.id, entry.key AS metric, entry.value
    FROM trials, json_each(trials.metrics) AS entry;

-- A row per metric and epoch.
CREATE VIEW curves AS
    SELECT trials.step, trials.id, point.key + 1 AS epoch, curve.key AS metric, point.value
    FROM trials, json_each(trials.curves) AS curve, json_each(curve.value) AS point
    WHERE point.value IS NOT NULL;

-- A row per decision of a trial's genotype.
CREATE VIEW decisions AS
    SELECT trials.step, trials.id, path.value AS path, number.value
    FROM trials
    JOIN steps ON steps.name = trials.step,
    json_each(steps.decisions) AS path, json_each(trials.genotype) AS number
    WHERE path.key = number.key;
