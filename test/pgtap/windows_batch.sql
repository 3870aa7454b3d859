-- GROUP BY a window of event time: a job gives what the same query gives over a table.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT no_plan();
SET TimeZone = 'Europe/Berlin';

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE s (line int, k int, v int, x numeric, name text,
    ts timestamptz OPTIONS (watermark '1 h'), lt timestamp) SERVER here OPTIONS (format 'csv');
CREATE FOREIGN TABLE z (line int, k int, v int, x numeric, name text,
    ts timestamptz, lt timestamp OPTIONS (watermark '1 h')) SERVER here OPTIONS (format 'csv');
CREATE TABLE written (r text);
CREATE TABLE keys (k int PRIMARY KEY, title text);
INSERT INTO keys SELECT i, 'key ' || i FROM generate_series(0, 5) i;

-- round both changes of the clock of three zones, and 1970: out of order by less than an hour
CREATE TABLE input (line int, k int, v int, x numeric, name text, ts timestamptz, lt timestamp);
INSERT INTO input
SELECT row_number() OVER (ORDER BY t + (i * 7919 % 59) * interval '1 min', i), nullif(i * 31 % 7, 5),
       nullif(i * 104729 % 1001 - 500, 0), nullif(i * 31 % 11, 5) / 7.0::numeric,
       nullif('w' || i * 17 % 13, 'w4'), t, t AT TIME ZONE 'UTC'
  FROM (VALUES ('2024-03-31 01:00Z'::timestamptz), ('2024-10-27 01:00Z'), ('2024-03-10 07:00Z'), ('2024-11-03 06:00Z'),
               ('2024-04-06 15:00Z'), ('2024-10-05 15:30Z'), ('1970-01-01 00:00Z')) m (moment),
       LATERAL (SELECT abs(extract(epoch FROM moment)::bigint / 3600 * 101 + n) AS i, moment + n * interval '37 min' AS t
                  FROM generate_series(-45, 45) n) g;

-- %1$s is the stream or the table; each query has one column, of text
CREATE FUNCTION agrees(query text, name text, stream text DEFAULT 's') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    found text[];
    wanted text[];
    lines text[] := (SELECT array_agg(concat_ws(',', i.line, coalesce(i.k::text, ''), coalesce(i.v::text, ''), coalesce(i.x::text, ''),
        coalesce(i.name, ''), i.ts AT TIME ZONE 'UTC' || '+00', i.lt) ORDER BY i.line) FROM input i);
BEGIN
    PERFORM weir.create_job('j', 'INSERT INTO written ' || format(query, stream));
    found := ARRAY(SELECT r FROM weir.try_job('j', lines, NULL::written, finish => true) ORDER BY r COLLATE "C");
    PERFORM weir.drop_job('j');
    EXECUTE format('SELECT ARRAY(SELECT r FROM (%s) q (r) ORDER BY r COLLATE "C")', format(query, 'input')) INTO wanted;
    RETURN NEXT ok(cardinality(wanted) > 0, name || ': has rows');
    RETURN NEXT is(found, wanted, name);
END $$;

-- shapes
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*), sum(v), max(name)) FROM %s, LATERAL weir.tumble(ts, '1 h') w GROUP BY k, w $$, 'tumble');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*)) FROM %s, LATERAL weir.tumble(lt, '1 h') w GROUP BY k, w $$, 'tumble of a timestamp', 'z');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*)) FROM %s, LATERAL weir.tumble(ts, '5 h', '-7 min') w GROUP BY k, w $$, 'tumble with an offset');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*)) FROM %s, LATERAL weir.tumble(ts => ts, size => '1 h') w GROUP BY k, w $$, 'tumble by names');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*)) FROM %s, LATERAL weir.tumble(size => '1 h', ts => ts, "offset" => '5 min') w GROUP BY k, w $$, 'tumble by names in another order');
SELECT agrees($$ SELECT concat_ws('|', k, weir.tumble(size => '1 h', ts => ts), count(*)) FROM %s GROUP BY weir.tumble(size => '1 h', ts => ts), k $$, 'a call by names');
SELECT agrees($$ SELECT concat_ws('|', k, w, rank() OVER (PARTITION BY w ORDER BY k, line)) FROM %s, LATERAL weir.tumble(size => '1 h', ts => ts) w $$, 'a rank in a window by names');
SELECT agrees($$ SELECT concat_ws('|', k, lower(w), upper(w), count(*)) FROM %s CROSS JOIN LATERAL weir.hop(ts, '3 h', '50 min') AS x(w) GROUP BY k, w $$, 'hop');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*), count(DISTINCT lower(h)), min(upper(h))) FROM %s, LATERAL weir.tumble(ts, '1 h') w, LATERAL weir.hop(ts, '1 h', '20 min') h GROUP BY k, w $$,
    'a window that is not in GROUP BY, beside one that is');
