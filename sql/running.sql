-- GROUP BY without a window: which sinks, HAVING and select lists a running aggregate
-- has, and what is said of the others.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
RESET client_min_messages;
CREATE SCHEMA running;
SET search_path = running;
CREATE SERVER running_here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9999');
CREATE FOREIGN TABLE r (f0 bigint, f1 bigint, small int, name text, ok boolean) SERVER running_here;
CREATE TABLE t (f0 bigint PRIMARY KEY, n bigint, total numeric);
CREATE TABLE two (name varchar NOT NULL, kind text NOT NULL, f0 bigint NOT NULL, n bigint, UNIQUE (f0, kind, name));
CREATE TABLE plain (f0 bigint, n bigint);
CREATE TABLE nullable (f0 bigint UNIQUE, n bigint);
CREATE TABLE alike (f0 bigint UNIQUE NULLS NOT DISTINCT, n bigint);
CREATE TABLE partial (f0 bigint NOT NULL, n bigint);
CREATE UNIQUE INDEX ON partial (f0) WHERE n > 0;
CREATE TABLE halves (f0 numeric PRIMARY KEY, n bigint);
CREATE UNIQUE INDEX ON halves ((f0 / 2));
CREATE TABLE known (id bigint PRIMARY KEY, name text);
CREATE COLLATION nodeterminism (provider = icu, locale = 'und', deterministic = false);
CREATE TABLE loose (name text COLLATE nodeterminism PRIMARY KEY, n bigint);
CREATE FUNCTION job(query text) RETURNS SETOF text LANGUAGE sql AS 'SELECT weir_internal.describe_query(query)';
CREATE FUNCTION f(bigint) RETURNS TABLE (a bigint, b bigint) LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;
\pset format unaligned
\pset tuples_only on

