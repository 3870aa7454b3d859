-- Jobs of several statements, streams and steps, fed from SQL, while they are altered:
-- each step finds its own state again.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT no_plan();

CREATE FOREIGN TABLE a (k bigint, v bigint) SERVER weir_feed;
CREATE FOREIGN TABLE b (k bigint, v bigint) SERVER weir_feed;
CREATE TABLE sums_a (k bigint, total bigint);
CREATE TABLE sums_b (k bigint, total bigint);
CREATE TABLE names (k bigint PRIMARY KEY, name text);
INSERT INTO names VALUES (1, 'one'), (2, 'two');

-- fed(job, rows of a, rows of b): all of them are in a checkpoint
CREATE PROCEDURE fed(job text, of_a bigint[], of_b bigint[]) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO a SELECT 1, v FROM unnest(of_a) v;
    IF of_b <> '{}' THEN
        INSERT INTO b SELECT 1, v FROM unnest(of_b) v;
    END IF;
    COMMIT;
    PERFORM weir.trigger_checkpoint(job);
END $$;

-- Equal windows over two streams, each in a statement; first one alone.
CREATE TABLE all_rows (k bigint, v bigint);
SELECT weir.create_job('sums', $$
    INSERT INTO sums_a SELECT k, sum(v) FROM a GROUP BY k, weir.count_window(3);
    INSERT INTO all_rows SELECT * FROM b
$$, parallelism => 2) \g /dev/null
SELECT weir.enable_checkpointing('sums', every => '1 h') \g /dev/null
SELECT weir.start_job('sums') \g /dev/null
CALL fed('sums', '{1, 2}', '{}');
SELECT weir.alter_job('sums', query => $$
    INSERT INTO sums_b SELECT k, sum(v) FROM b GROUP BY k, weir.count_window(3);
    INSERT INTO sums_a SELECT k, sum(v) FROM a GROUP BY k, weir.count_window(3)
$$, restart => true) \g /dev/null
CALL fed('sums', '{3, 10}', '{100, 200}');
SELECT results_eq('TABLE sums_a', 'VALUES (1::bigint, 6::bigint)', 'a window goes on where a statement with an equal one is added');
SELECT is_empty('TABLE sums_b', 'the equal one, of another stream, has not');
SELECT weir.alter_job('sums', query => $$
    INSERT INTO sums_a SELECT k, sum(v) FROM a GROUP BY k, weir.count_window(3);
    INSERT INTO sums_b SELECT k, sum(v) FROM b GROUP BY k, weir.count_window(3);
$$, restart => true) \g /dev/null
CALL fed('sums', '{20}', '{300}');
SELECT results_eq('TABLE sums_b', 'VALUES (1::bigint, 600::bigint)', 'with the statements exchanged a window goes on with its own records');
CALL fed('sums', '{30}', '{}');
SELECT bag_eq('TABLE sums_a', 'VALUES (1::bigint, 6::bigint), (1, 60)', 'and so does the other');

-- A statement more, a lookup behind a step: what was there goes on.
CALL fed('sums', '{1, 2}', '{1, 2}');
CREATE TABLE named (name text, total bigint);
SELECT weir.alter_job('sums', query => $$
    INSERT INTO all_rows SELECT * FROM a UNION ALL SELECT * FROM b;
    INSERT INTO named SELECT n.name, x.total
    FROM (SELECT k, sum(v) AS total FROM b GROUP BY k, weir.count_window(3)) x JOIN names n USING (k);
    INSERT INTO sums_a SELECT k, sum(v) FROM a GROUP BY k, weir.count_window(3)
$$, restart => true) \g /dev/null
CALL fed('sums', '{3}', '{3}');
SELECT results_eq('TABLE named', $$VALUES ('one', 6::bigint)$$, 'a lookup is put behind a step without touching its state');
SELECT bag_eq('TABLE sums_a', 'VALUES (1::bigint, 6::bigint), (1, 60), (1, 6)', 'the other step goes on, too');
SELECT bag_eq('TABLE all_rows', 'VALUES (1::bigint, 3::bigint), (1, 3)', 'a new output has what came since, of both streams');
SELECT weir.stop_job('sums') \g /dev/null