SELECT agrees($$ SELECT concat_ws('|', k, date_trunc('hour', ts), count(*), sum(v)) FROM %s, LATERAL weir.hop(ts, '1 h', '20 min') h GROUP BY k, date_trunc('hour', ts) $$,
    'a window that is not in GROUP BY, beside hours');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*)) FROM %s, LATERAL weir.hop(ts, '1 h', '20 min') w, LATERAL weir.tumble(ts, '1 h') h WHERE lower(h) < ts - interval '7 min' GROUP BY k, w $$,
    'a condition on a window that is not in GROUP BY');
SELECT agrees($$ SELECT concat_ws('|', k, w, avg(v)) FROM %s JOIN LATERAL weir.hop(ts, '1 h', '90 min', '5 min') w ON v > 0 GROUP BY k, w $$, 'hop with gaps');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*), min(v)) FROM %s, LATERAL weir.cumulate(ts, '2 h', '12 h', '1 h') w GROUP BY k, w $$, 'cumulate');
SELECT agrees($$ SELECT concat_ws('|', w, count(*)) FROM %s, LATERAL weir.tumble(ts, '6 h') w GROUP BY w $$, 'no key');
SELECT agrees($$ SELECT concat_ws('|', lower(w), upper(w), k, sum(v)) FROM %s, LATERAL weir.hop(ts, '2 h', '1 h') w GROUP BY lower(w), upper(w), k $$, 'both bounds');
SELECT agrees($$ SELECT concat_ws('|', lower(w), k, sum(v)) FROM %s, LATERAL weir.hop(ts, '2 h', '1 h') w GROUP BY lower(w), k $$, 'the begin');
SELECT agrees($$ SELECT concat_ws('|', upper(w), k, sum(v)) FROM %s, LATERAL weir.cumulate(ts, '2 h', '12 h') w GROUP BY upper(w), k $$, 'the end');
SELECT agrees($$ SELECT concat_ws('|', k, weir.tumble(ts, '1 h'), count(*)) FROM %s GROUP BY weir.tumble(ts, '1 h'), k $$, 'a call');
SELECT agrees($$ SELECT concat_ws('|', k, lower(weir.tumble(ts, '1 h')), count(*)) FROM %s GROUP BY lower(weir.tumble(ts, '1 h')), upper(weir.tumble(ts, '1 h')), k $$, 'bounds of a call');
SELECT agrees($$ SELECT concat_ws('|', k, w, n) FROM (SELECT k, weir.hop(ts, '3 h', '1 h') AS w, count(*) AS n FROM %s GROUP BY 1, 2) x $$, 'a call that gives a set');
SELECT agrees($$ SELECT concat_ws('|', k %% 3, v / 100, w, count(*)) FROM %s, LATERAL weir.tumble(ts + v * interval '0.01 s', '1 h') w GROUP BY k %% 3, v / 100, w $$, 'computed keys and time');

-- clauses
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*) FILTER (WHERE v > 0), count(DISTINCT name), string_agg(name, ',' ORDER BY line DESC),
    sum(x), percentile_cont(0.5) WITHIN GROUP (ORDER BY v)) FROM %s, LATERAL weir.tumble(ts, '3 h') w GROUP BY k, w $$, 'FILTER, DISTINCT, ORDER BY');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*)) FROM %s, LATERAL weir.tumble(ts, '3 h') w WHERE v > -400 AND lower(w) > '2024-04-01' GROUP BY k, w
    HAVING count(*) >= 1 AND extract(hour FROM lower(w)) > 3 $$, 'WHERE and HAVING');
