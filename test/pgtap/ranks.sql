-- DISTINCT ON, and ranks: each job's rows are those of the same SELECT over a table of
-- the same records.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT no_plan();

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (line bigint, k int, v bigint, n numeric, t text, ts timestamptz) SERVER here
    OPTIONS (format 'csv');

-- 400 records of 7 keys (one of them NULL), with NULLs in every column, times out of order and some equal
CREATE TABLE input (line bigint, k int, v bigint, n numeric, t text, ts timestamptz);
INSERT INTO input
SELECT i, nullif(i * 7919 % 7, 3), nullif((i * 104729 % 301 - 150), 0), nullif(i * 31 % 11, 5) / 7.0::numeric,
       nullif('w' || i * 17 % 13, 'w4'), '2026-01-01 00:00:00+00'::timestamptz + (i + (i * 37) % 11 - i % 2) * interval '1 s'
  FROM generate_series(1, 400) i;
CREATE FUNCTION lines(first int, last int) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(concat_ws(',', line, coalesce(k::text, ''), coalesce(v::text, ''), coalesce(n::text, ''), coalesce(t, ''), coalesce(ts::text, ''))
                     ORDER BY line) FROM input WHERE line BETWEEN first AND last $$;

-- try(name, query): a job tried in three calls, so that rows are handed on more than once
CREATE PROCEDURE try(name text, query text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job(name, query);
    PERFORM weir.try_job(name, lines(1, 100));
    PERFORM weir.try_job(name, lines(101, 101));
    PERFORM weir.try_job(name, lines(102, 400));
END $$;

-- ---- what has changed, by upsert

CREATE TABLE last (k int UNIQUE NULLS NOT DISTINCT, line bigint, v bigint, t text, ts timestamptz);
CALL try('last', $$INSERT INTO last SELECT DISTINCT ON (k) k, line, v, t, ts FROM readings ORDER BY k, ts DESC
    ON CONFLICT (k) DO UPDATE SET line = excluded.line, v = excluded.v, t = excluded.t, ts = excluded.ts$$);
SELECT bag_eq('TABLE last', 'SELECT DISTINCT ON (k) k, line, v, t, ts FROM input ORDER BY k, ts DESC, line DESC', 'the last row of each key');

CREATE TABLE first (LIKE last INCLUDING ALL);
CALL try('first', $$INSERT INTO first SELECT DISTINCT ON (k) k, line, v, t, ts FROM readings WHERE v < 100 ORDER BY k, ts
    ON CONFLICT (k) DO UPDATE SET line = excluded.line, v = excluded.v, t = excluded.t, ts = excluded.ts$$);
SELECT bag_eq('TABLE first', 'SELECT DISTINCT ON (k) k, line, v, t, ts FROM input WHERE v < 100 ORDER BY k, ts, line', 'the first row of each key');

-- orders of several columns, and types
CREATE TYPE pair AS (n numeric, t text);
CREATE TABLE best (k int UNIQUE NULLS NOT DISTINCT, line bigint, t text);
CALL try('best', $$INSERT INTO best SELECT DISTINCT ON (k) k, line, t FROM readings ORDER BY k, t DESC NULLS LAST, n NULLS FIRST, v DESC
    ON CONFLICT (k) DO UPDATE SET line = excluded.line, t = excluded.t$$);
SELECT bag_eq('TABLE best', 'SELECT DISTINCT ON (k) k, line, t FROM input ORDER BY k, t DESC NULLS LAST, n NULLS FIRST, v DESC, line', 'by several columns');
TRUNCATE best;
SELECT weir.alter_job('best', query => $$INSERT INTO best SELECT DISTINCT ON (k) k, line, t FROM readings ORDER BY k, ROW(n, t)::pair, t COLLATE "C"
    ON CONFLICT (k) DO UPDATE SET line = excluded.line, t = excluded.t$$) \g /dev/null
SELECT weir.try_job('best', lines(1, 400)) \g /dev/null
SELECT bag_eq('TABLE best', 'SELECT DISTINCT ON (k) k, line, t FROM input ORDER BY k, ROW(n, t)::pair, t COLLATE "C", line', 'by a row');

-- the best so many with their numbers
CREATE TABLE top (k int, rank int NOT NULL, line bigint, v bigint, UNIQUE NULLS NOT DISTINCT (k, rank));
CALL try('top', $$INSERT INTO top SELECT k, rn, line, v
    FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC NULLS LAST) AS rn FROM readings) r WHERE rn <= 10
    ON CONFLICT (k, rank) DO UPDATE SET line = excluded.line, v = excluded.v$$);
