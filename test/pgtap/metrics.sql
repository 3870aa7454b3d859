-- weir.openmetrics(): the text holds by the format's grammar, whatever jobs and streams
-- are called; its values are those of the views; everybody gets what he may see there.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(43);

SELECT is(weir.openmetrics(), E'# EOF\n', 'no jobs, no metrics');
SELECT is(weir.openmetrics(strict => true), '# EOF', 'strictly, psql adds the end of the line');

\set port `perl test/pgtap/sender '1 3\n1 5\nx\n' --sleep 60`
CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port :'port');
CREATE FOREIGN TABLE "odd ""stream\" (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ', on_error 'dead_letter');
CREATE TABLE sums (f0 bigint, total bigint);
CREATE ROLE metrics_stranger;
CREATE ROLE metrics_stats IN ROLE pg_read_all_stats;

\set query 'INSERT INTO sums SELECT f0, sum(f1) FROM "odd ""stream\\" GROUP BY f0, weir.count_window(2)'
SELECT weir.create_job('sums', :'query', parallelism => 2), weir.enable_checkpointing('sums', every => '1 h'), weir.start_job('sums') \g /dev/null
SELECT weir.create_job(E'it''s "odd",\n{a} \\n job\\', :'query') \g /dev/null
SELECT weir.wait_for_job('sums', 'running', '1 min') \g /dev/null
DO $$ BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN (SELECT records FROM weir.sources) = 3;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;
SELECT weir.trigger_checkpoint('sums') \g /dev/null
-- The caller may hear of it before the tasks do.
DO $$ BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN (SELECT count(*) = 2 FROM weir.measures WHERE metric IN ('latency until commit', 'checkpoints completed') AND count = 1);
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;

CREATE TEMP TABLE texts (strict boolean, body text);
INSERT INTO texts SELECT s, weir.openmetrics(s) FROM unnest(ARRAY[false, true]) s;
CREATE TEMP TABLE lines AS
SELECT strict, n, line, (regexp_match(line, '^(?:# \w+ )?(\w+)'))[1] AS name
FROM texts, regexp_split_to_table(rtrim(body, E'\n'), E'\n') WITH ORDINALITY l (line, n);
CREATE TEMP TABLE families AS
SELECT strict, n, name, (regexp_match(line, '^# TYPE \w+ (\w+)$'))[1] AS type FROM lines WHERE line ~ '^# TYPE';
CREATE TEMP TABLE samples AS
SELECT l.strict, l.n, l.name, f.name AS family, f.type, f.n AS family_n, m[1] AS labels, m[2]::float8 AS value
FROM lines l, regexp_match(line, '^\w+({.*})? (\S+)$') m,
    LATERAL (SELECT * FROM families f WHERE f.strict = l.strict AND f.n < l.n ORDER BY f.n DESC LIMIT 1) f
WHERE line !~ '^#';

-- Both formats have the same samples.
SELECT cmp_ok((SELECT count(*) FROM samples WHERE NOT strict), '>', 60::bigint, 'there are samples');
SELECT bag_eq('SELECT name, labels FROM samples WHERE strict', 'SELECT name, labels FROM samples WHERE NOT strict', 'in both formats the same');

SELECT is_empty($$ SELECT * FROM lines WHERE line !~ E'^(# HELP [a-z0-9_]+ [^\n]+|# TYPE [a-z0-9_]+ (gauge|counter|stateset)|# UNIT [a-z0-9_]+ [a-z]+|# EOF|[a-z][a-z0-9_]*({[a-z_]+="([^"\\\\]|\\\\["\\\\n])*"(,[a-z_]+="([^"\\\\]|\\\\["\\\\n])*")*})? -?[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?)$' $$,
    'each line is one of the format');
SELECT is_empty($$ SELECT * FROM lines l WHERE (line = '# EOF') <> (n = (SELECT max(n) FROM lines m WHERE m.strict = l.strict)) $$, 'EOF ends the text, and nothing else');
SELECT is_empty($$ SELECT * FROM families f WHERE NOT EXISTS (SELECT FROM lines l WHERE l.strict = f.strict AND l.n = f.n - 1 AND line ~ ('^# HELP ' || f.name || ' .+\.$')) $$,
    'each metric has a help, a sentence');