SELECT agrees($$ SELECT concat_ws('|', title, w, count(*)) FROM %s s JOIN keys USING (k), LATERAL weir.tumble(ts, '3 h') w GROUP BY title, w $$, 'a joined table');
SELECT agrees($$ SELECT concat_ws('|', k, (SELECT title FROM keys WHERE keys.k = s.k), lower(w), count(*)) FROM %s s, LATERAL weir.hop(ts, '2 h', '1 h') w GROUP BY s.k, w $$, 'a subquery in the select list');
SELECT agrees($$ SELECT concat_ws('|', k, extract(hour FROM lower(w)), count(*)) FROM %s, LATERAL weir.tumble(ts, '3 h') w GROUP BY k, w, extract(hour FROM lower(w)) $$, 'what is computed of the window');

-- days and hours of time zones
SELECT agrees($$ SELECT concat_ws('|', k, date_trunc('day', ts), count(*), sum(v)) FROM %s GROUP BY k, date_trunc('day', ts) $$, 'days of the session');
SELECT agrees(format($$ SELECT concat_ws('|', k, d, n, v) FROM (SELECT k, date_trunc(%L, ts, %L) AS d, count(*) AS n, sum(v) AS v FROM %%s GROUP BY 1, 2) x $$, unit, zone),
              unit || ' in ' || zone)
  FROM unnest(ARRAY['minute', 'hour', 'day', 'week', 'month', 'quarter', 'year', 'decade']) unit,
       unnest(ARRAY['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC', 'Asia/Kathmandu']) zone;
SELECT agrees(format($$ SELECT concat_ws('|', d, n) FROM (SELECT date_trunc(%L, lt) AS d, count(*) AS n FROM %%s GROUP BY 1) x $$, unit), unit || ' of a timestamp', 'z')
  FROM unnest(ARRAY['second', 'hour', 'day', 'week', 'month', 'year']) unit;
SELECT agrees($$ SELECT concat_ws('|', k, date_bin('15 min', ts, '2001-01-01'), count(*)) FROM %s GROUP BY k, date_bin('15 min', ts, '2001-01-01') $$, 'date_bin');
SELECT agrees($$ SELECT concat_ws('|', k, date_bin('7 h', ts, '2030-01-01 00:03:00.5'), count(*)) FROM %s GROUP BY k, date_bin('7 h', ts, '2030-01-01 00:03:00.5') $$, 'date_bin from an origin to come');
SELECT agrees($$ SELECT concat_ws('|', k, date_bin('7 h', lt, '1960-01-01'), count(*)) FROM %s GROUP BY k, date_bin('7 h', lt, '1960-01-01') $$, 'date_bin of a timestamp', 'z');

-- windows over windows, chains
SELECT agrees($$ SELECT concat_ws('|', w, max(n), count(*)) FROM (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.tumble(ts, '3 h') w GROUP BY k, w) x GROUP BY w $$, 'the highest count of each window');
SELECT agrees($$ SELECT concat_ws('|', lower(w), max(n), count(*)) FROM (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.hop(ts, '3 h', '1 h') w GROUP BY k, w) x GROUP BY lower(w), upper(w) $$, 'by its bounds');
SELECT agrees($$ SELECT concat_ws('|', d, k, max(n), sum(n)) FROM (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.tumble(ts, '1 h') w GROUP BY k, w) x,
    LATERAL weir.tumble(lower(w), '12 h') d GROUP BY d, k $$, 'larger windows');
SELECT agrees($$ SELECT concat_ws('|', date_trunc('day', lower(w)), k, max(n), sum(n)) FROM (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.tumble(ts, '1 h') w GROUP BY k, w) x
    GROUP BY date_trunc('day', lower(w)), k $$, 'days of hours');
SELECT agrees($$ SELECT concat_ws('|', date_trunc('day', h), k, max(n), sum(n)) FROM (SELECT k, date_trunc('hour', ts) AS h, count(*) AS n FROM %s GROUP BY 1, 2) x
    GROUP BY date_trunc('day', h), k $$, 'days of hours of date_trunc');
SELECT agrees($$ SELECT concat_ws('|', h, max(n), sum(n)) FROM (SELECT k, date_trunc('hour', ts) AS h, count(*) AS n FROM %s GROUP BY 1, 2) x GROUP BY h $$, 'by the begin of a window below');
SELECT agrees($$ SELECT concat_ws('|', a, b, max(n)) FROM (SELECT k, lower(w) AS a, upper(w) AS b, count(*) AS n FROM %s, LATERAL weir.cumulate(ts, '1 h', '3 h') w GROUP BY k, w) x
    GROUP BY a, b $$, 'by columns that are its bounds');
