-- Joins of every shape: a job's rows are those of the same query over a table that
-- holds the records, whatever FROM looks like, with and without a keyed step.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(9);

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER here OPTIONS (delimiter ' ');
CREATE TABLE records (f0 bigint, f1 bigint);
INSERT INTO records VALUES (1, 10), (2, 20), (3, 30), (4, 40), (NULL, 50), (5, -1), (6, 60);
CREATE TABLE b (f0 int, x text);
INSERT INTO b VALUES (1, 'b1'), (2, 'b2'), (NULL, 'b');
CREATE TABLE c (f0 bigint, y text);
INSERT INTO c VALUES (2, 'c2'), (3, 'c3'), (4, 'c4'), (NULL, 'c');
CREATE VIEW full_view AS SELECT f0, x, y FROM b FULL JOIN c USING (f0);
CREATE TABLE o (k bigint, v bigint, x text, y text);
CREATE FUNCTION same(bigint, bigint, text, text) RETURNS TABLE (fk bigint, fv bigint, fx text, fy text)
    LANGUAGE sql IMMUTABLE RETURN ROW($1, $2, $3, $4);
CREATE FUNCTION one(k bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN k;

-- key: how the select list names the column that is merged
CREATE TABLE shape (key text, shape text);
INSERT INTO shape
SELECT key, format(shape, outer_join, inner_join)
FROM (VALUES
    ('f0', '$R r %s (b %s c USING (f0)) USING (f0)'),
    ('j.f0', '$R r %s (b %s c USING (f0)) j USING (f0)'),
    ('j.f0', '$R r %s (b %s c USING (f0)) j ON j.f0 = r.f0 AND r.f1 > 0'),
    ('u.f0', '$R r %s (b %s c USING (f0)) USING (f0) AS u'),
    ('w.f0', '$R r %s (b %s c USING (f0) AS w) USING (f0)'),
    ('f0', '$R r NATURAL %s (b NATURAL %s c)'),
    ('q.f0', '($R r NATURAL %s (b NATURAL %s c)) q'),
    ('s.f0', '(SELECT * FROM $R r %s (b %s c USING (f0)) USING (f0)) s'),
    ('l.z', '($R r %s (b %s c USING (f0)) USING (f0)) q CROSS JOIN LATERAL (SELECT q.f0 * 10 AS z) l'),
    ('l.z', '$R r %s (b %s c USING (f0)) j USING (f0) CROSS JOIN LATERAL one(j.f0) l(z)'),
    ('n', '$R r %s ((b %s c USING (f0)) j (n, xx, yy) JOIN (SELECT 1) e ON true) ON n = r.f0
           CROSS JOIN LATERAL (VALUES (xx, yy)) p (x, y)')) AS s(key, shape),
    (VALUES ('JOIN'), ('LEFT JOIN')) AS o(outer_join),
    (VALUES ('JOIN'), ('LEFT JOIN'), ('RIGHT JOIN'), ('FULL JOIN')) AS i(inner_join)
WHERE outer_join = 'LEFT JOIN' OR inner_join = 'FULL JOIN'
UNION ALL
SELECT key, format(shape, outer_join)
FROM (VALUES
    ('f0', 'c %s $R r USING (f0) LEFT JOIN b USING (f0)'),
    ('j.f0', '(b %s $R r USING (f0)) j LEFT JOIN c USING (f0)'),
    ('k.f0', '((b %s $R r USING (f0)) j NATURAL LEFT JOIN c) k')) AS s(key, shape),
    (VALUES ('JOIN'), ('RIGHT JOIN')) AS o(outer_join)
UNION ALL
SELECT key, format(shape, outer_join)
FROM (VALUES
    ('f0', '$R r %s full_view USING (f0)'),
    ('j.f0', '($R r NATURAL %s full_view) j')) AS s(key, shape),
    (VALUES ('JOIN'), ('LEFT JOIN')) AS o(outer_join);

-- what is done with it; $K its key, $F its FROM; batch: the same without streaming; the
-- records come so many times
CREATE TABLE step (name text, times int, job text, batch text);
INSERT INTO step VALUES
    ('no step', 1, 'SELECT $K, f1, x, y FROM $F WHERE f1 > 0', 'SELECT $K, f1, x, y FROM $F WHERE f1 > 0'),
    ('a subquery', 1, 'SELECT $K, f1, (SELECT max(x) FROM b b2 WHERE b2.f0 = $K), y FROM $F WHERE $K IS NOT NULL',
     'SELECT $K, f1, (SELECT max(x) FROM b b2 WHERE b2.f0 = $K), y FROM $F WHERE $K IS NOT NULL'),
    ('a window', 2, 'SELECT $K, sum(f1), max(x), max(y) FROM $F WHERE $K IS NOT NULL GROUP BY $K, weir.count_window(2)',
     'SELECT $K, 2 * f1, x, y FROM $F WHERE $K IS NOT NULL'),
    ('a window of an expression, with HAVING', 2, 'SELECT abs($K), sum($K), max(x), max(y) FROM $F GROUP BY abs($K), weir.count_window(2) HAVING abs($K) > 1',
     'SELECT $K, 2 * $K, x, y FROM $F WHERE $K > 1'),
    ('a function keyed by it', 1, 'SELECT a.* FROM $F JOIN LATERAL same($K, f1, x, y) a ON weir.key_by($K)',
     'SELECT $K, f1, x, y FROM $F'),
    ('a function keyed by another, and a condition on both', 1,
     'SELECT $K, a.fv, x, a.fy FROM $F JOIN LATERAL same($K, f1, x, y) a ON weir.key_by(f1) WHERE a.fk = $K',
     'SELECT $K, f1, x, y FROM $F WHERE $K IS NOT NULL');

CREATE FUNCTION streamed(query text, times int) RETURNS SETOF o LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.create_job('j', 'INSERT INTO o ' || query);
    RETURN QUERY SELECT * FROM weir.try_job('j', ARRAY(SELECT concat_ws(' ', coalesce(f0::text, '\N'), f1)
                                                      FROM generate_series(1, times) n, records ORDER BY n), NULL::o);
    PERFORM weir.drop_job('j');
END $$;

CREATE FUNCTION differences(of_step text) RETURNS TABLE (query text, streamed text, batch text) LANGUAGE plpgsql AS $$
DECLARE
    s record;
    q text;
    got text;
    expected text;
BEGIN
    FOR s IN SELECT key, shape, job, times, step.batch FROM shape, step WHERE name = of_step LOOP
        q := replace(replace(replace(s.job, '$F', s.shape), '$R', 'readings'), '$K', s.key);
        BEGIN
            SELECT coalesce(string_agg(t::text, ' ' ORDER BY t::text), '') INTO got FROM streamed(q, s.times) t;
        EXCEPTION WHEN OTHERS THEN
            got := sqlerrm;
        END;
        EXECUTE format('SELECT coalesce(string_agg(t::text, '' '' ORDER BY t::text), '''') FROM (%s) t (k, v, x, y)',
                       replace(replace(replace(s.batch, '$F', s.shape), '$R', 'records'), '$K', s.key)) INTO expected;
        IF got <> expected THEN
            RETURN QUERY SELECT q, got, expected;
        END IF;
    END LOOP;
END $$;

SELECT is_empty(format('SELECT * FROM differences(%L)', name), 'as the batch does: ' || name) FROM step;

-- the picture of it names the columns that are read
CREATE TABLE pictured (f0 bigint, f1 bigint);
SELECT weir.create_job('aliased', 'INSERT INTO pictured SELECT j.f0, j.f1 FROM (b JOIN readings r USING (f0)) j') \g /dev/null
SELECT matches((SELECT string_agg(e, E'\n') FROM weir.explain_job('aliased') e), 'SELECT r.f0,\s+r.f1\s+FROM b', 'a column of an aliased join is shown as what it is');
SELECT weir.create_job('in_subquery', 'INSERT INTO pictured SELECT j.f0, (SELECT j.f1 + max(c.f0) FROM c) FROM (b JOIN readings r USING (f0)) j') \g /dev/null
SELECT matches((SELECT string_agg(e, E'\n') FROM weir.explain_job('in_subquery') e), 'r.f1', 'in a subquery, too');
SELECT ok(count(*) > 60, 'shapes were tried') FROM shape;

SELECT * FROM finish();