SELECT bag_eq('TABLE top', $$SELECT k, rn::int, line, v
    FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC NULLS LAST, line) AS rn FROM input) r WHERE rn <= 10$$, 'the best ten');

-- through a view, with a condition on the key and the number; one key for all
CREATE VIEW ranked AS SELECT line, v, k, row_number() OVER (ORDER BY v, k) AS rn FROM readings;
CREATE TABLE lowest (rank bigint PRIMARY KEY, line bigint, v bigint);
CALL try('lowest', $$INSERT INTO lowest SELECT rn, line, v * 2 FROM (SELECT * FROM ranked WHERE rn < 6) r WHERE rn % 2 = 0
    ON CONFLICT (rank) DO UPDATE SET line = excluded.line, v = excluded.v$$);
SELECT bag_eq('TABLE lowest', $$SELECT rn, line, v * 2 FROM (SELECT line, v, row_number() OVER (ORDER BY v, k, line) AS rn FROM input) r
    WHERE rn < 6 AND rn % 2 = 0$$, 'some of the lowest five, through a view');

-- one row, without its number
CREATE TABLE single (k int UNIQUE NULLS NOT DISTINCT, line bigint);
CALL try('single', $$INSERT INTO single SELECT k, line FROM (SELECT k, line, row_number() OVER (PARTITION BY k ORDER BY v) AS rn FROM readings) r
    WHERE rn = 1 ON CONFLICT (k) DO UPDATE SET line = excluded.line$$);
SELECT bag_eq('TABLE single', 'SELECT DISTINCT ON (k) k, line FROM input ORDER BY k, v, line', 'the lowest row of each key');

-- ---- when a window is over

CREATE FOREIGN TABLE timed (line bigint, k int, v bigint, n numeric, t text, ts timestamptz OPTIONS (watermark '12 s')) SERVER here
    OPTIONS (format 'csv');