-- Two equal windows over one stream cannot be told apart but by their order.
SELECT weir.create_job('twice', $$
    WITH x AS (SELECT k, sum(v) AS total FROM a GROUP BY k, weir.count_window(2))
    INSERT INTO sums_a SELECT * FROM x UNION ALL SELECT k + 100, total FROM x
$$) \g /dev/null
SELECT weir.drop_job('sums') \g /dev/null
TRUNCATE sums_a;
SELECT weir.enable_checkpointing('twice', every => '1 h') \g /dev/null
SELECT weir.start_job('twice') \g /dev/null
CALL fed('twice', '{5, 6, 7}', '{}');
SELECT bag_eq('TABLE sums_a', 'VALUES (1::bigint, 11::bigint), (101, 11)', 'a WITH query that is named twice is two steps');
SELECT is((SELECT count(DISTINCT identity) FROM weir_internal.job_node WHERE keyed), 2::bigint, 'which go by two names');
SELECT weir.stop_job('twice') \g /dev/null
SELECT weir.start_job('twice') \g /dev/null
CALL fed('twice', '{8}', '{}');
SELECT bag_eq('TABLE sums_a', 'VALUES (1::bigint, 11::bigint), (101, 11), (1, 15), (101, 15)', 'and are found again');
SELECT weir.stop_job('twice') \g /dev/null

-- Views below views, each of another owner: whoever may not read one has no job through it.
CREATE ROLE regress_weir_outer;
CREATE ROLE regress_weir_middle;
CREATE ROLE regress_weir_inner;
CREATE ROLE regress_weir_caller;
CREATE TABLE counts (k bigint PRIMARY KEY, n bigint);
GRANT INSERT, SELECT, UPDATE ON counts TO regress_weir_caller;
CREATE VIEW windows AS SELECT k, count(*) AS n FROM a GROUP BY k, weir.count_window(2);
CREATE VIEW windows_middle AS SELECT k, n + 1 AS n FROM windows;
CREATE VIEW windows_outer AS SELECT k, n * 2 AS n FROM windows_middle;
CREATE VIEW groups AS SELECT k, count(*) AS n FROM a GROUP BY k;
CREATE VIEW groups_middle AS SELECT k, n + 1 AS n FROM groups;
CREATE VIEW groups_outer AS SELECT k, n * 2 AS n FROM groups_middle;
CREATE FUNCTION kept(v bigint) RETURNS bigint LANGUAGE sql AS 'SELECT v';
CREATE VIEW steps AS SELECT a.k, f AS n FROM a JOIN LATERAL kept(a.v) f ON weir.key_by(a.k);
CREATE VIEW steps_middle AS SELECT k, n + 1 AS n FROM steps;
CREATE VIEW steps_outer AS SELECT k, n * 2 AS n FROM steps_middle;