SELECT agrees($$ SELECT concat_ws('|', a, k, max(n), a + interval '1 h') FROM (SELECT k, lower(w) AS a, count(*) AS n FROM %s, LATERAL weir.hop(ts, '3 h', '1 h') w GROUP BY k, w) x
    GROUP BY k, a HAVING a > '1980-01-01' $$, 'by a column that is its begin');
SELECT agrees($$ SELECT concat_ws('|', b, max(n)) FROM (SELECT k, upper(w) AS b, count(*) AS n FROM %s, LATERAL weir.tumble(lt, '1 day') w GROUP BY k, w) x
    GROUP BY b $$, 'by a column that is its end', 'z');
-- times that are behind the watermark, being of windows below
SELECT agrees($$ SELECT concat_ws('|', d, k, max(n), sum(n)) FROM (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.hop(ts, '5 h', '1 h') w GROUP BY k, w) x,
    LATERAL weir.tumble(lower(w), '12 h') d GROUP BY d, k $$, 'the begins of windows that overlap');
SELECT agrees($$ SELECT concat_ws('|', d, k, max(n), sum(n)) FROM (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.tumble(ts, '5 h') w GROUP BY k, w) x,
    LATERAL weir.tumble(lower(w), '7 h', '13 min') d GROUP BY d, k $$, 'windows that do not fit');
SELECT agrees($$ SELECT concat_ws('|', d, k, max(n), sum(n)) FROM (SELECT k, w, max(ts) AS t, count(*) AS n FROM %s, LATERAL weir.tumble(ts, '5 h') w GROUP BY k, w) x,
    LATERAL weir.tumble(t, '1 h') d GROUP BY d, k $$, 'another time');
SELECT agrees($$ SELECT concat_ws('|', d, k, max(n), sum(n)) FROM (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.tumble(ts, '5 h') w GROUP BY k, w) x,
    LATERAL weir.tumble(upper(w), '3 h') d GROUP BY d, k $$, 'their ends');
SELECT agrees(format($$ SELECT concat_ws('|', date_trunc('day', lower(w), %L), max(n), sum(n)) FROM (SELECT k, w, count(*) AS n FROM %%s, LATERAL weir.tumble(ts, %L) w GROUP BY k, w) x
    GROUP BY date_trunc('day', lower(w), %L) $$, zone, size, zone), 'days of ' || size || ' in ' || zone)
  FROM unnest(ARRAY['Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu']) zone, unnest(ARRAY['15 min', '30 min', '1 h', '7 h']) size;
SELECT agrees($$ SELECT concat_ws('|', date_trunc('months', h), k, max(n), sum(n)) FROM (SELECT k, date_trunc('weeks', ts) AS h, count(*) AS n FROM %s GROUP BY 1, 2) x
    GROUP BY date_trunc('months', h), k $$, 'months of weeks');
SELECT agrees($$ SELECT concat_ws('|', e, k, max(n), sum(n)) FROM (SELECT d, k, sum(n) AS n FROM (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.hop(ts, '5 h', '1 h') w GROUP BY k, w) x,
    LATERAL weir.tumble(lower(w), '12 h') d GROUP BY d, k) y, LATERAL weir.tumble(lower(d), '2 days') e GROUP BY e, k $$, 'windows of windows of windows');
SELECT agrees($$ SELECT concat_ws('|', d, k, max(n)) FROM (SELECT k, d, n FROM (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.hop(ts, '5 h', '1 h') w GROUP BY k, w) x,
    LATERAL weir.tumble(lower(w), '12 h') d) y GROUP BY d, k $$, 'a larger window of a subquery');
SELECT agrees($$ SELECT concat_ws('|', d, k, count(*)) FROM (SELECT k, w FROM %s, LATERAL weir.hop(ts, '5 h', '1 h') w) x, LATERAL weir.tumble(lower(w), '12 h') d GROUP BY d, k $$, 'windows of windows of records');
SELECT agrees($$ WITH hours AS (SELECT k, w, count(*) AS n FROM %s, LATERAL weir.tumble(ts, '12 h') w GROUP BY k, w)
    SELECT concat_ws('|', k, w, n) FROM hours WHERE n > 2 $$, 'WITH');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*), sum(v)) FROM (SELECT k, v, ts FROM %1$s WHERE v > 0 UNION ALL SELECT k, v, ts FROM %1$s WHERE v < 0) u,
    LATERAL weir.tumble(ts, '3 h') w GROUP BY k, w $$, 'over a UNION ALL');
