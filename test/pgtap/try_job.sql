-- weir.try_job, as a user would test a job: BEGIN, feed, compare, ROLLBACK.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(57);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ');

-- The job of the tutorial.
CREATE TYPE running_sum AS (n bigint, total bigint);
CREATE FUNCTION count_window_average(r readings)
RETURNS TABLE (f0 bigint, average bigint) LANGUAGE plpgsql AS $$
DECLARE
    sum running_sum := weir.state_value('sum', NULL::running_sum);
BEGIN
    sum.n := sum.n + 1;
    sum.total := sum.total + r.f1;
    PERFORM weir.state_update('sum', sum);
    IF sum.n >= 2 THEN
        RETURN QUERY SELECT r.f0, sum.total / sum.n;
        PERFORM weir.state_clear('sum');
    END IF;
END $$;
SELECT weir.create_value_state('count_window_average(readings)', 'sum', 'running_sum',
    default_value => '(0,0)', ttl => '10 s') \g /dev/null
CREATE TABLE averages (f0 bigint, average bigint);
SELECT weir.create_job('s3', $$
    INSERT INTO averages
    SELECT a.* FROM readings r
    JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
$$, parallelism => 2) \g /dev/null

-- the rows, in the forms they can be asked for
BEGIN;
SELECT results_eq(
    $$SELECT * FROM weir.try_job('s3', ARRAY['1 3', '2 10', '1 5', '2 20'], NULL::averages)$$,
    'VALUES (1::bigint, 4::bigint), (2, 15)', 'the rows written, of the target''s row type');
SELECT results_eq('TABLE averages', 'VALUES (1::bigint, 4::bigint), (2, 15)', 'they are written');
SELECT results_eq(
    $$SELECT * FROM weir.try_job('s3', ARRAY['7 1', '7 3'], 'readings') AS t(key bigint, value bigint)$$,
    'VALUES (7::bigint, 2::bigint)', 'with a column list, and the stream named');
SELECT is((SELECT to_jsonb(weir.try_job('s3', ARRAY['7 1', '7 3']))), '{"f0": 7, "average": 2}'::jsonb,
    'in the select list, with the columns'' names');
SELECT is_empty($$SELECT * FROM weir.try_job('s3', '{}', NULL::averages)$$, 'no lines, no rows');
SELECT results_eq(
    $$SELECT * FROM weir.try_job('s3', ARRAY['8 1', E'8 3\r'], NULL::averages, stream => 'public.readings')$$,
    'VALUES (8::bigint, 2::bigint)', 'a CR before the delimiter is no data');
ROLLBACK;
SELECT is_empty('TABLE averages', 'nothing is left behind ROLLBACK');

-- state goes on from call to call, and with subtransactions
BEGIN;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 3'], NULL::averages)$$, 'one reading is no average');
SAVEPOINT one;
SELECT results_eq($$SELECT * FROM weir.try_job('s3', ARRAY['1 5'], NULL::averages)$$,
    'VALUES (1::bigint, 4::bigint)', 'state goes on with the next call');
ROLLBACK TO one;
SELECT is_empty('TABLE averages', 'ROLLBACK TO takes back the row');
SELECT results_eq($$SELECT * FROM weir.try_job('s3', ARRAY['1 7'], NULL::averages)$$,
    'VALUES (1::bigint, 5::bigint)', 'and the state');
RELEASE one;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 7'], NULL::averages)$$, 'RELEASE keeps it');
COMMIT;
BEGIN;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 7'], NULL::averages)$$,
    'a transaction begins with empty state, after COMMIT too');
ROLLBACK;
SELECT is((SELECT count(*) FROM averages), 1::bigint, 'COMMIT keeps the rows');
TRUNCATE averages;
BEGIN;
SAVEPOINT one;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 1'], NULL::averages)$$, 'first tried in a subtransaction');
ROLLBACK TO one;
SELECT results_eq($$SELECT * FROM weir.try_job('s3', ARRAY['1 3', '1 5'], NULL::averages)$$,
    'VALUES (1::bigint, 4::bigint)', 'which is rolled back: empty again');
