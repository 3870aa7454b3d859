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
    piece           int NOT NULL,
    nrows           int NOT NULL,       -- in all its pieces
    stamp           bigint NOT NULL,    -- arrival, us since 2000-01-01
    data            bytea NOT NULL
);
ALTER TABLE weir_internal.feed_chunk ALTER data SET STORAGE PLAIN;

-- In rows, as EXPLAIN has them.
DROP FUNCTION weir.explain_job(text);
CREATE FUNCTION weir.explain_job(job text)
RETURNS TABLE ("QUERY PLAN" text) LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20
AS 'MODULE_PATHNAME', 'weir_explain_job';
COMMENT ON FUNCTION weir.explain_job(text)
IS 'the dataflow that a job''s query, or a query, is cut into';
