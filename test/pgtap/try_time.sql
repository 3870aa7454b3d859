-- weir.try_job by event time: watermarks, idle streams and ends from call to call.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SET TimeZone = 'UTC';
SELECT plan(43);

CREATE FOREIGN TABLE a (k text, ts timestamptz OPTIONS (watermark '2 s')) SERVER weir_feed;
CREATE FOREIGN TABLE b (k text, ts timestamptz OPTIONS (watermark '0 s')) SERVER weir_feed;
CREATE TABLE counts (k text, at timestamptz, n bigint);
SELECT weir.create_job('one', $$INSERT INTO counts
    SELECT k, lower(w), count(*) FROM a, LATERAL weir.tumble(ts, '10 s') w GROUP BY k, w$$) \g /dev/null
SELECT weir.create_job('two', $$INSERT INTO counts
    SELECT k, lower(w), count(*) FROM (TABLE a UNION ALL TABLE b) u, LATERAL weir.tumble(ts, '10 s') w GROUP BY k, w$$) \g /dev/null

-- What is seconds from noon, a letter a stream: a line of it; "a!" it is idle, "a." it ends.
CREATE FUNCTION play(job text, script text, finish boolean DEFAULT false) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(format('%s %s:%s', r.k, date_part('second', r.at), r.n), ', '), 'nothing') FROM
        (SELECT coalesce(array_agg(CASE WHEN word[2] = '!' THEN NULL WHEN word[2] = '.' THEN '\.'
                ELSE E'x\t' || timestamptz '2030-01-01 12:00 UTC' + word[2]::int * interval '1 s' END ORDER BY i), '{}') AS lines,
            coalesce(array_agg(word[1] ORDER BY i), '{}') AS streams
         FROM regexp_matches(script, '([ab])(\S+)', 'g') WITH ORDINALITY m (word, i)) l,
        weir.try_job(play.job, lines, NULL::counts, streams, finish => finish) r $$;

SELECT is(play('one', 'a1 a3 a11'), 'nothing', 'less the bound the highest time is no end of a window');
SELECT is(play('one', 'a1 a3 a11 a12'), 'x 0:2', 'it fires with the record that moves the watermark there');
SELECT is(play('one', 'a1 a12 a9 a10 a11', true), 'x 0:1, x 10:3', 'a late record is counted nowhere; the end fires what is open');
SELECT is(play('one', '', true), 'nothing', 'the end of nothing');

BEGIN;
SELECT is(play('one', 'a1'), 'nothing', 'a call of a transaction');
SELECT is(play('one', 'a5 a13'), 'x 0:2', 'goes on with the state and the watermark of the one before');
SELECT is(play('one', 'a9'), 'nothing', 'for which this record is late');
SAVEPOINT one;
SELECT is(play('one', 'a22'), 'x 10:1', 'in a subtransaction, too');
SELECT is(play('one', 'a15'), 'nothing', 'where this one is late');
SELECT is(play('one', '', true), 'x 20:1', 'and the stream ends');
SELECT throws_like($$SELECT play('one', 'a40')$$, 'stream public.a has ended before line 1', 'nothing comes behind its end');
ROLLBACK TO one;
SELECT is(play('one', 'a15 a22'), 'x 10:2', 'what it did to the watermark is taken back');
ROLLBACK;

SELECT is(play('two', 'a2 b3 a12'), 'nothing', 'two streams: the slower one');
SELECT is(play('two', 'a2 b3 a12 b9 b10'), 'x 0:3', 'when it has come so far');
SELECT is(play('two', 'a2 b3 a12 b!'), 'x 0:2', 'an idle one is not waited for');
SELECT is(play('two', 'a2 b3 a13 b! b8 b11 a25 b12', true), 'x 0:2, x 10:3, x 20:1', 'nor when it comes again and is behind');
SELECT is(play('two', 'a2 b3 a12 b.'), 'x 0:2', 'one that has ended is not waited for');
SELECT throws_like($$SELECT play('two', 'b3 b. a1 b4')$$, 'stream public.b has ended before line 4', 'nothing comes behind it');
SELECT is(play('two', 'a2 b3 a. b.'), 'x 0:2', 'both have ended');
BEGIN;
SELECT is(play('two', 'a2 b3 a12 b9'), 'nothing', 'a call');
SELECT is(play('two', 'b!'), 'x 0:3', 'the idle one in the next');
SELECT is(play('two', 'a30'), 'x 10:1', 'and still idle in the next');
SELECT is(play('two', 'b11'), 'nothing', 'late');
ROLLBACK;

