-- GROUP BY without a window: whatever the aggregate, each key's row is that of the
-- same SELECT over a table of the same records.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(52);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (line bigint, k int, v bigint, n numeric, t text) SERVER here
    OPTIONS (format 'csv');

-- 400 records of 7 keys (one of them NULL), with NULLs in every column
CREATE TABLE input (line bigint, k int, v bigint, n numeric, t text);
INSERT INTO input
SELECT i, nullif(i * 7919 % 7, 3), nullif((i * 104729 % 1001 - 500), 0), nullif(i * 31 % 11, 5) / 7.0::numeric,
       nullif('w' || i * 17 % 13, 'w4')
  FROM generate_series(1, 400) i;
CREATE FUNCTION lines(first int, last int) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(concat_ws(',', line, coalesce(k::text, ''), coalesce(v::text, ''), coalesce(n::text, ''), coalesce(t, ''))
                     ORDER BY line) FROM input WHERE line BETWEEN first AND last $$;
SELECT array_to_string(lines(1, 150), '\n') || '\n' AS begin, array_to_string(lines(151, 400), '\n') || '\n' AS rest \gset

CREATE PROCEDURE run(name text, port text, query text, parallelism int DEFAULT 2, mode text DEFAULT 'exactly_once')
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', port);
    PERFORM weir.create_job(name, query, parallelism => parallelism);
    PERFORM weir.enable_checkpointing(name, every => '20 ms', mode => mode, sink_flush => '10 ms');
    PERFORM weir.start_job(name);
END $$;

