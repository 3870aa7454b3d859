-- Windows of event time: whatever the window and the aggregate, the same as the same
-- grouping in plain SQL; sessions, lateness and late records by hand.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(50);
SET TimeZone = 'UTC';

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (line bigint, k int, v int, b bigint, n numeric, f double precision, t text, plain timestamp,
    ts timestamptz OPTIONS (watermark '20 s')) SERVER here OPTIONS (format 'csv');
CREATE FOREIGN TABLE days (line bigint, k int, v int, n numeric, plain timestamp,
    ts timestamptz OPTIONS (watermark '12 h')) SERVER here OPTIONS (format 'csv');

CREATE FOREIGN TABLE plain_days (line bigint, k int, v int, n numeric, plain timestamp OPTIONS (watermark '12 h'),
    ts timestamptz) SERVER here OPTIONS (format 'csv');

-- 500 records of 5 keys (one of them NULL), out of order by less than 20 s, before and after 2000
CREATE TABLE input (line bigint, k int, v int, b bigint, n numeric, f double precision, t text, plain timestamp, ts timestamptz);
INSERT INTO input
SELECT i, nullif(i * 7919 % 5, 3), nullif(i * 104729 % 1001 - 500, 0), i * 1000000007::bigint, nullif(i * 31 % 11, 5) / 7.0::numeric,
       i * 37 % 101 / 4.0, nullif('w' || i * 17 % 13, 'w4'), (s.ts AT TIME ZONE 'UTC'), s.ts
  FROM generate_series(1, 500) i,
       LATERAL (SELECT timestamptz '1999-12-31 23:50:00+00' + (i * 1.7 + i * 7919 % 19 + CASE WHEN i > 300 THEN 200 ELSE 0 END) * interval '1 s' AS ts) s;
-- a record every 5 hours through the ends of summer time in two zones, and a year
CREATE TABLE long (line bigint, k int, v int, n numeric, plain timestamp, ts timestamptz);
INSERT INTO long
SELECT i, i % 2, i, i / 3.0, (s.ts AT TIME ZONE 'UTC'), s.ts
  FROM generate_series(1, 400) i,
       LATERAL (SELECT timestamptz '2023-10-20 00:00:00+00' + (i * 5 + i * 7919 % 11) * interval '1 h' AS ts) s;

CREATE FUNCTION lines_of(relation regclass) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE lines text[];
BEGIN
    EXECUTE format('SELECT array_agg(replace(replace(trim(both ''()'' FROM r::text), ''""'', ''''), ''"'', '''') ORDER BY line) FROM %s r', relation)
        INTO lines;
    RETURN lines;
END $$;

CREATE TABLE result (k int, w text, a text);

CREATE FUNCTION tried(query text, lines text[], "row" anyelement, finish boolean DEFAULT false)
RETURNS SETOF anyelement LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job('tried', query);
    RETURN QUERY SELECT r.* FROM weir.try_job('tried', lines, "row", finish => finish) r;
    PERFORM weir.drop_job('tried');
END $$;

-- job and plain SQL over the same records
CREATE FUNCTION agrees(query text, label text, stream text DEFAULT 'readings', relation text DEFAULT 'input')
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN results_eq(
        format('SELECT r.* FROM tried(%L, lines_of(%L), NULL::result, finish => true) r ORDER BY 1, 2, 3',
               'INSERT INTO result ' || query, relation),
        format('SELECT * FROM (%s) r ORDER BY 1, 2, 3', regexp_replace(query, '\m' || stream || '\M', relation)), label);
END $$;

\set native 'count(*), count(v), sum(v), avg(v), min(v), max(v), sum(b), avg(b), max(b) FILTER (WHERE v > 0)'
\set other 'sum(n), avg(n), count(DISTINCT t), min(t), max(t), stddev(v), bool_or(v > 0), array_agg(v ORDER BY line), string_agg(DISTINCT t, \'-\' ORDER BY t), percentile_disc(0.5) WITHIN GROUP (ORDER BY v), sum(n) FILTER (WHERE v < 0)'

