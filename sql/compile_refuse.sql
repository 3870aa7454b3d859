-- What cannot be a job, refused at the word that causes it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
RESET client_min_messages;
CREATE SCHEMA refuse;
SET search_path = refuse;
CREATE SERVER refused FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9999');
CREATE FOREIGN TABLE r (f0 bigint, f1 bigint, doc json) SERVER refused;
CREATE FOREIGN TABLE r2 (f0 bigint, f1 bigint) SERVER refused;
CREATE TABLE t (f0 bigint, f1 bigint);
CREATE TABLE l (id bigint, v bigint);
CREATE FUNCTION f(bigint) RETURNS TABLE (f0 bigint, f1 bigint) LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;
CREATE FUNCTION g(r) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION job(query text) RETURNS text LANGUAGE sql AS 'SELECT weir_internal.describe_query(query)';
CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
\pset format unaligned
\pset tuples_only on

-- Not one INSERT ... SELECT.
SELECT job('');
SELECT job('  SELECT * FROM r');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r; SELECT * FROM r');
SELECT job(';');
SELECT job('CREATE TABLE x AS SELECT 1');
SELECT job('INSERT INTO t DEFAULT VALUES');
SELECT job('INSERT INTO t VALUES (1, 2)');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r RETURNING f0');
SELECT job('INSERT INTO t SELECT f0, f1 FORM r');
SELECT job('INSERT INTO t SELECT f0, nothing FROM r');
SELECT job('INSERT INTO t SELECT f0, $1 FROM r');
SELECT job('INSERT INTO t SELECT f0 FROM r, missing');
SELECT job('WITH RECURSIVE x AS (SELECT f0, f1 FROM r UNION ALL SELECT f0 + 1, f1 FROM x) INSERT INTO t SELECT * FROM x');
SELECT job('WITH x AS (DELETE FROM l RETURNING id) INSERT INTO t SELECT f0, f1 FROM r');

-- Not one stream, read row by row.
SELECT job('INSERT INTO t SELECT id, v FROM l');
SELECT job('INSERT INTO t SELECT 1, 2');
SELECT job('INSERT INTO t SELECT r.f0, r2.f1 FROM r JOIN r2 ON r.f0 = r2.f0');
SELECT job('INSERT INTO t SELECT a.f0, b.f1 FROM r a, r b');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r WHERE f0 IN (SELECT f0 FROM r2)');
SELECT job('INSERT INTO t SELECT id, (SELECT max(f1) FROM r) FROM l');
SELECT job('INSERT INTO t SELECT l.id, r.f0 FROM l LEFT JOIN r ON r.f0 = l.id');
SELECT job('INSERT INTO t SELECT l.id, x.f0 FROM (SELECT * FROM r) x RIGHT JOIN l ON x.f0 = l.id');
SELECT job('INSERT INTO t SELECT l.id, r.f0 FROM l FULL JOIN r ON r.f0 = l.id');
SELECT job('INSERT INTO t SELECT DISTINCT f0, f1 FROM r');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r ORDER BY f0');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r LIMIT 10');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r OFFSET 10');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0');
SELECT job('INSERT INTO t SELECT 1, count(*) FROM r');
SELECT job('INSERT INTO t SELECT 1, 1 FROM r HAVING true');
SELECT job('INSERT INTO t SELECT f0, row_number() OVER () FROM r');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r UNION ALL SELECT id, v FROM l');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r UNION SELECT f0, f1 FROM r2');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r UNION ALL (SELECT f0, f1 FROM r2 INTERSECT SELECT f0, f1 FROM r)');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r UNION ALL SELECT f0, f1 FROM r2 ORDER BY 1');
SELECT job('INSERT INTO t SELECT f0, f1 FROM (SELECT id AS f0, v AS f1 FROM l EXCEPT SELECT f0, f1 FROM r) x');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r FOR UPDATE');
SELECT job('INSERT INTO t SELECT f0, f1 FROM (SELECT DISTINCT f0, f1 FROM r) x');
SELECT job('INSERT INTO t SELECT f0, n FROM (SELECT f0, count(*) AS n FROM r GROUP BY f0) x');
SELECT job('INSERT INTO t SELECT f0, f1 FROM (WITH x AS MATERIALIZED (SELECT * FROM r) SELECT * FROM x) y');
CREATE VIEW sorted AS SELECT f0, f1 FROM r ORDER BY f0;
CREATE VIEW counted AS SELECT f0, count(*) AS f1 FROM (SELECT * FROM r) x GROUP BY f0;
SELECT job('INSERT INTO t SELECT f0, f1 FROM sorted');
SELECT job('INSERT INTO t SELECT s.f0, s.f1 FROM l JOIN (SELECT * FROM counted) s ON s.f0 = l.id');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r TABLESAMPLE SYSTEM (10)');
SELECT job('INSERT INTO t SELECT f0, weir.running()::int FROM r');
SELECT job('INSERT INTO t SELECT f0, 1 FROM r WHERE r.ctid IS NOT NULL AND r.tableoid > 0 AND xmin IS NULL');
SELECT job('INSERT INTO t SELECT f0, r.tableoid FROM r');
CREATE TABLE parent (f0 bigint, f1 bigint);
ALTER FOREIGN TABLE r2 INHERIT parent;
SELECT job('INSERT INTO t SELECT f0, f1 FROM parent');
ALTER FOREIGN TABLE r2 NO INHERIT parent;