SELECT agrees($$ SELECT concat_ws('|', k, w, n) FROM (SELECT k, w, count(*) AS n FROM %1$s, LATERAL weir.tumble(ts, '3 h') w GROUP BY k, w
    UNION ALL SELECT -1, w, max(v) FROM %1$s, LATERAL weir.hop(ts, '3 h', '1 h') w GROUP BY w) u $$, 'a UNION ALL of windows');
SELECT agrees($$ SELECT concat_ws('|', w, sum(n)) FROM (SELECT k, w, count(*) AS n FROM %1$s, LATERAL weir.tumble(ts, '3 h') w GROUP BY k, w
    UNION ALL SELECT -1, w, max(v) FROM %1$s, LATERAL weir.hop(ts, '3 h', '1 h') w GROUP BY w) u GROUP BY w $$, 'windows over a UNION ALL of windows');
SELECT agrees($$ SELECT concat_ws('|', w, count(*)) FROM (SELECT k, w FROM %s, LATERAL weir.hop(ts, '3 h', '1 h') w) x GROUP BY w $$, 'a window of a subquery');
SELECT agrees($$ SELECT concat_ws('|', k, w, v) FROM %s, LATERAL weir.hop(ts, '3 h', '1 h') w $$, 'windows of each record');
SELECT agrees($$ SELECT concat_ws('|', k, w, count(*)) FROM (SELECT k, ts AS t FROM (SELECT k, ts FROM %s) y) x, LATERAL weir.tumble(t, '1 h') w GROUP BY k, w $$, 'through subqueries');
CREATE VIEW hours_of_s AS SELECT k, w, lower(w) AS a, count(*) AS n FROM s, LATERAL weir.tumble(ts, '12 h') w GROUP BY k, w;
CREATE VIEW hours_of_input AS SELECT k, w, lower(w) AS a, count(*) AS n FROM input, LATERAL weir.tumble(ts, '12 h') w GROUP BY k, w;
CREATE VIEW times_of_s AS WITH later AS (SELECT k, ts + interval '1 h' AS t FROM s) SELECT k, t, w FROM later, LATERAL weir.hop(t, '6 h', '3 h') w;
CREATE VIEW times_of_input AS WITH later AS (SELECT k, ts + interval '1 h' AS t FROM input) SELECT k, t, w FROM later, LATERAL weir.hop(t, '6 h', '3 h') w;
SELECT agrees($$ SELECT concat_ws('|', k, a, n) FROM hours_of_%s WHERE n > 2 $$, 'a view');
SELECT agrees($$ SELECT concat_ws('|', w, sum(n)) FROM hours_of_%s GROUP BY w $$, 'windows over a view');
SELECT agrees($$ SELECT concat_ws('|', a, sum(n)) FROM hours_of_%s GROUP BY a $$, 'windows over a view by their begins');
SELECT agrees($$ SELECT concat_ws('|', w, k, max(t)) FROM times_of_%s GROUP BY w, k $$, 'a window that a view computes');

