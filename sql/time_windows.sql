-- GROUP BY a window of event time: where it may stand, what it is cut into, and what is
-- refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
RESET client_min_messages;
CREATE SCHEMA windows;
SET search_path = windows;
SET TimeZone = 'UTC';
CREATE SERVER windows_here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE s (k int, v int, ts timestamptz OPTIONS (watermark '4 s')) SERVER windows_here;
CREATE FOREIGN TABLE plain (k int, v int, ts timestamptz) SERVER windows_here;
CREATE FUNCTION job(query text) RETURNS SETOF text LANGUAGE sql AS 'SELECT weir_internal.describe_query(query)';
CREATE TABLE t (k int, a timestamptz, n bigint);
CREATE TABLE u (k int not null, a timestamptz not null, n bigint, unique (k, a));
CREATE TABLE u2 (k int not null, a timestamptz, b timestamptz, n bigint, unique (k, a, b));
CREATE TABLE uw (k int not null, w tstzrange, n bigint, unique (k, w));
CREATE VIEW v AS SELECT k, w, lower(w) AS a, count(*) AS n FROM s, LATERAL weir.tumble(ts, '10 s') w GROUP BY k, w;
\pset format unaligned
\pset tuples_only on

SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) + 1 FROM s JOIN LATERAL weir.hop(ts, ''10 s'', ''5 s'', lateness => ''1 s'') w ON true WHERE v > 5 AND upper(w) > ''2020-01-01'' GROUP BY k, lower(w), upper(w) HAVING count(*) > extract(day from lower(w))');
SELECT job('INSERT INTO t SELECT 1, lower(w), max(v) FROM s CROSS JOIN LATERAL weir.cumulate(ts, ''10 s'', ''1 min'') AS x(w) GROUP BY w');
SELECT job('INSERT INTO t SELECT k, lower(weir.tumble(ts, ''10 s'')), max(v) FROM s GROUP BY weir.tumble(ts, ''10 s''), k');
SELECT job('INSERT INTO t SELECT k, lower(weir.hop(ts, ''10 s'', ''2 s'')), max(v) FROM s GROUP BY weir.hop(ts, ''10 s'', ''2 s''), k');
SELECT job('INSERT INTO t SELECT k, date_trunc(''day'', ts), max(v) FROM s GROUP BY 1, 2');
SELECT job('INSERT INTO t SELECT k, date_bin(''15 min'', ts, ''2001-01-01''), max(v) FROM s GROUP BY 1, 2');
SELECT job('INSERT INTO t SELECT k, date_trunc(''day'', ts, ''America/New_York''), max(v) FROM s GROUP BY 1, 2');
SELECT job('INSERT INTO t SELECT k, upper(w), max(v) FROM s, LATERAL weir.session(ts, ''5 min'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT 1, lower(w), max(n) FROM (SELECT k, w, count(*) n FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w) x GROUP BY w');
SELECT job('INSERT INTO t SELECT 1, date_trunc(''hour'', lower(w)), max(n) FROM (SELECT k, w, count(*) n FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w) x GROUP BY 2');

-- windows that are written more than once, and what is refused
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'', lateness => ''1 s'') w GROUP BY k, w');
SELECT job('INSERT INTO u SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'', lateness => ''1 s'') w GROUP BY k, w ON CONFLICT (k, a) DO UPDATE SET n = u.n + excluded.n');
SELECT job('INSERT INTO u SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'', lateness => ''1 s'') w GROUP BY k, w ON CONFLICT (k, a) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO u SELECT k, lower(w), count(*) FROM s, LATERAL weir.cumulate(ts, ''10 s'', ''1 min'', lateness => ''1 s'') w GROUP BY k, w ON CONFLICT (k, a) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO u SELECT k, upper(w), count(*) FROM s, LATERAL weir.cumulate(ts, ''10 s'', ''1 min'', lateness => ''1 s'') w GROUP BY k, w HAVING count(*) < 5 ON CONFLICT (k, a) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO u SELECT k, upper(w), count(*) FROM s, LATERAL weir.cumulate(ts, ''10 s'', ''1 min'', lateness => ''1 s'') w GROUP BY k, w HAVING count(*) > 5 ON CONFLICT (k, a) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO uw SELECT k, w, count(*) FROM s, LATERAL weir.session(ts, ''10 s'', lateness => ''1 s'') w GROUP BY k, w ON CONFLICT (k, w) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO u SELECT k, lower(w), max(n) FROM (SELECT w, k, count(*) AS n FROM s, LATERAL weir.tumble(ts, ''10 s'', lateness => ''1 s'') w GROUP BY k, w) x GROUP BY k, w');
SELECT job('INSERT INTO u SELECT k, lower(w), n FROM (SELECT w, k, count(*) AS n FROM s, LATERAL weir.tumble(ts, ''10 s'', lateness => ''1 s'') w GROUP BY k, w) x WHERE n > 3 AND lower(w) > ''2020-01-01'' ON CONFLICT (k, a) DO UPDATE SET n = excluded.n');
SELECT weir.create_job('a', 'INSERT INTO u SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w ON CONFLICT (k, a) DO UPDATE SET n = excluded.n', emit => 'update');
SELECT weir.explain_job('a');
SELECT name, emit FROM weir.jobs;
SELECT weir.create_job('b', 'INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w', emit => 'update');
SELECT weir.create_job('b', 'INSERT INTO t SELECT k, ts, v FROM s', emit => 'update');
SELECT weir.create_job('b', 'INSERT INTO t SELECT k, ts, v FROM s', emit => 'x');
SELECT weir.create_job('b', 'INSERT INTO u SELECT k, lower(w), count(*) FROM s, LATERAL weir.session(ts, ''10 s'') w GROUP BY k, w ON CONFLICT (k, a) DO UPDATE SET n = excluded.n', emit => 'update');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM plain, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM (SELECT * FROM s UNION ALL SELECT * FROM plain) x, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, date_trunc(''day'', ts), count(*) FROM plain GROUP BY k, 2');
SELECT job('INSERT INTO u SELECT k, a, count(*) FROM (SELECT k, date_bin(''1 h'', ts, ''2001-01-01'') AS a FROM plain) x GROUP BY k, a');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, v * interval ''10 s'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''1 month'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w, LATERAL weir.hop(ts, ''10 s'', ''5 s'') h GROUP BY k, w, h');
SELECT job('INSERT INTO t SELECT k, lower(w), count(w) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w WHERE lower(w) > ts GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s LEFT JOIN LATERAL weir.tumble(ts, ''10 s'') w ON true GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w, weir.running(''1 h'')');
SELECT job('INSERT INTO t SELECT k, lower(w), v FROM s, LATERAL weir.session(ts, ''10 s'') w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'', late => ''1 s'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT ''ä'', lower(w), count(*) FROM s, LATERAL weir.session(ts, ''10 s'', ''0'', ''1 s'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, tumbled(ts), v FROM s');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w ORDER BY 3 DESC LIMIT 3');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w LIMIT 3');
SELECT job('INSERT INTO t SELECT k, NULL, count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') AS x("Win") GROUP BY k');
SELECT job('INSERT INTO t SELECT k, lower(w), v FROM s, LATERAL weir.tumble(ts, ''10 s'') w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.cumulate(ts, ''10 s'', ''1 min'') w GROUP BY k, lower(w)');
SELECT job('INSERT INTO t SELECT k, max(a), max(n) FROM v GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, a, n FROM v');
SELECT job('INSERT INTO t SELECT k, date_trunc(''foo'', ts), count(*) FROM s GROUP BY k, 2');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY ROLLUP (k, w)');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, w || w');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k + extract(day from lower(w)), k, w');
SELECT job('INSERT INTO t SELECT extract(day from lower(w)), lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY extract(day from lower(w)), w');
SELECT weir.drop_job('a');
-- columns that are bounds of a window below; a window as a key of a running aggregate
SELECT job('INSERT INTO t SELECT 1, a, max(n) FROM (SELECT k, lower(w) AS a, count(*) AS n FROM s, LATERAL weir.hop(ts, ''1 h'', ''10 min'') w GROUP BY k, w) x GROUP BY a');
SELECT job('INSERT INTO t SELECT 1, b, max(n) FROM (SELECT k, lower(w) AS a, upper(w) AS b, count(*) AS n FROM s, LATERAL weir.session(ts, ''1 h'') w GROUP BY k, w) x GROUP BY a, b');
SELECT job('INSERT INTO t SELECT 1, a, max(n) FROM (SELECT k, lower(w) AS a, upper(w) AS b, count(*) AS n FROM s, LATERAL weir.session(ts, ''1 h'') w GROUP BY k, w) x GROUP BY a');
SELECT job('INSERT INTO u SELECT k, lower(w), count(*) FROM s, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY k, lower(w), weir.running() ON CONFLICT (k, a) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO u SELECT k, date_trunc(''day'', ts), count(*) FROM s GROUP BY 1, 2, weir.running() ON CONFLICT (k, a) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT k, lower(w), count(*) FROM plain, LATERAL weir.tumble(weir.watermark(ts, ''4 s''), ''10 s'') w GROUP BY k, w');
SELECT job('INSERT INTO t SELECT k, date_trunc(''hour'', weir.arrival()), count(*) FROM plain GROUP BY 1, 2');
-- windows of windows
SELECT job('INSERT INTO t SELECT 1, lower(d), max(n) FROM (SELECT k, w, count(*) AS n FROM s, LATERAL weir.session(ts, ''1 h'') w GROUP BY k, w) x, LATERAL weir.tumble(lower(w), ''1 day'') d GROUP BY d');
SELECT substring(job from 'Behind[^\n]*') FROM job('INSERT INTO t SELECT 1, lower(d), max(n) FROM (SELECT k, w, count(*) AS n FROM s, LATERAL weir.hop(ts, ''3 h'', ''1 h'') w GROUP BY k, w) x, LATERAL weir.tumble(lower(w), ''1 day'') d GROUP BY d');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA windows CASCADE;
DROP SERVER windows_here;
