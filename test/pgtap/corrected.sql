-- A running aggregate over a running aggregate: the outer rows are those of the same
-- SELECT over a table, whenever the inner ones change.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT plan(19);

CREATE FOREIGN TABLE bids (auction int, category int, price bigint) SERVER weir_feed;
CREATE TABLE input (auction int, category int, price bigint);
CREATE TABLE means (category int PRIMARY KEY, mean numeric, n bigint, total numeric, high bigint);

SELECT weir.create_job('means', $$INSERT INTO means
    SELECT category, avg(final), count(*), sum(final + 1), count(*) FILTER (WHERE final > 500)
    FROM (SELECT auction, category, max(price) AS final FROM bids GROUP BY auction, category) q GROUP BY category
    ON CONFLICT (category) DO UPDATE SET mean = excluded.mean, n = excluded.n, total = excluded.total, high = excluded.high$$,
    parallelism => 2) \g /dev/null
SELECT weir.enable_checkpointing('means', every => '1 h') \g /dev/null
SELECT weir.start_job('means') \g /dev/null

CREATE PROCEDURE feed(first int, last int) LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS more (auction int, category int, price bigint);
    TRUNCATE more;
    INSERT INTO more SELECT i * 7919 % 37, nullif(i * 7919 % 37 % 5, 3), nullif(i * 104729 % (i + 5), 7)
    FROM generate_series(first, last) i;
    INSERT INTO bids TABLE more;
    INSERT INTO input TABLE more;
END $$;
PREPARE batch AS SELECT category, round(avg(final), 6), count(*), sum(final + 1), count(*) FILTER (WHERE final > 500)
    FROM (SELECT auction, category, max(price) AS final FROM input GROUP BY auction, category) q
    WHERE category IS NOT NULL GROUP BY category ORDER BY 1;
PREPARE job AS SELECT category, round(mean, 6), n, total, high FROM means ORDER BY 1;

CALL feed(1, 2);
SELECT weir.trigger_checkpoint('means') \g /dev/null
SELECT results_eq('job', 'batch', 'the first rows');
CALL feed(4, 5);
SELECT weir.trigger_checkpoint('means') \g /dev/null
SELECT results_eq('job', 'batch', 'more of other keys');
SELECT weir.stop_job('means') \g /dev/null
SELECT ok(weir.wait_for_job('means', 'stopped', '1 min'), 'stopped');
SELECT weir.drop_job('means') \g /dev/null

-- many rounds, with NULLs as a key
CREATE TABLE by_category (category int UNIQUE NULLS NOT DISTINCT, mean numeric, n bigint, total numeric, high bigint);
TRUNCATE input;
CREATE FUNCTION job_text() RETURNS text LANGUAGE sql AS $f$ SELECT $$INSERT INTO by_category
    SELECT category, avg(final), count(*), sum(final + 1), count(*) FILTER (WHERE final > 500)
    FROM (SELECT auction, category, max(price) AS final FROM bids GROUP BY auction, category) q GROUP BY category
    ON CONFLICT (category) DO UPDATE SET mean = excluded.mean, n = excluded.n, total = excluded.total, high = excluded.high$$ $f$;
SELECT weir.create_job('again', job_text(), parallelism => 2),
    weir.enable_checkpointing('again', every => '1 h'), weir.start_job('again') \g /dev/null
DEALLOCATE ALL;
PREPARE batch AS SELECT category, round(avg(final), 6), count(*), sum(final + 1), count(*) FILTER (WHERE final > 500)
    FROM (SELECT auction, category, max(price) AS final FROM input GROUP BY auction, category) q GROUP BY category ORDER BY 1;
