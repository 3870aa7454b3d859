\echo Use "CREATE EXTENSION weir" to load this file. \quit
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
    settings        jsonb NOT NULL,     -- what create_job keeps, see src/session.c
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
    restart_jitter  float8
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
    stream          oid,                -- what the last attempt read
    step            text,               -- its keyed step: whose state was kept
    step_function   oid,                -- and its OID, in this database
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
    positions       jsonb NOT NULL,     -- one per source: offset, line, clock, ended
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

-- Lines for print sinks, written in the epoch, emitted after its commit.
CREATE TABLE weir_internal.outbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job             bigint NOT NULL,
    sink            text NOT NULL,      -- the foreign table
    line            text NOT NULL
);

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
-- Streams: foreign tables on servers of the wrapper weir_socket.
CREATE FUNCTION weir_internal.weir_socket_handler() RETURNS fdw_handler
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FUNCTION weir_internal.weir_socket_validator(text[], oid) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER weir_socket
    HANDLER weir_internal.weir_socket_handler
    VALIDATOR weir_internal.weir_socket_validator;

-- The shape of a journal segment's table; the segments themselves are made as
-- weir_internal.journal_<job>_<stream>_<slot>. Values stay in line, unpacked.
CREATE TABLE weir_internal.journal (
    start_offset    bigint NOT NULL,    -- of data in the stream
    stamp           bigint NOT NULL,    -- arrival, us since 2000-01-01
    kind            "char" NOT NULL,    -- d: data, e: end of stream, r: read on behind an end
    data            bytea NOT NULL
);
ALTER TABLE weir_internal.journal ALTER data SET STORAGE PLAIN;
-- The key of a keyed step: JOIN LATERAL function(...) ON weir.key_by(...).
CREATE FUNCTION weir.key_by(VARIADIC "any") RETURNS boolean
    LANGUAGE C VOLATILE
    AS 'MODULE_PATHNAME', 'weir_key_by';

-- What becomes of a query: its steps, its key, where its sink runs and why.
CREATE FUNCTION weir_internal.describe_query(query text, plans boolean DEFAULT false) RETURNS text
    LANGUAGE C STRICT
    AS 'MODULE_PATHNAME', 'weir_describe_query';
-- Jobs: what a user does with them.