ROLLBACK;

-- subtransactions in each other: what is released goes with its parent
BEGIN;
SAVEPOINT one;
SAVEPOINT two;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 1'], NULL::averages, at => '2030-01-01')$$, 'first tried two levels down');
RELEASE two;
SELECT results_eq($$SELECT * FROM weir.try_job('s3', ARRAY['1 3'], NULL::averages, at => '2030-01-01')$$,
    'VALUES (1::bigint, 2::bigint)', 'RELEASE hands it to the parent');
SAVEPOINT two;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 9'], NULL::averages, at => '2040-01-01')$$, 'ten years on');
RELEASE two;
ROLLBACK TO one;
SELECT results_eq($$SELECT * FROM weir.try_job('s3', ARRAY['1 5', '1 7'], NULL::averages, at => '2025-01-01')$$,
    'VALUES (1::bigint, 6::bigint)', 'ROLLBACK TO the parent''s savepoint takes back all of it');
ROLLBACK;

-- what the transaction did before is seen: a row to look up, the job itself
CREATE TABLE sensor (id bigint PRIMARY KEY, name text);
CREATE TABLE named (name text, value bigint);
BEGIN;
SELECT weir.create_job('lookup', 'INSERT INTO named SELECT s.name, r.f1 FROM readings r JOIN sensor s ON s.id = r.f0') \g /dev/null
INSERT INTO sensor VALUES (1, 'one');
SELECT results_eq($$SELECT * FROM weir.try_job('lookup', ARRAY['1 3', '2 4'], NULL::named)$$,
    $$VALUES ('one', 3::bigint)$$, 'a job of this transaction, and what it looks up');
ROLLBACK;

-- errors name the line, and leave the state of before
BEGIN;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 3'], NULL::averages)$$, 'one reading');
SELECT throws_ok($$SELECT weir.try_job('s3', ARRAY['1 100', '1 200', '1 x'])$$, '22P02',
    'invalid input syntax for type bigint: "x"', 'a record that cannot be decoded');
SELECT results_eq($$SELECT * FROM weir.try_job('s3', ARRAY['1 5'], NULL::averages)$$,
    'VALUES (1::bigint, 4::bigint)', 'an error that is caught leaves no trace');
ROLLBACK;
CREATE FUNCTION context_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    context text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
    RETURN context;
END $$;
SELECT matches(context_of($$SELECT weir.try_job('s3', ARRAY['1 1', '1 x'])$$),
    '^stream public.readings, line 2, column f1: "x"\njob "s3"\n', 'decoding: the line, and the column');
CREATE TABLE small (id bigint GENERATED ALWAYS AS IDENTITY, f0 bigint, share bigint CHECK (share < 50));
SELECT weir.create_job('shares', 'INSERT INTO small (f0, share) SELECT f0, 100 / f1 FROM readings') \g /dev/null
SELECT weir.create_job('filtered', 'INSERT INTO small (f0, share) SELECT f0, f1 FROM readings WHERE 100 / f1 > 0') \g /dev/null
SELECT matches(context_of($$SELECT weir.try_job('filtered', ARRAY['1 9', '1 8', '1 0', '1 2'])$$),
    '^job "filtered", line 3\n', 'a condition: the line');
SELECT matches(context_of($$SELECT weir.try_job('shares', ARRAY['1 9', '1 0', '1 8'])$$),
    'job "shares", line 2\n', 'the sink statement: the line');
SELECT matches(context_of($$SELECT weir.try_job('shares', ARRAY['1 9', '1 8', '1 2', '1 8'])$$),
    'job "shares", line 3\n', 'a constraint: the line');
CREATE FUNCTION fails_at_nine(r readings) RETURNS TABLE (v bigint) LANGUAGE plpgsql AS $$
BEGIN
    IF r.f1 = 9 THEN
        RAISE 'nine';
    END IF;
    RETURN QUERY SELECT r.f1;