SELECT is_empty('SELECT strict, name FROM families GROUP BY 1, 2 HAVING count(*) > 1', 'a metric is in one place');
SELECT is_empty('SELECT * FROM families f WHERE NOT EXISTS (SELECT FROM samples s WHERE s.strict = f.strict AND s.family_n = f.n)', 'and has samples');
SELECT is_empty('SELECT strict, name, labels FROM samples GROUP BY 1, 2, 3 HAVING count(*) > 1', 'no sample is there twice');
SELECT is_empty($$ SELECT * FROM samples WHERE name <> family || CASE WHEN strict AND type = 'counter' THEN '_total' ELSE '' END $$, 'samples are called as their metric');
SELECT is_empty($$ SELECT * FROM samples WHERE (name ~ '_total$') <> (type = 'counter') OR type = 'counter' AND value < 0 $$, 'counters are called so');
SELECT is_empty($$ SELECT * FROM lines WHERE line ~ '^# UNIT' AND line !~ '^# UNIT \w+_([a-z]+)(_total)? \1$' $$, 'a metric ends in its unit');
SELECT is_empty($$ SELECT * FROM lines WHERE strict AND line ~ '^# (TYPE|UNIT)' AND line ~ '_total ' $$, 'strictly a counter goes by the name without _total');
SELECT results_eq($$ SELECT DISTINCT name, strict, type FROM samples WHERE name = 'weir_job_status' ORDER BY strict $$,
    $$ VALUES ('weir_job_status', false, 'gauge'), ('weir_job_status', true, 'stateset') $$, 'the status is a set of states');
SELECT results_eq($$ SELECT labels, count(*), sum(value), max(value) FROM (SELECT (regexp_match(labels, 'job="(.*?)",weir_job_status='))[1] AS labels, value FROM samples
        WHERE name = 'weir_job_status' AND NOT strict) s GROUP BY 1 ORDER BY labels COLLATE "C" $$,
    $$ VALUES (E'it''s \\"odd\\",\\n{a} \\\\n job\\\\', 8::bigint, 1::float8, 1::float8), ('sums', 8, 1, 1) $$, 'each job has one; its name is escaped');

CREATE FUNCTION metric(name text, labels text) RETURNS float8 LANGUAGE sql AS
$$ SELECT value FROM samples s WHERE NOT strict AND s.name = metric.name AND s.labels = metric.labels $$;
SELECT is(metric('weir_job_status', '{job="sums",weir_job_status="running"}'), 1::float8, 'it runs');
SELECT is(metric('weir_source_records_total', '{job="sums",stream="public.\"odd \"\"stream\\\""}'), 3::float8, 'records of the stream, whatever it is called');
SELECT is(metric('weir_source_dead_letters', '{job="sums",stream="public.\"odd \"\"stream\\\""}'), 1::float8, 'its dead letters');
SELECT is(metric('weir_source_connected', '{job="sums",stream="public.\"odd \"\"stream\\\""}'), 1::float8, 'it is connected');
SELECT is(metric('weir_task_records_in_total', '{job="sums",task="source 0"}'), 3::float8, 'records of a task');
SELECT is(metric('weir_job_last_checkpoint_id', '{job="sums"}'), (SELECT last_checkpoint FROM weir.jobs WHERE name = 'sums')::float8, 'the last checkpoint');
SELECT is(round(1e6 * metric('weir_job_last_checkpoint_duration_seconds', '{job="sums"}'))::bigint,
    (SELECT extract(epoch FROM duration) * 1e6 FROM weir.checkpoints ORDER BY checkpoint_id DESC LIMIT 1)::bigint, 'how long it took');
SELECT ok(metric('weir_job_last_checkpoint_age_seconds', '{job="sums"}') BETWEEN 0 AND 600, 'and how old it is');
SELECT is((SELECT count(*) FROM samples WHERE NOT strict AND name ~ '^weir_job_last_checkpoint'), 7::bigint, 'a job that has none has no such sample');

SELECT is(metric('weir_job_checkpoints_completed_total', '{job="sums"}'), 1::float8, 'checkpoints are counted');

-- Latency goes with the rows: none had come to the sink before the last record, nothing was committed before the checkpoint.
SELECT results_eq($$ SELECT metric, unit, count FROM weir.job_stats('sums') WHERE metric ~ '^(latency|restore|checkpoint)' $$,
    $$ VALUES ('checkpoint duration', 'seconds', 1::bigint), ('checkpoint bytes written', 'bytes', 1), ('checkpoint state bytes', 'bytes', 1),
        ('latency until commit', 'seconds', 1), ('latency until sink', 'seconds', 1), ('restore time', 'seconds', 0),
        ('checkpoints completed', NULL, 1), ('checkpoints failed', NULL, 0) $$, 'job_stats: what there is to know');
SELECT is_empty($$ SELECT * FROM weir.job_stats('sums') WHERE NOT (min <= median AND median <= p99 AND p99 <= max) $$, 'in order');
SELECT ok((SELECT c.min >= s.min FROM weir.measures c, weir.measures s WHERE c.metric = 'latency until commit' AND s.metric = 'latency until sink'),
    'a row is committed after the sink has it');
