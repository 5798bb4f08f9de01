// Runs and everything their trainers record. Rows can all be made again from the run directories, but for the names,
// tags, notes, colours and marks that a person gave.
import type Database from "better-sqlite3";

export const subject = "runs, metrics, routing, alerts, log, checkpoints";

export function up(db: Database.Database): void {
  db.exec(`
    CREATE TABLE run (
      run INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      spec TEXT NOT NULL,
      -- What a person gave.
      name TEXT NOT NULL,
      colour INTEGER NOT NULL,
      tags TEXT NOT NULL DEFAULT '[]',
      note TEXT NOT NULL DEFAULT '',
      archived INTEGER NOT NULL DEFAULT 0,
      deleted_at REAL,
      -- How it goes.
      status TEXT NOT NULL DEFAULT 'starting',
      status_message TEXT,
      exit_reason TEXT,
      created_at REAL NOT NULL,
      started_at REAL,
      ended_at REAL,
      last_event_at REAL,
      attempt INTEGER NOT NULL DEFAULT 0,
      -- Whether the newest attempt has finished a step yet.
      stepped INTEGER NOT NULL DEFAULT 0,
      step INTEGER NOT NULL DEFAULT 0,
      steps INTEGER NOT NULL,
      tokens REAL NOT NULL DEFAULT 0,
      seconds REAL NOT NULL DEFAULT 0,
      progress TEXT,
      device TEXT,
      parameters INTEGER,
      experts INTEGER,
      sparse_layers INTEGER NOT NULL,
      -- How far events.jsonl has been read: written in the same transaction as the rows.
      ordinal INTEGER NOT NULL DEFAULT 0,
      file TEXT,
      head TEXT,
      offset INTEGER NOT NULL DEFAULT 0,
      read_attempt INTEGER NOT NULL DEFAULT 0,
      read_seq INTEGER NOT NULL DEFAULT -1,
      unparsable INTEGER NOT NULL DEFAULT 0,
      oversized INTEGER NOT NULL DEFAULT 0,
      unknown INTEGER NOT NULL DEFAULT 0,
      repeated INTEGER NOT NULL DEFAULT 0,
      missing INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    -- Where rows after a step were superseded: a resume, or a file that was replaced (after_step -1).
    CREATE TABLE rewind (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      ordinal INTEGER NOT NULL,
      after_step INTEGER NOT NULL,
      PRIMARY KEY (run, ordinal)
    ) STRICT, WITHOUT ROWID;

    -- One row a metrics or evaluation event: what all its values share.
    CREATE TABLE sample (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      step INTEGER NOT NULL,
      evaluation INTEGER NOT NULL,
      ordinal INTEGER NOT NULL,
      tokens REAL NOT NULL,
      seconds REAL NOT NULL,
      PRIMARY KEY (run, step, evaluation)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sample_ordinal ON sample (run, ordinal);

    CREATE TABLE metric (
      metric INTEGER PRIMARY KEY,
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      name TEXT NOT NULL,
      -- The summary shown in lists. NULL is NaN.
      count INTEGER NOT NULL DEFAULT 0,
      last REAL, last_step INTEGER NOT NULL DEFAULT -1,
      lowest REAL, lowest_step INTEGER NOT NULL DEFAULT -1,
      highest REAL, highest_step INTEGER NOT NULL DEFAULT -1,
      UNIQUE (run, name)
    ) STRICT;

    -- NULL is NaN, which SQLite does not store.
    CREATE TABLE value (
      metric INTEGER NOT NULL REFERENCES metric ON DELETE CASCADE,
      step INTEGER NOT NULL,
      value REAL,
      PRIMARY KEY (metric, step)
    ) STRICT, WITHOUT ROWID;

    -- The reduction pyramid: bucket b of level k covers steps [b·16^k, (b+1)·16^k).
    CREATE TABLE bucket (
      metric INTEGER NOT NULL REFERENCES metric ON DELETE CASCADE,
      level INTEGER NOT NULL,
      bucket INTEGER NOT NULL,
      count INTEGER NOT NULL,
      last REAL, last_step INTEGER NOT NULL,
      lowest REAL, lowest_step INTEGER NOT NULL,
      highest REAL, highest_step INTEGER NOT NULL,
      PRIMARY KEY (metric, level, bucket)
    ) STRICT, WITHOUT ROWID;

    -- Steps with recorded routing, numbered without gaps so that thinning needs no scan.
    CREATE TABLE routing_step (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      number INTEGER NOT NULL,
      step INTEGER NOT NULL,
      PRIMARY KEY (run, number),
      UNIQUE (run, step)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE routing_layer (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      stack INTEGER NOT NULL,
      layer INTEGER NOT NULL,
      experts INTEGER NOT NULL,
      PRIMARY KEY (run, stack, layer)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE routing (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      stack INTEGER NOT NULL,
      layer INTEGER NOT NULL,
      step INTEGER NOT NULL,
      ordinal INTEGER NOT NULL,
      packed BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX routing_place ON routing (run, stack, layer, step);
    CREATE INDEX routing_ordinal ON routing (run, ordinal);

    CREATE TABLE alert (
      alert INTEGER PRIMARY KEY,
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      ordinal INTEGER NOT NULL,
      attempt INTEGER NOT NULL, step INTEGER NOT NULL, t REAL NOT NULL,
      level TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
      stack TEXT, layer INTEGER, expert INTEGER
    ) STRICT;
    CREATE INDEX alert_run ON alert (run, ordinal);

    CREATE TABLE log (
      line INTEGER PRIMARY KEY,
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      ordinal INTEGER NOT NULL,
      attempt INTEGER NOT NULL, t REAL NOT NULL, step INTEGER,
      level TEXT NOT NULL, message TEXT NOT NULL
    ) STRICT;
    CREATE INDEX log_run ON log (run, ordinal);

    CREATE TABLE checkpoint (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      step INTEGER NOT NULL,
      ordinal INTEGER NOT NULL,
      t REAL NOT NULL, bytes INTEGER NOT NULL, reason TEXT NOT NULL,
      evaluation_loss REAL, evaluated INTEGER NOT NULL, best INTEGER NOT NULL, present INTEGER NOT NULL,
      PRIMARY KEY (run, step)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX checkpoint_ordinal ON checkpoint (run, ordinal);
  `);
}