-- ended(name, query): likewise, with the end of the stream
CREATE PROCEDURE ended(name text, query text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job(name, query);
    PERFORM weir.try_job(name, lines(1, 100));
    PERFORM weir.try_job(name, lines(101, 101));
    PERFORM weir.try_job(name, lines(102, 400), finish => true);
END $$;

CREATE TABLE window_top (k int, w tstzrange, rn bigint, line bigint, v bigint);
CALL ended('window_top', $$INSERT INTO window_top SELECT k, w, rn, line, v
    FROM (SELECT *, row_number() OVER (PARTITION BY k, w ORDER BY v DESC NULLS LAST) AS rn FROM timed, weir.tumble(ts, '1 min') w) r WHERE rn <= 3$$);
SELECT bag_eq('TABLE window_top', $$SELECT k, w, rn, line, v
    FROM (SELECT *, row_number() OVER (PARTITION BY k, w ORDER BY v DESC NULLS LAST, line) AS rn FROM input, weir.tumble(ts, '1 min') w) r WHERE rn <= 3$$,
    'the best three of each window');

CREATE TABLE window_first (k int, w tstzrange, line bigint, ts timestamptz);
CALL ended('window_first', $$INSERT INTO window_first SELECT DISTINCT ON (w, k) k, w, line, ts FROM timed, weir.hop(ts, '1 min', '20 s') w ORDER BY w, k, ts$$);
SELECT bag_eq('TABLE window_first', $$SELECT DISTINCT ON (w, k) k, w, line, ts FROM input, weir.hop(ts, '1 min', '20 s') w ORDER BY w, k, ts, line$$,
    'the first row of each key and window');

CREATE TABLE window_ranks (k int, rank bigint, dense bigint, number bigint, line bigint);
CALL ended('window_ranks', $$INSERT INTO window_ranks SELECT k, r, d, rn, line FROM (SELECT *, rank() OVER p AS r, dense_rank() OVER p AS d, row_number() OVER p AS rn
    FROM timed, weir.tumble(ts, '1 min') w WINDOW p AS (PARTITION BY upper(w) ORDER BY v % 5, k)) r WHERE d < 12$$);
SELECT bag_eq('TABLE window_ranks', $$SELECT k, r, d, rn, line FROM (SELECT *, rank() OVER p AS r, dense_rank() OVER p AS d, row_number() OVER (PARTITION BY w ORDER BY v % 5, k, line) AS rn
    FROM input, weir.tumble(ts, '1 min') w WINDOW p AS (PARTITION BY upper(w) ORDER BY v % 5, k)) r WHERE d < 12$$,
    'ranks of all kinds, one partition a window');

-- ---- in the order of time

CREATE TABLE early (k int, line bigint, ts timestamptz);
CALL ended('early', $$INSERT INTO early SELECT DISTINCT ON (k) k, line, ts FROM timed WHERE v > 0 ORDER BY k, ts$$);
SELECT bag_eq('TABLE early', 'SELECT DISTINCT ON (k) k, line, ts FROM input WHERE v > 0 ORDER BY k, ts, line', 'the first row of each key, once');

CREATE TABLE five (number int GENERATED ALWAYS AS IDENTITY, k int, rn bigint, line bigint, ts timestamptz);
CALL ended('five', $$INSERT INTO five (k, rn, line, ts) SELECT k, rn, line, ts
    FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY ts) AS rn FROM timed) r WHERE rn <= 5$$);
SELECT bag_eq('SELECT k, rn, line, ts FROM five', $$SELECT k, rn, line, ts
    FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY ts, line) AS rn FROM input) r WHERE rn <= 5$$, 'the first five');
SELECT results_eq('SELECT ts FROM five ORDER BY number', 'SELECT ts FROM five ORDER BY ts', 'in the order of time');

CREATE TABLE numbered (k int, rn bigint, rank bigint, line bigint);
CALL ended('numbered', $$INSERT INTO numbered SELECT k, row_number() OVER p, rank() OVER p, line FROM timed WINDOW p AS (PARTITION BY k ORDER BY ts)$$);
SELECT bag_eq('TABLE numbered', $$SELECT k, row_number() OVER (PARTITION BY k ORDER BY ts, line), rank() OVER (PARTITION BY k ORDER BY ts), line FROM input$$,
    'all with their numbers');

-- ---- window functions in the order of time

