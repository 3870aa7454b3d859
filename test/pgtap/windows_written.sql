-- When a window is written: once, again with late rows, while it is open.
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION weir;
SELECT no_plan();
SET TimeZone = 'UTC';

CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '1');
CREATE FOREIGN TABLE s (k int, v int, ts timestamptz OPTIONS (watermark '0 s')) SERVER here OPTIONS (format 'csv');
CREATE TABLE once (k int, start timestamptz, n bigint, total bigint);
CREATE TABLE kept (k int, start timestamptz, n bigint, total bigint, PRIMARY KEY (k, start));

CREATE FUNCTION line(k int, v int, s int) RETURNS text LANGUAGE sql AS
    $$ SELECT format('%s,%s,%s', k, v, timestamp '2024-01-01' + s * interval '1 s') $$;

SELECT weir.create_job('once', $$ INSERT INTO once SELECT k, lower(w), count(*), sum(v) FROM s, LATERAL weir.tumble(ts, '10 s') w GROUP BY k, w $$);
SELECT results_eq($$ SELECT k, extract(second FROM start), n, total FROM weir.try_job('once', ARRAY[line(1, 1, 3), line(1, 2, 9), line(2, 3, 9), line(1, 4, 12), line(1, 5, 8), line(1, 6, 10)], NULL::once) ORDER BY k $$,
    $$ VALUES (1, 0::numeric, 2::bigint, 3::bigint), (2, 0, 1, 3) $$, 'a window is written when the watermark reaches its end; what is open is not');
SELECT results_eq($$ SELECT k, extract(second FROM start), n, total FROM weir.try_job('once', ARRAY[line(1, 1, 3), line(1, 2, 9), line(2, 3, 9), line(1, 4, 12), line(1, 5, 8), line(1, 6, 12)], NULL::once, finish => true) ORDER BY k, start $$,
    $$ VALUES (1, 0::numeric, 2::bigint, 3::bigint), (1, 10, 2, 10), (2, 0, 1, 3) $$, 'at the end of the stream all are; a late record is in none');

SELECT weir.create_job('again', $$ INSERT INTO kept SELECT k, lower(w), count(*), sum(v) FROM s, LATERAL weir.tumble(ts, '10 s', lateness => '5 s') w GROUP BY k, w
    ON CONFLICT (k, start) DO UPDATE SET n = excluded.n, total = excluded.total $$);
SELECT results_eq($$ SELECT k, extract(second FROM start), n, total FROM weir.try_job('again',
    ARRAY[line(1, 1, 3), line(1, 2, 12), line(1, 3, 8), line(1, 4, 14), line(1, 5, 9), line(1, 6, 15), line(1, 7, 9)], NULL::kept) $$,
    $$ VALUES (1, 0::numeric, 1::bigint, 1::bigint), (1, 0, 2, 4), (1, 0, 3, 9) $$, 'again with each late record, within lateness');
SELECT results_eq($$ SELECT k, extract(second FROM start), n, total FROM weir.try_job('again', ARRAY[line(1, 1, 12), line(1, 3, 8)], NULL::kept) $$,
    $$ VALUES (1, 0::numeric, 1::bigint, 3::bigint) $$, 'also where it had none before');

-- live, from a feed
CREATE FOREIGN TABLE fed (k int, v int, ts timestamptz OPTIONS (watermark '0 s')) SERVER weir_feed;
CREATE FUNCTION at(s int) RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2024-01-01' + s * interval '1 s' $$;
SELECT weir.create_job('open', $$ INSERT INTO kept SELECT k, lower(w), count(*), sum(v) FROM fed, LATERAL weir.tumble(ts, '10 s', lateness => '5 s') w GROUP BY k, w
    HAVING count(*) > 1 ON CONFLICT (k, start) DO UPDATE SET n = excluded.n, total = excluded.total $$, emit => 'update', parallelism => 2);
