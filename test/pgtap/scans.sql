-- What a scan makes of a stream is what the same query makes of a table that holds
-- the same: columns, expressions and conditions, with and without an executor.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(25);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE DOMAIN small AS int CHECK (VALUE < 1000000);
CREATE TYPE pair AS (a bigint, b text);
CREATE TABLE rows (k bigint, i int, s smallint, f float8, n numeric, t text, v varchar(20), b boolean,
    d date, ts timestamptz, u uuid, a int[], p pair, c "char", o oid, doubled bigint);
CREATE FOREIGN TABLE records (k bigint, i int, s smallint, f float8, n numeric, t text, v varchar(20), b boolean,
    d date, ts timestamptz, u uuid, a int[], p pair, c "char", o oid, doubled bigint GENERATED ALWAYS AS (k * 2) STORED)
    SERVER here;
CREATE TABLE lookup (id bigint, name text);
INSERT INTO lookup SELECT i, 'name ' || i FROM generate_series(0, 99, 2) i;

-- More than a batch, and every value null now and then.
SELECT setseed(0.5) \g /dev/null
INSERT INTO rows SELECT CASE WHEN i % 11 <> 1 THEN i % 100 END, CASE WHEN i % 7 <> 1 THEN i END,
    CASE WHEN i % 5 <> 1 THEN i % 1000 END, CASE WHEN i % 3 <> 1 THEN random() END, CASE WHEN i % 4 <> 1 THEN i / 7.0 END,
    CASE WHEN i % 6 <> 1 THEN repeat('x', i % 50) END, CASE WHEN i % 8 <> 1 THEN 'v' || i END, CASE WHEN i % 9 <> 1 THEN i % 2 = 0 END,
    CASE WHEN i % 10 <> 1 THEN date '2026-01-01' + i % 365 END, CASE WHEN i % 12 <> 1 THEN timestamptz '2026-01-01 12:00' + i * interval '1 s' END,
    CASE WHEN i % 13 <> 1 THEN md5(i::text)::uuid END, CASE WHEN i % 14 <> 1 THEN ARRAY[i, NULL, -i] END,
    CASE WHEN i % 15 <> 1 THEN ROW(i, 'y' || i)::pair END, CASE WHEN i % 16 <> 1 THEN chr(65 + i % 26)::"char" END,
    CASE WHEN i % 17 <> 1 THEN (4000000000 + i)::oid END
    FROM generate_series(1, 10000) i;
\set file `mktemp`
\setenv FILE :file
COPY (SELECT k, i, s, f, n, t, v, b, d, ts, u, a, p, c, o FROM rows ORDER BY i) TO STDOUT \g :file
UPDATE rows SET doubled = k * 2;

-- The query, which reads %I, over the stream and over the table; into a table made for it.
CREATE PROCEDURE compare(name text, port text, query text, parallelism int)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER here OPTIONS (SET port %L)', port);
    EXECUTE format('CREATE TABLE %I AS %s WITH NO DATA', name, format(query, 'rows'));
    PERFORM weir.create_job(name, format('INSERT INTO %I %s', name, format(query, 'records')), parallelism => parallelism);
    PERFORM weir.enable_checkpointing(name, every => '200 ms');
    PERFORM weir.start_job(name);
