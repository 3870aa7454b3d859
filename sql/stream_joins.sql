-- Joins of two streams that are refused, and where the text says so.
SET client_min_messages = warning;
CREATE EXTENSION weir;
CREATE FOREIGN TABLE a (k int, v text, ts timestamptz OPTIONS (watermark '5 s'), till timestamptz) SERVER weir_feed;
CREATE FOREIGN TABLE b (k int, v text, ts timestamptz OPTIONS (watermark '5 s')) SERVER weir_feed;
CREATE FOREIGN TABLE plain (k int, v text, ts timestamptz) SERVER weir_feed;
CREATE TABLE t (av text, bv text);
CREATE TABLE names (k int, name text);
CREATE VIEW pairs AS SELECT a.v AS av, b.v AS bv, a.k FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + interval '1 s';
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';

CREATE FUNCTION job(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job('j', query);
    RETURN QUERY SELECT * FROM weir.explain_job('j');
    PERFORM weir.drop_job('j');
END $$;

-- what it is to be
SELECT job($$INSERT INTO t SELECT a.v, b.v FROM a LEFT JOIN b ON a.k = b.k AND b.ts >= a.ts - interval '5 s' AND b.ts < a.till AND a.v <> b.v$$);
SELECT job($$INSERT INTO t SELECT av, bv FROM pairs WHERE k > 1$$);
SELECT job($$INSERT INTO t SELECT a.v, r.v FROM a LEFT JOIN LATERAL (SELECT v FROM b WHERE b.k = a.k AND b.ts <= a.ts ORDER BY ts DESC LIMIT 1) r ON true$$);

-- what is missing
SELECT job($$INSERT INTO t SELECT a.v, b.v FROM a JOIN b ON a.k = b.k$$);
SELECT job($$INSERT INTO t SELECT a.v, b.v FROM a JOIN b ON a.k = b.k AND b.ts >= a.ts$$);
SELECT job($$INSERT INTO t SELECT a.v, b.v FROM a LEFT JOIN b ON a.k = b.k AND b.ts <= a.ts + interval '5 s'$$);
SELECT job($$INSERT INTO t SELECT a.v, b.v FROM a LEFT JOIN b ON a.k = b.k WHERE b.ts BETWEEN a.ts AND a.till$$);
SELECT job($$INSERT INTO t SELECT a.v, p.v FROM a JOIN plain p ON a.k = p.k AND p.ts BETWEEN a.ts AND a.ts + interval '5 s'$$);

-- what cannot be
SELECT job($$INSERT INTO t SELECT a.v, b.v FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.till AND EXISTS (SELECT FROM names n WHERE n.k = b.k)$$);
SELECT job($$INSERT INTO t SELECT a.v, b::text FROM a LEFT JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.till$$);
SELECT job($$INSERT INTO t SELECT a.v, b.v FROM names n LEFT JOIN (a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.till) ON n.k = a.k$$);
SELECT job($$INSERT INTO t SELECT a.v, x.v FROM a, LATERAL (SELECT b.v, b.ts FROM b WHERE b.k = a.k) x WHERE x.ts BETWEEN a.ts AND a.till$$);
SELECT job($$INSERT INTO t SELECT a.v, r.v FROM a LEFT JOIN LATERAL (SELECT v FROM b WHERE b.k = a.k ORDER BY ts DESC LIMIT 1) r ON true$$);
SELECT job($$INSERT INTO t SELECT a.v, r.v FROM a LEFT JOIN LATERAL (SELECT v FROM b WHERE b.k = a.k AND b.ts <= a.ts ORDER BY ts LIMIT 1) r ON true$$);
SELECT job($$INSERT INTO t SELECT a.v, r.v FROM a LEFT JOIN LATERAL (SELECT v FROM b WHERE b.k < a.k AND b.ts <= a.ts ORDER BY ts DESC LIMIT 1) r ON true$$);
SELECT job($$INSERT INTO t SELECT a.v, b.ctid::text FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.till$$);
SELECT job($$INSERT INTO t SELECT a.v, b.v FROM a JOIN LATERAL f(a.k) x ON weir.key_by(a.k) JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.till$$);
SELECT job($$INSERT INTO t SELECT a.v, 'x' FROM a WHERE EXISTS (SELECT FROM b WHERE a.k = b.k)$$);
SELECT job($$INSERT INTO t SELECT a.v, r.v FROM a LEFT JOIN LATERAL (SELECT v FROM b WHERE b.k = a.k AND b.ts <= a.ts ORDER BY ts DESC LIMIT 1) r ON r.v > 'x'$$);
SELECT job($$INSERT INTO t SELECT a.v, r.v FROM a JOIN LATERAL (SELECT v FROM b WHERE b.k = a.k AND b.ts <= a.ts ORDER BY ts DESC FETCH FIRST 1 ROW WITH TIES) r ON true$$);
SELECT job($$INSERT INTO t SELECT a.v, r.v FROM a JOIN LATERAL (SELECT unnest(ARRAY[v, 'x']) AS v FROM b WHERE b.k = a.k AND b.ts <= a.ts ORDER BY ts DESC LIMIT 1) r ON true$$);
SELECT job($$INSERT INTO t SELECT a.v, n.name FROM a, names n WHERE n.k = a.k AND EXISTS (SELECT FROM b WHERE b.v = n.name AND b.ts BETWEEN a.ts AND a.till)$$);
SELECT job($$INSERT INTO t SELECT a.v, n.name FROM a, names n WHERE n.k = a.k AND (n.name, a.k) IN (SELECT b.v, b.k FROM b WHERE b.ts BETWEEN a.ts AND a.till)$$);
SELECT job($$INSERT INTO t SELECT a.v, 'x' FROM a WHERE a.k + (SELECT count(*) FROM names) IN (SELECT b.k FROM b WHERE b.ts BETWEEN a.ts AND a.till)$$);
SELECT job($$INSERT INTO t SELECT a.v, 'x' FROM a WHERE a.k + random() IN (SELECT b.k FROM b WHERE b.ts BETWEEN a.ts AND a.till)$$);
SELECT job($$INSERT INTO t SELECT a.v, r.v FROM a, names n, LATERAL (SELECT v FROM b WHERE b.v = n.name AND b.ts <= a.ts ORDER BY ts DESC LIMIT 1) r WHERE n.k = a.k$$);
SELECT job($$INSERT INTO t SELECT a.v, b.v FROM a JOIN b ON a.k = b.k AND date_trunc('minute', a.ts) = date_trunc('minute', b.ts)$$);
SELECT job($$INSERT INTO t SELECT x.v, y.v FROM (SELECT k, lower(w) AS t, max(v) AS v FROM a, LATERAL weir.tumble(ts, '4 s') w GROUP BY k, w) x JOIN (SELECT k, lower(w) AS t, max(v) AS v FROM b, LATERAL weir.tumble(ts, '4 s') w GROUP BY k, w) y ON x.k = y.k AND x.t = y.t$$);
