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

-- Windows and times: what is complete when.
CREATE FOREIGN TABLE e (k bigint, v bigint, t text, ts timestamptz OPTIONS (watermark '5 s')) SERVER ranks_here;
SELECT job('INSERT INTO plain SELECT k, rn FROM (SELECT k, dense_rank() OVER (PARTITION BY w, k ORDER BY v DESC) AS rn FROM e, weir.tumble(ts, ''1 min'') w) r WHERE rn = 1');
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, v FROM e ORDER BY k, ts ON CONFLICT DO NOTHING');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN ''1 h'' PRECEDING AND CURRENT ROW) + count(*) OVER (PARTITION BY k ORDER BY ts) + row_number() OVER (PARTITION BY k ORDER BY ts) FROM e WHERE v > 0');
-- Without a watermark.
SELECT job('INSERT INTO plain SELECT k, rn FROM (SELECT k, rank() OVER (PARTITION BY w, k ORDER BY v DESC) AS rn FROM r, weir.tumble(ts, ''1 min'') w) r WHERE rn = 1');
SELECT job('INSERT INTO plain SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, ts');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts) FROM r');
-- Orders and frames.
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY v) FROM e');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts DESC) FROM e');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k) FROM e');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM e');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts GROUPS 1 PRECEDING) FROM e');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING EXCLUDE CURRENT ROW) FROM e');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts ROWS 10000000 PRECEDING) FROM e');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts RANGE ''-1 s'' PRECEDING) FROM e');
SELECT job('INSERT INTO plain SELECT k, sum(v) OVER (PARTITION BY k ORDER BY ts RANGE ''1000 years'' PRECEDING) FROM e');
SELECT job('INSERT INTO plain SELECT k, lead(v) OVER (PARTITION BY k ORDER BY ts) FROM e');
SELECT job('INSERT INTO plain SELECT k, rank() OVER (PARTITION BY k ORDER BY ts) + sum(v) OVER (PARTITION BY k ORDER BY ts) FROM e');
SELECT job('INSERT INTO plain SELECT k, dense_rank() OVER (PARTITION BY k ORDER BY ts) FROM e');
SELECT job('INSERT INTO plain SELECT k, sum(sum(v)) OVER (ORDER BY ts) FROM e GROUP BY k, ts, weir.count_window(2)');
-- Over rows that change.
SELECT job('INSERT INTO last SELECT DISTINCT ON (k) k, n FROM (SELECT k, t, count(*) AS n FROM r GROUP BY k, t) g ORDER BY k, n DESC ON CONFLICT (k) DO UPDATE SET v = excluded.v');
SELECT job('INSERT INTO last SELECT k, sum(n) FROM (SELECT k, count(*) OVER (PARTITION BY k ORDER BY ts) AS n FROM e) g GROUP BY k ON CONFLICT (k) DO UPDATE SET v = excluded.v') IS NOT NULL LIMIT 1;
SELECT job('INSERT INTO last SELECT k, sum(v) FROM (SELECT DISTINCT ON (k) k, v FROM r ORDER BY k, ts DESC) g GROUP BY k ON CONFLICT (k) DO UPDATE SET v = excluded.v');

-- Rights.
CREATE AGGREGATE secret(bigint) (sfunc = int8pl, stype = bigint);
CREATE AGGREGATE secret_frame(bigint) (sfunc = int8pl, stype = bigint);
REVOKE ALL ON FUNCTION secret(bigint), secret_frame(bigint), row_number() FROM PUBLIC;
CREATE ROLE regress_ranks_user;
GRANT ALL ON SCHEMA ranks TO regress_ranks_user;
GRANT ALL ON ALL TABLES IN SCHEMA ranks TO regress_ranks_user;
SET ROLE regress_ranks_user;
SELECT weir.create_job('secret', 'INSERT INTO plain SELECT k, secret(v) OVER (PARTITION BY k ORDER BY ts) FROM e');
SELECT weir.create_job('secret', 'INSERT INTO plain SELECT k, secret_frame(v) OVER (PARTITION BY k ORDER BY ts ROWS 1 PRECEDING) FROM e');
SELECT weir.create_job('secret', 'INSERT INTO plain SELECT k, row_number() OVER (PARTITION BY k ORDER BY ts) FROM e');
RESET ROLE;
GRANT EXECUTE ON FUNCTION row_number() TO PUBLIC;
DROP OWNED BY regress_ranks_user;
DROP ROLE regress_ranks_user;