SELECT weir.enable_checkpointing('open', every => '1 h');
SELECT weir.start_job('open');
INSERT INTO fed SELECT i % 2, i, at(i) FROM generate_series(1, 5) i;
SELECT weir.trigger_checkpoint('open') \g /dev/null
SELECT results_eq($$ SELECT k, extract(second FROM start), n, total FROM kept ORDER BY k, start $$,
    $$ VALUES (0, 0::numeric, 2::bigint, 6::bigint), (1, 0, 3, 9) $$, 'windows that are open are there after a checkpoint');
INSERT INTO fed VALUES (0, 10, at(6)), (0, 20, at(9)), (0, 1, at(12)), (1, 100, at(8));
SELECT weir.trigger_checkpoint('open') \g /dev/null
SELECT results_eq($$ SELECT k, extract(second FROM start), n, total FROM kept ORDER BY k, start $$,
    $$ VALUES (0, 0::numeric, 4::bigint, 36::bigint), (1, 0, 4, 109) $$, 'they grow, end, and take late records');
INSERT INTO fed VALUES (0, 2, at(15)), (0, 7, at(3)), (1, 7, at(3));
SELECT weir.trigger_checkpoint('open') \g /dev/null
SELECT results_eq($$ SELECT k, extract(second FROM start), n, total FROM kept ORDER BY k, start $$,
    $$ VALUES (0, 0::numeric, 4::bigint, 36::bigint), (0, 10, 2, 3), (1, 0, 4, 109) $$, 'until their lateness has passed');
SELECT weir.stop_job('open');
SELECT weir.start_job('open');
INSERT INTO fed VALUES (0, 3, at(16)), (1, 5, at(2));
SELECT weir.trigger_checkpoint('open') \g /dev/null
SELECT results_eq($$ SELECT k, extract(second FROM start), n, total FROM kept ORDER BY k, start $$,
    $$ VALUES (0, 0::numeric, 4::bigint, 36::bigint), (0, 10, 3, 6), (1, 0, 4, 109) $$, 'a restart knows of both');
SELECT weir.stop_job('open', drain => true);

-- a keyed function before and behind
CREATE TABLE highest (k int, start timestamptz, n bigint, best bigint);
CREATE FUNCTION doubled(v int) RETURNS TABLE (v2 int) LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT v * 2 WHERE v > 0; END $$;
CREATE FUNCTION best(n bigint) RETURNS TABLE (best bigint) LANGUAGE plpgsql AS $$
BEGIN
    IF n > coalesce(weir.state_value('best', NULL::bigint), 0) THEN
        PERFORM weir.state_update('best', n);
    END IF;
    RETURN QUERY SELECT weir.state_value('best', NULL::bigint);
END $$;
SELECT weir.create_value_state('best(bigint)', 'best', 'bigint');
SELECT weir.create_job('chain', $$ INSERT INTO highest SELECT x.k, lower(x.w), x.n, b.best FROM
    (SELECT y.k, w, sum(v2) AS n FROM (SELECT s.k, s.ts, d.v2 FROM s JOIN LATERAL doubled(s.v) d ON weir.key_by(s.v)) y, LATERAL weir.tumble(y.ts, '10 s') w GROUP BY y.k, w) x
    JOIN LATERAL best(x.n) b ON weir.key_by(x.k) $$);
SELECT results_eq($$ SELECT k, extract(second FROM start), n, best FROM weir.try_job('chain',
    ARRAY[line(1, 1, 3), line(1, 2, 8), line(2, 9, 9), line(1, 1, 12), line(1, -7, 15), line(2, 3, 22), line(1, 4, 23)], NULL::highest, finish => true) ORDER BY k, start $$,
    $$ VALUES (1, 0::numeric, 6::bigint, 6::bigint), (1, 10, 2, 6), (1, 20, 8, 8), (2, 0, 18, 18), (2, 20, 6, 18) $$, 'between keyed functions');

SELECT finish();