-- what a job would count or put aside
ALTER FOREIGN TABLE a OPTIONS (ADD late 'stop');
-- message, detail and hint of the error that a statement ends with
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, detail, hint);
END $$;
SELECT is(error_of($$SELECT play('one', 'a1 a12 a9')$$), concat_ws(E'\n', 'WE001 a record of stream public.a came too late',
    'The watermark had come to 2030-01-01 12:00:10+00.', 'Raise the bound of the watermark, or set the stream''s option "late" to ''drop''.'), 'late => stop');
CREATE FUNCTION timeless(job text, at text) RETURNS text LANGUAGE sql AS
    $$ SELECT error_of(format('SELECT * FROM weir.try_job(%L, ARRAY[%L], NULL::counts)', job, E'x\t' || at)) $$;
SELECT is(timeless('one', '\N'), concat_ws(E'\n', 'WE001 a record of stream public.a has no time', 'The time by which its place is found is null.',
    'Leave such records out by a condition in WHERE, or refuse them by NOT NULL on the column; or set the stream''s option "late" to ''drop''.'), 'a record without a time');
SELECT is(timeless('one', 'infinity'), concat_ws(E'\n', 'WE001 a record of stream public.a has an infinite time', 'The time by which its place is found is infinite.',
    'Leave such records out by isfinite() in WHERE, or refuse them by CHECK (isfinite(...)) on the stream; or set the stream''s option "late" to ''drop''.'), 'one of an infinite one');
SELECT weir.create_job('first', 'INSERT INTO counts SELECT DISTINCT ON (k) k, ts, 1 FROM a ORDER BY k, ts') \g /dev/null
SELECT weir.create_job('over', 'INSERT INTO counts SELECT k, ts, count(*) OVER (PARTITION BY k ORDER BY ts) FROM a') \g /dev/null
SELECT weir.create_job('in window', $$INSERT INTO counts SELECT k, lower(w), n FROM
    (SELECT k, w, rank() OVER (PARTITION BY w ORDER BY k) AS n FROM a LEFT JOIN (VALUES ('y')) v (k) USING (k), LATERAL weir.tumble(ts, '10 s') w) r WHERE n = 1$$) \g /dev/null
SELECT weir.create_job('of column', $$INSERT INTO counts SELECT k, lower(w), count(*) FROM
    (SELECT k, weir.tumble(ts, '10 s') AS w FROM a) r GROUP BY k, w$$) \g /dev/null
SELECT matches(timeless(job, at), problem, format('%s of %s', at, job)) FROM unnest(ARRAY['first', 'over']) job,
    (VALUES ('\N', 'has no time'), ('infinity', 'has an infinite time'), ('-infinity', 'has an infinite time')) v (at, problem);
SELECT matches(timeless(job, '\N'), 'has no time', format('%s: a window that is null', job)) FROM unnest(ARRAY['in window', 'of column']) job;
ALTER FOREIGN TABLE a OPTIONS (SET late 'dead_letter');
SELECT throws_like($$SELECT play('one', 'a1 a12 a9')$$, '%late%', 'late => dead_letter');
SELECT is(play('one', 'a1 a12 a10'), 'x 0:1', 'what is not');
SELECT throws_like($$SELECT weir.try_job('one', ARRAY['x'])$$, 'missing data for column "ts"', 'an error of the record');

-- by arrival
CREATE FOREIGN TABLE words (word text) SERVER weir_feed;
CREATE TABLE minutes (at timestamptz, n bigint);
SELECT weir.create_job('arrivals', $$INSERT INTO minutes
    SELECT lower(w), count(*) FROM words, LATERAL weir.tumble(weir.arrival(), '1 min') w GROUP BY w$$) \g /dev/null
BEGIN;
SELECT is_empty($$SELECT weir.try_job('arrivals', ARRAY['a', 'b'], at => '2030-01-01 12:00:05')$$, 'arrival: two records');
SELECT is_empty($$SELECT weir.try_job('arrivals', ARRAY['c'], at => '2030-01-01 12:00:59')$$, 'arrival: one more of the minute');
SELECT results_eq($$SELECT n FROM weir.try_job('arrivals', ARRAY['d'], NULL::minutes, at => '2030-01-01 12:01:00')$$, 'VALUES (3::bigint)',
    'arrival: the first one behind it');
SELECT results_eq($$SELECT n FROM weir.try_job('arrivals', '{}', NULL::minutes, at => '2030-01-01 12:02:00')$$, 'VALUES (1::bigint)',
    'arrival: time goes on without records');
SELECT weir.try_job('arrivals', ARRAY['e'], at => '2030-01-01 12:05:00') \g /dev/null
SELECT results_eq($$SELECT n FROM weir.try_job('arrivals', '{}', NULL::minutes, at => '2030-01-01 12:05:00', finish => true)$$, 'VALUES (1::bigint)',
    'arrival: the end');
ROLLBACK;
SELECT is_empty('TABLE minutes', 'nothing is left of it');

SELECT * FROM finish();