PREPARE job AS SELECT category, round(mean, 6), n, total, high FROM by_category ORDER BY 1;
CALL feed(1, 150);
SELECT weir.trigger_checkpoint('again') \g /dev/null
SELECT results_eq('job', 'batch', 'a first round');
CALL feed(151, 300);
SELECT weir.trigger_checkpoint('again') \g /dev/null
SELECT results_eq('job', 'batch', 'a second');
CALL feed(301, 700);
SELECT weir.stop_job('again') \g /dev/null
SELECT ok(weir.wait_for_job('again', 'stopped', '1 min'), 'stopped');
SELECT weir.alter_job('again', parallelism => 3), weir.start_job('again') \g /dev/null
CALL feed(701, 1500);
SELECT weir.trigger_checkpoint('again') \g /dev/null
SELECT results_eq('job', 'batch', 'and behind a restart with more tasks');
SELECT weir.stop_job('again') \g /dev/null
SELECT ok(weir.wait_for_job('again', 'stopped', '1 min'), 'stopped again');

-- three of them, and the inner one in a view
CREATE VIEW highest AS SELECT auction, category, max(price) AS final FROM bids GROUP BY auction, category;
CREATE TABLE how_often (cold boolean UNIQUE NULLS NOT DISTINCT, n numeric);
SELECT weir.create_job('three', $$INSERT INTO how_often
    SELECT cold, sum(n) FROM (SELECT category, category > 1 AS cold, count(final) AS n FROM highest GROUP BY category) q GROUP BY cold
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n$$) \g /dev/null
SELECT results_eq($$SELECT * FROM weir.try_job('three', ARRAY[E'1\t1\t5', E'2\t2\t6', E'1\t1\t7', E'3\t2\t8', E'4\t4\t1', E'5\t1\t\\N'])
        AS (cold boolean, n numeric) ORDER BY 1$$,
    $$VALUES (false, 1::numeric), (true, 3)$$, 'three, one in a view');

-- ---- what is refused

SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT final > 5, count(*) FROM highest GROUP BY 1
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, 'GROUP BY of a running aggregate over another one cannot use what that aggregates', 'a key that moves');
SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT category > 1, count(*) FROM highest WHERE final > 5 GROUP BY 1
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, 'WHERE of a running aggregate over another one cannot use what that aggregates', 'a condition that moves');
SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT category > 1, max(final) FROM highest GROUP BY 1
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, 'aggregate max of a running aggregate over another one is not supported', 'max');
SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT category > 1, count(DISTINCT final) FROM highest GROUP BY 1
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, 'aggregate count of a running aggregate over another one is not supported', 'DISTINCT');
SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT c > 1, sum(n) FROM
        (SELECT category AS c, count(*) AS n FROM bids GROUP BY category, weir.running(''1 h'')) q GROUP BY 1
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, 'weir.running(ttl) of a running aggregate that another one reads is not supported', 'a time to live');
SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT c > 1, sum(n) FROM
        (SELECT category AS c, count(*) AS n, random() FROM bids GROUP BY category) q GROUP BY 1
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, '%cannot have in its select list what may change', 'a volatile function');
SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT c > 1, sum(n) FROM
        (SELECT category AS c, count(*) AS n, (SELECT count(*) FROM input) FROM bids GROUP BY category) q GROUP BY 1
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, '%cannot have in its select list what may change', 'a subquery');
SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT i.price > 1, sum(n) FROM
        (SELECT category AS c, count(*) AS n FROM bids GROUP BY category) q JOIN input i ON i.category = q.c GROUP BY 1
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, 'a running aggregate over another one can read nothing else', 'a table beside it');
SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT c > 1, sum(n * extract(day FROM now())::bigint) FROM
        (SELECT category AS c, count(*) AS n FROM bids GROUP BY category) q GROUP BY 1
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, 'a running aggregate over another one can read nothing else', 'what changes with time');
SELECT throws_like($$SELECT weir.create_job('x', 'INSERT INTO how_often SELECT a.cold, a.n FROM
        (SELECT category > 1 AS cold, count(*) AS n FROM bids GROUP BY 1) a, pg_class WHERE a.n > 5
    ON CONFLICT (cold) DO UPDATE SET n = excluded.n')$$, 'a running aggregate must be the query of the INSERT itself', 'beside a table');
SELECT * FROM finish();
