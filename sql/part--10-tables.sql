-- The extension's own tables. Nobody but weir's code reads or writes them.
CREATE SCHEMA weir;
CREATE SCHEMA weir_internal;
GRANT USAGE ON SCHEMA weir TO PUBLIC;

-- A role: stored as its OID, written as its name, so that a dump knows it elsewhere.
CREATE TYPE weir_internal.role;
CREATE FUNCTION weir_internal.role_in(cstring) RETURNS weir_internal.role
    AS 'MODULE_PATHNAME', 'weir_role_in' LANGUAGE C STABLE STRICT;
CREATE FUNCTION weir_internal.role_out(weir_internal.role) RETURNS cstring
    AS 'MODULE_PATHNAME', 'weir_role_out' LANGUAGE C STABLE STRICT;
CREATE TYPE weir_internal.role (
    INPUT = weir_internal.role_in,
    OUTPUT = weir_internal.role_out,
    LIKE = oid
);
CREATE CAST (weir_internal.role AS oid) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (oid AS weir_internal.role) WITHOUT FUNCTION AS ASSIGNMENT;

-- A job as create_job and enable_checkpointing defined it.
CREATE TABLE weir_internal.job (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    owner           weir_internal.role NOT NULL,
    query           text NOT NULL,
    parallelism     int NOT NULL,
    max_parallelism int NOT NULL,
    max_state_memory bigint,            -- bytes; null: unlimited
    settings        jsonb NOT NULL,     -- what create_job keeps, see src/base/session.c
    created_at      timestamptz NOT NULL DEFAULT now(),
    checkpointing   boolean NOT NULL DEFAULT false,
    mode            text NOT NULL DEFAULT 'exactly_once',
    every           interval NOT NULL DEFAULT '1 s',
    timeout         interval NOT NULL DEFAULT '10 min',
    min_pause       interval NOT NULL DEFAULT '0',
    max_concurrent  int NOT NULL DEFAULT 1,
    fail_on_errors  boolean NOT NULL DEFAULT true,
    tolerable_failures int,
    retain          int NOT NULL DEFAULT 1,
    history         int NOT NULL DEFAULT 1000,
    sink_flush      interval NOT NULL DEFAULT '100 ms',
    lock_wait       interval NOT NULL DEFAULT '5 s',
    -- set_restart_strategy sets all of these; null: the default strategy
    restart_strategy text,
    restart_attempts int,
    restart_delay   interval,
    restart_max_failures int,
    restart_within  interval,
    restart_initial_delay interval,
    restart_max_delay interval,
    restart_multiplier float8,
    restart_reset_after interval,
    restart_jitter  float8,
    unaligned_after interval,           -- null: barriers never overtake
    emit            text NOT NULL DEFAULT 'final'   -- of windows of event time: or update
);

-- The objects its query uses: by OID, so not dumped; create_job and start_job write it.
CREATE TABLE weir_internal.job_depend (
    job             bigint NOT NULL,
    class_id        oid NOT NULL,       -- as in pg_depend
    object          oid NOT NULL,
    keyed           boolean NOT NULL,   -- the keyed function
    PRIMARY KEY (class_id, object, job)
);

-- What became of it: not dumped, bound to this very database.
CREATE TABLE weir_internal.run (
    job             bigint PRIMARY KEY,
    system_identifier bigint NOT NULL,
    database        oid NOT NULL,
    wanted          boolean NOT NULL DEFAULT false, -- should be running
    status          text NOT NULL DEFAULT 'created',
    status_reason   text,
    attempt         bigint NOT NULL DEFAULT 0,  -- last used, never again
    restarts        bigint NOT NULL DEFAULT 0,  -- since start_job
    started_at      timestamptz,
    last_error      text,
    timeline        bigint NOT NULL DEFAULT 0,
    fresh           boolean NOT NULL DEFAULT false, -- next start: new timeline
    was_finished    boolean NOT NULL DEFAULT false, -- next start: pass the end of stream
    start_from      bigint NOT NULL DEFAULT 0,      -- next start: new timeline from this savepoint
    allow_gap       boolean NOT NULL DEFAULT false, -- go on where the journal lacks bytes
    altered         boolean NOT NULL DEFAULT false, -- next start: new timeline from the last completed
    leave_state     boolean NOT NULL DEFAULT false, -- which begins empty
    drop_state      boolean NOT NULL DEFAULT false, -- as in timeline
    migrate         text,
    failed_line     bigint,             -- of the record that ended an attempt, and how
    failed_sqlstate text,
    suspect_lines   bigint[],           -- of records with an error that is theirs if repeated
    workers         int NOT NULL DEFAULT 0, -- what an attempt takes of the server ..
    prepared        int NOT NULL DEFAULT 0, -- .. and of max_prepared_transactions
    crashes         int NOT NULL DEFAULT 0, -- of the server by the job, in a row without a checkpoint
    kills           int NOT NULL DEFAULT 0  -- of everything, likewise
);

