-- DISTINCT ON and ranks: which sinks and conditions they have, and what is said of the
-- others.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS weir;
RESET client_min_messages;
CREATE SCHEMA ranks;
SET search_path = ranks;
CREATE SERVER ranks_here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9999');
CREATE FOREIGN TABLE r (k bigint, v bigint, t text, ts timestamptz) SERVER ranks_here;
CREATE TABLE plain (k bigint, v bigint);
CREATE TABLE last (k bigint PRIMARY KEY, v bigint);
CREATE TABLE top (k bigint, rank int, v bigint, t text UNIQUE NOT NULL, PRIMARY KEY (k, rank));
CREATE FUNCTION job(query text) RETURNS SETOF text LANGUAGE sql AS 'SELECT weir_internal.describe_query(query)';
\pset format unaligned
\pset tuples_only on

SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, ts DESC ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT job('INSERT INTO top SELECT k, rn, v, t FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC, t) AS rn FROM r) r
    WHERE 5 >= rn ON CONFLICT (k, rank) DO UPDATE SET v = excluded.v, t = excluded.t');

-- Not an upsert on the key.
SELECT job('INSERT INTO plain SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, v');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, v ON CONFLICT DO NOTHING');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) v, k FROM r ORDER BY k, v ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k, t) k, v FROM r ORDER BY k, t, v ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, ts ON CONFLICT (k) DO UPDATE SET v = last.v + excluded.v');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, ts ON CONFLICT (k) DO UPDATE SET k = excluded.k');
SELECT job('INSERT INTO plain SELECT k, count(*) FROM (SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, ts DESC) d GROUP BY k, weir.count_window(2)');
-- Of the best several without the number, or by a key of the row.
SELECT job('INSERT INTO last SELECT k, v FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC) AS rn FROM r) r
    WHERE rn <= 5 ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT job('INSERT INTO top SELECT k, rn, v, t FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC, t) AS rn FROM r) r
    WHERE rn < 5 ON CONFLICT (t) DO UPDATE SET v = excluded.v, k = excluded.k, rank = excluded.rank');
SELECT job('INSERT INTO top SELECT k, rn, v, t FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC, t) AS rn FROM r) r
    WHERE rn < 5 ON CONFLICT (k, rank) DO UPDATE SET v = excluded.v');
-- Without a limit; by rank().
SELECT job('INSERT INTO top SELECT k, row_number() OVER (PARTITION BY k ORDER BY v DESC), v, t FROM r
    ON CONFLICT (k, rank) DO UPDATE SET v = excluded.v, t = excluded.t');
SELECT job('INSERT INTO top SELECT k, rn, v, t FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY v DESC) AS rn FROM r) r
    WHERE rn <= 5 ON CONFLICT (k, rank) DO UPDATE SET v = excluded.v, t = excluded.t');
-- Conditions on the row.
SELECT job('INSERT INTO last SELECT k, v FROM (SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, ts DESC) d WHERE v > 3
    ON CONFLICT (k) DO UPDATE SET v = excluded.v');
-- What else may not be.
SELECT job('INSERT INTO plain SELECT DISTINCT k, v FROM r');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, v FROM r ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, ts LIMIT 3 ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, count(*) FROM r GROUP BY k, ts ORDER BY k, ts ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, row_number() OVER () FROM r ORDER BY k, ts ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT job('INSERT INTO plain SELECT row_number() OVER (PARTITION BY k), row_number() OVER (ORDER BY v) FROM r');
