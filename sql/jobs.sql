-- Functions and views on jobs, as far as they need no job that runs.
SET client_min_messages = warning;
CREATE EXTENSION weir;
RESET client_min_messages;
CREATE ROLE regress_weir_owner LOGIN;
CREATE ROLE regress_weir_member LOGIN IN ROLE regress_weir_owner;
CREATE ROLE regress_weir_stats LOGIN IN ROLE pg_read_all_stats;
CREATE ROLE regress_weir_other LOGIN;
CREATE ROLE regress_weir_nologin NOLOGIN;

CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '9999');
CREATE SERVER forgetful FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '9999', journal 'off', max_retries '-1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
CREATE FOREIGN TABLE unkept (f0 bigint, f1 bigint) SERVER forgetful OPTIONS (delimiter ' ');
CREATE TABLE averages (f0 bigint, average bigint);
CREATE FUNCTION doubled(r readings) RETURNS TABLE (f0 bigint, average bigint)
LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT r.f0, 2 * r.f1; END $$;
GRANT SELECT ON readings, unkept TO regress_weir_owner, regress_weir_nologin;
GRANT INSERT ON averages TO regress_weir_owner, regress_weir_nologin;

-- create_job
SELECT weir.create_job(NULL, 'INSERT INTO averages SELECT * FROM readings');
SELECT weir.create_job('j', NULL);
SELECT weir.create_job('', 'INSERT INTO averages SELECT * FROM readings');
SELECT weir.create_job(repeat('x', 64), 'INSERT INTO averages SELECT * FROM readings');
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings', parallelism => 0);
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings', parallelism => 129);
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings', parallelism => NULL);
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings', max_parallelism => 0);
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings', max_parallelism => 32769);
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings', max_state_memory => '1 apple');
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings', max_state_memory => 'much');
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings', max_state_memory => '1023kB');
SELECT weir.create_job('j', 'SELECT * FROM readings');
-- State needs a key, wherever the function is called.
CREATE FUNCTION counted(r readings) RETURNS bigint
LANGUAGE plpgsql AS $$ BEGIN RETURN weir.state_value('n', NULL::bigint); END $$;
SELECT weir.create_value_state('counted(readings)', 'n', 'bigint');
CREATE VIEW counts AS SELECT f0, counted(r) AS n FROM readings r;
SELECT weir.create_job('j', 'INSERT INTO averages SELECT r.f0, a FROM readings r JOIN LATERAL counted(r) a ON true');
SELECT weir.create_job('j', 'INSERT INTO averages SELECT f0, counted(r) FROM readings r');
SELECT weir.create_job('j', 'INSERT INTO averages SELECT a.* FROM readings r JOIN LATERAL doubled(r) a ON weir.key_by(r.f0) WHERE counted(r) > 1');
SELECT weir.create_job('j', 'INSERT INTO averages SELECT f0, n FROM counts');
BEGIN;
SELECT weir.create_job('j', 'INSERT INTO averages SELECT r.f0, a FROM readings r JOIN LATERAL counted(r) a ON weir.key_by(r.f0)');
ROLLBACK;
DROP VIEW counts;
DROP FUNCTION counted(readings);
SELECT count(*) FROM weir.jobs;

SET ROLE regress_weir_owner;
SET TimeZone = 'Europe/Berlin';
SET DateStyle = 'German';
SET IntervalStyle = 'iso_8601';
SET default_text_search_config = 'pg_catalog.simple';
SET search_path = public, pg_catalog;
SELECT weir.create_job('j', $$
    INSERT INTO averages
    SELECT a.* FROM readings r
    JOIN LATERAL doubled(r) a ON weir.key_by(r.f0)
$$, parallelism => 2, max_parallelism => 16);
RESET search_path;
RESET default_text_search_config;
RESET IntervalStyle;
RESET DateStyle;
RESET TimeZone;
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings');
SELECT weir.create_job('j', 'INSERT INTO averages SELECT * FROM readings', if_not_exists => true);
SELECT weir.create_job(repeat('x', 63), 'INSERT INTO averages SELECT * FROM readings',
    if_not_exists => true);
SELECT weir.drop_job(repeat('x', 63));
SELECT name, status, parallelism, attempt, restarts, last_checkpoint, status_reason,
       owner, max_parallelism, started_at, settings, last_error, query
FROM weir.jobs \gx
BEGIN;
SELECT weir.create_job('rolled_back', 'INSERT INTO averages SELECT * FROM readings');
ROLLBACK;
SELECT name FROM weir.jobs;

