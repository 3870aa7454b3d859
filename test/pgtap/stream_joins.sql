-- Joins of two streams: the job's rows are those of the same query over stored tables.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT * FROM no_plan();

CREATE FOREIGN TABLE a (k int, v text, ts timestamptz OPTIONS (watermark '5 s'), expires timestamptz) SERVER weir_feed;
CREATE FOREIGN TABLE b (k int, v text, ts timestamptz OPTIONS (watermark '5 s')) SERVER weir_feed;
CREATE FOREIGN TABLE c (k bigint, v text, ts timestamptz OPTIONS (watermark '5 s')) SERVER weir_feed;
CREATE SCHEMA stored;
CREATE TABLE stored.a (k int, v text, ts timestamptz, expires timestamptz);
CREATE TABLE stored.b (k int, v text, ts timestamptz);
CREATE TABLE stored.c (k bigint, v text, ts timestamptz);
CREATE TABLE lines (n int, stream text, line text);
CREATE TABLE pairs (av text, bv text, more text);
CREATE TABLE names (k int, name text);
INSERT INTO names VALUES (0, 'zero'), (1, 'one'), (2, 'two');

-- Rows of three streams out of order by at most the bound, some without key or time.
SELECT setseed(0.42) \g /dev/null
INSERT INTO lines
SELECT n, s, concat_ws(E'\t', k, v, ts, CASE WHEN s = 'a' THEN expires END)
FROM (SELECT n, (ARRAY['a', 'b', 'c'])[1 + floor(random() * 3)::int] AS s,
             CASE WHEN random() < 0.03 THEN '\N' ELSE floor(random() * 4)::text END AS k,
             'v' || n AS v,
             CASE WHEN random() < 0.03 THEN '\N' ELSE ('2026-01-01 00:00:00+00'::timestamptz + n * interval '1 s' - random() * interval '4.9 s')::text END AS ts,
             ('2026-01-01 00:00:00+00'::timestamptz + n * interval '1 s' + random() * interval '20 s')::text AS expires
      FROM generate_series(1, 400) n) AS r;
INSERT INTO stored.a SELECT nullif(f[1], '\N')::int, f[2], nullif(f[3], '\N')::timestamptz, f[4]::timestamptz
    FROM (SELECT string_to_array(line, E'\t') f FROM lines WHERE stream = 'a') l;
INSERT INTO stored.b SELECT nullif(f[1], '\N')::int, f[2], nullif(f[3], '\N')::timestamptz
    FROM (SELECT string_to_array(line, E'\t') f FROM lines WHERE stream = 'b') l;
INSERT INTO stored.c SELECT nullif(f[1], '\N')::bigint, f[2], nullif(f[3], '\N')::timestamptz
    FROM (SELECT string_to_array(line, E'\t') f FROM lines WHERE stream = 'c') l;