-- Its sources and keyed steps, by the numbers that what is kept of them goes by.
CREATE TABLE weir_internal.job_node (
    job             bigint NOT NULL,
    keyed           boolean NOT NULL,   -- a keyed step; else a source: each has numbers from 0
    number          int NOT NULL,       -- never given to another
    kind            text NOT NULL,
    identity        text NOT NULL,      -- the stream's name, the function's signature ..
    object          oid NOT NULL,       -- .. and OID, in the database of run; 0: neither
    current         boolean NOT NULL,   -- the last attempt had it
    PRIMARY KEY (job, keyed, number)
);

-- Does what a row of run says hold for this database, or was it copied into it?
CREATE FUNCTION weir_internal.is_here(system_identifier bigint, database oid) RETURNS boolean
    AS 'MODULE_PATHNAME', 'weir_is_here' LANGUAGE C STABLE STRICT PARALLEL SAFE;

-- Nothing runs in a copy because something ran where it was copied from.
CREATE FUNCTION weir_internal.is_copied(r weir_internal.run) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN r.status IN ('starting', 'running', 'restarting', 'stopping')
       AND NOT weir_internal.is_here(r.system_identifier, r.database);

-- What shared memory knows of a job that should be running: the status to show
-- and why it waits, null where its row says all.
CREATE FUNCTION weir_internal.whereabouts(job bigint, row_status text, OUT status text, OUT reason text)
    AS 'MODULE_PATHNAME', 'weir_whereabouts' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

-- A state a keyed function declared.  In the database where the row was written
-- the function is known by its OID; elsewhere, as in one that was restored from
-- a dump, by its signature.
CREATE TABLE weir_internal.state (
    function        text NOT NULL,      -- schema-qualified signature
    function_oid    oid NOT NULL,
    system_identifier bigint NOT NULL,
    database        oid NOT NULL,
    name            text NOT NULL,
    kind            text NOT NULL,
    type            text NOT NULL,      -- schema-qualified; of what is added or kept
    key_type        text,               -- of a map
    calls           text,               -- reduce function's signature, aggregate's name
    default_value   text,
    has_default     boolean NOT NULL,
    ttl             interval,
    update_type     text NOT NULL,
    visibility      text NOT NULL,
    owner           weir_internal.role NOT NULL,
    PRIMARY KEY (function, name, function_oid)
);

-- A line of history a restore reads along: base and what came after.
CREATE TABLE weir_internal.timeline (
    job             bigint NOT NULL,
    timeline        bigint NOT NULL,
    base            bigint NOT NULL,    -- checkpoint it began from, 0: empty
    positions       jsonb,              -- where its sources began
    drop_state      boolean NOT NULL DEFAULT false, -- of the base: state nobody declares is left behind
    migrate         text,               -- of the base: the function that converts values
    started_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job, timeline)
);

-- A completed checkpoint: this row is the decision.
CREATE TABLE weir_internal.completed (
    job             bigint NOT NULL,
    checkpoint      bigint NOT NULL,
    timeline        bigint NOT NULL,
    attempt         bigint NOT NULL,
    parallelism     int NOT NULL,
    max_parallelism int NOT NULL,
    positions       jsonb NOT NULL,     -- one per source, as it wrote it
    prepared        text[] NOT NULL,    -- transactions to commit
    savepoint       text,
    completed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job, checkpoint)
);
CREATE UNIQUE INDEX completed_savepoint ON weir_internal.completed (job, savepoint)
    WHERE savepoint IS NOT NULL;

-- Written by each sink task in its epoch: proof that a prepared transaction was committed.
CREATE TABLE weir_internal.marker (
    job             bigint NOT NULL,
    attempt         bigint NOT NULL,
    checkpoint      bigint NOT NULL,
    task            int NOT NULL,
    PRIMARY KEY (job, attempt, checkpoint, task)
);