-- unknown jobs
SELECT weir.start_job('nobody');
SELECT weir.stop_job('nobody');
SELECT weir.drop_job('nobody');
SELECT weir.drop_job('nobody', if_exists => true);
SELECT weir.wait_for_job('nobody', 'running');
SELECT weir.explain_job('nobody');
SELECT weir.enable_checkpointing('nobody');
SELECT weir.disable_checkpointing('nobody');
SELECT weir.trigger_checkpoint('nobody');
SELECT weir.start_job(NULL);
SELECT weir.enable_checkpointing(NULL);

-- savepoints of a job that has none
SELECT weir.start_job('j', from_savepoint => 's');
SELECT weir.start_job('j', from_savepoint => 's', fresh => true);
SELECT weir.stop_job('j', savepoint => 's');
SELECT weir.stop_job('j', savepoint => 's', cancel => true);
SELECT weir.create_savepoint('j', 's');
SELECT weir.create_savepoint('j', NULL);
SELECT weir.create_savepoint('nobody', 's');
SELECT weir.drop_savepoint('j', 's');
SELECT weir.drop_savepoint('j', NULL);
SELECT weir.drop_savepoint('nobody', 's');

-- a job that does not run
SELECT weir.stop_job('j');
SELECT weir.stop_job('j', cancel => true);
SELECT weir.stop_job('j', drain => true, cancel => true);
SELECT weir.trigger_checkpoint('j');

-- wait_for_job
SELECT weir.wait_for_job('j', 'walking');
SELECT weir.wait_for_job('j', NULL);
SELECT weir.wait_for_job('j', 'created');
SELECT weir.wait_for_job('j', 'running', '0');
SELECT weir.wait_for_job('j', 'running', '20 ms');
SELECT weir.wait_for_job('j', 'running', '-1 s');
BEGIN;
SELECT pg_current_xact_id() IS NOT NULL AS has_written;
SELECT weir.wait_for_job('j', 'created');
SELECT weir.wait_for_job('j', 'running', '20 ms');
ROLLBACK;
RESET ROLE;
BEGIN;
LOCK TABLE averages IN SHARE MODE;
SELECT weir.wait_for_job('j', 'running', '20 ms');
ROLLBACK;
BEGIN;
LOCK TABLE averages IN ROW EXCLUSIVE MODE;
SELECT weir.wait_for_job('j', 'running', '20 ms');
ROLLBACK;
SET ROLE regress_weir_owner;

-- enable_checkpointing
SELECT weir.enable_checkpointing('j', every => '9 ms');
SELECT weir.enable_checkpointing('j', every => '1 month');
SELECT weir.enable_checkpointing('j', every => '40000 days');
SELECT weir.enable_checkpointing('j', every => '-1 s');
SELECT weir.enable_checkpointing('j', timeout => '9 ms');
SELECT weir.enable_checkpointing('j', min_pause => '-1 ms');
SELECT weir.enable_checkpointing('j', max_concurrent => 0);
SELECT weir.enable_checkpointing('j', tolerable_failures => -1);
SELECT weir.enable_checkpointing('j', retain => 0);
SELECT weir.enable_checkpointing('j', history => 0);
SELECT weir.enable_checkpointing('j', sink_flush => '9 ms');
SELECT weir.enable_checkpointing('j', lock_wait => '1 year');
SELECT weir.enable_checkpointing('j', mode => 'perhaps_once');
SELECT weir.enable_checkpointing('j', evry => '1 s');
SELECT e FROM weir.explain_job('j') e WHERE e ~ '^Checkpointing';
SELECT weir.disable_checkpointing('j');
SELECT weir.enable_checkpointing('j');
SELECT e AS defaults FROM weir.explain_job('j') e WHERE e ~ '^Checkpointing';
SELECT weir.enable_checkpointing('j', every => '2 s', mode => 'at_least_once',
    timeout => '60 s', min_pause => '500 ms', max_concurrent => 2, fail_on_errors => false,
    retain => 3, history => 50, sink_flush => '20 ms', lock_wait => '1 day');
