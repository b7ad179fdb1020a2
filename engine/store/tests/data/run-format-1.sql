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

INSERT INTO meta VALUES ('lock', '{"versions":{"pleach":"0.1.0"},"device":"cpu","data":{},"plugins":{},"space":null,"digest_holds":"anywhere","experiment":{"version":1}}'), ('name', 'quick'), ('state', 'unfinished');
INSERT INTO steps VALUES (1, 'explore', 'search', 'random', '1a3a69b1cbe8a2b6b6ab7a3ac5e7b1a44f3a0b4d5ff4f4f0e0d8b2fbb1a0c6d2', '{"budget":{"trials":40}}', '["network[0].conv.channels","training.rate"]', 'running', NULL, NULL, 1.5);
INSERT INTO trials VALUES ('explore', 0, 'measured', 'train', '[2,0.1]', 0.25, 0, NULL, '[]', NULL, 0.0, 3.5, 3.5, 'abababababababababababababababababababababababababababababababab', '{"accuracy":0.75,"loss":0.6931471805599453}', NULL, NULL, NULL, 0, 1.25, '0', '{"accuracy":[0.5,0.75],"loss":[1.5,0.6931471805599453]}');
INSERT INTO trials VALUES ('explore', 1, 'failed', 'train', '[0,1e-05]', 1.0, 1, 3, '[0]', '{"inherit":[0]}', 3.5, 7.0, 3.5, NULL, NULL, 'diverged', 'the loss is not finite at epoch 2', 'worker 1', 1, 0.25, '1', '{"accuracy":[0.1],"loss":["NaN"]}');
INSERT INTO events VALUES (1, '{"step_started":"explore"}');
INSERT INTO artifacts VALUES ('artifacts/explore/0.safetensors', 'explore', 0, NULL, 'weights', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd');
PRAGMA application_id = 1347179086;
PRAGMA user_version = 1;
