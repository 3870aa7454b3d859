-- GROUP BY key, weir.count_window(...): whatever the aggregate, the same as the
-- same grouping in plain SQL.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(35);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (line bigint, k int, v bigint, n numeric, t text) SERVER here
    OPTIONS (format 'csv');

-- 400 records of 7 keys (one of them NULL), with NULLs in every column
CREATE TABLE input (line bigint, k int, v bigint, n numeric, t text);
INSERT INTO input
SELECT i, nullif(i * 7919 % 7, 3), nullif((i * 104729 % 1001 - 500), 0), nullif(i * 31 % 11, 5) / 7.0::numeric,
       nullif('w' || i * 17 % 13, 'w4')
  FROM generate_series(1, 400) i;
SELECT string_agg(concat_ws(',', line, coalesce(k::text, ''), coalesce(v::text, ''), coalesce(n::text, ''), coalesce(t, '')), '\n'
                  ORDER BY line) || '\n' AS lines FROM input \gset

-- true when the job over these lines has finished
CREATE PROCEDURE run(name text, port text, query text, parallelism int DEFAULT 2)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', port);
    PERFORM weir.create_job(name, query, parallelism => parallelism);
    PERFORM weir.enable_checkpointing(name, every => '50 ms');
    PERFORM weir.start_job(name);
END $$;

-- The windows in plain SQL: fired with every slide-th record of a key, over the last size.
CREATE FUNCTION windows(size int, slide int, filter text DEFAULT 'true')
RETURNS TABLE (w bigint, line bigint, k int, v bigint, n numeric, t text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY k ORDER BY line) AS i FROM input WHERE %s)
         SELECT f.i, r.line, r.k, r.v, r.n, r.t
           FROM numbered f JOIN numbered r ON r.k IS NOT DISTINCT FROM f.k AND r.i BETWEEN f.i - %s + 1 AND f.i
          WHERE f.i %% %s = 0 ORDER BY r.line', filter, size, slide);
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
INSERT INTO expression (kind, text) SELECT 'incremental', unnest(ARRAY[
    'count(*)', 'count(v)', 'sum(v)', 'avg(v)', 'min(v)', 'max(v)', 'sum(n)', 'avg(n)', 'stddev(n)', 'variance(v)',
    'stddev_pop(v::int)', 'sum(v::float8)', 'avg(v::float8)', 'avg(v::int)', 'bool_and(v > -400)', 'bit_xor(v)',
    'min(t)', 'max(t COLLATE "C")', 'max(n)', 'product(v % 5)', 'words(t @)', 'extent(v)', 'latest(t @)',
    'latest(v @)', 'collect(v @)', 'backwards(v @)', 'sum(v * 2 + 1) + count(*)', 'count(*) FILTER (WHERE v > 0)',
    'sum(1000 / v) FILTER (WHERE v <> 0)', 'k * 10 + count(t)', '(SELECT name FROM names WHERE id = k)']);
INSERT INTO expression (kind, text) SELECT 'kept', unnest(ARRAY[
    'array_agg(v @)', 'string_agg(t, '','' @)', 'jsonb_agg(v @)', 'jsonb_object_agg(t, v @) FILTER (WHERE t IS NOT NULL AND v > 0)',
    'percentile_cont(0.5) WITHIN GROUP (ORDER BY v)', 'percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY n)',
    'percentile_disc(k / 10.0) WITHIN GROUP (ORDER BY v)', 'mode() WITHIN GROUP (ORDER BY v % 2)',
    'rank(10) WITHIN GROUP (ORDER BY v)', 'count(DISTINCT t)', 'sum(DISTINCT v % 3)',
    'string_agg(DISTINCT t, '';'' ORDER BY t DESC)', 'array_agg(t ORDER BY v DESC NULLS LAST, line)',
    'array_agg(v + 1 ORDER BY line DESC) FILTER (WHERE v % 2 = 0)', 'sum(v)', 'count(*)']);
CREATE TABLE names (id int, name text);
INSERT INTO names SELECT i, 'key ' || i FROM generate_series(0, 6) i;