CREATE FUNCTION weir.create_job(name text, query text, parallelism int DEFAULT 1,
    max_parallelism int DEFAULT 128, if_not_exists boolean DEFAULT false,
    max_state_memory text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_create_job';
COMMENT ON FUNCTION weir.create_job(text, text, int, int, boolean, text)
IS 'define a streaming job: an INSERT ... SELECT over streams';

CREATE FUNCTION weir.alter_job(name text, query text DEFAULT NULL,
    parallelism int DEFAULT NULL, max_parallelism int DEFAULT NULL,
    restart boolean DEFAULT false, drop_state boolean DEFAULT false,
    migrate text DEFAULT NULL, max_state_memory text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_alter_job';
COMMENT ON FUNCTION weir.alter_job(text, text, int, int, boolean, boolean, text, text)
IS 'change a job that does not run, or stop, change and start it; its state is kept';

CREATE FUNCTION weir.start_job(name text, from_savepoint text DEFAULT NULL,
    fresh boolean DEFAULT false, allow_gap boolean DEFAULT false)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_start_job';
COMMENT ON FUNCTION weir.start_job(text, text, boolean, boolean)
IS 'start a job at commit, from its last completed checkpoint if there is one, or from a savepoint';

CREATE FUNCTION weir.stop_job(name text, savepoint text DEFAULT NULL,
    drain boolean DEFAULT false, cancel boolean DEFAULT false)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_stop_job';
COMMENT ON FUNCTION weir.stop_job(text, text, boolean, boolean)
IS 'stop a job with a last checkpoint, which may be a savepoint';

CREATE FUNCTION weir.drop_job(name text, if_exists boolean DEFAULT false)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_drop_job';
COMMENT ON FUNCTION weir.drop_job(text, boolean)
IS 'drop a job and all it has kept, cancelling it if it runs';

CREATE FUNCTION weir.wait_for_job(name text, status text, timeout interval DEFAULT NULL)
RETURNS boolean LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_wait_for_job';
COMMENT ON FUNCTION weir.wait_for_job(text, text, interval)
IS 'wait until a job has a status; false on timeout or when it has ended otherwise';

CREATE FUNCTION weir.explain_job(name text)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_explain_job';
COMMENT ON FUNCTION weir.explain_job(text)
IS 'the dataflow a job''s query is cut into';
-- Keyed state: its time to live, its declaration, its accessors.

-- A time to live: '10 s', or with weir.state_ttl(), or in text
-- '10 s,on_read_and_write,return_expired_if_not_cleaned_up'.
CREATE TYPE weir.ttl;

CREATE FUNCTION weir.ttl_in(cstring) RETURNS weir.ttl
    AS 'MODULE_PATHNAME', 'weir_ttl_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION weir.ttl_out(weir.ttl) RETURNS cstring
    AS 'MODULE_PATHNAME', 'weir_ttl_out' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE TYPE weir.ttl (
    INPUT = weir.ttl_in,
    OUTPUT = weir.ttl_out,
    INTERNALLENGTH = 24,
    ALIGNMENT = double
);

CREATE FUNCTION weir.ttl(ttl interval) RETURNS weir.ttl
    AS 'MODULE_PATHNAME', 'weir_ttl' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE CAST (interval AS weir.ttl) WITH FUNCTION weir.ttl(interval) AS IMPLICIT;

CREATE FUNCTION weir.state_ttl(
    ttl interval,
    update_type text DEFAULT 'on_create_and_write',
    visibility text DEFAULT 'never_return_expired')
RETURNS weir.ttl
    AS 'MODULE_PATHNAME', 'weir_state_ttl' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON TYPE weir.ttl IS 'time to live of keyed state';
COMMENT ON FUNCTION weir.state_ttl(interval, text, text) IS
    'a time to live, with when it is renewed and whether an expired value may be read';

-- Declarations.
CREATE FUNCTION weir.create_value_state(
    function text,
    name text,
    type text,
    default_value text DEFAULT NULL,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_value_state' LANGUAGE C;

CREATE FUNCTION weir.create_list_state(
    function text,
    name text,
    type text,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_list_state' LANGUAGE C;

CREATE FUNCTION weir.create_map_state(
    function text,
    name text,
    key_type text,
    value_type text,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_map_state' LANGUAGE C;

CREATE FUNCTION weir.create_reducing_state(
    function text,
    name text,
    type text,
    reduce text,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_reducing_state' LANGUAGE C;

-- type: only where the aggregate's signature leaves it open
CREATE FUNCTION weir.create_aggregating_state(
    function text,
    name text,
    type text DEFAULT NULL,
    aggregate text DEFAULT NULL,
    ttl weir.ttl DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_aggregating_state' LANGUAGE C;

CREATE FUNCTION weir.alter_state(
    function text,
    name text,
    ttl weir.ttl DEFAULT NULL,
    default_value text DEFAULT NULL)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_alter_state' LANGUAGE C;

CREATE FUNCTION weir.drop_state(function text, name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_drop_state' LANGUAGE C;

COMMENT ON FUNCTION weir.create_value_state(text, text, text, text, weir.ttl) IS
    'declare a value a key for a keyed function';
COMMENT ON FUNCTION weir.create_list_state(text, text, text, weir.ttl) IS
    'declare a list of values a key for a keyed function';
COMMENT ON FUNCTION weir.create_map_state(text, text, text, text, weir.ttl) IS
    'declare a map a key for a keyed function';
COMMENT ON FUNCTION weir.create_reducing_state(text, text, text, text, weir.ttl) IS
    'declare a value a key, to which values are added by a function, for a keyed function';
COMMENT ON FUNCTION weir.create_aggregating_state(text, text, text, text, weir.ttl) IS
    'declare the result of an aggregate a key for a keyed function';
COMMENT ON FUNCTION weir.alter_state(text, text, weir.ttl, text) IS
    'change the time to live or the default value of a state';
COMMENT ON FUNCTION weir.drop_state(text, text) IS
    'drop the declaration of a state of any kind';

-- Accessors, for the keyed function of a running job: state of the current key.
CREATE FUNCTION weir.state_value(name text, type anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'weir_state_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.state_update(name text, value "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_state_update' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.state_clear(name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_state_clear' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.list_get(name text, type anyelement) RETURNS anyarray
    AS 'MODULE_PATHNAME', 'weir_list_get_array' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.list_elements(name text, type anyelement) RETURNS SETOF anyelement
    AS 'MODULE_PATHNAME', 'weir_list_elements' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.list_add(name text, element "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_list_add_element' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.list_update(name text, elements "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_list_update_array' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_get(name text, key "any", type anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'weir_map_get_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_put(name text, key "any", value "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_map_put_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_remove(name text, key "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_map_remove_key' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_contains(name text, key "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'weir_map_contains_key' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.map_entries(name text, key_type anyelement, value_type anycompatible)
RETURNS TABLE (key anyelement, value anycompatible)
    AS 'MODULE_PATHNAME', 'weir_map_all_entries' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.reducing_add(name text, value "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_reducing_add_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.reducing_get(name text, type anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'weir_reducing_get_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.aggregating_add(name text, value "any") RETURNS void
    AS 'MODULE_PATHNAME', 'weir_aggregating_add_value' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.aggregating_get(name text, type anyelement) RETURNS anyelement
    AS 'MODULE_PATHNAME', 'weir_aggregating_get_result' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION weir.state_value(text, anyelement) IS
    'the current key''s value of a state, else its default; the second argument gives the type';
COMMENT ON FUNCTION weir.state_update(text, "any") IS 'set the current key''s value of a state';
COMMENT ON FUNCTION weir.state_clear(text) IS 'remove the current key''s state, of any kind';
COMMENT ON FUNCTION weir.list_get(text, anyelement) IS
    'the current key''s list as an array; the second argument gives the elements'' type';
COMMENT ON FUNCTION weir.list_elements(text, anyelement) IS 'the current key''s list as rows';
COMMENT ON FUNCTION weir.list_add(text, "any") IS 'append to the current key''s list';
COMMENT ON FUNCTION weir.list_update(text, "any") IS 'replace the current key''s list by an array';
COMMENT ON FUNCTION weir.map_get(text, "any", anyelement) IS
    'a value of the current key''s map; the third argument gives its type';
COMMENT ON FUNCTION weir.map_put(text, "any", "any") IS 'set a value of the current key''s map';
COMMENT ON FUNCTION weir.map_remove(text, "any") IS 'remove a value of the current key''s map';
COMMENT ON FUNCTION weir.map_contains(text, "any") IS
    'has the current key''s map a value for a key?';
COMMENT ON FUNCTION weir.map_entries(text, anyelement, anycompatible) IS
    'the current key''s map as rows; the arguments give the types of keys and values';
COMMENT ON FUNCTION weir.reducing_add(text, "any") IS
    'combine a value with the current key''s value';
COMMENT ON FUNCTION weir.reducing_get(text, anyelement) IS 'the current key''s reduced value';
COMMENT ON FUNCTION weir.aggregating_add(text, "any") IS
    'add a value to the current key''s aggregate';
COMMENT ON FUNCTION weir.aggregating_get(text, anyelement) IS
    'the result of the current key''s aggregate; the second argument gives its type';
-- Keyed state without a job, for debugging and tests; superusers only. A session
-- has a store of its own for each function, until weir_internal.forget_state().

-- Runs a statement as the function would for a record of this key that arrived at
-- this moment; returns the first column of its first row.
CREATE FUNCTION weir_internal.with_state(function text, key "any", at timestamptz, statement text)
RETURNS text
    AS 'MODULE_PATHNAME', 'weir_with_state' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- What a checkpoint would write.
CREATE FUNCTION weir_internal.snapshot_state(
    function text, whole boolean,
    OUT key_group int, OUT is_full boolean, OUT seq int, OUT payload bytea)
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'weir_snapshot_state' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- What a restart would do with a chunk.
CREATE FUNCTION weir_internal.load_state(
    function text, key_group int, is_full boolean, payload bytea)
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_load_state' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- How many keys are held, in how many bytes.
CREATE FUNCTION weir_internal.measure_state(function text, OUT keys bigint, OUT bytes bigint)
    AS 'MODULE_PATHNAME', 'weir_measure_state' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- The next call begins with empty state, as declared by then.
CREATE FUNCTION weir_internal.forget_state(function text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_forget_state' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

REVOKE ALL ON FUNCTION weir_internal.with_state(text, "any", timestamptz, text),
    weir_internal.snapshot_state(text, boolean),
    weir_internal.load_state(text, int, boolean, bytea),
    weir_internal.measure_state(text),
    weir_internal.forget_state(text) FROM PUBLIC;
-- Windows of a key: GROUP BY key, weir.count_window(size).
CREATE FUNCTION weir.count_window(size bigint, slide bigint DEFAULT NULL, ttl weir.ttl DEFAULT NULL)
RETURNS bigint
    AS 'MODULE_PATHNAME', 'weir_count_window' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION weir.count_window(bigint, bigint, weir.ttl) IS
    'in GROUP BY of a job: windows of so many records of a key';
-- Checkpointing of a job, and what follows its failures.

CREATE FUNCTION weir.enable_checkpointing(job text,
    every interval DEFAULT NULL, mode text DEFAULT NULL, timeout interval DEFAULT NULL,
    min_pause interval DEFAULT NULL, max_concurrent int DEFAULT NULL,
    fail_on_errors boolean DEFAULT NULL, tolerable_failures int DEFAULT NULL,
    retain int DEFAULT NULL, history int DEFAULT NULL,
    sink_flush interval DEFAULT NULL, lock_wait interval DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_enable_checkpointing';
COMMENT ON FUNCTION weir.enable_checkpointing(text, interval, text, interval, interval, int,
    boolean, int, int, int, interval, interval)
IS 'checkpoint a job; called again it changes only what it names';

CREATE FUNCTION weir.disable_checkpointing(job text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_disable_checkpointing';
COMMENT ON FUNCTION weir.disable_checkpointing(text)
IS 'run a job without checkpoints, after a last one';

CREATE FUNCTION weir.trigger_checkpoint(job text)
RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_trigger_checkpoint';
COMMENT ON FUNCTION weir.trigger_checkpoint(text)
IS 'take a checkpoint now; its id, once its output is visible';

CREATE FUNCTION weir.set_restart_strategy(job text, strategy text,
    attempts int DEFAULT NULL, delay interval DEFAULT NULL,
    max_failures int DEFAULT NULL, within interval DEFAULT NULL,
    initial_delay interval DEFAULT NULL, max_delay interval DEFAULT NULL,
    multiplier float8 DEFAULT NULL, reset_after interval DEFAULT NULL,
    jitter float8 DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_set_restart_strategy';
COMMENT ON FUNCTION weir.set_restart_strategy(text, text, int, interval, int, interval,
    interval, interval, float8, interval, float8)
IS 'whether, how often and after how long a failed job is started again';
-- Savepoints: checkpoints with a name, kept until dropped.

CREATE FUNCTION weir.create_savepoint(job text, name text)
RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_create_savepoint';
COMMENT ON FUNCTION weir.create_savepoint(text, text)
IS 'take a savepoint now; its checkpoint''s id, once its output is visible';

CREATE FUNCTION weir.drop_savepoint(job text, name text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_drop_savepoint';
COMMENT ON FUNCTION weir.drop_savepoint(text, text)
IS 'take a savepoint''s name away, so that it is kept no longer than any checkpoint';
-- Views: each row limited to what the reader may see.

-- mine: the reader is the owner or a member, and sees everything; other rows
-- are for members of pg_read_all_stats, without queries and error texts.
CREATE VIEW weir_internal.visible_job WITH (security_barrier) AS
SELECT j.id, j.name, pg_catalog.pg_has_role(j.owner, 'USAGE') AS mine
FROM weir_internal.job j
WHERE pg_catalog.pg_has_role(j.owner, 'USAGE')
   OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');

CREATE VIEW weir.jobs WITH (security_barrier) AS
SELECT j.name,
       CASE WHEN weir_internal.is_copied(r) THEN 'stopped'
            ELSE coalesce(w.status, r.status, 'created') END AS status,
       j.parallelism,
       coalesce(r.attempt, 0) AS attempt,
       coalesce(r.restarts, 0) AS restarts,
       c.checkpoint AS last_checkpoint,
       c.at AS last_checkpoint_at,
       CASE WHEN weir_internal.is_copied(r) THEN 'it ran before this database was copied or upgraded'
            WHEN w.reason IS NOT NULL THEN w.reason
            WHEN v.mine OR r.status NOT IN ('restarting', 'failed')
            THEN r.status_reason END AS status_reason,
       pg_catalog.pg_get_userbyid(j.owner) AS owner,
       j.max_parallelism,
       j.created_at,
       r.started_at,
       j.settings,
       CASE WHEN v.mine THEN r.last_error END AS last_error,
       CASE WHEN v.mine THEN j.query END AS query
FROM weir_internal.job j
JOIN weir_internal.visible_job v ON v.id = j.id
LEFT JOIN weir_internal.run r ON r.job = j.id
LEFT JOIN LATERAL weir_internal.whereabouts(r.job, r.status) w
    ON r.status IN ('starting', 'running', 'restarting', 'stopping')
LEFT JOIN LATERAL (
    -- completed, and all its output visible
    SELECT d.checkpoint, coalesce(k.visible_at, d.completed_at) AS at
    FROM weir_internal.completed d
    LEFT JOIN weir_internal.checkpoint k ON k.job = d.job AND k.id = d.checkpoint
    WHERE d.job = j.id AND (k.id IS NULL OR k.status = 'completed')
    ORDER BY d.checkpoint DESC
    LIMIT 1
) c ON true;
COMMENT ON VIEW weir.jobs IS 'jobs and what has become of them';

CREATE VIEW weir.checkpoints WITH (security_barrier) AS
SELECT v.name AS job,
       k.id AS checkpoint_id,
       k.kind,
       k.status,
       k.triggered_at,
       greatest(coalesce(k.visible_at, k.ended_at) - k.triggered_at,
                CASE WHEN k.ended_at IS NOT NULL THEN interval '0' END) AS duration,
       k.state_bytes,
       k.written_bytes,
       k.dirty_keys,
       CASE WHEN v.mine THEN k.failure END AS failure,
       k.savepoint,
       k.tasks,
       k.acknowledged,
       k.ended_at,
       k.visible_at
FROM weir_internal.checkpoint k
JOIN weir_internal.visible_job v ON v.id = k.job;
COMMENT ON VIEW weir.checkpoints IS 'history of checkpoints; completed once all their output is visible';

CREATE VIEW weir.checkpoint_tasks WITH (security_barrier) AS
SELECT v.name AS job,
       t.checkpoint AS checkpoint_id,
       t.name AS task,
       t.start_delay,
       t.alignment,
       t.sync,
       t.write,
       t.bytes
FROM weir_internal.checkpoint_task t
JOIN weir_internal.visible_job v ON v.id = t.job;
COMMENT ON VIEW weir.checkpoint_tasks IS 'what each task did for a checkpoint';

CREATE FUNCTION weir_internal.tasks(OUT job bigint, OUT task text, OUT kind text,
    OUT subtask int, OUT pid int, OUT attempt bigint, OUT records_in bigint,
    OUT records_out bigint, OUT rate_in float8, OUT rate_out float8, OUT bytes_in bigint,
    OUT busy float8, OUT idle float8, OUT backpressured float8, OUT in_sink float8,
    OUT state_bytes bigint, OUT state_keys bigint)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_tasks';

CREATE VIEW weir.tasks WITH (security_barrier) AS
SELECT v.name AS job,
       t.task,
       t.kind,
       t.subtask,
       t.pid,
       t.attempt,
       t.records_in,
       t.records_out,
       t.rate_in,
       t.rate_out,
       t.bytes_in,
       t.busy,
       t.idle,
       t.backpressured,
       t.in_sink,
       t.state_bytes,
       t.state_keys
FROM weir_internal.tasks() t
JOIN weir_internal.visible_job v ON v.id = t.job;
COMMENT ON VIEW weir.tasks IS 'processes of the running jobs, and what they do';

CREATE FUNCTION weir_internal.sources(OUT job bigint, OUT stream text, OUT status text,
    OUT peer text, OUT connected_at timestamptz, OUT last_record_at timestamptz,
    OUT records bigint, OUT bytes bigint, OUT journal_bytes bigint, OUT retries bigint,
    OUT dead_letters bigint, OUT last_error text, OUT partial_records bigint,
    OUT record_bytes bigint)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_sources';

CREATE VIEW weir.sources WITH (security_barrier) AS
SELECT v.name AS job,
       s.stream,
       s.status,
       s.peer,
       s.connected_at,
       s.last_record_at,
       s.records,
       s.bytes,
       s.journal_bytes,
       s.retries,
       s.dead_letters,
       CASE WHEN v.mine THEN s.last_error END AS last_error,
       s.partial_records,
       s.record_bytes
FROM weir_internal.sources() s
JOIN weir_internal.visible_job v ON v.id = s.job;
COMMENT ON VIEW weir.sources IS 'streams of the running jobs';

GRANT SELECT ON weir.jobs, weir.checkpoints, weir.checkpoint_tasks, weir.tasks, weir.sources
TO PUBLIC;
-- Records that could not be processed, of streams with on_error 'dead_letter'.
-- Written by a sink task in its epoch; gone when their owner deletes them.
CREATE TABLE weir_internal.dead_letter (
    job             bigint NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    attempt         bigint NOT NULL,
    task            int NOT NULL,
    relid           oid NOT NULL,       -- the stream
    stream          text NOT NULL,      -- its name then
    line_number     bigint NOT NULL,
    line            text,               -- what is no character escaped
    raw             bytea,
    error           text NOT NULL,
    sqlstate        text NOT NULL,
    checkpoint      bigint,             -- whose epoch holds it
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job, id)
);

-- Who may read a letter through the view need not be who may delete it.
CREATE FUNCTION weir_internal.guard_dead_letter() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'weir_guard_dead_letter';
REVOKE ALL ON FUNCTION weir_internal.guard_dead_letter() FROM PUBLIC;   -- it reads this table's rows only
CREATE TRIGGER guard BEFORE DELETE ON weir_internal.dead_letter
    FOR EACH ROW EXECUTE FUNCTION weir_internal.guard_dead_letter();

-- What may be told of an error to those who may not read its text: the class of
-- its SQLSTATE, in the standard's words.
CREATE FUNCTION weir_internal.sqlstate_class(sqlstate text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE pg_catalog.left(sqlstate, 2)
           WHEN '21' THEN 'cardinality violation'
           WHEN '22' THEN 'data exception'
           WHEN '23' THEN 'integrity constraint violation'
           WHEN '25' THEN 'invalid transaction state'
           WHEN '42' THEN 'syntax error or access rule violation'
           WHEN '44' THEN 'WITH CHECK OPTION violation'
           WHEN '54' THEN 'program limit exceeded'
           WHEN 'P0' THEN 'error raised by a function'
           ELSE 'error' END;

-- Who may read the stream may read its records; what the job's query, functions
-- and constraints said to them is its owner's, and may hold what only the owner
-- may read.  A letter whose stream was dropped is the owner's alone.
CREATE VIEW weir.dead_letters WITH (security_barrier) AS
SELECT (SELECT j.name FROM weir_internal.job j WHERE j.id = d.job) AS job,
       d.stream,
       d.line_number,
       d.line,
       d.raw,
       CASE WHEN (SELECT pg_catalog.pg_has_role(j.owner, 'USAGE')
                  FROM weir_internal.job j WHERE j.id = d.job)
            THEN d.error ELSE weir_internal.sqlstate_class(d.sqlstate) END AS error,
       d.sqlstate,
       d.checkpoint AS checkpoint_id,
       d.at
FROM weir_internal.dead_letter d
WHERE coalesce(pg_catalog.has_table_privilege(d.relid, 'SELECT'),
               (SELECT pg_catalog.pg_has_role(j.owner, 'USAGE')
                FROM weir_internal.job j WHERE j.id = d.job));
COMMENT ON VIEW weir.dead_letters IS 'records that could not be processed; the job''s owner may delete them';
GRANT SELECT, DELETE ON weir.dead_letters TO PUBLIC;
-- The keyed state of a checkpoint, decoded.

CREATE FUNCTION weir.state(job text, at_checkpoint bigint DEFAULT NULL)
RETURNS TABLE (step int, state text, key jsonb, value jsonb, expires_at timestamptz,
               key_group int, task int)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_state_at_checkpoint';
COMMENT ON FUNCTION weir.state(text, bigint)
IS 'keyed state of the last completed checkpoint, or of another that is kept';

CREATE FUNCTION weir.state(job text, savepoint text)
RETURNS TABLE (step int, state text, key jsonb, value jsonb, expires_at timestamptz,
               key_group int, task int)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_state_at_savepoint';
COMMENT ON FUNCTION weir.state(text, text) IS 'keyed state of a savepoint';

CREATE FUNCTION weir.state(job text, state text, key_type anyelement, value_type anycompatible)
RETURNS TABLE (key anyelement, value anycompatible, expires_at timestamptz,
               key_group int, task int)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_state_typed';
COMMENT ON FUNCTION weir.state(text, text, anyelement, anycompatible)
IS 'one state of the last completed checkpoint, typed; key_type and value_type give the types';
-- A job's query over lines that are given, for tests.
CREATE FUNCTION weir.try_job(job text, lines text[], stream text DEFAULT NULL,
    at timestamptz DEFAULT NULL)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job';
COMMENT ON FUNCTION weir.try_job(text, text[], text, timestamptz)
IS 'run lines through a job''s query in this transaction; returns the rows it writes';

CREATE FUNCTION weir.try_job(job text, lines text[], "row" anyelement, stream text DEFAULT NULL,
    at timestamptz DEFAULT NULL)
RETURNS SETOF anyelement LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job_as';
COMMENT ON FUNCTION weir.try_job(text, text[], anyelement, text, timestamptz)
IS 'the same; row is a null of the target''s row type, so that the rows need no column list';
-- Sinks that are no tables.
CREATE FUNCTION weir_internal.print_handler() RETURNS fdw_handler
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'weir_print_handler';
CREATE FUNCTION weir_internal.blackhole_handler() RETURNS fdw_handler
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'weir_blackhole_handler';
CREATE FUNCTION weir_internal.sink_validator(text[], oid) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'weir_sink_validator';
CREATE FOREIGN DATA WRAPPER weir_print
    HANDLER weir_internal.print_handler VALIDATOR weir_internal.sink_validator;
CREATE FOREIGN DATA WRAPPER weir_blackhole
    HANDLER weir_internal.blackhole_handler VALIDATOR weir_internal.sink_validator;
CREATE SERVER weir_print FOREIGN DATA WRAPPER weir_print;
CREATE SERVER weir_blackhole FOREIGN DATA WRAPPER weir_blackhole;
GRANT USAGE ON FOREIGN SERVER weir_print, weir_blackhole TO PUBLIC;
CREATE FOREIGN TABLE weir.print (line text) SERVER weir_print;
GRANT INSERT, SELECT ON weir.print TO PUBLIC;