SELECT e AS named FROM weir.explain_job('j') e WHERE e ~ '^Checkpointing';
SELECT weir.enable_checkpointing('j', tolerable_failures => 4, fail_on_errors => false);
SELECT substring(e FROM 'tolerable_failures [^,]*') AS number_wins FROM weir.explain_job('j') e WHERE e ~ '^Checkpointing';
SELECT weir.enable_checkpointing('j', max_concurrent => 1);
SELECT e AS the_rest_stays FROM weir.explain_job('j') e WHERE e ~ '^Checkpointing';
SELECT weir.enable_checkpointing('j', fail_on_errors => true);
SELECT substring(e FROM 'tolerable_failures [^,]*') AS later_call_wins FROM weir.explain_job('j') e WHERE e ~ '^Checkpointing';
BEGIN;
SELECT weir.disable_checkpointing('j');
ROLLBACK;
SELECT bool_or(e ~ '^Checkpointing: every') AS enabled FROM weir.explain_job('j') e;
SELECT weir.enable_checkpointing('j', mode => 'exactly_once', every => '1 s', lock_wait => '5 s');

-- the dataflow of a job, and of a query that no job has yet
SELECT * FROM weir.explain_job('j');
SELECT * FROM weir.explain_job(' -- once
    /* more */ insert INTO averages SELECT f0, f1 FROM readings');
SELECT * FROM weir.explain_job('INSERT INTO averages SELECT f0, f9 FROM readings');
SELECT * FROM weir.explain_job(NULL);

-- another job that writes the same table for longer than lock_wait
SELECT weir.create_job('slow', 'INSERT INTO averages SELECT * FROM readings');
SELECT weir.enable_checkpointing('slow', every => '1 min');
SELECT weir.enable_checkpointing('j', lock_wait => '30 s');
SELECT weir.enable_checkpointing('j', lock_wait => '2 min');
SELECT weir.drop_job('slow');

-- a stream without journal
SELECT weir.create_job('u', 'INSERT INTO averages SELECT * FROM unkept');
SELECT weir.enable_checkpointing('u');
SELECT weir.enable_checkpointing('u', mode => 'at_least_once');
SELECT weir.enable_checkpointing('u', mode => 'at_most_once');
SELECT weir.enable_checkpointing('u', mode => 'exactly_once');
SELECT weir.drop_job('u');

-- start_job, rolled back; all that is missing in one error
SELECT weir.disable_checkpointing('j');
BEGIN;
SELECT weir.start_job('j');
SELECT status, restarts, started_at IS NOT NULL AS started FROM weir.jobs;
ROLLBACK;
SELECT status FROM weir.jobs;
RESET ROLE;
SET ROLE regress_weir_nologin;
SELECT weir.create_job('big', $$
    INSERT INTO averages SELECT a.* FROM readings r
    JOIN LATERAL doubled(r) a ON weir.key_by(r.f0)
$$, parallelism => 30000, max_parallelism => 30000);
SELECT weir.enable_checkpointing('big');
DO $$
DECLARE
    detail text;
    hint text;
BEGIN
    PERFORM weir.start_job('big');
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE NOTICE '%', SQLERRM;
    RAISE NOTICE '%', regexp_replace(detail, '\d+', 'N', 'g');
    RAISE NOTICE '%', regexp_replace(hint, '\d+', 'N', 'g');
END $$;
SELECT weir.drop_job('big');
RESET ROLE;

-- privileges
SET ROLE regress_weir_other;
SELECT count(*) FROM weir.jobs;
SELECT weir.start_job('j');
SELECT weir.stop_job('j');
SELECT weir.drop_job('j');
SELECT weir.wait_for_job('j', 'created');
SELECT weir.explain_job('j');
SELECT weir.enable_checkpointing('j');
SELECT weir.disable_checkpointing('j');
SELECT weir.trigger_checkpoint('j');
SELECT weir.create_savepoint('j', 's');
SELECT weir.drop_savepoint('j', 's');
SELECT count(*) FROM weir_internal.job;
SET ROLE regress_weir_member;
SELECT name, query IS NOT NULL AS sees_query FROM weir.jobs;
SELECT weir.enable_checkpointing('j', every => '3 s');
SET ROLE regress_weir_stats;
SELECT name, status, settings IS NOT NULL AS sees_settings, query FROM weir.jobs;
SELECT weir.wait_for_job('j', 'created');
SELECT weir.drop_job('j');
RESET ROLE;

-- views: columns in the order of the contract
SELECT attrelid::regclass AS view, string_agg(attname, ', ' ORDER BY attnum) AS columns
FROM pg_attribute
WHERE attnum > 0 AND attrelid IN ('weir.jobs'::regclass, 'weir.checkpoints'::regclass,
    'weir.checkpoint_tasks'::regclass, 'weir.tasks'::regclass, 'weir.sources'::regclass)
GROUP BY 1 ORDER BY 1;

-- what the views make of rows: history, and who may see what of it
INSERT INTO weir_internal.checkpoint (job, id, timeline, attempt, kind, status, triggered_at,
    ended_at, visible_at, failure, tasks, acknowledged)
SELECT id, n, 1, 1, 'periodic', s, t, t + e, t + v, f, 4, 4
FROM weir_internal.job, (VALUES
    (1, 'completed', '2 s'::interval, '3 s'::interval, NULL),
    (2, 'failed', '1 s', NULL, 'expired'),
    (3, 'in_progress', NULL, NULL, NULL)) r(n, s, e, v, f),
    LATERAL (SELECT timestamptz '2026-01-01 00:00:00 UTC' AS t) at;
INSERT INTO weir_internal.completed (job, checkpoint, timeline, attempt, parallelism,
    max_parallelism, positions, prepared, completed_at)
SELECT id, n, 1, 1, 2, 16, '[]', '{}', timestamptz '2026-01-01 00:00:02 UTC'
FROM weir_internal.job, (VALUES (1), (3)) r(n);
INSERT INTO weir_internal.checkpoint_task (job, checkpoint, task, name, bytes)
SELECT id, 1, 1, 'keyed 0', 10 FROM weir_internal.job;
UPDATE weir_internal.run SET status = 'failed', status_reason = 'secret', last_error = 'secret';
SET TimeZone = 'UTC';
SET ROLE regress_weir_member;
SELECT job, checkpoint_id, kind, status, duration, failure, visible_at
FROM weir.checkpoints ORDER BY checkpoint_id;
SELECT name, status, last_checkpoint, last_checkpoint_at, status_reason, last_error FROM weir.jobs;
SET ROLE regress_weir_stats;
SELECT job, checkpoint_id, status, duration, failure FROM weir.checkpoints ORDER BY checkpoint_id;
SELECT name, status, last_checkpoint, status_reason, last_error FROM weir.jobs;
SELECT * FROM weir.checkpoint_tasks;
SET ROLE regress_weir_other;
SELECT count(*) FROM weir.checkpoints;
SELECT count(*) FROM weir.checkpoint_tasks;
SELECT count(*) FROM weir.tasks;
SELECT count(*) FROM weir.sources;
RESET ROLE;
RESET TimeZone;

-- nobody's operator gets in
CREATE SCHEMA regress_evil;
CREATE FUNCTION regress_evil.eq(text, text) RETURNS boolean LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'as %', current_user; END $$;
CREATE OPERATOR regress_evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_evil.eq);
SET search_path = regress_evil, pg_catalog;
SELECT weir.wait_for_job('j', 'failed');
RESET search_path;
DROP SCHEMA regress_evil CASCADE;