-- A job that has finished goes on with another sender.
CREATE PROCEDURE go_on(name text, port text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', port);
    PERFORM weir.start_job(name);
END $$;

-- Aggregates of the user's own: in SQL, in PL/pgSQL, polymorphic, with a final
-- function that needs the type, with one that spoils its state.
CREATE AGGREGATE product(bigint) (sfunc = int8mul, stype = bigint, initcond = '1');
CREATE FUNCTION append_word(text, text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce($1 || '-', '') || coalesce($2, '?') $$;
CREATE AGGREGATE words(text) (sfunc = append_word, stype = text);
CREATE TYPE pair AS (lowest bigint, highest bigint);
CREATE FUNCTION widen(p pair, v bigint) RETURNS pair LANGUAGE plpgsql AS $$
BEGIN
    RETURN ROW(least(p.lowest, v), greatest(p.highest, v))::pair;
END $$;
CREATE AGGREGATE extent(bigint) (sfunc = widen, stype = pair);
CREATE FUNCTION later(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $2';
CREATE AGGREGATE latest(anyelement) (sfunc = later, stype = anyelement);
CREATE AGGREGATE collect(anycompatible) (sfunc = array_append, stype = anycompatiblearray, initcond = '{}');
CREATE FUNCTION reversed(anycompatiblearray, anycompatible) RETURNS anycompatiblearray LANGUAGE plpgsql AS $$
BEGIN
    RETURN ARRAY(SELECT u FROM unnest($1) WITH ORDINALITY x(u, o) ORDER BY o DESC);
END $$;
CREATE AGGREGATE backwards(anycompatible) (sfunc = array_append, stype = anycompatiblearray, finalfunc = reversed,
    finalfunc_extra, finalfunc_modify = read_write);

-- @ is the order of the records: a job has it, plain SQL must ask for it.
CREATE TABLE expression (kind text, number int GENERATED ALWAYS AS IDENTITY, text text);
INSERT INTO expression (kind, text) SELECT 'native', unnest(ARRAY[
    'count(*)', 'count(v)', 'sum(v)', 'avg(v)', 'min(v)', 'max(v)', 'sum(v::float8)', 'avg(v::int)', 'sum(v * 2 + 1) + count(*)',
    'count(*) FILTER (WHERE v > 0)', 'sum(1000 / v) FILTER (WHERE v <> 0)', 'k * 10 + count(t)']);
INSERT INTO expression (kind, text) SELECT 'incremental', unnest(ARRAY[
    'sum(n)', 'avg(n)', 'stddev(n)', 'variance(v)', 'stddev_pop(v::int)', 'bool_and(v > -400)', 'bit_xor(v)',
    'min(t)', 'max(t COLLATE "C")', 'max(n)', 'product(v % 5)', 'words(t @)', 'extent(v)', 'latest(t @)',
    'latest(v @)', 'collect(v @)', 'backwards(v @)', '(SELECT name FROM names WHERE id = k)']);
INSERT INTO expression (kind, text) SELECT 'kept', unnest(ARRAY[
    'array_agg(v @)', 'string_agg(t, '','' @)', 'jsonb_agg(v @)', 'jsonb_object_agg(t, v @) FILTER (WHERE t IS NOT NULL AND v > 0)',
    'percentile_cont(0.5) WITHIN GROUP (ORDER BY v)', 'percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY n)',
    'percentile_disc(k / 10.0) WITHIN GROUP (ORDER BY v)', 'mode() WITHIN GROUP (ORDER BY v % 2)',
    'rank(10) WITHIN GROUP (ORDER BY v)', 'count(DISTINCT t)', 'sum(DISTINCT v % 3)',
    'string_agg(DISTINCT t, '';'' ORDER BY t DESC)', 'array_agg(t ORDER BY v DESC NULLS LAST, line)',
    'array_agg(v + 1 ORDER BY line DESC) FILTER (WHERE v % 2 = 0)']);
CREATE TABLE names (id int, name text);
INSERT INTO names SELECT i, 'key ' || i FROM generate_series(0, 6) i;

CREATE FUNCTION select_list(kinds text[], records text) RETURNS text LANGUAGE sql AS $$
    SELECT 'k, ' || string_agg(replace(text, '@', records) || ' AS c' || number, ', ' ORDER BY number)
      FROM expression WHERE kind = ANY (kinds) $$;

-- A job with these aggregates into a table of its name, created.
CREATE FUNCTION query_of(name text, kinds text[], rest text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I AS SELECT %s FROM input GROUP BY k WITH NO DATA', name, select_list(kinds, ''));
    EXECUTE format('ALTER TABLE %I ADD UNIQUE NULLS NOT DISTINCT (k)', name);
    RETURN format('INSERT INTO %I SELECT %s FROM readings WHERE v IS DISTINCT FROM 17 GROUP BY k %s
        ON CONFLICT (k) DO UPDATE SET %s', name, select_list(kinds, ''), rest,
        (SELECT string_agg('c' || number || ' = excluded.c' || number, ', ') FROM expression WHERE kind = ANY (kinds)));
END $$;

-- Rows of the job's table or of plain SQL that the other does not have.
CREATE FUNCTION differences(name text, kinds text[], rest text DEFAULT '', filter text DEFAULT 'true')
RETURNS TABLE (only_in text, difference text) LANGUAGE plpgsql AS $$
DECLARE
    reference text := format('SELECT %s FROM input WHERE v IS DISTINCT FROM 17 AND %s GROUP BY k %s',
                             select_list(kinds, 'ORDER BY line'), filter, rest);
BEGIN
    RETURN QUERY EXECUTE format('SELECT ''job'', j::text FROM (TABLE %1$I EXCEPT ALL (%2$s)) j
        UNION ALL SELECT ''plain'', p::text FROM ((%2$s) EXCEPT ALL TABLE %1$I) p', name, reference);
END $$;

\set port `perl test/pgtap/sender :'begin' --sleep 0.1 :'rest'`
SELECT query_of('native', '{native}') AS query \gset
CALL run('native', :'port', :'query');
SELECT ok(weir.wait_for_job('native', 'finished', '1 min'), 'arithmetic: finished');
SELECT is((SELECT count(*) FROM native), 7::bigint, 'each key has a row');
SELECT is_empty($$SELECT * FROM differences('native', '{native}')$$, 'each aggregate is that of plain SQL');

\set port `perl test/pgtap/sender :'begin' --sleep 0.1 :'rest'`
SELECT query_of('every', '{native,incremental,kept}') AS query \gset
CALL run('every', :'port', :'query', 3);
SELECT ok(weir.wait_for_job('every', 'finished', '1 min'), 'every kind of aggregate: finished');
SELECT is_empty($$SELECT * FROM differences('every', '{native,incremental,kept}')$$, 'and the same');

\set port `perl test/pgtap/sender :'begin' --sleep 0.1 :'rest'`
SELECT query_of('flushed', '{native,incremental}') AS query \gset
CALL run('flushed', :'port', :'query', 2, 'at_least_once');
SELECT ok(weir.wait_for_job('flushed', 'finished', '1 min'), 'at_least_once: finished');
SELECT is_empty($$SELECT * FROM differences('flushed', '{native,incremental}')$$, 'and the same');

-- without checkpoints; all rows meet in one task, since there is an index without the key
\set port `perl test/pgtap/sender :'begin' --sleep 0.1 :'rest'`
SELECT query_of('unchecked', '{native}') AS query \gset
ALTER TABLE unchecked ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY, ADD COLUMN other bigint UNIQUE;
SELECT weir.create_job('unchecked', regexp_replace(:'query', 'INTO unchecked',
    'INTO unchecked (k, ' || (SELECT string_agg('c' || number, ', ' ORDER BY number) FROM expression WHERE kind = 'native') || ')'), parallelism => 2) \g /dev/null
SELECT alike((SELECT string_agg(line, E'\n') FROM weir.explain_job('unchecked') line), '%in one sink task%', 'rows that may conflict go to one task');
CALL go_on('unchecked', :'port');
SELECT ok(weir.wait_for_job('unchecked', 'finished', '1 min'), 'without checkpoints: finished');
ALTER TABLE unchecked DROP COLUMN id, DROP COLUMN other;
SELECT is_empty($$SELECT * FROM differences('unchecked', '{native}')$$, 'and the same');

-- a key without a row yet gets one once HAVING is true
\set port `perl test/pgtap/sender :'begin' --sleep 0.1 :'rest'`
SELECT query_of('filtered', '{native}', 'HAVING (count(*) >= 40 AND k < 2) OR 499 <= max(v)') AS query \gset
CALL run('filtered', :'port', :'query');
SELECT ok(weir.wait_for_job('filtered', 'finished', '1 min'), 'HAVING: finished');
SELECT is_empty($$SELECT * FROM differences('filtered', '{native}', 'HAVING (count(*) >= 40 AND k < 2) OR 499 <= max(v)')$$,
    'and the same');
SELECT cmp_ok((SELECT count(*) FROM filtered), '<', 7::bigint, 'it leaves keys out');
SELECT isnt_empty('TABLE filtered', 'and not all');

-- keys of several columns and expressions, a joined table; no key at all
CREATE TABLE several (name text, even boolean, half int, total numeric, PRIMARY KEY (half, name, even));
\set port `perl test/pgtap/sender :'begin' --sleep 0.1 :'rest'`
CALL run('several', :'port', $$INSERT INTO several
    SELECT upper(s.name) AS name, r.line % 2 = 0 AS even, (r.k + 1) / 2 AS half, sum(r.n) AS total
      FROM readings r JOIN names s ON s.id = r.k GROUP BY upper(s.name), r.line % 2 = 0, (r.k + 1) / 2
    ON CONFLICT (name, even, half) DO UPDATE SET total = excluded.total$$, 3);
SELECT ok(weir.wait_for_job('several', 'finished', '1 min'), 'expressions as keys: finished');
SELECT bag_eq('TABLE several', $$
    SELECT upper(s.name) AS name, r.line % 2 = 0 AS even, (r.k + 1) / 2 AS half, sum(r.n) AS total
      FROM input r JOIN names s ON s.id = r.k GROUP BY 1, 2, 3$$, 'and the same');

CREATE TABLE whole (id int PRIMARY KEY, n bigint, first text);
\set port `perl test/pgtap/sender :'begin' --sleep 0.1 :'rest'`
CALL run('whole', :'port', $$INSERT INTO whole SELECT 1, count(*), min(t) FROM readings
    ON CONFLICT (id) DO UPDATE SET n = excluded.n, first = excluded.first$$);
SELECT ok(weir.wait_for_job('whole', 'finished', '1 min'), 'aggregates without GROUP BY: finished');
SELECT results_eq('TABLE whole', 'SELECT 1, count(*), min(t) FROM input', 'have one row');

-- beside another output, and of a stream twice
CREATE TABLE history (line bigint);
CREATE TABLE merged (k int UNIQUE NULLS NOT DISTINCT, n bigint);
\set port `perl test/pgtap/sender :'begin' --sleep 0.1 :'rest'`
CALL run('merged', :'port', $$INSERT INTO history SELECT line FROM readings WHERE k = 1;
    INSERT INTO merged SELECT k, count(*) FROM (SELECT k FROM readings UNION ALL SELECT k + 1 FROM readings WHERE v > 0) u GROUP BY k
    ON CONFLICT (k) DO UPDATE SET n = excluded.n$$);
SELECT ok(weir.wait_for_job('merged', 'finished', '1 min'), 'beside another output, a stream twice: finished');
SELECT bag_eq('TABLE merged', 'SELECT k, count(*) AS n FROM (SELECT k FROM input UNION ALL SELECT k + 1 FROM input WHERE v > 0) u GROUP BY k', 'and the same');
SELECT bag_eq('TABLE history', 'SELECT line FROM input WHERE k = 1', 'with the other output');

-- ---- weir.try_job: the rows come behind the last line, call by call

SELECT query_of('tried', '{native,incremental,kept}') AS query \gset
SELECT weir.create_job('tried', :'query', parallelism => 2) \g /dev/null
BEGIN;
SELECT is((SELECT count(*) FROM (SELECT weir.try_job('tried', lines(1, 100), NULL::tried)) r), 7::bigint, 'a row for each key that changed');
SELECT is((SELECT count(*) FROM (SELECT weir.try_job('tried', lines(101, 101), NULL::tried)) r), 1::bigint, 'of one record one');
SELECT is((SELECT count(*) FROM (SELECT weir.try_job('tried', lines(102, 400), NULL::tried)) r), 7::bigint, 'of the others');
SELECT is_empty($$SELECT * FROM differences('tried', '{native,incremental,kept}')$$, 'what is there is that of plain SQL');
ROLLBACK;

CREATE TABLE sums (k int PRIMARY KEY, total numeric, n bigint, list text);
SELECT weir.create_job('sums', $$INSERT INTO sums SELECT k, sum(v), count(*), string_agg(t, ',') FROM readings GROUP BY k
    ON CONFLICT (k) DO UPDATE SET total = excluded.total, n = excluded.n, list = excluded.list$$) \g /dev/null
SELECT weir.create_job('plain', $$INSERT INTO sums SELECT k, sum(v), count(*) FROM readings GROUP BY k
    ON CONFLICT (k) DO UPDATE SET total = excluded.total, n = excluded.n$$) \g /dev/null
BEGIN;
SELECT results_eq($$SELECT k, total, n FROM weir.try_job('sums', ARRAY['1,5,1,,a', '2,4,2,,b', '3,5,3,,c'], NULL::sums)$$,
    'VALUES (5, 4::numeric, 2::bigint), (4, 2, 1)', 'in the order in which keys changed first');
SAVEPOINT one;
SELECT results_eq($$SELECT k, total, n, list FROM weir.try_job('sums', ARRAY['4,6,9,,x', '5,5,10,,d'], NULL::sums)$$,
    $$VALUES (6, 9::numeric, 1::bigint, 'x'), (5, 14, 3, 'a,c,d')$$, 'a new key, and one there was');
ROLLBACK TO one;
SELECT results_eq($$SELECT k, total, n, list FROM weir.try_job('sums', ARRAY['6,4,3,,z'], NULL::sums)$$,
    $$VALUES (4, 5::numeric, 2::bigint, 'b,z')$$, 'what was rolled back is not handed on');
SELECT results_eq('SELECT k, total, n, list FROM sums ORDER BY k', $$VALUES (4, 5::numeric, 2::bigint, 'b,z'), (5, 4, 2, 'a,c')$$,
    'nor in the table');
SAVEPOINT two;
SELECT throws_ok($$SELECT weir.try_job('sums', ARRAY['7,4,3,,z', '8,9,x,,z'])$$, '22P02', NULL, 'an error in the second line');
SELECT results_eq($$SELECT k, total, n, list FROM weir.try_job('sums', ARRAY['9,7,1,,y'], NULL::sums)$$,
    $$VALUES (7, 1::numeric, 1::bigint, 'y')$$, 'leaves no key of the first behind');
SELECT results_eq($$SELECT k, total, n FROM weir.try_job('plain', ARRAY['1,5,1,,', '2,5,2,,'], NULL::sums)$$,
    'VALUES (5, 3::numeric, 2::bigint)', 'by arithmetic');
SELECT throws_ok($$SELECT weir.try_job('plain', ARRAY['7,4,3,,', '8,9,x,,'])$$, '22P02', NULL, 'and an error');
SELECT results_eq($$SELECT k, total, n FROM weir.try_job('plain', ARRAY['9,5,1,,', '9,7,1,,'], NULL::sums)$$,
    'VALUES (5, 4::numeric, 3::bigint), (7, 1, 1)', 'likewise');
ROLLBACK;

-- ---- a time to live

SELECT weir.create_job('lived', $$INSERT INTO sums SELECT k, sum(v), count(*), max(t) FROM readings GROUP BY k, weir.running('1 day')
    ON CONFLICT (k) DO UPDATE SET total = excluded.total, n = excluded.n, list = excluded.list$$) \g /dev/null
BEGIN;
SELECT results_eq($$SELECT k, total, n FROM weir.try_job('lived', ARRAY['1,1,5,,', '2,2,5,,', '3,1,5,,'], NULL::sums, at => '2030-01-01')$$,
    'VALUES (1, 10::numeric, 2::bigint), (2, 5, 1)', 'each key has its time');
SELECT results_eq($$SELECT k, total, n FROM weir.try_job('lived', ARRAY['4,1,5,,'], NULL::sums, at => '2030-01-01 23:59')$$,
    'VALUES (1, 15::numeric, 3::bigint)', 'which begins anew with each record');
SELECT results_eq($$SELECT k, total, n FROM weir.try_job('lived', ARRAY['5,1,5,,', '6,2,1,,'], NULL::sums, at => '2030-01-02 12:00')$$,
    'VALUES (1, 20::numeric, 4::bigint), (2, 1, 1)', 'without one for so long a key begins anew');
ROLLBACK;
SELECT results_eq($$SELECT k, count(*) FROM input WHERE k < 2 GROUP BY k, weir.running('1 day') ORDER BY k$$,
    $$SELECT k, count(*) FROM input WHERE k < 2 GROUP BY k ORDER BY k$$, 'over a table it is a constant');

-- ---- dead letters

CREATE FOREIGN TABLE checked (line bigint, k int, v bigint, x float8) SERVER here OPTIONS (format 'csv', on_error 'dead_letter');
CREATE TABLE bounded (k int PRIMARY KEY, n bigint, total numeric CHECK (total < 100), x float8);
-- of arithmetic: a record that overflows is refused, a row that the table refuses too
\set port `perl test/pgtap/sender '1,1,50,1e308\n2,2,1,1e308\n3,1,7,1e308\n4,2,2,1\n'`
CALL run('bounded', :'port', $$INSERT INTO bounded SELECT k, count(*), sum(v), sum(x) FROM checked GROUP BY k
    ON CONFLICT (k) DO UPDATE SET n = excluded.n, total = excluded.total, x = excluded.x$$);
SELECT ok(weir.wait_for_job('bounded', 'finished', '1 min'), 'dead letters: finished');
\set port `perl test/pgtap/sender '5,1,60,1\n6,3,1,0\n'`
CALL go_on('bounded', :'port');
SELECT ok(weir.wait_for_job('bounded', 'finished', '1 min'), 'and goes on');
\set port `perl test/pgtap/sender '7,1,-40,1\n8,3,2,3\n'`
CALL go_on('bounded', :'port');
SELECT ok(weir.wait_for_job('bounded', 'finished', '1 min'), 'and on');
SELECT results_eq('SELECT * FROM bounded ORDER BY k',
    $$VALUES (1, 3::bigint, 70::numeric, 1e308::float8), (2, 2, 3, 1e308), (3, 2, 3, 3)$$, 'what was refused by an aggregate does not count');
SELECT results_eq($$SELECT line_number, line, sqlstate FROM weir.dead_letters WHERE job = 'bounded' ORDER BY line_number$$,
    $$VALUES (3::bigint, '3,1,7,1e308', '22003'), (5, '5,1,60,1', '23514')$$,
    'a row that the table refuses is a letter of the record that changed its key first');

-- a final function that errs, and one record for several keys
CREATE FUNCTION below_three(n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF n > 2 THEN RAISE 'too many'; END IF;
    RETURN n;
END $$;
CREATE AGGREGATE few(*) (sfunc = int8inc, stype = bigint, initcond = '0', finalfunc = below_three);
CREATE TABLE fewer (k int PRIMARY KEY, n bigint);
\set port `perl test/pgtap/sender '1,1,50,\n2,2,1,\n3,1,7,\n'`
CALL run('fewer', :'port', $$INSERT INTO fewer SELECT k * f, few(*) FROM checked, unnest(ARRAY[1, 10]) f GROUP BY k * f
    ON CONFLICT (k) DO UPDATE SET n = excluded.n$$);
SELECT ok(weir.wait_for_job('fewer', 'finished', '1 min'), 'a final function that errs: finished');
\set port `perl test/pgtap/sender '4,1,60,\n5,2,1,\n6,1,2,\n'`
CALL go_on('fewer', :'port');
SELECT ok(weir.wait_for_job('fewer', 'finished', '1 min'), 'and goes on');
SELECT results_eq('SELECT * FROM fewer ORDER BY k', 'VALUES (1, 2::bigint), (2, 2), (10, 2), (20, 2)', 'the others'' rows are there');
SELECT results_eq($$SELECT line_number, line, error FROM weir.dead_letters WHERE job = 'fewer' ORDER BY line_number$$,
    $$VALUES (4::bigint, '4,1,60,', 'too many'), (4, '4,1,60,', 'too many')$$, 'each key that errs has a letter');

-- ---- what is kept of a key

SELECT results_eq($$SELECT DISTINCT state FROM weir.state('bounded')$$, $$SELECT DISTINCT state FROM weir.state('bounded') WHERE state LIKE 'running: count(*), sum(v), sum(x) #%'$$,
    'state is named after its aggregates');
SELECT results_eq($$SELECT key::text, value FROM weir.state('bounded') ORDER BY 1$$,
    $$VALUES ('1', '[3, 70, 1e308]'::jsonb), ('2', '[2, 3, 1e308]'), ('3', '[2, 3, 3]')$$, 'and shown');

-- the same aggregates go on, others do not
SELECT weir.alter_job('bounded', query => $$INSERT INTO bounded SELECT k, count(*) * 10, sum(v), sum(x) FROM checked GROUP BY k
    HAVING count(*) > 1 ON CONFLICT (k) DO UPDATE SET n = excluded.n, total = excluded.total, x = excluded.x$$) \g /dev/null
\set port `perl test/pgtap/sender '9,2,5,0\n'`
CALL go_on('bounded', :'port');
SELECT ok(weir.wait_for_job('bounded', 'finished', '1 min'), 'goes on with another select list');
SELECT results_eq('SELECT * FROM bounded ORDER BY k',
    $$VALUES (1, 3::bigint, 70::numeric, 1e308::float8), (2, 30, 8, 1e308), (3, 2, 3, 3)$$, 'from the state there was');
SELECT throws_like($$SELECT weir.alter_job('bounded', query => 'INSERT INTO bounded SELECT k, count(*), max(v) FROM checked GROUP BY k
    ON CONFLICT (k) DO UPDATE SET n = excluded.n, total = excluded.total')$$, '%holds state "running: count(*), sum(v), sum(x) #%', 'other aggregates do not');

SELECT * FROM finish();