END $$;
CREATE FUNCTION lines_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY EXECUTE query; END';
CREATE FUNCTION is_same(name text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT ok(weir.wait_for_job(name, 'finished', '1 min'), name || ': finished');
    RETURN NEXT is(
        (SELECT string_agg(line, E'\n') FROM (SELECT r::text AS line FROM lines_of(format('SELECT r::text FROM %I r', name)) r
            EXCEPT ALL SELECT lines_of(format('SELECT r::text FROM (%s) r', format(query, 'rows'))) LIMIT 5) d), NULL,
        name || ': no row that the table does not give');
    RETURN NEXT is((SELECT count(*) FROM lines_of(format('SELECT r::text FROM %I r', name))),
        (SELECT count(*) FROM lines_of(format('SELECT r::text FROM (%s) r', format(query, 'rows')))), name || ': as many rows');
END $$;

\set query 'SELECT * FROM %I'
\set port `perl test/pgtap/sender --file $FILE`
CALL compare('columns', :'port', :'query', 1);
SELECT is_same('columns', :'query');

\set query 'SELECT t, k, o, p, doubled FROM %I WHERE mod(i, 3) = 0 AND t IS NOT NULL'
\set port `perl test/pgtap/sender --file $FILE`
CALL compare('conditions', :'port', :'query', 1);
SELECT is_same('conditions', :'query');

\set query 'SELECT k + i AS sum, upper(t) || v AS text, coalesce(n, 0) * 2 AS n, a[3] AS element, (p).b, v::text AS vt, CASE WHEN b THEN u ELSE NULL END AS u, ARRAY[k, i] AS both, ROW(k, t)::pair AS made, i::small AS small, extract(epoch FROM ts - timestamptz ''2026-01-01'') AS s FROM %I'
\set port `perl test/pgtap/sender --file $FILE`
CALL compare('expressions', :'port', :'query', 1);
SELECT is_same('expressions', :'query');

\set query 'SELECT r::text AS whole, r.k, now() IS NOT NULL AS now, f > 0.5 AS high FROM %I r WHERE a IS NOT NULL OR NOT b'
\set port `perl test/pgtap/sender --file $FILE`
CALL compare('whole_rows', :'port', :'query', 1);
SELECT is_same('whole_rows', 'SELECT r::text AS whole, r.k, true, f > 0.5 FROM %I r WHERE a IS NOT NULL OR NOT b');

\set port `perl test/pgtap/sender --file $FILE`
CREATE TABLE counts (k bigint, n bigint, sum bigint);
SELECT weir.create_job('counts', 'INSERT INTO counts SELECT k, count(*), sum(i) FROM records WHERE s > 10 AND i % 2 = 0 GROUP BY k, weir.count_window(7)', parallelism => 3) \g /dev/null
ALTER SERVER here OPTIONS (SET port :'port');
SELECT weir.enable_checkpointing('counts', every => '200 ms') \g /dev/null
SELECT weir.start_job('counts') \g /dev/null
SELECT ok(weir.wait_for_job('counts', 'finished', '1 min'), 'by key: finished');
SELECT bag_eq('TABLE counts', 'SELECT k, count(*), sum(i) FROM (SELECT k, i, (row_number() OVER (PARTITION BY k ORDER BY i) - 1) / 7 AS w
    FROM rows WHERE s > 10 AND i % 2 = 0) x GROUP BY k, w HAVING count(*) = 7', 'rows go by their keys, in order');

\set query 'SELECT r.k, l.name, r.t FROM %I r LEFT JOIN lookup l ON l.id = r.k WHERE r.i > 5'
\set port `perl test/pgtap/sender --file $FILE`
CALL compare('lookups', :'port', :'query', 1);
SELECT is_same('lookups', :'query');

\set query 'SELECT k, t FROM %I WHERE k IN (SELECT id FROM lookup) AND n > (SELECT 3)'
\set port `perl test/pgtap/sender --file $FILE`
CALL compare('subqueries', :'port', :'query', 1);
SELECT is_same('subqueries', :'query');

\set query 'SELECT i, generate_series(1, mod(s, 3)) AS part FROM %I WHERE s < 500'
\set port `perl test/pgtap/sender --file $FILE`
CALL compare('sets', :'port', :'query', 1);
SELECT is_same('sets', :'query');

-- The record for which an expression errs is named, however many are read with it.
\set port `perl test/pgtap/sender '1\t1\n2\t2\n3\t0\n4\t4\n'`
ALTER SERVER here OPTIONS (SET port :'port');
CREATE FOREIGN TABLE pairs (k bigint, i int) SERVER here;
CREATE TABLE quotients (q bigint);
SELECT weir.create_job('quotients', 'INSERT INTO quotients SELECT 12 / i FROM pairs WHERE 100 / (k - 9) < 0') \g /dev/null
SELECT weir.start_job('quotients') \g /dev/null
SELECT ok(weir.wait_for_job('quotients', 'failed', '1 min'), 'an expression errs');
SELECT matches((SELECT last_error FROM weir.jobs WHERE name = 'quotients'), 'line 3: division by zero', 'the record is named');
\! rm $FILE
SELECT * FROM finish();