CREATE AGGREGATE product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1');
CREATE FUNCTION later(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $2';
CREATE AGGREGATE latest(anyelement) (sfunc = later, stype = anyelement);
CREATE AGGREGATE collect(anycompatible) (sfunc = array_append, combinefunc = array_cat, stype = anycompatiblearray, initcond = '{}');
CREATE FUNCTION most(int, int) RETURNS int LANGUAGE plpgsql STRICT AS 'BEGIN RETURN greatest($1, $2); END';
CREATE AGGREGATE highest(int) (sfunc = most, combinefunc = most, stype = int);

-- ---- native aggregates ----
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w', 'tumble');
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.tumble(ts, ''10 s'', ''3 s'') w GROUP BY k, w', 'tumble with an offset');
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.tumble(plain, ''10 s'') w GROUP BY k, w', 'tumble of timestamps');
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.hop(ts, ''30 s'', ''10 s'') w GROUP BY k, w', 'hop');
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.hop(ts, ''25 s'', ''10 s'', ''-4 s'') w GROUP BY k, w', 'hop by a slide that does not divide the size');
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.hop(ts, ''60 s'', ''1 s'') w GROUP BY k, w', 'hop of many panes');
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.hop(ts, ''200 s'', ''3 s'') w GROUP BY k, w', 'hop of more panes');
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.hop(ts, ''5 s'', ''10 s'') w GROUP BY k, w', 'hop with gaps');
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.cumulate(ts, ''10 s'', ''1 min'') w GROUP BY k, w', 'cumulate');
SELECT agrees('SELECT k, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.cumulate(ts, ''2 s'', ''2 min'', ''5 s'') w GROUP BY k, w', 'cumulate of many steps');
SELECT agrees('SELECT 0, w::text, ROW(' || :'native' || ')::text FROM readings, LATERAL weir.hop(ts, ''20 s'', ''5 s'') w GROUP BY w', 'without a key');
SELECT agrees('SELECT k, w::text, ROW(sum(f), avg(f), min(f), max(f))::text FROM readings, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w', 'floats');
SELECT agrees('SELECT k, w::text, ROW(round(sum(f)::numeric, 6), min(f), max(f))::text FROM readings, LATERAL weir.hop(ts, ''60 s'', ''2 s'') w GROUP BY k, w', 'floats in windows that overlap');
SELECT agrees('SELECT k, w::text, NULL FROM readings, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w', 'without an aggregate');
SELECT agrees('SELECT k, lower(w)::text, count(*)::text FROM readings, LATERAL weir.hop(ts, ''30 s'', ''10 s'') w GROUP BY k, w HAVING sum(v) > 100', 'HAVING');

-- ---- any other ----
SELECT agrees('SELECT k, w::text, ROW(' || :'other' || ')::text FROM readings, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w', 'other aggregates: tumble');
SELECT agrees('SELECT k, w::text, ROW(' || :'other' || ')::text FROM readings, LATERAL weir.hop(ts, ''30 s'', ''4 s'') w GROUP BY k, w', 'other aggregates: hop');
SELECT agrees('SELECT k, w::text, ROW(' || :'other' || ')::text FROM readings, LATERAL weir.cumulate(ts, ''10 s'', ''1 min'') w GROUP BY k, w', 'other aggregates: cumulate');
SELECT agrees('SELECT k, w::text, ROW(round(product(n), 20), highest(v))::text FROM readings, LATERAL weir.hop(ts, ''30 s'', ''10 s'') w WHERE n > 0 GROUP BY k, w', 'of the user''s own');
SELECT agrees('SELECT k, w::text, ROW(latest(line ORDER BY line), collect(t ORDER BY line))::text FROM readings, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w', 'of the user''s own, in an order');
SELECT results_eq($$ SELECT * FROM tried('INSERT INTO result SELECT k, w::text, ROW(latest(line), collect(line))::text FROM readings, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w',
        lines_of('input'), NULL::result, finish => true) ORDER BY 1, 2 $$,
    $$ SELECT k, w::text, ROW(max(line), array_agg(line ORDER BY line))::text FROM input, LATERAL weir.tumble(ts, '10 s') w GROUP BY k, w ORDER BY 1, 2 $$, 'in the order of arrival');

-- ---- the calendar ----
SELECT agrees('SELECT k, date_trunc(''day'', ts)::text, ROW(count(*), sum(v), sum(n))::text FROM days GROUP BY k, date_trunc(''day'', ts)', 'days', 'days', 'long');
SELECT agrees('SELECT k, date_trunc(''day'', ts, ''Europe/Berlin'')::text, ROW(count(*), sum(v), sum(n))::text FROM days GROUP BY k, date_trunc(''day'', ts, ''Europe/Berlin'')', 'days in a zone', 'days', 'long');
SELECT agrees('SELECT k, date_trunc(''day'', ts, ''America/Havana'')::text, ROW(count(*), sum(v))::text FROM days GROUP BY k, date_trunc(''day'', ts, ''America/Havana'')', 'days that begin twice', 'days', 'long');
SELECT agrees('SELECT k, date_trunc(''hour'', ts, ''Australia/Lord_Howe'')::text, ROW(count(*), sum(v))::text FROM days GROUP BY k, date_trunc(''hour'', ts, ''Australia/Lord_Howe'')', 'hours', 'days', 'long');
SELECT agrees('SELECT k, date_trunc(''week'', ts, ''America/New_York'')::text, ROW(count(*), sum(v))::text FROM days GROUP BY k, date_trunc(''week'', ts, ''America/New_York'')', 'weeks', 'days', 'long');
SELECT agrees('SELECT k, date_trunc(''month'', plain)::text, ROW(count(*), sum(v))::text FROM plain_days GROUP BY k, date_trunc(''month'', plain)', 'months of timestamps', 'plain_days', 'long');
SELECT agrees('SELECT k, date_trunc(''quarter'', ts)::text, ROW(count(*), sum(v))::text FROM days GROUP BY k, date_trunc(''quarter'', ts)', 'quarters', 'days', 'long');
SELECT agrees('SELECT k, date_bin(''36 hours'', ts, ''2001-02-03'')::text, ROW(count(*), sum(v))::text FROM days GROUP BY k, date_bin(''36 hours'', ts, ''2001-02-03'')', 'date_bin', 'days', 'long');
SET TimeZone = 'America/New_York';
SELECT agrees('SELECT k, date_trunc(''day'', ts)::text, ROW(count(*), sum(v), sum(n))::text FROM days GROUP BY k, date_trunc(''day'', ts)', 'days in the session''s zone', 'days', 'long');
SET TimeZone = 'UTC';

-- ---- windows of windows ----
SELECT agrees('SELECT 0, w::text, ROW(max(c), sum(s), count(*))::text FROM (SELECT k, w, count(*) AS c, sum(v) AS s FROM readings, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w) x GROUP BY w', 'the same window of other keys');
SELECT agrees('SELECT 0, w::text, ROW(max(c), sum(s), count(*))::text FROM (SELECT k, w, count(*) AS c, sum(v) AS s FROM readings, LATERAL weir.hop(ts, ''20 s'', ''5 s'') w GROUP BY k, w) x GROUP BY w', 'windows that overlap');
SELECT agrees('SELECT 0, y::text, ROW(max(c), sum(s), count(*))::text FROM (SELECT k, w, count(*) AS c, sum(v) AS s FROM readings, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w) x, LATERAL weir.tumble(lower(w), ''1 min'') y GROUP BY y', 'a larger window of a smaller one''s rows');

-- ---- sessions ----
CREATE FUNCTION session_agrees(aggregates text, label text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN results_eq(
        format('SELECT r.* FROM tried(%L, lines_of(''input''), NULL::result, finish => true) r ORDER BY 1, 2, 3',
               format('INSERT INTO result SELECT k, w::text, ROW(%s)::text FROM readings, LATERAL weir.session(ts, ''4 s'') w GROUP BY k, w', aggregates)),
        format('SELECT k, tstzrange(min(ts), max(ts) + ''4 s'')::text, ROW(%s)::text
                  FROM (SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY k ORDER BY ts, line) AS session
                          FROM (SELECT *, coalesce(ts - lag(ts) OVER (PARTITION BY k ORDER BY ts, line) > ''4 s'', true) AS begins FROM input) i) s
                 GROUP BY k, session ORDER BY 1, 2, 3', aggregates), label);
END $$;
SELECT session_agrees(:'native', 'sessions');
SELECT session_agrees(:'other', 'sessions of other aggregates');

CREATE FOREIGN TABLE events (k int, s double precision, ts timestamptz OPTIONS (watermark '10 s')) SERVER here OPTIONS (format 'csv');
CREATE FUNCTION events(VARIADIC times double precision[]) RETURNS text[] LANGUAGE sql
AS $$ SELECT array_agg('1,' || s || ',' || to_timestamp(s) ORDER BY o) FROM unnest(times) WITH ORDINALITY t (s, o) $$;
CREATE TABLE spans (first bigint, "end" bigint, n bigint, sum double precision);
CREATE TABLE upserted (k int, w tstzrange, n bigint, PRIMARY KEY (k, w));
\set span 'extract(epoch FROM lower(w))::bigint, extract(epoch FROM upper(w))::bigint'
\set session 'INSERT INTO spans SELECT ' :span ', count(*), sum(s) FROM events, LATERAL weir.session(ts, \'5 s\') w GROUP BY k, w'

SELECT results_eq($$ SELECT * FROM tried($$ || quote_literal(:'session') || $$, events(10, 15, 30, 41), NULL::spans) $$,
    $$ VALUES (10::bigint, 20::bigint, 2::bigint, 25::double precision) $$, 'sessions that touch are one, and fire when the watermark is at their end');
SELECT results_eq($$ SELECT * FROM tried($$ || quote_literal(:'session') || $$, events(10, 16, 13, 31), NULL::spans) $$,
    $$ VALUES (10::bigint, 21::bigint, 3::bigint, 39::double precision) $$, 'a record between two makes them one');
SELECT results_eq($$ SELECT * FROM tried($$ || quote_literal(:'session') || $$, events(10, 30, 14, 20, 50), NULL::spans, finish => true) $$,
    $$ VALUES (10::bigint, 15::bigint, 1::bigint, 10::double precision), (20, 25, 1, 20), (30, 35, 1, 30), (50, 55, 1, 50) $$,
    'a record whose session would be one that is over is late');
SELECT results_eq($$ SELECT * FROM tried($$ || quote_literal(:'session') || $$, events(10, 24, 14, 15, 50), NULL::spans, finish => true) $$,
    $$ VALUES (10::bigint, 20::bigint, 3::bigint, 39::double precision), (24, 29, 1, 24), (50, 55, 1, 50) $$,
    'one before the watermark is not, if its session goes on');

-- ---- late ----
\set hop 'INSERT INTO spans SELECT ' :span ', count(*), sum(s) FROM events, LATERAL weir.hop(ts, \'20 s\', \'10 s\') w GROUP BY k, w'
SELECT results_eq($$ SELECT * FROM tried($$ || quote_literal(:'hop') || $$, events(5, 15, 21, 9, 30, 12, 19), NULL::spans, finish => true) $$,
    $$ VALUES (-10::bigint, 10::bigint, 1::bigint, 5::double precision), (0, 20, 3, 29), (10, 30, 4, 67), (20, 40, 2, 51), (30, 50, 1, 30) $$,
    'a record counts in those of its windows that are not over');
SELECT results_eq($$ SELECT * FROM tried('INSERT INTO spans SELECT $$ || :'span' || $$, count(*), sum(s) FROM events, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w',
        events(5, 15, 20, 9, 25, 19, 10), NULL::spans) $$,
    $$ VALUES (0::bigint, 10::bigint, 1::bigint, 5::double precision) $$, 'a window fires at its end, and no late record counts');
SELECT results_eq($$ SELECT * FROM tried('INSERT INTO spans SELECT $$ || :'span' || $$, count(*), sum(s) FROM events, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w',
        events(5, 15) || ARRAY['1,7,', '1,8,infinity', '1,9,-infinity'] || events(6), NULL::spans, finish => true) $$,
    $$ VALUES (0::bigint, 10::bigint, 2::bigint, 11::double precision), (10, 20, 1, 15) $$, 'records without a time are in no window');

-- records far out of order: each counts in those of its windows that were not over when it came
CREATE TABLE late (line bigint, k int, s double precision, ts timestamptz, watermark timestamptz);
INSERT INTO late
SELECT i, i % 3, s, to_timestamp(s), coalesce(to_timestamp(max(s) OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - 10), '-infinity')
  FROM generate_series(1, 400) i, LATERAL (SELECT i + i * 7919 % 97 - CASE WHEN i % 5 = 0 THEN 60 ELSE 0 END AS s) t;
CREATE FUNCTION late_agrees(aggregates text, "window" text, label text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN results_eq(
        format('SELECT r.* FROM tried(%L, (SELECT array_agg(concat_ws('','', k, s, ts) ORDER BY line) FROM late), NULL::result, finish => true) r ORDER BY 1, 2, 3',
               format('INSERT INTO result SELECT k, w::text, ROW(%s)::text FROM events, LATERAL %s w GROUP BY k, w', aggregates, "window")),
        format('SELECT k, w::text, ROW(%s)::text FROM late, LATERAL %s w WHERE upper(w) > watermark GROUP BY k, w ORDER BY 1, 2, 3', aggregates, "window"), label);
END $$;
SELECT late_agrees('count(*), min(k), max(s)', 'weir.tumble(ts, ''20 s'')', 'late records: tumble');
SELECT late_agrees('count(*), min(k), max(s)', 'weir.hop(ts, ''60 s'', ''2 s'')', 'late records: hop');
SELECT late_agrees('count(*), sum(s::numeric), count(DISTINCT s)', 'weir.hop(ts, ''60 s'', ''7 s'')', 'late records: hop, other aggregates');
SELECT late_agrees('count(*), min(k), max(s)', 'weir.cumulate(ts, ''2 s'', ''1 min'')', 'late records: cumulate');

-- ---- lateness ----
\set again 'INSERT INTO upserted AS u SELECT k, w, count(*) FROM events, LATERAL weir.tumble(ts, \'10 s\', lateness => \'5 s\') w GROUP BY k, w ON CONFLICT (k, w) DO UPDATE SET n = excluded.n'
SELECT results_eq($$ SELECT k, $$ || :'span' || $$, n FROM tried($$ || quote_literal(:'again') || $$, events(5, 20, 9, 8, 25, 7, 40), NULL::upserted, finish => true) r $$,
    $$ VALUES (1, 0::bigint, 10::bigint, 1::bigint), (1, 0, 10, 2), (1, 0, 10, 3), (1, 20, 30, 2), (1, 40, 50, 1) $$,
    'within lateness a record makes its window fire again, beyond it is late');
SELECT results_eq($$ SELECT k, $$ || :'span' || $$, n FROM tried($$ || quote_literal(:'again') || $$, events(20, 9, 7, 40), NULL::upserted, finish => true) r $$,
    $$ VALUES (1, 0::bigint, 10::bigint, 1::bigint), (1, 0, 10, 2), (1, 20, 30, 1), (1, 40, 50, 1) $$,
    'or fire for the first time');
SELECT results_eq($$ SELECT k, $$ || :'span' || $$, n FROM tried($$ || quote_literal(replace(:'again', 'weir.tumble(ts, ''10 s'',', 'weir.hop(ts, ''20 s'', ''10 s'',')) || $$,
        events(5, 21, 9, 12, 29, 3), NULL::upserted, finish => true) r $$,
    $$ VALUES (1, -10::bigint, 10::bigint, 1::bigint), (1, -10, 10, 2), (1, 0, 20, 4), (1, 10, 30, 3), (1, 20, 40, 2) $$,
    'of windows that overlap those that have fired');
SELECT results_eq($$ SELECT k, $$ || :'span' || $$, n FROM tried($$ || quote_literal(replace(:'again', 'weir.tumble(ts, ''10 s'',', 'weir.session(ts, ''5 s'',')) || $$,
        events(5, 20, 9, 30, 13), NULL::upserted, finish => true) r $$,
    $$ VALUES (1, 5::bigint, 10::bigint, 1::bigint), (1, 5, 14, 2), (1, 13, 18, 1), (1, 20, 25, 1), (1, 30, 35, 1) $$,
    'sessions that a late record makes longer fire anew, those that it begins at once');

SELECT finish();
