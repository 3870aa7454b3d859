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

SELECT * FROM finish();