-- Keyed state, packed: whole groups, or what changed since the chunk before.
-- Every checkpoint inserts and deletes about as much as it changed, however
-- large the table is, so it is vacuumed by what was deleted, not by its share.
CREATE TABLE weir_internal.snapshot (
    job             bigint NOT NULL,
    step            int NOT NULL,
    key_group       int NOT NULL,
    is_full         boolean NOT NULL,
    checkpoint      bigint NOT NULL,
    seq             int NOT NULL,
    timeline        bigint NOT NULL,
    payload         bytea NOT NULL,
    PRIMARY KEY (job, step, key_group, is_full, checkpoint, seq)
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0,
        autovacuum_analyze_threshold = 1000000000);
ALTER TABLE weir_internal.snapshot ALTER payload SET STORAGE MAIN;

-- Messages between tasks that a checkpoint's barrier overtook: state of the channels.
CREATE TABLE weir_internal.in_flight (
    job             bigint NOT NULL,
    timeline        bigint NOT NULL,
    checkpoint      bigint NOT NULL,
    task            int NOT NULL,       -- before which they waited
    seq             int NOT NULL,
    exchange        int NOT NULL,       -- by which they came
    types           text NOT NULL,      -- of their rows
    payload         bytea NOT NULL,
    PRIMARY KEY (job, checkpoint, task, seq)
);

-- Checkpoints as weir.checkpoints shows them; a row from the trigger on.
CREATE TABLE weir_internal.checkpoint (
    job             bigint NOT NULL,
    id              bigint NOT NULL,
    timeline        bigint NOT NULL,
    attempt         bigint NOT NULL,
    kind            text NOT NULL,
    status          text NOT NULL,
    savepoint       text,
    triggered_at    timestamptz NOT NULL,
    ended_at        timestamptz,
    visible_at      timestamptz,
    state_bytes     bigint NOT NULL DEFAULT 0,
    written_bytes   bigint NOT NULL DEFAULT 0,
    dirty_keys      bigint NOT NULL DEFAULT 0,
    failure         text,
    tasks           int NOT NULL,
    acknowledged    int NOT NULL DEFAULT 0,
    PRIMARY KEY (job, id)
);

CREATE TABLE weir_internal.checkpoint_task (
    job             bigint NOT NULL,
    checkpoint      bigint NOT NULL,
    task            int NOT NULL,
    name            text NOT NULL,      -- "keyed 1"
    start_delay     interval,
    alignment       interval,
    sync            interval,
    write           interval,
    bytes           bigint NOT NULL,
    PRIMARY KEY (job, checkpoint, task)
);

-- Lines for the log, lines and records for peers, written in the epoch, sent after its commit.
CREATE TABLE weir_internal.outbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job             bigint NOT NULL,
    sink            text NOT NULL,      -- the foreign table
    line            text,
    relid           oid NOT NULL,       -- of a peer: the foreign table; 0: for the log
    checkpoint      bigint,             -- with neither line nor record: here end its rows
    record          bytea               -- in place of a line, as its peer reads it
);
CREATE INDEX outbox_socket ON weir_internal.outbox (job, relid, id);

-- The ring of journal tables of a stream: which table holds which bytes.
CREATE TABLE weir_internal.journal_segment (
    job             bigint NOT NULL,
    stream          int NOT NULL,
    slot            int NOT NULL,       -- table weir_internal.journal_<job>_<stream>_<slot>
    segment         bigint,             -- ordinal in the stream's life; NULL: free
    start_offset    bigint,
    PRIMARY KEY (job, stream, slot)
);

-- What a dump holds: definitions.  The rest would not fit together: it is read
-- in one snapshot, while prepared transactions are about to commit.
SELECT pg_catalog.pg_extension_config_dump('weir_internal.job', '');
SELECT pg_catalog.pg_extension_config_dump('weir_internal.job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('weir_internal.state', '');

-- Whoever owns a database dumps it, the definitions of everybody's jobs with it.
GRANT USAGE ON SCHEMA weir_internal TO pg_database_owner;
GRANT SELECT ON weir_internal.job, weir_internal.job_id_seq, weir_internal.state TO pg_database_owner;
