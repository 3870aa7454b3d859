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

SELECT is((SELECT count(*) FROM pg_prepared_xacts), 0::bigint, 'nothing is left prepared');
SELECT * FROM finish();