-- tried(kind, suffix of the view, statement that takes a right, whether a job is there before that): how the caller fares
CREATE FUNCTION tried(kind text, outermost text, revoked text, later boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    query text := format('INSERT INTO counts SELECT k, n FROM %I ON CONFLICT (k) DO UPDATE SET n = excluded.n',
                         kind || outermost);
BEGIN
    EXECUTE replace('ALTER VIEW @ OWNER TO regress_weir_inner; ALTER VIEW @_middle OWNER TO regress_weir_middle;'
        'ALTER VIEW @_outer OWNER TO regress_weir_outer; GRANT SELECT ON a TO regress_weir_inner;'
        'GRANT SELECT ON @ TO regress_weir_middle; GRANT SELECT ON @_middle TO regress_weir_outer, regress_weir_caller;'
        'GRANT SELECT ON @_outer TO regress_weir_caller;', '@', kind);
    IF later THEN
        SET LOCAL ROLE regress_weir_caller;
        PERFORM weir.create_job('through_views', query);
        RESET ROLE;
    END IF;
    EXECUTE replace(revoked, '@', kind);
    SET LOCAL ROLE regress_weir_caller;
    IF later THEN
        PERFORM * FROM weir.try_job('through_views', '{}') AS (k bigint, n bigint);
    ELSE
        PERFORM weir.create_job('through_views', query);
    END IF;
    RAISE EXCEPTION 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SELECT is(tried(kind, depth, revoked, later), replace(message, '@', kind),
          concat_ws(', ', kind || depth, CASE WHEN later THEN 'tried' ELSE 'created' END, replace(revoked, '@', kind)))
FROM (VALUES (false), (true)) l(later),
     (VALUES ('windows'), ('groups'), ('steps')) k(kind),
     (VALUES ('_outer', '', 'done'),
             ('_outer', 'REVOKE SELECT ON @_outer FROM regress_weir_caller', 'permission denied for view @_outer'),
             ('_outer', 'REVOKE SELECT ON @_middle FROM regress_weir_outer', 'permission denied for view @_middle'),
             ('_outer', 'REVOKE SELECT ON @ FROM regress_weir_middle', 'permission denied for view @'),
             ('_outer', 'REVOKE SELECT ON a FROM regress_weir_inner', 'permission denied for foreign table a'),
             ('_middle', '', 'done'),
             ('_middle', 'REVOKE SELECT ON @_middle FROM regress_weir_caller', 'permission denied for view @_middle'),
             ('_middle', 'REVOKE SELECT ON @ FROM regress_weir_middle', 'permission denied for view @'))
     r(depth, revoked, message);
SELECT throws_ok($$SET LOCAL ROLE regress_weir_caller;
    SELECT weir.create_job('through_views', 'INSERT INTO counts SELECT k, n FROM windows_outer')$$,
    '42501', 'permission denied for view windows_outer', 'a job is not created through a view that its owner may not read');

-- The job depends on each of them.
SELECT weir.create_job('through_views', 'INSERT INTO sums_a SELECT k, n FROM windows_outer') \g /dev/null
SELECT throws_ok(format('DROP VIEW %s CASCADE', name), '2BP01', NULL, name || ' is not dropped')
FROM unnest('{windows_outer,windows_middle,windows}'::text[]) name;
TRUNCATE sums_a;
SELECT weir.enable_checkpointing('through_views', every => '1 h') \g /dev/null
SELECT weir.start_job('through_views') \g /dev/null
CALL fed('through_views', '{1, 2}', '{}');
CREATE OR REPLACE VIEW windows_middle AS SELECT k, n + 100 AS n FROM windows;
CALL fed('through_views', '{1, 2}', '{}');
CREATE OR REPLACE VIEW windows_outer AS SELECT k, n * 3 AS n FROM windows_middle;
CALL fed('through_views', '{1, 2}', '{}');
SELECT bag_eq('TABLE sums_a', 'VALUES (1::bigint, 6::bigint), (1, 204), (1, 306)', 'a running job takes up another text of a view');
SELECT weir.stop_job('through_views') \g /dev/null
SELECT weir.drop_job('through_views') \g /dev/null

-- A WITH query of the text may have the name that one would get that is taken along.
CREATE TABLE pairs (k bigint, y text);
SELECT weir.create_job('pairs', $$
    INSERT INTO pairs
    WITH one AS (SELECT 1 AS x)
    SELECT q.k, q.y FROM (
        WITH one_1 AS (SELECT 30 AS x)
        SELECT a.k, (SELECT one.x::text FROM one) || '/' || (SELECT one_1.x FROM one_1) || '/' || count(*) AS y
        FROM a GROUP BY a.k, weir.count_window(1)) q
$$) \g /dev/null
SELECT results_eq($$SELECT * FROM weir.try_job('pairs', '{1	1}', NULL::pairs)$$, $$VALUES (1::bigint, '1/30/1')$$,
    'a WITH query that is taken along does not meet one of the text');
SELECT weir.drop_job('pairs') \g /dev/null
DROP VIEW windows_outer, windows_middle, windows, groups_outer, groups_middle, groups, steps_outer, steps_middle, steps;
DROP OWNED BY regress_weir_outer, regress_weir_middle, regress_weir_inner, regress_weir_caller;
DROP ROLE regress_weir_outer, regress_weir_middle, regress_weir_inner, regress_weir_caller;

SELECT is((SELECT count(*) FROM pg_prepared_xacts), 0::bigint, 'nothing is left prepared');
SELECT * FROM finish();