SELECT job('INSERT INTO t SELECT f0, count(*), sum(f1) + 1 FROM r WHERE ok GROUP BY f0
    ON CONFLICT (f0) DO UPDATE SET n = excluded.n, total = excluded.total');
-- a key of several columns, one through a view, a constant in the arbiter
CREATE VIEW by_name AS SELECT lower(name) AS name, f1, f0 FROM r;
SELECT job('INSERT INTO two SELECT name, ''x'', f0 % 10, count(*) FROM by_name GROUP BY name, f0 % 10
    ON CONFLICT (name, kind, f0) DO UPDATE SET n = excluded.n');
-- a key that a cast feeds; NULL as a key; SET of a column to itself
SELECT count(*) FROM job('INSERT INTO t SELECT small, count(*) FROM r GROUP BY small ON CONFLICT (f0) DO UPDATE SET n = excluded.n, total = t.total');
SELECT count(*) FROM job('INSERT INTO alike SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
-- a domain; a column whose cast is what is grouped
CREATE DOMAIN title AS varchar CHECK (value <> '');
CREATE TABLE titles (name title PRIMARY KEY, short varchar(3) UNIQUE NOT NULL, n bigint);
SELECT count(*) FROM job('INSERT INTO titles SELECT name, ''x'', count(*) FROM r GROUP BY name ON CONFLICT (name) DO UPDATE SET n = excluded.n');
SELECT count(*) FROM job('INSERT INTO titles SELECT ''x'', name::varchar(3), count(*) FROM r GROUP BY name::varchar(3) ON CONFLICT (short) DO UPDATE SET n = excluded.n');
-- one key
SELECT count(*) FROM job('INSERT INTO t SELECT 1, count(*) FROM r GROUP BY () ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT count(*) FROM job('INSERT INTO t SELECT 1, count(*) FROM r ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT count(*) FROM job('INSERT INTO t SELECT 1 FROM r HAVING count(*) > 3 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');

-- Not an upsert on the key.
SELECT job('INSERT INTO plain SELECT f0, count(*) FROM r GROUP BY f0');
SELECT job('INSERT INTO plain SELECT 7, count(*) FROM r');
SELECT job('INSERT INTO weir.print SELECT f0 FROM r GROUP BY f0');
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT DO NOTHING');
SELECT job('INSERT INTO t SELECT f1, count(*) FROM r GROUP BY f0, f1 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT count(*), f0 FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0 + 1, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO titles SELECT ''x'', name, count(*) FROM r GROUP BY name ON CONFLICT (short) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT NULL, count(*) FROM r ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO halves SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO halves SELECT f0::numeric, count(*) FROM r GROUP BY f0::numeric ON CONFLICT ((f0 / 2)) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO nullable SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO partial SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) WHERE n > 0 DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO loose SELECT name, count(*) FROM r GROUP BY name ON CONFLICT (name) DO UPDATE SET n = excluded.n');

-- What it would count twice, or not write.
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = t.n + excluded.n');
SELECT job('INSERT INTO t AS u SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET (n, total) = (SELECT excluded.n, u.total + 1)');
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n WHERE t.n > 3');
-- A key that its own row moves; an aggregate that nothing keeps up with.
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n, f0 = excluded.f0 + 1000');
SELECT job('INSERT INTO two SELECT name, ''x'', f0, count(*) FROM r GROUP BY name, f0 ON CONFLICT (name, kind, f0) DO UPDATE SET (kind, n) = ROW (''y'', excluded.n)');
SELECT count(*) FROM job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET f0 = excluded.f0, n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, count(*), sum(f1) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, count(*), (SELECT 1 + max(r.f1)) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n, total = t.total');
SELECT job('INSERT INTO t SELECT f0, n, n * 2 FROM (SELECT f0, count(*) AS n FROM r GROUP BY f0) x ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT count(*) FROM job('INSERT INTO t SELECT f0, count(*), f0 + extract(epoch FROM now()) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');

-- HAVING that stays true.
CREATE FUNCTION holds(condition text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0 HAVING ' || condition || ' ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
    RETURN 'stays: ' || condition;
EXCEPTION WHEN feature_not_supported THEN
    RETURN 'may stop: ' || condition || CASE WHEN sqlerrm LIKE '%stays true' THEN '' ELSE ': ' || sqlerrm END;
END $$;
SELECT holds(c) FROM unnest(ARRAY['count(*) > 3', '3 <= count(name)', 'max(f1) >= 10', '10.5 < max(f1::numeric)', 'min(name) < ''m''',
    'min(f1) <= f0', 'max(name COLLATE "C") > ''a''', 'bool_or(ok)', 'bool_or(ok) IS TRUE', 'NOT bool_and(ok)', 'f0 > 3', 'true',
    'f0 > 3 AND (count(*) > 3 OR max(small) > 100000000000)', 'count(*) FILTER (WHERE ok) > 1', 'count(DISTINCT f1) > 1']) c;
SELECT holds(c) FROM unnest(ARRAY['count(*) < 3', 'count(*) = 3', '3 >= count(*)', 'max(f1) < 10', 'max(f1) = 10', 'min(f1) > 10', 'sum(f1) > 10',
    'avg(f1) > 10', 'bool_and(ok)', 'NOT bool_or(ok)', 'count(*) > 3 AND sum(f1) > 0', 'count(*) > sum(f1)', 'count(*) % 2 > 0', 'max(f1) > extract(epoch FROM now())',
    'max(f1) IS NULL', 'count(*) > (SELECT count(*) FROM known)', 'NOT (count(*) < 3)', 'max(f1) <> 3']) c;
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0 HAVING sum(f1) > 0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');

-- Where it may stand, and beside what.
SELECT job('INSERT INTO t SELECT f0, n * 2 FROM (SELECT f0, count(*) AS n FROM r GROUP BY f0) x WHERE n > 2 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
CREATE VIEW counted AS SELECT f0, count(*) AS n, max(f1) AS highest FROM r GROUP BY f0;
SELECT job('INSERT INTO t SELECT f0, n FROM counted ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT count(*) FROM job('WITH x AS (SELECT * FROM counted) INSERT INTO t SELECT f0, n FROM x ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT count(*) FROM job('INSERT INTO t WITH x AS (SELECT * FROM counted) SELECT f0, n FROM x ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, n FROM counted WHERE highest < 3 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, n FROM counted');
SELECT job('INSERT INTO t SELECT f0, n FROM counted JOIN known ON known.id = f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, count(*) FROM counted GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, n FROM counted UNION ALL SELECT f0, f1 FROM r ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
CREATE VIEW careful WITH (security_barrier) AS SELECT * FROM counted;
SELECT job('INSERT INTO t SELECT f0, n FROM careful ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT a, count(*) FROM (SELECT f0, count(*) FROM r GROUP BY f0) x JOIN LATERAL f(f0) ON weir.key_by(f0) GROUP BY a ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT a, count(*) FROM r JOIN LATERAL f(f0) ON weir.key_by(f0) GROUP BY a ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY ROLLUP (f0) ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, grouping(f0) FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT known.id, count(*), max(length(known.name)) FROM r JOIN known ON known.id = r.f0 GROUP BY known.id HAVING known.name > ''a'' ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, count(*) OVER () FROM r GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0 ORDER BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
-- a time to live
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY weir.running(weir.state_ttl(''1 h'', update_type => ''on_create_and_write'')), f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT count(*) FROM job('INSERT INTO t SELECT 1, count(*) FROM r GROUP BY weir.running() ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0, weir.running(), weir.running(''1 h'') ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0, weir.running((now()::text)::weir.ttl) ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, count(*) FROM r GROUP BY f0, weir.running(), weir.count_window(2)');
-- behind a function in a subquery
SELECT job('INSERT INTO t SELECT a, count(*) FROM (SELECT x.* FROM r JOIN LATERAL f(f0) x ON weir.key_by(f0)) y GROUP BY a ON CONFLICT (f0) DO UPDATE SET n = excluded.n');
SELECT job('INSERT INTO t SELECT f0, sum(n) FROM (SELECT f0, count(*) AS n FROM r GROUP BY f0, weir.count_window(2)) y GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET n = excluded.n');

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA running CASCADE;
DROP SERVER running_here;
