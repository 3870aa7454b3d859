-- weir.try_job over several streams in one call, and their ends.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(9);

CREATE FOREIGN TABLE a (k bigint, v text) SERVER weir_feed;
CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE b (k bigint, v text) SERVER here OPTIONS (format 'csv');
CREATE TABLE both_of (k bigint, v text);
CREATE TABLE counts (k bigint PRIMARY KEY, n bigint, said text);
SELECT weir.create_job('union', 'INSERT INTO both_of SELECT * FROM a UNION ALL SELECT * FROM b') \g /dev/null
SELECT weir.create_job('counts', $$INSERT INTO counts
    SELECT k, count(*), string_agg(v, ' ') FROM (TABLE a UNION ALL TABLE b) u GROUP BY k
    ON CONFLICT (k) DO UPDATE SET n = excluded.n, said = excluded.said$$) \g /dev/null

SELECT results_eq($$SELECT * FROM weir.try_job('union', ARRAY[E'1\tx', '2,y', E'3\tz'], NULL::both_of, ARRAY['a', 'b', 'public.a'])$$,
    $$VALUES (1::bigint, 'x'), (2, 'y'), (3, 'z')$$, 'each line in the format of its stream, in the order given');
SELECT results_eq($$SELECT * FROM weir.try_job('union', ARRAY[E'1\tx', '2,y'], ARRAY['a', 'b']) AS t(k bigint, v text)$$,
    $$VALUES (1::bigint, 'x'), (2, 'y')$$, 'with a column list');
SELECT results_eq($$SELECT * FROM weir.try_job(job => 'union', lines => ARRAY['2,y'], stream => ARRAY['b'], finish => true) AS t(k bigint, v text)$$,
    $$VALUES (2::bigint, 'y')$$, 'with names');
SELECT results_eq($$SELECT * FROM weir.try_job('union', ARRAY['2,y'], NULL::both_of, stream => 'b', finish => true)$$,
    $$VALUES (2::bigint, 'y')$$, 'one stream by its name, and the end');
SELECT results_eq($$SELECT * FROM weir.try_job('union', ARRAY['2,y'], NULL::both_of, 'b')$$,
    $$VALUES (2::bigint, 'y')$$, 'and by its place');
SELECT is_empty($$SELECT * FROM weir.try_job('union', '{}', NULL::both_of, '{}'::text[], finish => true)$$, 'no lines');
SELECT results_eq($$SELECT * FROM weir.try_job('counts', ARRAY[E'1\tx', '1,y', '1,z', E'2\tw'], NULL::counts, ARRAY['a', 'b', 'b', 'a'], finish => true)$$,
    $$VALUES (1::bigint, 3::bigint, 'x y z'), (2, 1, 'w')$$, 'what a step holds comes at the end');
SELECT throws_ok($$SELECT weir.try_job('union', ARRAY[E'1\tx', 'no'], ARRAY['a', 'b'])$$, '22P02', NULL, 'an error');
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
SELECT matches(context_of($$SELECT weir.try_job('union', ARRAY[E'1\tx', E'1\tx', 'no,y'], ARRAY['a', 'a', 'b'])$$),
    '^stream public.b, line 3, column k: "no"\n', 'has the line''s number in the call');

SELECT * FROM finish();