CREATE FUNCTION lines_of(query text) RETURNS SETOF lines LANGUAGE sql AS
$$SELECT * FROM lines WHERE query ~ ('(FROM|JOIN|,) ' || stream || '\M') ORDER BY n$$;
CREATE FUNCTION same(query text, what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job('same', 'INSERT INTO pairs ' || query);
    CREATE TEMP TABLE got AS SELECT * FROM weir.try_job('same', ARRAY(SELECT line FROM lines_of(query)), NULL::pairs,
        ARRAY(SELECT stream FROM lines_of(query)), finish => true);
    PERFORM weir.drop_job('same');
    SET LOCAL search_path = stored, public;
    EXECUTE 'CREATE TEMP TABLE wanted AS SELECT * FROM (' || query || ') q(av, bv, more)';
    RESET search_path;
    RETURN NEXT isnt_empty('TABLE wanted', what || ': there are rows');
    RETURN NEXT bag_eq('TABLE got', 'TABLE wanted', what);
    DROP TABLE got, wanted;
END $$;

SELECT same($$SELECT a.v, b.v, NULL::text FROM a JOIN b ON a.k = b.k AND a.ts BETWEEN b.ts - interval '5 s' AND b.ts + interval '5 s'$$,
    'inner interval join');
SELECT same($$SELECT a.v, b.v, a.k::text FROM a JOIN b ON a.k = b.k WHERE b.ts > a.ts AND b.ts < a.ts + interval '7 s' AND a.v <> b.v AND a.v LIKE '%1%'$$,
    'bounds in WHERE, strict');
SELECT same($$SELECT a.v, b.v, NULL::text FROM a, b WHERE a.k = b.k AND a.ts - b.ts BETWEEN interval '-3 s' AND interval '4 s'$$,
    'bounds of the difference');
SELECT same($$SELECT a.v, b.v, NULL::text FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.expires$$,
    'a bound in a column');
SELECT same($$SELECT a.v, b.v, NULL::text FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - interval '2 s' AND a.ts + interval '3 s'$$,
    'left');
SELECT same($$SELECT a.v, b.v, NULL::text FROM a RIGHT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.expires AND a.v < b.v$$,
    'right, with a condition');
SELECT same($$SELECT a.v, b.v, coalesce(a.k, b.k)::text FROM a FULL JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - interval '1 s' AND a.ts + interval '1 s' AND a.v LIKE '%2%'$$,
    'full, with a condition on one side');
SELECT same($$SELECT a.v, b.v, NULL::text FROM a JOIN b ON b.ts >= a.ts AND b.ts <= a.ts + interval '500 ms'$$,
    'no equality');
SELECT same($$SELECT a.v, c.v, a.k::text FROM a JOIN c ON a.k = c.k AND c.ts BETWEEN a.ts - interval '2 s' AND a.ts + interval '3 s'$$,
    'keys of two types');
SELECT same($$SELECT a.v, b.v, NULL::text FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - interval '1 day' AND a.ts + interval '1 day' AND b.ts < a.ts + interval '1 s'$$,
    'days');
SELECT same($$SELECT a.v, b.v, n.name FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '3 s' LEFT JOIN names n ON n.k = b.k$$,
    'and a table');
SELECT same($$SELECT a.v, b.v, c.v FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '3 s' JOIN c ON c.k = b.k AND c.ts BETWEEN b.ts - interval '2 s' AND b.ts$$,
    'three streams');
SELECT same($$SELECT a.v, b.v, c.v FROM a, b, c WHERE a.k = b.k AND c.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '3 s' AND c.ts BETWEEN b.ts - interval '2 s' AND b.ts$$,
    'three streams by WHERE');
SELECT same($$SELECT a.v, b.v, c.v FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '1 s' LEFT JOIN c ON c.k = a.k AND c.ts BETWEEN a.ts - interval '1 s' AND a.ts$$,
    'three streams, left');
SELECT same($$SELECT x.v, y.v, y.k2::text FROM (SELECT k, v, ts FROM a WHERE k > 0) x JOIN (SELECT k + 1 AS k2, v, ts FROM b) y ON x.k = y.k2 AND x.ts BETWEEN y.ts AND y.ts + interval '5 s'$$,
    'subqueries');
SELECT same($$SELECT x.v, b.v, NULL FROM (SELECT k, v, ts FROM a UNION ALL SELECT k::int, v, ts FROM c) x JOIN b ON x.k = b.k AND x.ts BETWEEN b.ts AND b.ts + interval '2 s'$$,
    'a union on a side');
SELECT same($$SELECT x.v, y.v, NULL FROM a x JOIN a y ON x.k = y.k AND y.ts BETWEEN x.ts AND x.ts + interval '2 s' AND x.v <> y.v$$,
    'a stream with itself');

SELECT same($$SELECT x.v, y.v, x.w::text FROM (SELECT * FROM a, LATERAL weir.tumble(ts, interval '10 s') w) x JOIN (SELECT * FROM b, LATERAL weir.tumble(ts, interval '10 s') w) y ON x.k = y.k AND x.w = y.w$$,
    'window join');
SELECT same($$SELECT a.v, b.v, wa::text FROM a, LATERAL weir.hop(a.ts, interval '10 s', interval '5 s') wa, b, LATERAL weir.hop(b.ts, interval '10 s', interval '5 s') wb WHERE a.k = b.k AND wa = wb AND a.v < b.v$$,
    'hopping windows, in one FROM');
SELECT same($$SELECT x.v, y.v, coalesce(x.w, y.w)::text FROM (SELECT * FROM a, LATERAL weir.tumble(ts, interval '4 s') w) x FULL JOIN (SELECT * FROM b, LATERAL weir.tumble(ts, interval '4 s') w) y ON x.k = y.k AND x.w = y.w AND y.v LIKE '%1%'$$,
    'window join, full');
SELECT same($$SELECT a.v, r.v, r.ts::text FROM a LEFT JOIN LATERAL (SELECT * FROM b x WHERE x.k = a.k AND x.ts <= a.ts ORDER BY x.ts DESC LIMIT 1) r ON true$$,
    'as-of join');
SELECT same($$SELECT a.v, r.bv, NULL FROM a JOIN LATERAL (SELECT v || '!' AS bv FROM b AS x WHERE a.k = x.k AND x.ts < a.ts AND x.v LIKE '%1%' ORDER BY ts DESC LIMIT 1) r ON true$$,
    'as-of join, inner, earlier');
SELECT same($$SELECT a.v, r.v, NULL FROM a, LATERAL (SELECT v FROM b AS x WHERE a.ts >= x.ts ORDER BY ts DESC LIMIT 1) r$$,
    'as-of join, without a key');
SELECT same($$SELECT a.v, r.v, NULL FROM a JOIN LATERAL (SELECT v FROM b AS x WHERE x.k = a.k AND x.ts <= a.ts ORDER BY ts DESC LIMIT 1) r ON true WHERE r.v LIKE '%1%' AND a.v LIKE '%2%'$$,
    'as-of join, a condition round it is asked of the newest row');
SELECT same($$SELECT a.v, r.v, NULL FROM a JOIN LATERAL (SELECT v, k FROM b AS x WHERE x.ts <= a.ts ORDER BY ts DESC LIMIT 1) r ON r.k = a.k AND r.v < a.v$$,
    'as-of join, one of ON too');
SELECT same($$SELECT a.v, r.v, NULL FROM a LEFT JOIN LATERAL (SELECT v, k FROM b AS x WHERE x.ts <= a.ts ORDER BY ts DESC LIMIT 1) r ON true WHERE r.k = a.k OR r.v IS NULL OR a.v LIKE '%1'$$,
    'as-of join, left, one of WHERE');
SELECT same($$SELECT a.v, r.v, c.v FROM a LEFT JOIN LATERAL (SELECT v FROM b AS x WHERE x.k = a.k AND x.ts <= a.ts ORDER BY ts DESC LIMIT 1) r ON true JOIN c ON c.k = a.k AND c.ts BETWEEN a.ts AND a.ts + interval '2 s'$$,
    'as-of join and interval join');

SELECT same($$SELECT a.v, b.v, NULL FROM a JOIN b ON a.k = b.k AND b.ts >= a.ts - interval '10 s' AND b.ts + interval '1 mon' - interval '1 mon' <= a.ts$$,
    'months that come to nothing');
SELECT same($$SELECT x.v, y.v, x.t::text FROM (SELECT k, upper(w) AS t, max(v) AS v FROM a, LATERAL weir.tumble(ts, interval '4 s') w GROUP BY k, w) x JOIN (SELECT k, upper(w) AS t, max(v) AS v FROM b, LATERAL weir.tumble(ts, interval '4 s') w GROUP BY k, w) y ON x.k = y.k AND x.t = y.t$$,
    'ends of windows');
SELECT same($$SELECT x.v, y.v, x.s::text FROM (SELECT k, lower(w) AS s, upper(w) AS t, max(v) AS v FROM a, LATERAL weir.tumble(ts, interval '4 s') w GROUP BY k, w) x JOIN (SELECT k, lower(w) AS s, upper(w) AS t, max(v) AS v FROM b, LATERAL weir.tumble(ts, interval '4 s') w GROUP BY k, w) y ON x.k = y.k AND x.s = y.s AND x.t = y.t$$,
    'both bounds of windows');
SELECT same($$SELECT a.v, b.v, NULL FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '3 s' AND date_trunc('minute', a.ts) = date_trunc('minute', b.ts)$$,
    'a time that is cut besides');
SELECT same($$SELECT x.v, x.w::text, NULL FROM (SELECT * FROM a, LATERAL weir.tumble(ts, interval '4 s') w) x WHERE EXISTS (SELECT FROM (SELECT * FROM b, LATERAL weir.tumble(ts, interval '4 s') w) y WHERE x.k = y.k AND x.w = y.w) AND x.v <> 'v9'$$,
    'window semi join');
SELECT same($$SELECT x.v, x.w::text, NULL FROM (SELECT * FROM a, LATERAL weir.tumble(ts, interval '4 s') w) x WHERE NOT EXISTS (SELECT FROM (SELECT * FROM b, LATERAL weir.tumble(ts, interval '4 s') w) y WHERE x.k = y.k AND x.w = y.w AND y.v < x.v)$$,
    'window anti join');
SELECT same($$SELECT a.v, a.k::text, NULL FROM a WHERE EXISTS (SELECT FROM b AS x WHERE x.k = a.k AND x.ts BETWEEN a.ts - interval '2 s' AND a.ts + interval '2 s' AND x.v > a.v)$$,
    'interval semi join');
SELECT same($$SELECT a.v, a.k::text, NULL FROM a WHERE NOT EXISTS (SELECT 1 FROM b AS x WHERE x.k = a.k AND x.ts BETWEEN a.ts - interval '2 s' AND a.ts + interval '2 s' AND a.v LIKE '%1%') AND a.v LIKE 'v%2%'$$,
    'interval anti join');
SELECT same($$SELECT a.v, b.v, NULL FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '2 s' WHERE a.v IN (SELECT 'v' || substr(c.v, 2)::int + 1 FROM c WHERE c.k = b.k AND c.ts BETWEEN b.ts - interval '5 s' AND b.ts + interval '5 s')$$,
    'a join, and IN');

SELECT same($$SELECT count(*)::text, lower(w)::text, count(b.v)::text FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '3 s', LATERAL weir.tumble(a.ts, interval '5 s') w WHERE a.ts IS NOT NULL GROUP BY w$$,
    'no row is lost in a window behind an outer join');
SELECT same($$SELECT min(x.v), lower(w)::text, count(*)::text FROM (SELECT a.v, b.ts FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.expires) x, LATERAL weir.tumble(x.ts, interval '5 s') w GROUP BY w$$,
    'nor behind one with a bound in a column');
SELECT same($$WITH x AS (SELECT k, v, ts FROM a), n AS MATERIALIZED (SELECT * FROM names) SELECT x.v, b.v, n.name FROM x JOIN b USING (k) JOIN n USING (k) WHERE b.ts BETWEEN x.ts AND x.ts + interval '2 s'$$,
    'WITH queries and USING');

SELECT weir.create_job('endless', $$INSERT INTO pairs SELECT a.v, b.v, NULL FROM a LEFT JOIN b ON a.k = b.k AND b.ts < a.ts AND b.ts >= a.ts - interval '5 s'$$);
SELECT results_eq($$SELECT av, bv FROM weir.try_job('endless',
        ARRAY[E'1\tb1\t2026-01-01 00:00:00+00', E'1\tb2\tinfinity', E'1\ta1\t2026-01-01 00:00:01+00\t\\N', E'1\ta2\tinfinity\t\\N'], NULL::pairs,
        ARRAY['b', 'b', 'a', 'a'], finish => true) ORDER BY av$$,
    $$VALUES ('a1', 'b1'), ('a2', NULL)$$, 'a row of infinite time has no partner');
SELECT weir.drop_job('endless');

SELECT * FROM finish();
