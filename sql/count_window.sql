-- GROUP BY key, weir.count_window(): what becomes of it, and what is refused at
-- the word that causes it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
RESET client_min_messages;
CREATE SCHEMA windows;
SET search_path = windows;
CREATE SERVER windowed FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9999');
CREATE FOREIGN TABLE r (f0 bigint, f1 bigint, doc json, name text) SERVER windowed;
CREATE TABLE t (f0 bigint, f1 bigint);
CREATE TABLE u (f0 bigint PRIMARY KEY, f1 bigint);
CREATE TABLE l (id bigint PRIMARY KEY, v bigint);
CREATE FUNCTION f(bigint) RETURNS TABLE (f0 bigint, f1 bigint) LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;
CREATE FUNCTION job(query text) RETURNS text LANGUAGE sql AS 'SELECT weir_internal.describe_query(query)';
\pset format unaligned
\pset tuples_only on

-- What becomes of it.
SELECT job('INSERT INTO t SELECT f0, div(sum(f1), count(*))::bigint FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO u SELECT f0 / 2, sum(f1) + 1 FROM r WHERE f1 > 0 GROUP BY weir.count_window(size => 6, slide => 2, ttl => ''10 s''), f0 / 2 HAVING count(*) > 5');
SELECT job('INSERT INTO t SELECT r.f0, count(DISTINCT l.v) FILTER (WHERE 10 / r.f1 > 1) FROM r JOIN l ON l.id = r.f0 GROUP BY r.f0, weir.count_window(2)');
SELECT job('INSERT INTO u SELECT f0, sum(1000 / f1) FILTER (WHERE f1 <> 0) FROM r GROUP BY f0, weir.count_window(3) ON CONFLICT (f0) DO UPDATE SET f1 = excluded.f1');
SELECT job('INSERT INTO t SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY f1 DESC) FROM r GROUP BY weir.count_window(1 + 1, ttl => weir.state_ttl(''1 min'', ''on_read_and_write''))');
SELECT job('INSERT INTO t SELECT l.id, l.v + length(string_agg(r.name, '','' ORDER BY r.f1, r.name DESC)) FROM r JOIN l ON l.id = r.f0 GROUP BY l.id, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT f0, (SELECT max(v) FROM l WHERE id = sum(r.f1)) FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT f0, 1 FROM r GROUP BY f0, weir.count_window(2, 2, NULL)');

-- Its arguments.
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(0)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(-3)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(3000000000)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(NULL)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(f1)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2, slide => 0)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2, slide => f0)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2, ttl => ''0 s'')');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2, ttl => f0 * interval ''1 s'')');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window()');

-- Where it stands.
SELECT job('INSERT INTO t SELECT f0, weir.count_window(2) FROM r');
SELECT job('INSERT INTO t SELECT f0, weir.count_window(2) FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r WHERE weir.count_window(2) > 0 GROUP BY f0');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2) HAVING weir.count_window(3) > 0');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2) + 1');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2), weir.count_window(3)');
SELECT job('INSERT INTO t SELECT * FROM (SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2)) x');
CREATE VIEW windowed AS SELECT f0, sum(f1) AS f1 FROM r GROUP BY f0, weir.count_window(2);
SELECT job('INSERT INTO t SELECT * FROM windowed');
SELECT job('INSERT INTO t SELECT id, sum(v) FROM l GROUP BY id, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT a.f0, sum(a.f1) FROM r JOIN LATERAL f(r.f0) a ON weir.key_by(r.f0) GROUP BY a.f0, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY ROLLUP (f0), weir.count_window(2)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY weir.count_window(2), GROUPING SETS ((f0), (f0, f1))');
SELECT job('INSERT INTO t SELECT f0, grouping(f0) FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT f0, sum(sum(f1)) OVER (ORDER BY f0) FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT DISTINCT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0, weir.count_window(2) ORDER BY f0');
SELECT job('INSERT INTO t SELECT f0, f1 FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT f0, sum(f1) FROM r GROUP BY f0');
SELECT weir.count_window(2);
SELECT id, sum(v) FROM l GROUP BY id, weir.count_window(2);
INSERT INTO l VALUES (1, 2);
SELECT id, sum(v) FROM l GROUP BY id, weir.count_window(2);

-- Keys and arguments that cannot travel.
SELECT job('INSERT INTO t SELECT 1, sum(f1) FROM r GROUP BY ROW(f0, 1), weir.count_window(2)');
SELECT job('INSERT INTO t SELECT 1, count(ROW(f0, f1)) FROM r GROUP BY f0, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT 1, sum(f1) FROM r GROUP BY CASE WHEN f0 > 0 THEN ''a'' COLLATE "C" ELSE ''b'' COLLATE "POSIX" END, weir.count_window(2)');
SELECT job('INSERT INTO t SELECT 1, sum(f1) FROM r GROUP BY ' || string_agg('f0 + ' || i, ',') || ', weir.count_window(2)') FROM generate_series(1, 33) i;

-- Rights.
CREATE AGGREGATE secret(bigint) (sfunc = int8pl, stype = bigint);
REVOKE ALL ON FUNCTION secret(bigint) FROM PUBLIC;
CREATE ROLE regress_window_user;
GRANT ALL ON SCHEMA windows TO regress_window_user;
GRANT ALL ON ALL TABLES IN SCHEMA windows TO regress_window_user;
SET ROLE regress_window_user;
SELECT weir.create_job('secret', 'INSERT INTO t SELECT f0, secret(f1) FROM r GROUP BY f0, weir.count_window(2)');
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA windows CASCADE;
DROP SERVER windowed;
DROP OWNED BY regress_window_user;
DROP ROLE regress_window_user;