CREATE FUNCTION later(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $2';
CREATE AGGREGATE latest(anyelement) (sfunc = later, stype = anyelement);
CREATE VIEW functions AS SELECT $$line, k, count(*) OVER byrows, sum(v) OVER byrows, avg(n) OVER byrows, string_agg(t, ',') OVER byrows, sum(v) FILTER (WHERE v > 0) OVER byrows,
        max(v) OVER bytime, count(*) OVER bytime, sum(n) OVER bytime, array_agg(v) OVER bytime IS NULL,
        sum(v) OVER p, min(t) OVER p, count(*) OVER (p ROWS UNBOUNDED PRECEDING), latest(t) OVER (p ROWS UNBOUNDED PRECEDING),
        row_number() OVER p, lag(v) OVER p, lag(t, 3) OVER p, sum(v) OVER (p ROWS CURRENT ROW), max(line) OVER (p RANGE CURRENT ROW)$$::text AS list,
    $$WINDOW p AS (PARTITION BY k ORDER BY ts), byrows AS (PARTITION BY k ORDER BY ts ROWS BETWEEN 4 PRECEDING AND CURRENT ROW),
        bytime AS (PARTITION BY k ORDER BY ts RANGE BETWEEN '70 s' PRECEDING AND CURRENT ROW)$$::text AS windows;
-- plain SQL has rows of equal time in any order, so that they are sorted before
SELECT format('SELECT %s FROM %%s %s', list, windows) AS over FROM functions \gset
CREATE FUNCTION over_input() RETURNS text LANGUAGE sql AS $$ SELECT '(SELECT * FROM input WHERE v IS DISTINCT FROM 17 ORDER BY k, ts, line) i' $$;
SELECT format(:'over', '(SELECT * FROM timed WHERE v IS DISTINCT FROM 17) r') AS job, format(:'over', over_input()) AS plain \gset
SELECT format('CREATE TABLE plain AS SELECT * FROM (%s) AS x (line, k, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18)', :'plain') \gexec
CREATE TABLE over (LIKE plain);
SELECT format('CALL ended(''over'', %L)', 'INSERT INTO over ' || :'job') \gexec
SELECT is((SELECT count(*) FROM over), (SELECT count(*) FROM plain), 'each row comes once');
SELECT bag_eq('TABLE over', 'TABLE plain', 'each function is that of plain SQL');

CREATE TABLE whole (number int GENERATED ALWAYS AS IDENTITY, line bigint, total numeric, n bigint);
CALL ended('whole', $$INSERT INTO whole (line, total, n) SELECT line, s + 0.5, n FROM (SELECT line, sum(v) OVER (ORDER BY ts ROWS 2 PRECEDING) AS s, count(*) OVER (ORDER BY ts) AS n FROM timed) r WHERE n > 10$$);
SELECT bag_eq('SELECT line, total, n FROM whole', $$SELECT line, s + 0.5, n FROM (SELECT line, sum(v) OVER (ORDER BY ts ROWS 2 PRECEDING) AS s, count(*) OVER (ORDER BY ts) AS n
    FROM (SELECT * FROM input ORDER BY ts, line) i) r WHERE n > 10$$, 'one partition, in a subquery with a condition');
SELECT results_eq('SELECT line FROM whole ORDER BY number', 'SELECT line FROM whole JOIN input USING (line) ORDER BY ts, line', 'in the order of time, of equal times of arrival');

-- times that are not finite are late, as in windows; those near the end of time are not
CREATE FUNCTION try_times(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job('times', 'INSERT INTO ends ' || query);
    RETURN QUERY SELECT ts || ' ' || n FROM weir.try_job('times', ARRAY['1,1,1,,,2026-01-01', '2,1,2,,,infinity', '3,1,3,,,294276-12-31 23:59:50',
        '4,1,4,,,-infinity', '5,1,5,,,294276-12-31 23:59:55'], NULL::ends, finish => true);
    PERFORM weir.drop_job('times');
END $$;
CREATE TABLE ends (ts text, n bigint);
SET TimeZone = 'UTC';
SELECT results_eq($$SELECT * FROM try_times('SELECT ts, sum(v) OVER (PARTITION BY k ORDER BY ts RANGE ''10 s'' PRECEDING) FROM timed') ORDER BY 1$$,
    $$VALUES ('2026-01-01 00:00:00+00 1'), ('294276-12-31 23:59:50+00 3'), ('294276-12-31 23:59:55+00 8')$$, 'frames at the end of time');
SELECT results_eq($$SELECT * FROM try_times('SELECT ts, sum(v) OVER (PARTITION BY k ORDER BY ts RANGE ''90 years'' PRECEDING) FROM timed') ORDER BY 1$$,
    $$VALUES ('2026-01-01 00:00:00+00 1'), ('294276-12-31 23:59:50+00 3'), ('294276-12-31 23:59:55+00 8')$$, 'long frames at the end of time');
SELECT results_eq($$SELECT * FROM try_times('SELECT ts, row_number() OVER (PARTITION BY k ORDER BY ts) FROM timed') ORDER BY 1$$,
    $$VALUES ('2026-01-01 00:00:00+00 1'), ('294276-12-31 23:59:50+00 2'), ('294276-12-31 23:59:55+00 3')$$, 'numbers at the end of time');

SELECT * FROM finish();