-- No keyed step of the one shape.
SELECT job('INSERT INTO t SELECT a.* FROM r LEFT JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT r.f0, 1 FROM f(1) a RIGHT JOIN r ON weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT a.* FROM r, LATERAL f(r.f0) a WHERE weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT r.f0, weir.key_by(r.f0)::int FROM r');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0) OR true');
SELECT job('INSERT INTO t SELECT l.* FROM r JOIN l ON weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL (SELECT * FROM f(r.f0)) a ON weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT a.f0, a.f1 FROM r JOIN LATERAL f(r.f0) WITH ORDINALITY a ON weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT a.f0, b FROM r JOIN LATERAL ROWS FROM (f(r.f0), g(r)) a(f0, f1, b) ON weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT a, 1 FROM r JOIN LATERAL CAST(r.f0 AS bigint) a ON weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT x.* FROM (SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0)) x');
SELECT job('INSERT INTO t SELECT b.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0) JOIN LATERAL f(a.f0) b ON weir.key_by(a.f0)');
SELECT job('INSERT INTO t SELECT a.f0, g(r) FROM r JOIN LATERAL g(r) a(f0) ON weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0, a.f0)');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(VARIADIC ARRAY[r.f0])');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(' || string_agg('r.f0 + ' || i, ',') || ')') FROM generate_series(1, 33) i;
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by()');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.doc)');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(ROW(r.f0, 1))');
SELECT job('INSERT INTO t SELECT a.* FROM (SELECT * FROM r) x JOIN LATERAL f(x.f0) a ON weir.key_by(x)');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(CASE WHEN r.f0 > 0 THEN ''a'' COLLATE "C" ELSE ''b'' COLLATE "POSIX" END)');
SELECT job('INSERT INTO t SELECT l.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0) JOIN l ON l.id = a.f0');
SELECT job('INSERT INTO t SELECT l.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0), l WHERE l.id = a.f0');
SELECT job('INSERT INTO t SELECT a.f0, s.v FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0), LATERAL (SELECT v FROM l WHERE id = a.f0) s');
SELECT job('INSERT INTO t SELECT a.f0, s FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0), generate_series(1, a.f0) s');
SELECT job('INSERT INTO t SELECT a.* FROM r LEFT JOIN (l JOIN LATERAL f(l.id) a ON weir.key_by(l.id)) ON l.id = r.f0');
CREATE VIEW keyed AS SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0);
SELECT job('INSERT INTO t SELECT * FROM keyed');
SELECT a.* FROM l JOIN LATERAL f(l.id) a ON weir.key_by(l.id);
INSERT INTO l VALUES (1, 2);
SELECT weir.key_by(l.id) FROM l;

-- Writes where only reading is.
CREATE SEQUENCE tickets;
SELECT job('INSERT INTO t SELECT f0, f1 FROM r WHERE f0 > nextval(''tickets'')');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r WHERE f0 > 0 AND setval(''tickets'', f0) > 0');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(nextval(''tickets''))');
SELECT job('INSERT INTO t SELECT a.* FROM r JOIN LATERAL f(nextval(''tickets'')) a ON weir.key_by(r.f0)');
SELECT job('INSERT INTO t SELECT f0, sum(nextval(''tickets'')) FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT f0, n FROM (SELECT f0, nextval(''tickets'') AS n FROM r) x');
SELECT job('INSERT INTO t SELECT r.f0, l.v FROM r JOIN l ON l.id = nextval(''tickets'')');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r WHERE lo_unlink(f0::oid) > 0');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r WHERE lo_create(0) > 0');
CREATE VIEW numbered AS SELECT f0, nextval('tickets') AS f1 FROM r;
SELECT job('INSERT INTO t SELECT f0, f1 FROM numbered');
-- these do not
SELECT job('INSERT INTO t SELECT f0, f1 FROM r WHERE currval(''tickets'') > 0 AND pg_try_advisory_xact_lock(f0)') <> '';
SELECT job('INSERT INTO t SELECT f0, nextval(''tickets'') FROM r') <> '';
SELECT job('INSERT INTO t SELECT a.f0, a.f1 + nextval(''tickets'') FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0) WHERE a.f1 > nextval(''tickets'')') <> '';
DROP VIEW numbered;
DROP SEQUENCE tickets;