-- in a read-only transaction
SET default_transaction_read_only = on;
SELECT weir.create_job('k', 'INSERT INTO averages SELECT * FROM readings');
SELECT weir.start_job('j');
SELECT weir.drop_job('j');
SELECT weir.enable_checkpointing('j');
SELECT weir.wait_for_job('j', 'failed');
RESET default_transaction_read_only;

-- drop_job
BEGIN;
SELECT weir.drop_job('j');
SELECT count(*) FROM weir.jobs;
ROLLBACK;
SELECT count(*) FROM weir.jobs;
SELECT weir.drop_job('j');
SELECT (SELECT count(*) FROM weir_internal.job) AS job,
       (SELECT count(*) FROM weir_internal.run) AS run,
       (SELECT count(*) FROM weir_internal.checkpoint) AS checkpoint,
       (SELECT count(*) FROM weir_internal.checkpoint_task) AS checkpoint_task,
       (SELECT count(*) FROM weir_internal.completed) AS completed;

-- Sinks outside a job, by whichever way a row can get there.
CREATE FOREIGN TABLE dropped (f0 bigint, average bigint) SERVER weir_blackhole;
CREATE TABLE routed (line text) PARTITION BY LIST (line);
CREATE FOREIGN TABLE routed_lines PARTITION OF routed DEFAULT SERVER weir_print;
INSERT INTO weir.print VALUES ('x');
INSERT INTO routed VALUES ('x');
INSERT INTO dropped VALUES (1, 1);
COPY weir.print FROM STDIN;
x
\.
COPY routed FROM STDIN;
x
\.
COPY dropped FROM STDIN;
1	1
\.

DROP OWNED BY regress_weir_owner, regress_weir_nologin;
DROP ROLE regress_weir_owner, regress_weir_member, regress_weir_stats, regress_weir_other,
    regress_weir_nologin;