CREATE FUNCTION select_list(kinds text[], records text) RETURNS text LANGUAGE sql AS $$
    SELECT 'k, ' || string_agg(replace(text, '@', records) || ' AS c' || number, ', ' ORDER BY number)
      FROM expression WHERE kind = ANY (kinds) $$;

-- A job with these aggregates into a table of its name, begun.
CREATE PROCEDURE window_job(name text, port text, kinds text[], arguments text, rest text DEFAULT '')
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I AS SELECT %s FROM windows(1, 1) GROUP BY k WITH NO DATA', name, select_list(kinds, ''));
    CALL run(name, port, format('INSERT INTO %I SELECT %s FROM readings WHERE v IS DISTINCT FROM 17
        GROUP BY weir.count_window(%s), k %s', name, select_list(kinds, ''), arguments, rest));
END $$;

-- Rows of the job's table or of plain SQL that the other does not have.
CREATE FUNCTION differences(name text, kinds text[], size int, slide int, rest text DEFAULT '')
RETURNS TABLE (only_in text, difference text) LANGUAGE plpgsql AS $$
DECLARE
    reference text := format('SELECT %s FROM windows(%s, %s, ''v IS DISTINCT FROM 17'') GROUP BY k, w %s',
                             select_list(kinds, 'ORDER BY line'), size, slide, rest);
BEGIN
    RETURN QUERY EXECUTE format('SELECT ''job'', j::text FROM (TABLE %1$I EXCEPT ALL (%2$s)) j
        UNION ALL SELECT ''plain'', p::text FROM ((%2$s) EXCEPT ALL TABLE %1$I) p', name, reference);
END $$;

\set port `perl test/pgtap/sender :'lines'`
CALL window_job('tumbling', :'port', '{incremental}', '3');
SELECT ok(weir.wait_for_job('tumbling', 'finished', '1 min'), 'tumbling windows: finished');
SELECT is((SELECT count(*) FROM tumbling), 132::bigint, 'each key has its windows');
SELECT is_empty($$SELECT * FROM differences('tumbling', '{incremental}', 3, 3)$$, 'each aggregate is that of plain SQL');

\set port `perl test/pgtap/sender :'lines'`
CALL window_job('arguments', :'port', '{kept}', '4');
SELECT ok(weir.wait_for_job('arguments', 'finished', '1 min'), 'kept arguments: finished');
SELECT is_empty($$SELECT * FROM differences('arguments', '{kept}', 4, 4)$$, 'ordered, distinct and unserialisable aggregates too');

\set port `perl test/pgtap/sender :'lines'`
CALL window_job('mixed', :'port', '{incremental,kept}', '5');
SELECT ok(weir.wait_for_job('mixed', 'finished', '1 min'), 'all of them in one window: finished');
SELECT is_empty($$SELECT * FROM differences('mixed', '{incremental,kept}', 5, 5)$$, 'and the same');

\set port `perl test/pgtap/sender :'lines'`
CALL window_job('single', :'port', '{incremental,kept}', '1');
SELECT ok(weir.wait_for_job('single', 'finished', '1 min'), 'windows of one record: finished');
SELECT is_empty($$SELECT * FROM differences('single', '{incremental,kept}', 1, 1)$$, 'every record is a window');

\set port `perl test/pgtap/sender :'lines'`
CALL window_job('sliding', :'port', '{incremental,kept}', '5, 2');
SELECT ok(weir.wait_for_job('sliding', 'finished', '1 min'), 'overlapping windows: finished');
SELECT is_empty($$SELECT * FROM differences('sliding', '{incremental,kept}', 5, 2)$$,
    'one fires every slide records, over the last size, the first ones over fewer');

\set port `perl test/pgtap/sender :'lines'`
CALL window_job('sampled', :'port', '{incremental,kept}', 'size => 2, slide => 5');
SELECT ok(weir.wait_for_job('sampled', 'finished', '1 min'), 'windows with gaps: finished');
SELECT is_empty($$SELECT * FROM differences('sampled', '{incremental,kept}', 2, 5)$$, 'the last size of every slide records');

\set port `perl test/pgtap/sender :'lines'`
CALL window_job('filtered', :'port', '{incremental}', '3', 'HAVING sum(v) > 0 AND k <> 2 AND max(t) IS NOT NULL');
SELECT ok(weir.wait_for_job('filtered', 'finished', '1 min'), 'HAVING: finished');
SELECT is_empty($$SELECT * FROM differences('filtered', '{incremental}', 3, 3, 'HAVING sum(v) > 0 AND k <> 2 AND max(t) IS NOT NULL')$$,
    'filters the windows that fired');
SELECT cmp_ok((SELECT count(*) FROM filtered), '<', (SELECT count(*) FROM tumbling), 'and leaves some out');

-- the whole stream is one key; the order of the rows is that of the records
CREATE TABLE whole (id bigint GENERATED ALWAYS AS IDENTITY, first bigint, n bigint);
\set port `perl test/pgtap/sender :'lines'`
CALL run('whole', :'port', 'INSERT INTO whole (first, n) SELECT min(line), count(*) FROM readings GROUP BY weir.count_window(100)');
SELECT ok(weir.wait_for_job('whole', 'finished', '1 min'), 'a window without a key: finished');
SELECT results_eq('SELECT first, n FROM whole ORDER BY id', 'VALUES (1::bigint, 100::bigint), (101, 100), (201, 100), (301, 100)',
    'is over the whole stream, in the order of the records');

-- keys of several columns and expressions, a joined table, one aggregate in a subquery of the select list
CREATE TABLE several (name text, even boolean, half int, total numeric, known text);
\set port `perl test/pgtap/sender :'lines'`
CALL run('several', :'port', $$INSERT INTO several
    SELECT upper(s.name), r.line % 2 = 0, (r.k + 1) / 2 * 10, sum(r.n), (SELECT name FROM names WHERE id = count(r.v))
      FROM readings r JOIN names s ON s.id = r.k GROUP BY s.name, r.line % 2 = 0, (r.k + 1) / 2, weir.count_window(4)$$, 3);
SELECT ok(weir.wait_for_job('several', 'finished', '1 min'), 'expressions as keys: finished');
SELECT bag_eq('TABLE several', $$
    SELECT upper(name), even, half * 10, sum(n), (SELECT name FROM names WHERE id = count(v))
      FROM (SELECT s.name, line % 2 = 0 AS even, (k + 1) / 2 AS half, n, v,
                   (row_number() OVER (PARTITION BY s.name, line % 2 = 0, (k + 1) / 2 ORDER BY line) - 1) / 4 AS w
              FROM input JOIN names s ON s.id = k) x GROUP BY name, even, half, w HAVING count(*) = 4$$,
    'expressions over keys, joins and subqueries work');

-- functions that return sets: a key makes several rows of a record, a column several of a window
CREATE TABLE fanned (key bigint, number bigint);
\set port `perl test/pgtap/sender '1,1,2,,\n2,1,3,,\n3,2,1,,\n'`
CALL run('sets', :'port', 'INSERT INTO fanned SELECT generate_series(1, v), unnest(array_agg(line * 10)) FROM (SELECT * FROM readings) x
    GROUP BY 1, weir.count_window(2)');
SELECT ok(weir.wait_for_job('sets', 'finished', '1 min'), 'functions that return sets: finished');
SELECT bag_eq('TABLE fanned', 'VALUES (1::bigint, 10::bigint), (1, 20), (2, 10), (2, 20)', 'work as keys and over aggregates');

-- upsert by the key in the keyed tasks
CREATE TABLE newest (k int PRIMARY KEY, total bigint, windows int DEFAULT 1);
\set port `perl test/pgtap/sender :'lines'`
CALL run('upsert', :'port', 'INSERT INTO newest AS w SELECT k, sum(v) FROM readings WHERE k IS NOT NULL GROUP BY k, weir.count_window(2)
    ON CONFLICT (k) DO UPDATE SET total = excluded.total, windows = w.windows + 1', 3);
SELECT ok(weir.wait_for_job('upsert', 'finished', '1 min'), 'upsert of a window: finished');
SELECT bag_eq('TABLE newest', $$
    SELECT DISTINCT ON (k) k, total::bigint, n::int FROM (
        SELECT k, w, sum(v) AS total, count(*) OVER (PARTITION BY k) AS n FROM windows(2, 2) WHERE k IS NOT NULL GROUP BY k, w) x ORDER BY k, w DESC$$,
    'each window replaces the one before');
SELECT matches((SELECT string_agg(e, E'\n') FROM weir.explain_job('upsert') e), 'in the keyed tasks.*Window weir.count_window\(2\).*Key: k.*Aggregates: sum\(',
    'explain_job shows the window; the key that reaches the index lets the keyed tasks write');

-- time to live: what is left of a window is forgotten when no record comes in time
CREATE TABLE expiring (k int, n bigint, total bigint);
\set port `perl test/pgtap/sender '1,1,10,,\n2,2,5,,\n' --sleep 0.6 '3,1,20,,\n4,1,30,,\n5,2,5,,\n6,2,5,,\n'`
CALL run('expiring', :'port', $$INSERT INTO expiring SELECT k, count(*), sum(v) FROM readings
    GROUP BY k, weir.count_window(2, ttl => '300 ms')$$);
SELECT ok(weir.wait_for_job('expiring', 'finished', '1 min'), 'ttl: finished');
SELECT bag_eq('TABLE expiring', 'VALUES (1, 2::bigint, 50::bigint), (2, 2, 10)', 'an expired window begins anew');
CREATE TABLE renewed (k int, n bigint, total bigint);
\set port `perl test/pgtap/sender '1,1,10,,\n' --sleep 0.5 '2,1,20,,\n' --sleep 0.7 '3,1,30,,\n' --sleep 0.1 '4,2,1,,\n'`
CALL run('renewed', :'port', $$INSERT INTO renewed SELECT k, count(*), sum(v) FROM readings
    GROUP BY k, weir.count_window(3, 3, weir.state_ttl('1 s', update_type => 'on_create_and_write'))$$);
SELECT ok(weir.wait_for_job('renewed', 'finished', '1 min'), 'renewed: finished');
SELECT bag_eq('TABLE renewed', 'VALUES (1, 3::bigint, 60::bigint)', 'each record renews the window''s time');

-- an error in an aggregate names its record
CREATE TABLE overflowing (k int, total bigint);
\set port `perl test/pgtap/sender '1,1,9223372036854775807,,\n2,1,3,,\n'`
CALL run('overflow', :'port', 'INSERT INTO overflowing SELECT k, product(v) FROM readings GROUP BY k, weir.count_window(2)');
SELECT ok(weir.wait_for_job('overflow', 'failed', '1 min'), 'an error in a transition function fails the job');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'overflow'), 'bigint out of range', 'and is told');

-- no key is current while an aggregate's functions run
CREATE FUNCTION grab(text, text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.state_clear('count_window(2): grabs(t)');
    RETURN $1 || $2;
END $$;
CREATE AGGREGATE grabs(text) (sfunc = grab, stype = text, initcond = '');
CREATE TABLE grabbed (word text);
SELECT weir.create_job('grab', 'INSERT INTO grabbed SELECT grabs(t) FROM readings GROUP BY k, weir.count_window(2)') \g /dev/null
SELECT throws_like($$SELECT * FROM weir.try_job('grab', ARRAY['1,1,1,1,a'], NULL::grabbed)$$,
    'weir.state_clear() can only be used by the keyed function of a job%', 'an aggregate cannot reach its window''s state');

SELECT throws_like('DROP AGGREGATE product(bigint)', 'cannot drop function product(bigint) because a job depends on it',
    'an aggregate that a job uses stays');
SELECT throws_like('SELECT weir.count_window(2)', 'weir.count_window cannot be called outside the query of a job', 'no function of its own');
SELECT is((SELECT count(*) FROM pg_prepared_xacts), 0::bigint, 'nothing is left prepared');
SELECT * FROM finish();