END $$;
SELECT weir.create_job('nine', 'INSERT INTO small (f0, share) SELECT r.f0, n.v FROM readings r
    JOIN LATERAL fails_at_nine(r) n ON weir.key_by(r.f0)') \g /dev/null
SELECT matches(context_of($$SELECT weir.try_job('nine', ARRAY['1 1', '1 2', '1 3', '1 9'])$$),
    'job "nine", line 4\n', 'the keyed function: the line');

-- time to live, with the clock in the test's hand
BEGIN;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 3', '2 3'], NULL::averages, at => '2030-01-01 00:00:00 UTC')$$,
    'readings arrive');
SAVEPOINT one;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 5'], NULL::averages, at => '2030-01-01 00:00:10 UTC')$$,
    'state has expired after its ttl');
ROLLBACK TO one;
SELECT results_eq($$SELECT * FROM weir.try_job('s3', ARRAY['1 5'], NULL::averages, at => '2030-01-01 00:00:09.999999 UTC')$$,
    'VALUES (1::bigint, 4::bigint)', 'not before; ROLLBACK TO sets the clock back, too');
SELECT throws_ok($$SELECT * FROM weir.try_job('s3', ARRAY['1 5'], at => '2030-01-01 00:00:09 UTC') AS t(f0 bigint, average bigint)$$,
    '22023', 'at is before the arrival of lines that were tried earlier in this transaction', 'else it does not go back');
SELECT results_eq($$SELECT * FROM weir.try_job('s3', ARRAY['2 5'], NULL::averages)$$,
    'VALUES (2::bigint, 4::bigint)', 'nor does it without at');
ROLLBACK;

-- rows as they are written: defaults, generated columns, triggers, conflicts, dropped columns
CREATE TABLE kept (gone text, f0 bigint PRIMARY KEY, f1 bigint, twice bigint GENERATED ALWAYS AS (f1 * 2) STORED,
    changes int DEFAULT 0);
ALTER TABLE kept DROP COLUMN gone;
CREATE FUNCTION at_most_nine() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.f1 < 0 THEN
        RETURN NULL;
    END IF;
    NEW.f1 := least(NEW.f1, 9);
    RETURN NEW;