-- what lies behind windows, in the order of times before the watermark
CREATE VIEW days_of_s AS SELECT k, w, count(*) AS n, max(v) AS v FROM s, LATERAL weir.tumble(ts, '5 h') w GROUP BY k, w;
CREATE VIEW days_of_input AS SELECT k, w, count(*) AS n, max(v) AS v FROM input, LATERAL weir.tumble(ts, '5 h') w GROUP BY k, w;
SELECT agrees($$ SELECT concat_ws('|', k, w, sum(n) OVER (PARTITION BY k ORDER BY lower(w) ROWS 2 PRECEDING)) FROM days_of_%s $$, 'a frame of windows by their begins');
SELECT agrees($$ SELECT concat_ws('|', k, w, sum(n) OVER (PARTITION BY k ORDER BY upper(w) ROWS 2 PRECEDING)) FROM days_of_%s $$, 'a frame of windows by their ends');
SELECT agrees($$ SELECT concat_ws('|', k, w, row_number() OVER (PARTITION BY k ORDER BY lower(w))) FROM days_of_%s $$, 'numbers of windows');
SELECT agrees($$ SELECT concat_ws('|', k, w, n) FROM (SELECT DISTINCT ON (k) k, w, n FROM days_of_%s ORDER BY k, lower(w)) x $$, 'the first window of a key');
SELECT agrees($$ SELECT concat_ws('|', k, ts, sum(v) OVER (PARTITION BY k ORDER BY date_trunc('day', ts))) FROM %s $$, 'a frame of days');
SELECT agrees($$ SELECT concat_ws('|', k, ts, sum(v) OVER (PARTITION BY k ORDER BY date_bin('7 h', ts, '2000-01-01'))) FROM %s $$, 'a frame of bins');
SELECT agrees($$ SELECT concat_ws('|', k, ts, count(*) OVER (PARTITION BY k ORDER BY lower(w))) FROM %s, LATERAL weir.hop(ts, '9 h', '3 h') w $$, 'a frame of windows of records');
SELECT agrees($$ SELECT concat_ws('|', k, w, s) FROM (SELECT k, w, sum(s) AS s FROM (SELECT k, w, sum(n) OVER (PARTITION BY k ORDER BY upper(w) ROWS 2 PRECEDING) AS s FROM days_of_%s) x
    GROUP BY k, w) y $$, 'windows of a frame of windows');
SELECT agrees($$ SELECT concat_ws('|', k, d, s) FROM (SELECT k, d, sum(s) AS s FROM (SELECT k, w, sum(n) OVER (PARTITION BY k ORDER BY lower(w) ROWS 2 PRECEDING) AS s FROM days_of_%s) x,
    LATERAL weir.tumble(lower(w), '3 h') d GROUP BY k, d) y $$, 'windows of a frame of windows by their begins');
-- and of what waits for a window that is longer
CREATE VIEW best_of_s AS SELECT * FROM (SELECT k, v, ts, w, row_number() OVER (PARTITION BY w ORDER BY v DESC NULLS LAST, line) AS rn FROM s, LATERAL weir.tumble(ts, '1 day') w) r WHERE rn <= 3;
CREATE VIEW best_of_input AS SELECT * FROM (SELECT k, v, ts, w, row_number() OVER (PARTITION BY w ORDER BY v DESC NULLS LAST, line) AS rn FROM input, LATERAL weir.tumble(ts, '1 day') w) r WHERE rn <= 3;
SELECT agrees($$ SELECT concat_ws('|', w2, count(*)) FROM best_of_%s, LATERAL weir.tumble(ts, '2 h') w2 GROUP BY w2 $$, 'short windows of the best of days');
SELECT agrees($$ SELECT concat_ws('|', w, count(*)) FROM best_of_%s GROUP BY w $$, 'those days');
SELECT agrees($$ SELECT concat_ws('|', ts, sum(v) OVER (ORDER BY ts ROWS 3 PRECEDING)) FROM best_of_%s $$, 'a frame of the best of days');
SELECT agrees($$ SELECT concat_ws('|', w1, count(*)) FROM (SELECT k, w1, row_number() OVER (PARTITION BY w2 ORDER BY n DESC, k, w1) AS rn
    FROM (SELECT k, w AS w1, n FROM days_of_%s) x, LATERAL weir.tumble(lower(w1), '1 day') w2) r WHERE rn <= 5 GROUP BY w1 $$, 'the windows of the best of days');
SELECT agrees($$ SELECT concat_ws('|', t2, count(*)) FROM (SELECT t, d, count(*) AS n FROM (SELECT k, upper(w) AS t FROM days_of_%s) x, LATERAL weir.tumble(t, '1 day') d GROUP BY t, d) y,
    LATERAL weir.tumble(t, '3 h') t2 GROUP BY t2 $$, 'the ends of windows that longer ones carry');
-- windows of one size, but of different kinds
SELECT agrees($$ SELECT concat_ws('|', a, b, count(*)) FROM (SELECT lower(w) AS a, upper(w) AS b FROM %1$s, LATERAL weir.hop(ts, '1 h', '6 h') w
    UNION ALL SELECT lower(w), upper(w) FROM %1$s, LATERAL weir.cumulate(ts, '1 h', '6 h') w) u GROUP BY a, b $$, 'windows of two kinds with the same arguments');

SELECT finish();
