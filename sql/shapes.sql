-- Queries of several levels: UNION ALL, keyed steps one after the other, WITH, views,
-- several statements.  Nothing runs here: they are only described, or refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
RESET client_min_messages;
CREATE SCHEMA shapes;
SET search_path = shapes;
CREATE SERVER shapes FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9999');
CREATE FOREIGN TABLE r (f0 bigint, f1 bigint) SERVER shapes;
CREATE FOREIGN TABLE r2 (f0 int, f1 bigint, w varchar(10)) SERVER shapes;
CREATE TABLE t (f0 bigint, f1 bigint);
CREATE TABLE t3 (f0 bigint PRIMARY KEY, f1 bigint, w text);
CREATE TABLE l (id bigint, v bigint);
CREATE FUNCTION f(bigint) RETURNS TABLE (f0 bigint, f1 bigint) LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;
CREATE FUNCTION g(bigint) RETURNS TABLE (f0 bigint, f1 bigint) LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;
CREATE FUNCTION job(query text) RETURNS text LANGUAGE sql AS 'SELECT weir_internal.describe_query(query)';
CREATE VIEW keyed AS SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0);
CREATE VIEW both_streams AS SELECT f0, f1, 'x'::varchar(3) AS w FROM r UNION ALL SELECT f0, f1, w FROM r2;
CREATE VIEW counted AS SELECT f0, count(*) AS n FROM both_streams GROUP BY f0, weir.count_window(2);
\pset format unaligned
\pset tuples_only on
-- UNION ALL, at the top, in a subquery, in a view; columns become those of the UNION.
SELECT job('INSERT INTO t3 SELECT f0, f1, ''a'' FROM r UNION ALL SELECT f0, f1, w FROM r2');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM (SELECT f0, f1 FROM r WHERE f1 > 0 UNION ALL SELECT f1, f0 FROM r) u WHERE f0 < 7 GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO t3 SELECT * FROM both_streams');
-- A view with a keyed step; two steps, a lookup between them.
SELECT job('INSERT INTO t SELECT f0 + 1, f1 FROM keyed WHERE f1 > 3');
SELECT job('INSERT INTO t SELECT l.v, max(n) FROM counted c JOIN l ON l.id = f0 GROUP BY l.v, weir.count_window(3)');
SELECT job('INSERT INTO t SELECT a.* FROM counted c JOIN LATERAL g(c.n) a ON weir.key_by(c.n)');
-- A SELECT of nothing but a step's rows is computed by the sink: conditions stay behind the step.
CREATE VIEW totals AS SELECT r.f0, r.f1, a.f1 AS total, r.f0 + random() AS noise FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0);
SELECT job('INSERT INTO t SELECT x.f0 + 1, x.n * (SELECT max(v) FROM l WHERE l.id = x.n) FROM (SELECT * FROM counted WHERE n > 1) x WHERE x.f0 IN (SELECT id FROM l)');
SELECT job('INSERT INTO t SELECT f0, f1 FROM (SELECT r.f0, r.f1 FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0)) x WHERE f1 > 0');
SELECT job('INSERT INTO t SELECT noise, noise FROM totals WHERE noise > 0');
-- WITH: what reads a stream becomes a subquery, what does not goes where it is named.
SELECT job('WITH x AS (SELECT f0, f1 FROM r), y AS (SELECT * FROM x WHERE f1 > 2), z AS (SELECT id, max(v) AS v FROM l GROUP BY id) INSERT INTO t SELECT y.f0, sum(z.v) FROM y JOIN z ON z.id = y.f0 GROUP BY y.f0, weir.count_window(2)');
SELECT job('WITH z AS MATERIALIZED (SELECT id, max(v) AS v FROM l GROUP BY id) INSERT INTO t SELECT q.f0, (SELECT max(v) FROM z) FROM (SELECT y.f0, sum(z.v) FROM r y JOIN z ON z.id = y.f0 GROUP BY y.f0, weir.count_window(2)) q');
-- Several statements: one source; where one sink has to be alone, all are.
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2); INSERT INTO t3 SELECT f0, count(*), ''x'' FROM r GROUP BY f0, weir.count_window(3);');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2); INSERT INTO t3 SELECT f1, count(*), ''x'' FROM r GROUP BY f0, f1, weir.count_window(3)');
SELECT job('INSERT INTO t3 SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2); INSERT INTO t3 SELECT f0, count(*) FROM r GROUP BY f0, weir.count_window(3)');
-- The key of the last step is followed to the sink.
SELECT job('INSERT INTO t3 SELECT * FROM (SELECT c.f0, l.v FROM counted c JOIN l ON l.id = c.n) x');
SELECT job('INSERT INTO t3 SELECT l.v, c.f0 FROM counted c JOIN l ON l.id = c.n');
-- Refused.
SELECT job('INSERT INTO t SELECT f0, f1 FROM r; INSERT INTO l SELECT r.f0, t.f1 FROM r JOIN t USING (f0)');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r; INSERT INTO l SELECT f0, f1 FROM r ORDER BY 1');
SELECT job('INSERT INTO t SELECT * FROM keyed; INSERT INTO l SELECT * FROM keyed');
SELECT job('INSERT INTO t SELECT a.f0, c.n FROM counted c JOIN r a USING (f0)');
SELECT job('INSERT INTO t SELECT f0, f1 FROM (SELECT f0, f1 FROM r UNION ALL SELECT c.f0, n FROM counted c FULL JOIN l ON l.id = n) u');
SELECT job('INSERT INTO t SELECT x.* FROM l, LATERAL (SELECT f0, sum(f1) FROM r WHERE f0 = l.id GROUP BY f0, weir.count_window(2)) x');
SELECT job('WITH x AS (SELECT f0, f1 FROM r) INSERT INTO t3 SELECT f0, f1 FROM x ON CONFLICT (f0) DO UPDATE SET f1 = (SELECT max(f1) FROM x)');
-- A view that is cut is one that the job depends on.
SELECT weir.create_job('shapes', 'INSERT INTO t SELECT f0, n FROM counted');
DROP VIEW counted;
SELECT weir.drop_job('shapes');
-- Who may read a view that is cut: as of any view, the view by its reader, what it reads by its owner.
SET client_min_messages = warning;
DROP ROLE IF EXISTS weir_shapes;
CREATE ROLE weir_shapes;
RESET client_min_messages;
CREATE VIEW as_reader WITH (security_invoker) AS SELECT f0, count(*) AS n FROM r GROUP BY f0, weir.count_window(2);
CREATE VIEW over_others AS SELECT * FROM counted UNION ALL SELECT * FROM as_reader;
GRANT USAGE ON SCHEMA shapes TO weir_shapes;
GRANT INSERT ON t TO weir_shapes;
GRANT SELECT (f0) ON counted TO weir_shapes;
GRANT SELECT ON as_reader, over_others TO weir_shapes;
GRANT USAGE ON SCHEMA weir_internal TO weir_shapes;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA weir_internal TO weir_shapes;
SET ROLE weir_shapes;
SELECT job('INSERT INTO t SELECT f0, 1 FROM counted') <> '';
SELECT job('INSERT INTO t SELECT f0, n FROM counted');
SELECT job('INSERT INTO t SELECT f0, f1 FROM both_streams');
SELECT job('INSERT INTO t SELECT * FROM as_reader');
SELECT job('INSERT INTO t SELECT * FROM over_others');
SELECT job('INSERT INTO t SELECT * FROM over_others WHERE false UNION ALL SELECT f0, n FROM counted');
RESET ROLE;
GRANT SELECT ON r TO weir_shapes;
SET ROLE weir_shapes;
SELECT job('INSERT INTO t SELECT * FROM as_reader') <> '';
SELECT job('INSERT INTO t SELECT * FROM over_others') <> '';
RESET ROLE;
-- Outputs that refer to each other: the one that is referred to is not held back for longer.
CREATE TABLE parent (f0 bigint PRIMARY KEY, n bigint);
CREATE TABLE child (f0 bigint REFERENCES parent, n bigint);
CREATE TABLE grandchild (f0 bigint, n bigint) PARTITION BY RANGE (f0);
CREATE TABLE grandchild_0 PARTITION OF grandchild (f0 REFERENCES parent) DEFAULT;
SELECT job('INSERT INTO parent SELECT a.f0, 1 FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0); INSERT INTO child SELECT f0, f1 FROM r');
SELECT job('INSERT INTO grandchild SELECT f0, f1 FROM r; INSERT INTO parent SELECT f0, count(*) FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO parent SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n; INSERT INTO child SELECT a.f0, 1 FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0)');
SELECT job('INSERT INTO parent SELECT f0, f1 FROM r; INSERT INTO child SELECT a.f0, 1 FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0)') <> '';
SELECT job('INSERT INTO parent SELECT f0, count(*) FROM r GROUP BY f0, weir.count_window(2); INSERT INTO child SELECT f0, count(*) FROM r GROUP BY f0, weir.count_window(2)') <> '';
SELECT job('INSERT INTO parent SELECT f0, f1 FROM r; INSERT INTO child SELECT f0, f1 FROM r') <> '';
CREATE FOREIGN TABLE timed (f0 bigint, f1 bigint, ts timestamptz OPTIONS (watermark '5 s')) SERVER shapes;
SELECT job('INSERT INTO parent SELECT f0, count(*) FROM timed, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY f0, w; INSERT INTO child SELECT f0, f1 FROM timed');
SELECT job('INSERT INTO parent SELECT DISTINCT ON (f0) f0, f1 FROM timed ORDER BY f0, ts; INSERT INTO child SELECT f0, f1 FROM timed');
SELECT job('INSERT INTO parent SELECT f0, sum(f1) OVER (PARTITION BY f0 ORDER BY ts) FROM timed; INSERT INTO child SELECT f0, count(*) FROM timed, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY f0, w');
SELECT job('INSERT INTO parent SELECT f0, sum(f1) OVER (PARTITION BY f0 ORDER BY ts) FROM timed; INSERT INTO child SELECT f0, row_number() OVER (PARTITION BY f0 ORDER BY ts) FROM timed') <> '';
-- Too many stages, or ways between them.
\set VERBOSITY terse
SELECT string_agg('SELECT f0, f1 FROM r WHERE f1 = ' || i, ' UNION ALL ') AS wide FROM generate_series(1, 129) i \gset
SELECT job('INSERT INTO t ' || :'wide');
SELECT weir.create_job('wide', 'INSERT INTO t ' || :'wide');
SELECT weir.create_job('narrow', 'INSERT INTO t SELECT f0, f1 FROM r');
SELECT weir.alter_job('narrow', query => 'INSERT INTO t ' || :'wide');
SELECT weir.drop_job('narrow');
SELECT job(string_agg('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2)', '; ')) FROM generate_series(1, 64);
SELECT job('INSERT INTO t ' || replace(:'wide', ' UNION ALL SELECT f0, f1 FROM r WHERE f1 = 129', '')) <> '';
\set VERBOSITY default
SET client_min_messages = warning;
DROP SCHEMA shapes CASCADE;
DROP SERVER shapes;
DROP OWNED BY weir_shapes;
DROP ROLE weir_shapes;
