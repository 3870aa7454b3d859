-- What a database with version 0.1.0 needs to go with the library of 0.2.0.
\echo Use "ALTER EXTENSION weir UPDATE" to load this file. \quit

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

INSERT INTO weir_internal.job_node
SELECT job, false, 0, 'source', stream::regclass::text, stream, true
  FROM weir_internal.run WHERE stream <> 0
UNION ALL
SELECT job, true, 0, CASE WHEN step = 'weir.count_window' THEN 'count_window' ELSE 'function' END, step,
       coalesce(step_function, 0), true
  FROM weir_internal.run WHERE step IS NOT NULL;
ALTER TABLE weir_internal.run DROP COLUMN stream, DROP COLUMN step, DROP COLUMN step_function;

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

-- Barriers that overtake.
ALTER TABLE weir_internal.job ADD COLUMN unaligned_after interval;
DROP FUNCTION weir.enable_checkpointing(text, interval, text, interval, interval, int,
    boolean, int, int, int, interval, interval);
CREATE FUNCTION weir.enable_checkpointing(job text,
    every interval DEFAULT NULL, mode text DEFAULT NULL, timeout interval DEFAULT NULL,
    min_pause interval DEFAULT NULL, max_concurrent int DEFAULT NULL,
    fail_on_errors boolean DEFAULT NULL, tolerable_failures int DEFAULT NULL,
    retain int DEFAULT NULL, history int DEFAULT NULL,
    sink_flush interval DEFAULT NULL, lock_wait interval DEFAULT NULL,
    unaligned_after interval DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_enable_checkpointing';
COMMENT ON FUNCTION weir.enable_checkpointing(text, interval, text, interval, interval, int,
    boolean, int, int, int, interval, interval, interval)
IS 'checkpoint a job; called again it changes only what it names';

-- Streams that INSERT and COPY fill: foreign tables on the server weir_feed.
CREATE FUNCTION weir_internal.weir_feed_handler() RETURNS fdw_handler
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FUNCTION weir_internal.weir_feed_validator(text[], oid) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER weir_feed
    HANDLER weir_internal.weir_feed_handler
    VALIDATOR weir_internal.weir_feed_validator;
CREATE SERVER weir_feed FOREIGN DATA WRAPPER weir_feed;
GRANT USAGE ON FOREIGN SERVER weir_feed TO PUBLIC;

-- Their journals: one for each job that reads the stream, of two tables,
-- weir_internal.feed_<job>_<stream>_<slot>.
CREATE TABLE weir_internal.feed (
    stream          oid NOT NULL,       -- the foreign table
    job             bigint NOT NULL,
    slot            int NOT NULL DEFAULT 0, -- the table that takes rows
    forgotten       bytea,              -- the position before which rows are kept no more; null: all are kept
    passed          bigint NOT NULL DEFAULT 0, -- the place of an end of the stream that was passed
    PRIMARY KEY (stream, job)
);

-- The shape of such a table: rows packed, each chunk in pieces of at most a page.
CREATE TABLE weir_internal.feed_chunk (
    place           bigint NOT NULL,    -- in the WAL, before which its writer had said that it writes
    writer          bigint NOT NULL,    -- its transaction
    piece           int NOT NULL,       -- number: of those of its writer at the place
    nrows           int NOT NULL,       -- of the chunk, in its first piece; else 0
    stamp           bigint NOT NULL,    -- arrival, us since 2000-01-01
    data            bytea NOT NULL
);
ALTER TABLE weir_internal.feed_chunk ALTER data SET STORAGE PLAIN;

-- Changes of tables, of another server or of this one: foreign tables on servers of the
-- wrapper weir_changes.
CREATE FUNCTION weir_internal.weir_changes_handler() RETURNS fdw_handler
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FUNCTION weir_internal.weir_changes_validator(text[], oid) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER weir_changes
    HANDLER weir_internal.weir_changes_handler
    VALIDATOR weir_internal.weir_changes_validator;

-- What is made for a job's stream where the changes come from.
CREATE TABLE weir_internal.change_slot (
    job             bigint NOT NULL,
    stream          oid NOT NULL,       -- the foreign table
    database        oid NOT NULL,       -- in a copy of which the slot is another's
    server          oid NOT NULL,       -- the foreign server
    owner           oid NOT NULL,       -- who connects to it
    slot            text NOT NULL,
    made            boolean NOT NULL,   -- by Weir, which drops it
    publication     text,               -- that Weir has made
    copied          bigint,             -- the copy is whole: the LSN that it shows
    stamp           bigint,             -- arrival of its rows, us since 2000-01-01
    passed          bigint NOT NULL DEFAULT 0, -- ends of the stream that were passed
    handed          bytea,              -- the position before which nothing is handed out again
    PRIMARY KEY (job, stream)
);

-- The rows that were there when the slot was made, as lines, until they are handed out.
CREATE TABLE weir_internal.change_copy (
    job             bigint NOT NULL,
    stream          oid NOT NULL,
    before          bigint NOT NULL,    -- rows that are before these
    nrows           int NOT NULL,
    data            bytea NOT NULL,
    PRIMARY KEY (job, stream, before)
);

-- Dead letters: how many a minute, and again.
ALTER TABLE weir_internal.dead_letter ADD COLUMN arrived timestamptz, ADD COLUMN whole boolean;
UPDATE weir_internal.dead_letter SET arrived = at, whole = error !~ E'^record .*\n[0-9]+ bytes were put aside: ';
ALTER TABLE weir_internal.dead_letter ALTER COLUMN arrived SET NOT NULL, ALTER COLUMN whole SET NOT NULL;
CREATE INDEX dead_letter_arrived ON weir_internal.dead_letter (job, relid, arrived);
CREATE TABLE weir_internal.retry (
    job             bigint NOT NULL,
    relid           oid NOT NULL,       -- the stream
    id              bigint GENERATED ALWAYS AS IDENTITY,
    line_number     bigint NOT NULL,
    raw             bytea NOT NULL,
    arrived         timestamptz NOT NULL,   -- again
    PRIMARY KEY (job, relid, id)
);
CREATE FUNCTION weir.running(ttl weir.ttl DEFAULT NULL)
RETURNS boolean
    AS 'MODULE_PATHNAME', 'weir_running' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION weir.running(weir.ttl) IS
    'in GROUP BY: a running aggregate forgets a key after this time without a record; true';

CREATE FUNCTION weir.retry_dead_letters(job text, "where" text DEFAULT NULL)
RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_retry_dead_letters';
COMMENT ON FUNCTION weir.retry_dead_letters(text, text)
IS 'feed dead letters into their job again, all or those for which a condition holds; returns how many';

-- In rows, as EXPLAIN has them.
DROP FUNCTION weir.explain_job(text);
CREATE FUNCTION weir.explain_job(job text)
RETURNS TABLE ("QUERY PLAN" text) LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20
AS 'MODULE_PATHNAME', 'weir_explain_job';
COMMENT ON FUNCTION weir.explain_job(text)
IS 'the dataflow that a job''s query, or a query, is cut into';

-- Jobs as others see them.
CREATE FUNCTION weir_internal.stages(OUT job bigint, OUT stage int, OUT kind text,
    OUT steps text[], OUT parallelism int, OUT first_subtask int, OUT inputs int[])
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_stages';

CREATE VIEW weir.stages WITH (security_barrier) AS
SELECT v.name AS job,
       s.stage,
       s.kind,
       s.parallelism,
       s.steps,
       s.inputs,
       s.first_subtask
FROM weir_internal.stages() s
JOIN weir_internal.visible_job v ON v.id = s.job;
COMMENT ON VIEW weir.stages IS 'dataflow of the running jobs: what tasks do together, and which stages they read';
COMMENT ON COLUMN weir.stages.job IS 'name of the job';
COMMENT ON COLUMN weir.stages.stage IS 'from 0, sources first';
COMMENT ON COLUMN weir.stages.kind IS 'of its tasks in weir.tasks';
COMMENT ON COLUMN weir.stages.parallelism IS 'number of its tasks';
COMMENT ON COLUMN weir.stages.steps IS 'what its tasks do with each record, one after the other';
COMMENT ON COLUMN weir.stages.inputs IS 'stages that it reads';
COMMENT ON COLUMN weir.stages.first_subtask IS 'its tasks in weir.tasks are those of its kind with subtask from this on';
GRANT SELECT ON weir.stages TO PUBLIC;

CREATE FUNCTION weir_internal.measures(OUT job bigint, OUT metric text, OUT unit text,
    OUT count bigint, OUT min float8, OUT median float8, OUT p99 float8, OUT max float8)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_measures';

CREATE VIEW weir.measures WITH (security_barrier) AS
SELECT v.name AS job,
       m.metric,
       m.unit,
       m.count,
       m.min,
       m.median,
       m.p99,
       m.max
FROM weir_internal.measures() m
JOIN weir_internal.visible_job v ON v.id = m.job;
COMMENT ON VIEW weir.measures IS 'what the running jobs have measured: latency, restores, checkpoints';
COMMENT ON COLUMN weir.measures.job IS 'name of the job';
COMMENT ON COLUMN weir.measures.metric IS 'what was measured';
COMMENT ON COLUMN weir.measures.unit IS 'seconds; null: it was only counted';
COMMENT ON COLUMN weir.measures.count IS 'how many';
COMMENT ON COLUMN weir.measures.min IS 'the least';
COMMENT ON COLUMN weir.measures.median IS 'half of them were no greater';
COMMENT ON COLUMN weir.measures.p99 IS '99 % of them were no greater';
COMMENT ON COLUMN weir.measures.max IS 'the greatest';
GRANT SELECT ON weir.measures TO PUBLIC;

CREATE FUNCTION weir.job_stats(job text, OUT metric text, OUT unit text, OUT count bigint,
    OUT min float8, OUT median float8, OUT p99 float8, OUT max float8)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'weir_job_stats';
COMMENT ON FUNCTION weir.job_stats(text)
IS 'durations and sizes of a job''s checkpoints, restore times, latency of records';

CREATE FUNCTION weir.openmetrics(strict boolean DEFAULT false)
RETURNS text LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_openmetrics';
COMMENT ON FUNCTION weir.openmetrics(boolean)
IS 'metrics of all jobs in Prometheus''s text format, or strictly OpenMetrics';

CREATE FUNCTION weir.report(job text DEFAULT NULL)
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_report';
COMMENT ON FUNCTION weir.report(text)
IS 'a page in HTML on all jobs, or on one: dataflow, tasks, sources, checkpoints';

-- What \d+ says of the schema, and of each column of its views.

COMMENT ON SCHEMA weir IS 'streaming jobs: their functions and views';
COMMENT ON SCHEMA weir_internal IS 'tables of extension weir, for its own use';
COMMENT ON FUNCTION weir.key_by("any") IS
    'the key of a keyed step: JOIN LATERAL function(...) ON weir.key_by(...)';
COMMENT ON FUNCTION weir.ttl(interval) IS 'a time to live that writing renews';
COMMENT ON FOREIGN TABLE weir.print IS 'a sink that writes rows to the server''s log';
COMMENT ON FOREIGN DATA WRAPPER weir_socket IS 'streams: records that a TCP peer sends';
COMMENT ON FOREIGN DATA WRAPPER weir_print IS 'sinks that write rows to the server''s log';
COMMENT ON FOREIGN DATA WRAPPER weir_blackhole IS 'sinks that throw rows away';
COMMENT ON FOREIGN DATA WRAPPER weir_changes IS 'changes of tables, of another server or of this one, as streams';
COMMENT ON FOREIGN DATA WRAPPER weir_feed IS 'streams that INSERT and COPY put records into';
COMMENT ON SERVER weir_feed IS 'for streams that INSERT and COPY put records into';
COMMENT ON SERVER weir_print IS 'for foreign tables whose rows go to the server''s log';
COMMENT ON SERVER weir_blackhole IS 'for foreign tables whose rows are thrown away';

COMMENT ON COLUMN weir.jobs.name IS 'unique in the database';
COMMENT ON COLUMN weir.jobs.status IS
    'created, starting, running, restarting, stopping, stopped, finished or failed';
COMMENT ON COLUMN weir.jobs.parallelism IS 'number of keyed tasks';
COMMENT ON COLUMN weir.jobs.attempt IS
    'the last attempt: one life of the job''s tasks; never used again';
COMMENT ON COLUMN weir.jobs.restarts IS 'since start_job';
COMMENT ON COLUMN weir.jobs.last_checkpoint IS 'the newest whose output is visible';
COMMENT ON COLUMN weir.jobs.last_checkpoint_at IS 'when its output became visible';
COMMENT ON COLUMN weir.jobs.status_reason IS 'why it has this status, or what it waits for';
COMMENT ON COLUMN weir.jobs.owner IS 'the role the job runs as';
COMMENT ON COLUMN weir.jobs.max_parallelism IS 'number of key groups';
COMMENT ON COLUMN weir.jobs.created_at IS 'when create_job committed it';
COMMENT ON COLUMN weir.jobs.started_at IS 'last start_job';
COMMENT ON COLUMN weir.jobs.settings IS
    'search_path, TimeZone, DateStyle, IntervalStyle and what else is kept of create_job''s session';
COMMENT ON COLUMN weir.jobs.last_error IS 'of the last failure since start_job';
COMMENT ON COLUMN weir.jobs.query IS 'what the job runs';

COMMENT ON COLUMN weir.checkpoints.job IS 'name of the job';
COMMENT ON COLUMN weir.checkpoints.checkpoint_id IS 'never used again';
COMMENT ON COLUMN weir.checkpoints.kind IS
    'periodic, manual, savepoint or final (of a stop, or of the end of the stream)';
COMMENT ON COLUMN weir.checkpoints.status IS
    'in_progress, completed (all its output is visible) or failed';
COMMENT ON COLUMN weir.checkpoints.triggered_at IS 'when the sources were told of it';
COMMENT ON COLUMN weir.checkpoints.duration IS
    'from the trigger until all output was visible, or it failed';
COMMENT ON COLUMN weir.checkpoints.state_bytes IS
    'of all keyed state, as it would be written in full, before compression';
COMMENT ON COLUMN weir.checkpoints.written_bytes IS
    'what it wrote of the state, and of rows that its barrier overtook';
COMMENT ON COLUMN weir.checkpoints.dirty_keys IS 'keys that had changed';
COMMENT ON COLUMN weir.checkpoints.failure IS 'why it failed';
COMMENT ON COLUMN weir.checkpoints.savepoint IS 'its name, if it is one';
COMMENT ON COLUMN weir.checkpoints.tasks IS 'that have to acknowledge it';
COMMENT ON COLUMN weir.checkpoints.acknowledged IS 'tasks that have acknowledged it';
COMMENT ON COLUMN weir.checkpoints.ended_at IS 'when it was decided, or failed';
COMMENT ON COLUMN weir.checkpoints.visible_at IS 'when all its output was visible';

COMMENT ON COLUMN weir.checkpoint_tasks.job IS 'name of the job';
COMMENT ON COLUMN weir.checkpoint_tasks.checkpoint_id IS 'as in weir.checkpoints';
COMMENT ON COLUMN weir.checkpoint_tasks.task IS 'such as keyed 1';
COMMENT ON COLUMN weir.checkpoint_tasks.start_delay IS 'from the trigger to the first barrier';
COMMENT ON COLUMN weir.checkpoint_tasks.alignment IS 'from the first barrier to the last';
COMMENT ON COLUMN weir.checkpoint_tasks.sync IS 'copying out what had changed';
COMMENT ON COLUMN weir.checkpoint_tasks.write IS 'inserting what was copied';
COMMENT ON COLUMN weir.checkpoint_tasks.bytes IS
    'of chunks as stored, and of rows that a barrier overtook';

COMMENT ON COLUMN weir.tasks.job IS 'name of the job';
COMMENT ON COLUMN weir.tasks.task IS 'as in the process''s application_name';
COMMENT ON COLUMN weir.tasks.kind IS 'coordinator, source, keyed or sink';
COMMENT ON COLUMN weir.tasks.subtask IS 'which of its kind, from 0';
COMMENT ON COLUMN weir.tasks.pid IS 'process of the server';
COMMENT ON COLUMN weir.tasks.attempt IS 'as in weir.jobs';
COMMENT ON COLUMN weir.tasks.records_in IS 'in this attempt';
COMMENT ON COLUMN weir.tasks.records_out IS 'in this attempt';
COMMENT ON COLUMN weir.tasks.rate_in IS 'records a second, over the last second';
COMMENT ON COLUMN weir.tasks.rate_out IS 'records a second, over the last second';
COMMENT ON COLUMN weir.tasks.bytes_in IS 'in this attempt; of a source, as in weir.sources';
COMMENT ON COLUMN weir.tasks.busy IS 'share of the last second: working';
COMMENT ON COLUMN weir.tasks.idle IS 'share of the last second: waiting for input';
COMMENT ON COLUMN weir.tasks.backpressured IS
    'share of the last second: waiting for room downstream';
COMMENT ON COLUMN weir.tasks.in_sink IS 'share of the last second: in the sink statement';
COMMENT ON COLUMN weir.tasks.state_bytes IS 'memory that the task''s keyed state takes';
COMMENT ON COLUMN weir.tasks.state_keys IS 'keys it holds something for';

COMMENT ON COLUMN weir.sources.job IS 'name of the job';
COMMENT ON COLUMN weir.sources.stream IS 'schema-qualified name';
COMMENT ON COLUMN weir.sources.status IS 'connecting, connected or closed';
COMMENT ON COLUMN weir.sources.peer IS 'address and port';
COMMENT ON COLUMN weir.sources.connected_at IS 'the connection that is open';
COMMENT ON COLUMN weir.sources.last_record_at IS 'when the last record came';
COMMENT ON COLUMN weir.sources.records IS
    'of the stream read so far, by earlier attempts and starts too';
COMMENT ON COLUMN weir.sources.bytes IS
    'of the stream read so far, by earlier attempts and starts too';
COMMENT ON COLUMN weir.sources.journal_bytes IS 'that the journal takes';
COMMENT ON COLUMN weir.sources.retries IS 'reconnects in this attempt';
COMMENT ON COLUMN weir.sources.dead_letters IS 'kept when the attempt began, and written since';
COMMENT ON COLUMN weir.sources.last_error IS 'why the last connection was lost or refused';
COMMENT ON COLUMN weir.sources.partial_records IS 'that connections left behind in this attempt';
COMMENT ON COLUMN weir.sources.record_bytes IS 'received of the record that is not whole yet';

COMMENT ON COLUMN weir.dead_letters.job IS 'name of the job';
COMMENT ON COLUMN weir.dead_letters.stream IS 'schema-qualified name';
COMMENT ON COLUMN weir.dead_letters.line_number IS 'of the record in the stream, from 1';
COMMENT ON COLUMN weir.dead_letters.line IS 'the record; bytes that are no characters are escaped';
COMMENT ON COLUMN weir.dead_letters.raw IS 'its bytes, without the delimiter';
COMMENT ON COLUMN weir.dead_letters.error IS
    'message, detail and the column; for who is not the job''s owner the class of sqlstate';
COMMENT ON COLUMN weir.dead_letters.sqlstate IS 'of the error';
COMMENT ON COLUMN weir.dead_letters.checkpoint_id IS 'whose epoch holds the letter';
COMMENT ON COLUMN weir.dead_letters.at IS 'when it was put aside';

-- What is for peers waits in the outbox, too.
ALTER TABLE weir_internal.outbox ALTER COLUMN line DROP NOT NULL, ADD COLUMN relid oid, ADD COLUMN checkpoint bigint,
    ADD COLUMN record bytea;
UPDATE weir_internal.outbox SET relid = 0;
ALTER TABLE weir_internal.outbox ALTER COLUMN relid SET NOT NULL;
CREATE INDEX outbox_socket ON weir_internal.outbox (job, relid, id);

-- Windows of event time.
CREATE FUNCTION weir.tumble(ts timestamptz, size interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS tstzrange
    AS 'MODULE_PATHNAME', 'weir_tumble' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION weir.tumble(ts timestamp, size interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS tsrange
    AS 'MODULE_PATHNAME', 'weir_tumble' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION weir.hop(ts timestamptz, size interval, slide interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS SETOF tstzrange
    AS 'MODULE_PATHNAME', 'weir_hop' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
CREATE FUNCTION weir.hop(ts timestamp, size interval, slide interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS SETOF tsrange
    AS 'MODULE_PATHNAME', 'weir_hop' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
CREATE FUNCTION weir.cumulate(ts timestamptz, step interval, size interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS SETOF tstzrange
    AS 'MODULE_PATHNAME', 'weir_cumulate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
CREATE FUNCTION weir.cumulate(ts timestamp, step interval, size interval, "offset" interval DEFAULT '0', lateness interval DEFAULT '0')
RETURNS SETOF tsrange
    AS 'MODULE_PATHNAME', 'weir_cumulate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
CREATE FUNCTION weir.session(ts timestamptz, gap interval, lateness interval DEFAULT '0')
RETURNS tstzrange
    AS 'MODULE_PATHNAME', 'weir_session_window' LANGUAGE C VOLATILE;
CREATE FUNCTION weir.session(ts timestamp, gap interval, lateness interval DEFAULT '0')
RETURNS tsrange
    AS 'MODULE_PATHNAME', 'weir_session_window' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION weir.tumble(timestamptz, interval, interval, interval) IS
    'the window of this size that a time lies in';
COMMENT ON FUNCTION weir.tumble(timestamp, interval, interval, interval) IS
    'the window of this size that a time lies in';
COMMENT ON FUNCTION weir.hop(timestamptz, interval, interval, interval, interval) IS
    'the windows of this size, one begins every slide, that a time lies in';
COMMENT ON FUNCTION weir.hop(timestamp, interval, interval, interval, interval) IS
    'the windows of this size, one begins every slide, that a time lies in';
COMMENT ON FUNCTION weir.cumulate(timestamptz, interval, interval, interval, interval) IS
    'the windows that begin every size and grow by step, that a time lies in';
COMMENT ON FUNCTION weir.cumulate(timestamp, interval, interval, interval, interval) IS
    'the windows that begin every size and grow by step, that a time lies in';
COMMENT ON FUNCTION weir.session(timestamptz, interval, interval) IS
    'in GROUP BY of a job: a window of records that are less than gap apart';
COMMENT ON FUNCTION weir.session(timestamp, interval, interval) IS
    'in GROUP BY of a job: a window of records that are less than gap apart';

DROP FUNCTION weir.try_job(text, text[], text, timestamptz);
DROP FUNCTION weir.try_job(text, text[], anyelement, text, timestamptz);

CREATE FUNCTION weir.try_job(job text, lines text[], stream text DEFAULT NULL,
    at timestamptz DEFAULT NULL, finish boolean DEFAULT false)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job';
COMMENT ON FUNCTION weir.try_job(text, text[], text, timestamptz, boolean)
IS 'run lines through a job''s query in this transaction; returns the rows it writes';

CREATE FUNCTION weir.try_job(job text, lines text[], "row" anyelement, stream text DEFAULT NULL,
    at timestamptz DEFAULT NULL, finish boolean DEFAULT false)
RETURNS SETOF anyelement LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job_as';
COMMENT ON FUNCTION weir.try_job(text, text[], anyelement, text, timestamptz, boolean)
IS 'the same; row is a null of the target''s row type, so that the rows need no column list';

CREATE FUNCTION weir.try_job(job text, lines text[], stream text[],
    at timestamptz DEFAULT NULL, finish boolean DEFAULT false)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job_streams';
COMMENT ON FUNCTION weir.try_job(text, text[], text[], timestamptz, boolean)
IS 'the same over lines of several streams; stream names that of each line';

CREATE FUNCTION weir.try_job(job text, lines text[], "row" anyelement, stream text[],
    at timestamptz DEFAULT NULL, finish boolean DEFAULT false)
RETURNS SETOF anyelement LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_try_job_streams_as';
COMMENT ON FUNCTION weir.try_job(text, text[], anyelement, text[], timestamptz, boolean)
IS 'the same over lines of several streams, with a null of the target''s row type';

-- When windows of event time are written.
ALTER TABLE weir_internal.job ADD COLUMN emit text NOT NULL DEFAULT 'final';
CREATE OR REPLACE VIEW weir.jobs WITH (security_barrier) AS
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
       CASE WHEN v.mine THEN j.query END AS query,
       j.emit
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
COMMENT ON COLUMN weir.jobs.emit IS
    'when windows of event time are written: final, or update, while they are open too';
DROP FUNCTION weir.create_job(text, text, int, int, boolean, text);
CREATE FUNCTION weir.create_job(name text, query text, parallelism int DEFAULT 1,
    max_parallelism int DEFAULT 128, if_not_exists boolean DEFAULT false,
    max_state_memory text DEFAULT NULL, emit text DEFAULT 'final')
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_create_job';
COMMENT ON FUNCTION weir.create_job(text, text, int, int, boolean, text, text)
IS 'define a streaming job: an INSERT ... SELECT over streams';


CREATE FUNCTION weir_internal.task_stats(OUT job bigint, OUT task text, OUT kind text,
    OUT subtask int, OUT pid int, OUT attempt bigint, OUT records_in bigint,
    OUT records_out bigint, OUT rate_in float8, OUT rate_out float8, OUT bytes_in bigint,
    OUT busy float8, OUT idle float8, OUT backpressured float8, OUT in_sink float8,
    OUT state_bytes bigint, OUT state_keys bigint, OUT watermark timestamptz,
    OUT late_records bigint, OUT last_error text)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_tasks';

CREATE OR REPLACE VIEW weir.tasks WITH (security_barrier) AS
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
       t.state_keys,
       t.watermark,
       t.late_records,
       t.last_error
FROM weir_internal.task_stats() t
JOIN weir_internal.visible_job v ON v.id = t.job;
DROP FUNCTION weir_internal.tasks();
COMMENT ON COLUMN weir.tasks.watermark IS 'event time up to here is complete: rows of a time before it are late';
COMMENT ON COLUMN weir.tasks.late_records IS 'rows that came too late, in this attempt';
COMMENT ON COLUMN weir.tasks.last_error IS 'of a sink whose peer is away: why its rows wait';
CREATE FUNCTION weir.watermark(expression timestamptz, bound interval) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'weir_watermark' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION weir.watermark(timestamptz, interval) IS
    'the time; where a job reads a stream its watermark is the highest such time less the bound';
CREATE FUNCTION weir.watermark(expression timestamp, bound interval) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'weir_watermark' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION weir.watermark(timestamp, interval) IS
    'the time; where a job reads a stream its watermark is the highest such time less the bound';
CREATE FUNCTION weir.arrival() RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'weir_arrival' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION weir.arrival() IS
    'in a job when the record came; elsewhere the time of the statement';
CREATE FUNCTION weir_internal.arrival(ordinal tid) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'weir_arrival_of' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;

CREATE FUNCTION weir_internal.stream_sources(OUT job bigint, OUT stream text, OUT status text,
    OUT peer text, OUT connected_at timestamptz, OUT last_record_at timestamptz,
    OUT records bigint, OUT bytes bigint, OUT journal_bytes bigint, OUT retries bigint,
    OUT dead_letters bigint, OUT last_error text, OUT partial_records bigint,
    OUT record_bytes bigint, OUT watermark timestamptz, OUT is_idle boolean)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_sources';

CREATE OR REPLACE VIEW weir.sources WITH (security_barrier) AS
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
       s.record_bytes,
       s.watermark,
       s.is_idle
FROM weir_internal.stream_sources() s
JOIN weir_internal.visible_job v ON v.id = s.job;
DROP FUNCTION weir_internal.sources();
COMMENT ON COLUMN weir.sources.watermark IS 'rows of a time before this are late; of several scans of the stream the lowest';
COMMENT ON COLUMN weir.sources.is_idle IS 'nothing came for idle_timeout: other streams do not wait for its watermark';

-- Timers of keyed functions.
CREATE FUNCTION weir.create_timer(
    function text,
    name text,
    handler text,
    clock text DEFAULT 'event')
RETURNS void
    AS 'MODULE_PATHNAME', 'weir_create_timer' LANGUAGE C;

CREATE FUNCTION weir.drop_timer(function text, name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_drop_timer' LANGUAGE C;

COMMENT ON FUNCTION weir.create_timer(text, text, text, text) IS
    'declare a timer for a keyed function: at moments that the function sets its handler is called with the key and the moment';
COMMENT ON FUNCTION weir.drop_timer(text, text) IS
    'drop the declaration of a timer';

-- For the keyed function of a running job and its handlers: timers of the current key.
CREATE FUNCTION weir.timer_set(name text, at timestamptz) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_timer_set' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.timer_clear(name text) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_timer_clear' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION weir.timer_clear(name text, at timestamptz) RETURNS void
    AS 'MODULE_PATHNAME', 'weir_timer_clear' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION weir.timer_set(text, timestamptz) IS
    'in a keyed function: its timer''s handler is called for the current key at this moment, once however often that is set';
COMMENT ON FUNCTION weir.timer_clear(text) IS
    'in a keyed function: the timer is not set for the current key any more, whatever the moment';
COMMENT ON FUNCTION weir.timer_clear(text, timestamptz) IS
    'in a keyed function: the timer is not set for the current key and this moment any more';

CREATE VIEW weir.timers WITH (security_barrier) AS
SELECT s.function,
       s.name,
       s.calls AS handler,
       CASE s.kind WHEN 'event timer' THEN 'event' ELSE 'arrival' END AS clock,
       pg_catalog.pg_get_userbyid(s.owner) AS owner
FROM weir_internal.state s
WHERE s.kind IN ('event timer', 'arrival timer')
  AND (pg_catalog.pg_has_role(s.owner::oid, 'USAGE')
       OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'));
COMMENT ON VIEW weir.timers IS 'timers that keyed functions have declared';
COMMENT ON COLUMN weir.timers.function IS 'the keyed function';
COMMENT ON COLUMN weir.timers.name IS 'by which the function sets it';
COMMENT ON COLUMN weir.timers.handler IS 'what is called at the moments that were set';
COMMENT ON COLUMN weir.timers.clock IS 'event: the time that records bear; arrival: that of their arrival';
COMMENT ON COLUMN weir.timers.owner IS 'who may drop it';
GRANT SELECT ON weir.timers TO PUBLIC;

-- Servers that share the partitions of a topic: src/decide/ownership.h says what the
-- rows mean, and who may change them when.

-- The group that a job is of, and the name that its server has there.
CREATE TABLE weir_internal.group_job (
    job             bigint PRIMARY KEY,
    group_name      text NOT NULL,
    member          text NOT NULL
);

-- A partition that was this server's, or is about to be: its state has the key group of
-- the same number.
CREATE TABLE weir_internal.group_partition (
    job             bigint NOT NULL,
    partition       int NOT NULL,
    state           text NOT NULL DEFAULT 'none',   -- owned, given
    epoch           bigint NOT NULL DEFAULT 0,      -- as its owner
    given_to        text,               -- the member that has taken it
    taking          boolean NOT NULL DEFAULT false,
    taking_from     text,               -- taking: its owner before; null: nobody had it
    wal_timeline    bigint NOT NULL,    -- of this server, when it was certain of the row
    reading         boolean NOT NULL DEFAULT false, -- owned, and assigned here
    since           timestamptz NOT NULL DEFAULT clock_timestamp(), -- it is as it is
    waits_for       text,               -- assigned here, and not to be had yet
    -- given: what whoever took it begins with, kept until it comes back
    checkpoint      bigint,
    timeline        bigint,
    positions       jsonb,
    PRIMARY KEY (job, partition)
);

-- For the other servers of the group, which call them as members of the job's owner.
CREATE FUNCTION weir.group_offer(job text, "group" text, OUT member text, OUT partition int,
    OUT state text, OUT epoch bigint, OUT given_to text, OUT taking boolean, OUT taking_from text,
    OUT certain boolean)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'weir_group_offer';
COMMENT ON FUNCTION weir.group_offer(text, text)
IS 'for the other servers of a group: what this one knows of each partition; a row of its own says its name';

CREATE FUNCTION weir.group_take(job text, "group" text, partition int, member text,
    OUT epoch bigint, OUT nodes text, OUT positions jsonb)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'weir_group_take';
COMMENT ON FUNCTION weir.group_take(text, text, int, text)
IS 'for the other servers of a group: gives a partition to that member; no row if it is not this server''s to give';

CREATE FUNCTION weir.group_state(job text, "group" text, partition int, member text,
    OUT step int, OUT is_full boolean, OUT payload bytea)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'weir_group_state';
COMMENT ON FUNCTION weir.group_state(text, text, int, text)
IS 'for the other servers of a group: the state of a partition that was given to that member';

CREATE FUNCTION weir.group_clear(job text, "group" text, partition int)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'weir_group_clear';
COMMENT ON FUNCTION weir.group_clear(text, text, int)
IS 'for the other servers of a group: this one does not begin that partition, as another does';

CREATE VIEW weir."group" WITH (security_barrier) AS
SELECT v.name AS job,
       g.group_name AS "group",
       g.member,
       p.partition,
       CASE p.state WHEN 'owned' THEN g.member WHEN 'given' THEN p.given_to END AS owner,
       CASE p.state WHEN 'none' THEN NULL WHEN 'given' THEN p.epoch + 1 ELSE p.epoch END AS epoch,
       CASE WHEN p.waits_for IS NOT NULL THEN 'waiting'
            WHEN p.taking THEN 'taking'
            WHEN p.state = 'owned' AND NOT p.reading THEN 'released'
            ELSE p.state END AS state,
       p.since,
       CASE WHEN v.mine THEN p.waits_for END AS waits_for
FROM weir_internal.group_partition p
JOIN weir_internal.group_job g ON g.job = p.job
JOIN weir_internal.visible_job v ON v.id = p.job;
COMMENT ON VIEW weir."group" IS 'partitions that this server of a group has, had, or waits for';
COMMENT ON COLUMN weir."group".job IS 'whose stream they are of';
COMMENT ON COLUMN weir."group"."group" IS 'option group of the stream''s server';
COMMENT ON COLUMN weir."group".member IS 'the name of this server in it';
COMMENT ON COLUMN weir."group".partition IS 'of the topic';
COMMENT ON COLUMN weir."group".owner IS 'the member whose it is, as far as this server knows';
COMMENT ON COLUMN weir."group".epoch IS 'how many owners it has had, that one included';
COMMENT ON COLUMN weir."group".state IS
    'owned: read here; released: owned, until another takes it; given: another has it; taking, waiting: it is about to be owned';
COMMENT ON COLUMN weir."group".since IS 'when it came to be so';
COMMENT ON COLUMN weir."group".waits_for IS 'who has it, or may have it, and must be asked first';
GRANT SELECT ON weir."group" TO PUBLIC;
