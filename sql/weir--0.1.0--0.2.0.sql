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

-- In rows, as EXPLAIN has them.
DROP FUNCTION weir.explain_job(text);
CREATE FUNCTION weir.explain_job(job text)
RETURNS TABLE ("QUERY PLAN" text) LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20
AS 'MODULE_PATHNAME', 'weir_explain_job';
COMMENT ON FUNCTION weir.explain_job(text)
IS 'the dataflow that a job''s query, or a query, is cut into';

-- Metrics.
CREATE FUNCTION weir.openmetrics(strict boolean DEFAULT false)
RETURNS text LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'weir_openmetrics';
COMMENT ON FUNCTION weir.openmetrics(boolean)
IS 'metrics of all jobs in Prometheus''s text format, or strictly OpenMetrics';