-- Nowhere to go.
CREATE TEMP TABLE gone (f0 bigint, f1 bigint);
CREATE TEMP VIEW seen AS SELECT f0, f1 FROM r;
CREATE FUNCTION pg_temp.h(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE VIEW grown AS SELECT max(f0) AS f0 FROM t;
CREATE TABLE ruled (f0 bigint, f1 bigint);
CREATE RULE copy AS ON INSERT TO ruled DO ALSO INSERT INTO t VALUES (NEW.f0, NEW.f1);
CREATE VIEW over_ruled AS SELECT * FROM ruled;
CREATE VIEW joined AS SELECT t.f0, l.v FROM t JOIN l ON l.id = t.f0;
CREATE MATERIALIZED VIEW stored AS SELECT f0, f1 FROM t;
CREATE SEQUENCE numbers;
CREATE FOREIGN DATA WRAPPER other;
CREATE SERVER other FOREIGN DATA WRAPPER other;
CREATE FOREIGN TABLE elsewhere (f0 bigint, f1 bigint) SERVER other;
CREATE TABLE split (f0 bigint, f1 bigint) PARTITION BY LIST (f0);
CREATE FOREIGN TABLE split_1 PARTITION OF split FOR VALUES IN (1) SERVER other;
CREATE TABLE child () INHERITS (t);
SELECT job('INSERT INTO gone SELECT f0, f1 FROM r');
SELECT job('INSERT INTO t SELECT r.f0, gone.f1 FROM r JOIN gone USING (f0)');
SELECT job('INSERT INTO t SELECT f0, (SELECT max(f1) FROM gone) FROM r');
SELECT job('INSERT INTO t SELECT f0, f1 FROM seen');
SELECT job('INSERT INTO t SELECT r.f0, a FROM r JOIN LATERAL pg_temp.h(r.f0) a ON weir.key_by(r.f0)');
CREATE SERVER resuming FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9999', protocol 'resume');
CREATE FOREIGN TABLE resumed (f0 bigint, f1 bigint) SERVER resuming;
SELECT job('INSERT INTO resumed SELECT f0, f1 FROM r');
CREATE SERVER listening FOREIGN DATA WRAPPER weir_socket OPTIONS (listen 'on', port '9999');
CREATE FOREIGN TABLE listened (f0 bigint, f1 bigint) SERVER listening;
SELECT job('INSERT INTO listened SELECT f0, f1 FROM r');
SELECT job('INSERT INTO r SELECT f0, f1 FROM r');
SELECT job('INSERT INTO pg_catalog.pg_class (oid) SELECT f0 FROM r');
SELECT job('INSERT INTO ruled SELECT f0, f1 FROM r');
SELECT job('INSERT INTO over_ruled SELECT f0, f1 FROM r');
SELECT job('INSERT INTO joined SELECT f0, f1 FROM r');
SELECT job('INSERT INTO stored SELECT f0, f1 FROM r');
SELECT job('INSERT INTO numbers SELECT f0, f1 FROM r');
SELECT job('INSERT INTO elsewhere SELECT f0, f1 FROM r');
SELECT job('INSERT INTO split SELECT f0, f1 FROM r');
SELECT job('INSERT INTO t SELECT r.f0, r.f1 FROM r LEFT JOIN t ON t.f0 = r.f0');
SELECT job('INSERT INTO t SELECT r.f0, (SELECT max(f0) FROM grown) FROM r');
SELECT job('INSERT INTO child SELECT r.f0, t.f1 FROM r JOIN t USING (f0)');
SELECT job('INSERT INTO t SELECT r.f0, c.f1 FROM r JOIN child c USING (f0)');
SELECT job('INSERT INTO t SELECT r.f0, t.f1 FROM r JOIN ONLY t USING (f0)');
CREATE TABLE keyed_t (f0 bigint PRIMARY KEY, f1 bigint);
SELECT job('INSERT INTO keyed_t AS k SELECT f0, f1 FROM r ON CONFLICT (f0) DO UPDATE SET f1 = (SELECT max(f1) FROM keyed_t)');

-- Rows that no table could hold.
SELECT job('INSERT INTO t SELECT x.f0, length(x::text) FROM l LEFT JOIN (SELECT 1 AS f0) x ON true JOIN r ON true');

SET client_min_messages = warning;
DROP SCHEMA refuse CASCADE;
DROP SERVER refused;
DROP FOREIGN DATA WRAPPER other CASCADE;
