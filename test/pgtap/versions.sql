-- What the versions of PostgreSQL plan, parse and read in ways of their own: a job
-- does the same on each.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT * FROM no_plan();

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ');
CREATE FOREIGN TABLE lines (line text) SERVER here;
CREATE TABLE texts (line text);
CREATE TABLE rows_as_text (f0 bigint, line text);

-- The rows of a job over these lines, as text, in order.
CREATE FUNCTION written(query text, lines text[], emptied regclass DEFAULT 'texts') RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job('tried', query);
    PERFORM weir.try_job('tried', lines);
    RETURN QUERY EXECUTE format('SELECT t::text FROM %s t', emptied);
    EXECUTE format('TRUNCATE %s', emptied);
    PERFORM weir.drop_job('tried');
END $$;

-- An aggregate sees a key's records in their order, whatever another one of the query needs.
CREATE FUNCTION in_order(other text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT results_eq(
        format($q$SELECT written('INSERT INTO texts SELECT concat(jsonb_agg(f1), string_agg(f1::text, ''-''), array_agg(f1), %s)
                       FROM readings GROUP BY f0, weir.count_window(3)', ARRAY['1 3', '1 1', '1 2'])$q$, replace(other, '''', '''''')),
        ARRAY[(SELECT ROW('[3, 1, 2]3-1-2{3,1,2}' || CASE WHEN other LIKE '%array_agg%' THEN '{1,2,3}' ELSE '3' END)::text)],
        'the order of arguments beside ' || other)
$$;
SELECT in_order('count(DISTINCT f1)');
SELECT in_order('array_agg(f1 ORDER BY f1)');
SELECT in_order('array_agg(DISTINCT f1)');
SELECT in_order('max(f1 ORDER BY f1)');

-- Keys of GROUP BY are expressions, in the select list and in HAVING, too.
SELECT results_eq(
    $$SELECT written('INSERT INTO texts SELECT (f0 / 10) || '':'' || sum(f1) FROM readings
        GROUP BY f0 / 10, weir.count_window(2) HAVING f0 / 10 > 0 AND sum(f1) > 3', ARRAY['11 1', '1 9', '12 3', '2 9', '21 1', '22 1'])$$,
    ARRAY['(1:4)'], 'an expression that is grouped by');
SELECT results_eq(
    $$SELECT written('INSERT INTO texts SELECT (SELECT n.x FROM (VALUES (r.f0 + 1)) n(x)) || '':'' || count(*) FROM readings r
        GROUP BY r.f0 + 1, r.f0, weir.count_window(1)', ARRAY['1 1'])$$,
    ARRAY['(2:1)'], 'a key inside a subquery of the select list');

-- The ordinal that rows get on their way through subqueries and views is no part of them.
CREATE VIEW positive AS SELECT f0, f1 FROM readings WHERE f1 > 0;
CREATE VIEW guarded WITH (security_barrier) AS SELECT p.f1, p.f0 FROM positive p WHERE f1 < 100;
SELECT results_eq(
    format($$SELECT written(%L, ARRAY['2 20', '1 -1', '1 10', '3 100'])$$, query), ARRAY[rows::text], query)
  FROM (VALUES
    ('INSERT INTO texts SELECT string_agg(p::text, '' '') FROM positive p GROUP BY weir.count_window(3)', '("(2,20) (1,10) (3,100)")'),
    ('INSERT INTO texts SELECT string_agg((g.*)::text, '' '') FROM guarded g GROUP BY weir.count_window(2)', '("(20,2) (10,1)")'),
    ('INSERT INTO texts SELECT string_agg(to_jsonb(s) #>> ''{}'', '''') FROM (SELECT f1 AS a FROM guarded) s GROUP BY weir.count_window(2)',
     format('(%s)', '"{""a"": 20}{""a"": 10}"')),
    ('INSERT INTO texts SELECT string_agg(s.p::text, '' '') FROM (SELECT p FROM positive p) s GROUP BY weir.count_window(3)',
     '("(2,20) (1,10) (3,100)")'),
    ('INSERT INTO texts SELECT string_agg((SELECT p::text FROM (SELECT 1) x), '' '') FROM positive p GROUP BY weir.count_window(3)',
     '("(2,20) (1,10) (3,100)")'),
    ('INSERT INTO texts SELECT string_agg(r::text, '' '') FROM readings r GROUP BY weir.count_window(4)',
     '("(2,20) (1,-1) (1,10) (3,100)")')) q(query, rows);
CREATE TABLE known (id bigint, name text);
INSERT INTO known VALUES (1, 'one');
SELECT results_eq(
    $$SELECT written('INSERT INTO rows_as_text SELECT g.f0, coalesce(k::text, ''-'') || g::text FROM guarded g LEFT JOIN known k ON k.id = g.f0',
        ARRAY['2 20', '1 10', '2 30'], 'rows_as_text')$$,
    ARRAY['(2,"-(20,2)")', '(1,"(1,one)(10,1)")', '(2,"-(30,2)")'],
    'whole rows of a view beside the nullable side of a join');

-- A view that a job reads is guarded, one that will be gone is refused.
CREATE VIEW below AS SELECT * FROM positive;
SELECT weir.create_job('viewed', 'INSERT INTO texts SELECT k.name FROM (SELECT * FROM below) b JOIN known k ON k.id = b.f0') \g /dev/null
CREATE VIEW names AS SELECT * FROM known;
SELECT weir.create_job('looked_up', 'INSERT INTO texts SELECT (SELECT name FROM names n WHERE n.id = r.f0) FROM readings r') \g /dev/null
SELECT throws_ok('DROP VIEW below', '2BP01', 'cannot drop view below because a job depends on it', 'the view that the query names');
SELECT throws_ok('DROP VIEW positive CASCADE', '2BP01', NULL, 'a view below a view');
SELECT throws_ok('DROP VIEW names', '2BP01', NULL, 'a view in a subquery of the select list');
CREATE TEMP VIEW passing AS SELECT * FROM readings;
CREATE TEMP VIEW passing_names AS SELECT * FROM known;
SELECT throws_ok(
    $$SELECT weir.create_job('t', 'INSERT INTO texts SELECT f0::text FROM passing')$$,
    '0A000', 'a job cannot read temporary relation "passing"', 'a temporary view over a stream');
SELECT throws_ok(
    $$SELECT weir.create_job('t', 'INSERT INTO texts SELECT (SELECT name FROM passing_names) FROM readings')$$,
    '0A000', 'a job cannot read temporary relation "passing_names"', 'one over a table');

-- Records that fill COPY's words of 16 bytes, batch after batch.
SELECT results_eq(
    $$SELECT written('INSERT INTO texts SELECT line FROM lines', ARRAY(SELECT repeat('a', i) FROM generate_series(14, 34) i))$$,
    $$SELECT '(' || repeat('a', i) || ')' FROM generate_series(14, 34) i$$, 'records of every length near 16 and 32');

-- SQL/JSON, from PostgreSQL 16 on.
SELECT current_setting('server_version_num')::int >= 160000 AS has_sql_json \gset
\if :has_sql_json
SELECT results_eq(
    format($$SELECT written(%L, ARRAY['1 3', '1 1', '1 2'])$$,
        'INSERT INTO texts SELECT ' || expression || ' FROM readings GROUP BY f0, weir.count_window(3)'),
    ARRAY[result], expression)
  FROM (VALUES
    ('JSON_ARRAYAGG(f1)', '("[3, 1, 2]")'),
    ('JSON_ARRAYAGG(f1 ORDER BY f1 RETURNING jsonb)', '("[1, 2, 3]")'),
    ('JSON_ARRAYAGG(f1 RETURNING varchar(9))', '("[3, 1, 2]")'),
    ('(JSON_ARRAYAGG(f1) FILTER (WHERE f1 > 1))::text || ''!''', '("[3, 2]!")'),
    ('JSON_OBJECTAGG(f1 VALUE f0 RETURNING jsonb)', '("{""1"": 1, ""2"": 1, ""3"": 1}")')) e(expression, result);
SELECT weir.create_job('json', 'INSERT INTO texts SELECT JSON_ARRAYAGG(f1 RETURNING varchar(9)) FROM readings GROUP BY f0, weir.count_window(3)') \g /dev/null
SELECT matches((SELECT string_agg(e, E'\n') FROM weir.explain_job('json') e), 'json_agg_strict', 'a job with one is explained');
\endif
SELECT * FROM finish();