SELECT is((SELECT array_agg(DISTINCT max) FROM weir.job_stats('sums') WHERE metric = 'checkpoint bytes written'),
    (SELECT array_agg(written_bytes::float8) FROM weir.checkpoints), 'as the view has it');
SELECT weir.alter_job('sums', parallelism => 1, restart => true) \g /dev/null
SELECT weir.wait_for_job('sums', 'running', '1 min') \g /dev/null
SELECT is((SELECT count FROM weir.job_stats('sums') WHERE metric = 'restore time'), 1::bigint, 'a restart restores, which is timed');
SELECT throws_ok($$ SELECT * FROM weir.job_stats('nobody') $$, '42704', 'job "nobody" does not exist', 'no such job');
SELECT throws_ok($$ SELECT * FROM weir.job_stats(NULL) $$, '22004', 'job name must not be null', 'nor one without a name');

SELECT results_eq('SELECT unnest(steps) FROM weir.stages ORDER BY stage',
    $$ VALUES ('Source "odd ""stream\"'), ('Scan'), ('Window weir.count_window(2)'), ('Insert on sums') $$, 'the owner sees those, too');

-- Settings of the session change nothing.
SET search_path = pg_temp, public;
SET extra_float_digits = -15;
SELECT is((SELECT count(*) FROM regexp_matches(weir.openmetrics(), '^weir_job_started_timestamp_seconds\S* \d{10}\.\d+$', 'gn')), 1::bigint, 'values do not depend on the session');
RESET extra_float_digits;
RESET search_path;

-- What the dashboard asks.
\set dashboard `cat examples/monitoring/dashboard.json`
CREATE FUNCTION rows_of(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    rows bigint;
BEGIN
    query := regexp_replace(query, '\$__timeFilter\((\w+)\)', '\1 BETWEEN now() - interval ''1 h'' AND now() + interval ''1 h''', 'g');
    EXECUTE format('SELECT count(*) FROM (%s) q', replace(query, '${job:sqlstring}', '''sums''')) INTO rows;
    RETURN rows;
END $$;
CREATE TABLE panels AS
SELECT p ->> 'title' AS title, p #>> '{targets,0,rawSql}' AS query, p ->> 'type' AS type FROM jsonb_array_elements(:'dashboard'::jsonb -> 'panels') p
UNION ALL SELECT 'variable ' || (v ->> 'name'), v ->> 'query', 'variable' FROM jsonb_array_elements(:'dashboard'::jsonb #> '{templating,list}') v WHERE v ->> 'type' = 'query';
GRANT SELECT ON panels TO PUBLIC;

SET ROLE metrics_stranger;
SELECT is(weir.openmetrics(), E'# EOF\n', 'a stranger sees none');
SELECT throws_ok($$ SELECT * FROM weir.job_stats('sums') $$, '42501', 'must be owner of job "sums"', 'and no statistics');
SELECT is((SELECT count(*) FROM weir.stages) + (SELECT count(*) FROM weir.measures), 0::bigint, 'nor what the views have');
SET ROLE metrics_stats;
SELECT is((SELECT count(*) FROM regexp_matches(weir.openmetrics(), '^weir_job_restarts_total', 'gn')), 2::bigint, 'a member of pg_read_all_stats sees all');
SELECT results_eq('SELECT stage, kind, parallelism, steps, inputs, first_subtask FROM weir.stages ORDER BY stage',
    $$ VALUES (0, 'source', 1, NULL::text[], '{}'::int[], 0), (1, 'keyed', 1, NULL, '{0}', 0) $$, 'the dataflow, but not what its steps are called');

-- The dashboard's queries run with that role's rights, and those on jobs, tasks and checkpoints have rows.
SELECT results_eq('SELECT title, rows_of(query) > 0 FROM panels ORDER BY title COLLATE "C"',
    $$ VALUES ('Checkpoint bytes', true), ('Checkpoint duration', true), ('Checkpoints a minute', true), ('Dead letters', false), ('Failed checkpoints', false),
        ('Jobs', true), ('Latency and restores', true), ('Streams', true), ('Tasks in the last second', true), ('variable job', true) $$, 'each query of the dashboard runs');
SELECT is((SELECT count(*) FROM panels WHERE type = 'timeseries' AND query !~ ' AS time.* AS metric.* AS value'), 0::bigint, 'series have their columns');
SELECT is((SELECT count(*) FROM jsonb_path_query(:'dashboard'::jsonb, 'strict $.**.rawSql')), (SELECT count(*) FROM panels WHERE type <> 'variable'), 'there is no other');
RESET ROLE;

SELECT weir.stop_job('sums', cancel => true) \g /dev/null
DROP ROLE metrics_stranger, metrics_stats;
SELECT * FROM finish();