END $$;
SELECT weir.create_job('upsert', 'INSERT INTO kept AS k (f0, f1) SELECT * FROM readings
    ON CONFLICT (f0) DO UPDATE SET f1 = excluded.f1, changes = k.changes + 1') \g /dev/null
SELECT weir.create_job('first', 'INSERT INTO kept (f0, f1) SELECT * FROM readings ON CONFLICT DO NOTHING') \g /dev/null
BEGIN;
INSERT INTO kept VALUES (5, 5);
SELECT results_eq($$SELECT * FROM weir.try_job('upsert', ARRAY['1 3', '1 4', '5 6', '1 5'], NULL::kept)$$,
    'VALUES (1::bigint, 3::bigint, 6::bigint, 0), (1, 4, 8, 1), (5, 6, 12, 1), (1, 5, 10, 2)', 'ON CONFLICT DO UPDATE, row by row');
SELECT results_eq($$SELECT * FROM weir.try_job('first', ARRAY['1 3', '2 4', '2 6'], NULL::kept)$$,
    'VALUES (2::bigint, 4::bigint, 8::bigint, 0)', 'ON CONFLICT DO NOTHING returns what was written only');
CREATE TRIGGER at_most_nine BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION at_most_nine();
SELECT results_eq($$SELECT * FROM weir.try_job('first', ARRAY['10 30', '11 -4', '12 6'], NULL::kept)$$,
    'VALUES (10::bigint, 9::bigint, 18::bigint, 0), (12, 6, 12, 0)', 'what a trigger makes of a row, or drops');
ROLLBACK;
CREATE TABLE parts (f0 bigint, f1 bigint) PARTITION BY LIST (f0);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE part_2 (f1 bigint, f0 bigint);
ALTER TABLE parts ATTACH PARTITION part_2 DEFAULT;
CREATE VIEW through AS SELECT f1 AS b, f0 AS a FROM parts;
SELECT weir.create_job('through', 'INSERT INTO through (a, b) SELECT * FROM readings') \g /dev/null
SELECT results_eq($$SELECT * FROM weir.try_job('through', ARRAY['1 10', '2 20'], NULL::through)$$,
    'VALUES (10::bigint, 1::bigint), (20, 2)', 'an updatable view over partitions');
CREATE TABLE parent (id bigint PRIMARY KEY);
CREATE TABLE child (parent bigint REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
SELECT weir.create_job('child', 'INSERT INTO child SELECT f0 FROM readings') \g /dev/null
SELECT throws_ok($$SELECT weir.try_job('child', ARRAY['1 10'])$$, '23503', NULL, 'deferred constraints are checked at once');

-- sinks that are no tables
CREATE FOREIGN TABLE nowhere (f0 bigint, f1 bigint) SERVER weir_blackhole;
SELECT weir.create_job('blackhole', 'INSERT INTO nowhere SELECT * FROM readings') \g /dev/null
SELECT weir.create_job('printed', 'INSERT INTO weir.print SELECT r::text FROM readings r') \g /dev/null
SELECT results_eq($$SELECT * FROM weir.try_job('blackhole', ARRAY['1 2', '3 4'], NULL::nowhere)$$,
    'VALUES (1::bigint, 2::bigint), (3, 4)', 'what goes into a blackhole');
BEGIN;
SELECT results_eq($$SELECT line FROM weir.try_job('printed', ARRAY['1 2', '3 4'], NULL::weir.print)$$,
    ARRAY['(1,2)', '(3,4)'], 'what would be printed');
ROLLBACK;
SELECT is((SELECT count(*) FROM weir_internal.outbox), 0::bigint, 'is not, after ROLLBACK');
SELECT throws_ok('INSERT INTO weir.print VALUES (1)', '55000', NULL, 'outside, the sink is closed again');

-- windows
CREATE TABLE sums (f0 bigint, sum numeric, words text);
SELECT weir.create_job('window', 'INSERT INTO sums
    SELECT f0, sum(f1), string_agg(f1::text, ''-'') FROM readings GROUP BY f0, weir.count_window(3, 1)') \g /dev/null
BEGIN;
SELECT results_eq($$SELECT * FROM weir.try_job('window', ARRAY['1 1', '1 2', '2 1'], NULL::sums)$$,
    $$VALUES (1::bigint, 1::numeric, '1'), (1, 3, '1-2'), (2, 1, '1')$$, 'a sliding window');
SAVEPOINT one;
SELECT results_eq($$SELECT * FROM weir.try_job('window', ARRAY['1 3', '1 4'], NULL::sums)$$,
    $$VALUES (1::bigint, 6::numeric, '1-2-3'), (1, 9, '2-3-4')$$, 'goes on');
ROLLBACK TO one;
SELECT results_eq($$SELECT * FROM weir.try_job('window', ARRAY['1 5'], NULL::sums)$$,
    $$VALUES (1::bigint, 8::numeric, '1-2-5')$$, 'and back');
ROLLBACK;

-- all five kinds of state
CREATE FUNCTION all_kinds(r readings)
RETURNS TABLE (n bigint, list bigint[], entries bigint, sum bigint, average numeric) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.state_update('n', weir.state_value('n', NULL::bigint) + 1);
    PERFORM weir.list_add('list', r.f1);
    PERFORM weir.map_put('map', r.f1, true);
    PERFORM weir.reducing_add('sum', r.f1);
    PERFORM weir.aggregating_add('average', r.f1);
    RETURN QUERY SELECT weir.state_value('n', NULL::bigint), weir.list_get('list', NULL::bigint),
        (SELECT count(*) FROM weir.map_entries('map', NULL::bigint, NULL::boolean)),
        weir.reducing_get('sum', NULL::bigint), round(weir.aggregating_get('average', NULL::numeric), 1);
END $$;
SELECT weir.create_value_state('all_kinds(readings)', 'n', 'bigint', default_value => '0'),
       weir.create_list_state('all_kinds(readings)', 'list', 'bigint'),
       weir.create_map_state('all_kinds(readings)', 'map', 'bigint', 'boolean'),
       weir.create_reducing_state('all_kinds(readings)', 'sum', 'bigint', reduce => 'int8pl(bigint,bigint)'),
       weir.create_aggregating_state('all_kinds(readings)', 'average', aggregate => 'avg(bigint)') \g /dev/null
CREATE TABLE kinds (n bigint, list bigint[], entries bigint, sum bigint, average numeric);
SELECT weir.create_job('kinds', 'INSERT INTO kinds SELECT k.* FROM readings r
    JOIN LATERAL all_kinds(r) k ON weir.key_by(r.f0)') \g /dev/null
BEGIN;
SELECT results_eq($$SELECT * FROM weir.try_job('kinds', ARRAY['1 4', '2 4', '1 5'], NULL::kinds)$$,
    $$VALUES (1::bigint, '{4}'::bigint[], 1::bigint, 4::bigint, 4.0), (1, '{4}', 1, 4, 4.0), (2, '{4,5}', 2, 9, 4.5)$$, 'five kinds of state');
SAVEPOINT one;
SELECT results_eq($$SELECT * FROM weir.try_job('kinds', ARRAY['1 9'], NULL::kinds)$$,
    $$VALUES (3::bigint, '{4,5,9}'::bigint[], 3::bigint, 18::bigint, 6.0)$$, 'go on');
ROLLBACK TO one;
SELECT results_eq($$SELECT * FROM weir.try_job('kinds', ARRAY['1 6'], NULL::kinds)$$,
    $$VALUES (3::bigint, '{4,5,6}'::bigint[], 3::bigint, 15::bigint, 5.0)$$, 'and back');
ROLLBACK;

-- other formats: the stream's options hold
CREATE SERVER semicolons FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1', record_delimiter ';');
CREATE FOREIGN TABLE notes (id bigint, note text) SERVER semicolons OPTIONS (format 'csv', encoding 'LATIN1');
CREATE TABLE noted (id bigint, note text);
SELECT weir.create_job('notes', 'INSERT INTO noted SELECT * FROM notes') \g /dev/null
SELECT results_eq($$SELECT * FROM weir.try_job('notes', ARRAY[E'1,"a;b\nc"', '2,caf' || chr(233), '3,'], NULL::noted)$$,
    $$VALUES (1::bigint, E'a;b\nc'), (2, 'caf' || chr(233)), (3, NULL)$$, 'csv, another record delimiter, another encoding');

-- a stream with dead letters: a bad record is an error here
ALTER FOREIGN TABLE readings OPTIONS (on_error 'dead_letter');
SELECT throws_ok($$SELECT weir.try_job('s3', ARRAY['1 1', '1 x'])$$, '22P02', NULL, 'no dead letter, but the error');
SELECT is((SELECT count(*) FROM weir.dead_letters), 0::bigint, 'none is kept');
ALTER FOREIGN TABLE readings OPTIONS (DROP on_error);

-- a job that runs is not disturbed, nor is its state seen
\set port `perl test/pgtap/sender '1 3\n' --sleep 2 '1 5\n'`
ALTER SERVER here OPTIONS (SET port :'port');
SELECT weir.enable_checkpointing('s3', every => '50 ms') \g /dev/null
SELECT weir.start_job('s3') \g /dev/null
SELECT weir.wait_for_job('s3', 'running', '1 min') \g /dev/null
BEGIN;
SELECT results_eq($$SELECT * FROM weir.try_job('s3', ARRAY['1 100', '1 200'], NULL::averages)$$,
    'VALUES (1::bigint, 150::bigint)', 'tried while it runs');
ROLLBACK;
SELECT ok(weir.wait_for_job('s3', 'finished', '1 min'), 'the job goes on');
SELECT results_eq('TABLE averages', 'VALUES (1::bigint, 4::bigint)', 'with its own state');
BEGIN;
SELECT is_empty($$SELECT * FROM weir.try_job('s3', ARRAY['1 100'], NULL::averages)$$, 'which is not that of a try');
ROLLBACK;
SELECT is((SELECT count(*) FROM pg_prepared_xacts), 0::bigint, 'nothing is left prepared');
SELECT * FROM finish();
